"""What a lifecycle run did, or would do, for people and programs.

Counts are always complete. Lists are complete as well, unless a limit was asked for; then every list that was
cut is named under ``truncated`` with how many entries there are. What was done comes from the operation log,
so the report of a second attempt also holds what the first one did before it was killed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .edits import encode
from .join import Joined
from .journal import JournalFile
from .plan import Operation, OperationKind
from .times import format_time

__all__ = ["LISTS", "Report", "as_result", "entry_of", "stored_report"]

LISTS: Final[Mapping[str, str]] = {
    OperationKind.SCORE: "scored",
    OperationKind.PROMOTE: "promoted",
    OperationKind.ARCHIVE: "archived",
    OperationKind.MERGE: "merged",
    OperationKind.FLAG: "flagged",
    OperationKind.UNFLAG: "unflagged",
    OperationKind.CONSOLIDATE: "consolidated",
    OperationKind.DELETE: "cleaned",
}
"""Kind of operation -> the list, and the count, that it appears under."""

_OTHER_LISTS: Final = ("review", "stale", "errors")
_PAGE: Final = 1000


def entry_of(kind: str, memory_id: str, reason: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """An operation as it appears in its list."""
    subject = {} if kind in (OperationKind.MERGE, OperationKind.FLAG) else {"id": memory_id}
    return {**subject, **details, "reason": reason}


@dataclass(slots=True)
class Report:
    """A run's report, filled while it goes on.

    Args:
        job: Name of the job.
        run_id: The run; None for a dry run, which leaves no trace.
        as_of_us: The clock reading that all decisions used.
        dry_run: Whether this is only what would be done.
        resumed: Whether an earlier attempt had begun the run.
        settings: The job's arguments.
        counts: By name.
        lists: By name.
        truncated: What was not read, or is not shown, to its end.
        seconds: Time of this attempt by stage.
        joined: What the joins of this attempt came to.
        warnings: What a person should know, one sentence each, none twice.
    """

    job: str
    run_id: str | None
    as_of_us: int
    dry_run: bool
    resumed: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LISTS.values(), 0))
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    truncated: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    joined: Joined = field(default_factory=Joined)
    warnings: list[str] = field(default_factory=list)
    _plans: Any = field(default_factory=hashlib.sha256)

    def add_notes(self, notes: Mapping[str, int]) -> None:
        """Add counts of what was seen."""
        for name, count in notes.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def add_warnings(self, warnings: Iterable[str]) -> None:
        """Add warnings that are not there yet."""
        self.warnings += [warning for warning in dict.fromkeys(warnings) if warning not in self.warnings]

    def add_plan_hash(self, plan_hash: str) -> None:
        """Chain the hash of a unit's plan into that of the run."""
        self._plans.update(plan_hash.encode())

    def add(self, name: str, entries: Iterable[Mapping[str, Any]]) -> None:
        """Append to a list and its count."""
        kept = self.lists.setdefault(name, [])
        before = len(kept)
        kept.extend(dict(entry) for entry in entries)
        self.add_notes({name: len(kept) - before})

    def add_planned(self, operations: Iterable[Operation]) -> None:
        """What would be done (dry run)."""
        for op in operations:
            self.add(LISTS[op.kind], [entry_of(op.kind, op.memory_id, op.reason, op.details)])

    def add_logged(self, counts: Mapping[str, int]) -> None:
        """What was done, by kind of operation; the lists stay in the log."""
        self.add_notes({LISTS[kind]: count for kind, count in counts.items()})

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Add time spent in a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def to_json(self, limit: int | None = None) -> dict[str, Any]:
        """The report as JSON values.

        Args:
            limit: Most entries of each list; None for all.
        """
        body: dict[str, Any] = {
            "job": self.job,
            "run_id": self.run_id,
            "as_of": format_time(self.as_of_us),
            "dry_run": self.dry_run,
            "resumed": self.resumed,
            "settings": dict(self.settings),
            "plan_hash": self._plans.hexdigest(),
            "counts": dict(sorted(self.counts.items())),
            "failures": self.counts.get("errors", 0),
            "seconds": {stage: round(spent, 6) for stage, spent in self.seconds.items()},
            "joined": self.joined.to_json(),
            "warnings": list(self.warnings),
            "truncated": list(self.truncated),
        }
        for name in (*LISTS.values(), *_OTHER_LISTS):
            body[name] = self.lists.get(name, [])
        return cut(body, limit)


def cut(body: dict[str, Any], limit: int | None, totals: Mapping[str, int] | None = None) -> dict[str, Any]:
    """A report with at most ``limit`` entries a list; what was cut is named.

    Args:
        body: The report.
        limit: None for no limit.
        totals: True lengths of lists that are shorter here already.
    """
    if limit is None:
        return body
    shorter = {**body, "truncated": list(body["truncated"])}
    for name in (*LISTS.values(), *_OTHER_LISTS):
        total = max(len(body[name]), (totals or {}).get(name, 0))
        if total > limit:
            shorter[name] = body[name][:limit]
            rest = "a dry run stores no longer one" if body["dry_run"] else "the stored one has all"
            reason = f"limit of this report; {rest}"
            shorter["truncated"].append({"what": name, "kept": limit, "total": total, "reason": reason})
    return shorter


async def stored_report(journal: JournalFile, run_id: str, limit: int | None = None) -> dict[str, Any] | None:
    """The report of a finished run, with its lists read from the operation log.

    Args:
        journal: Where the run was logged.
        run_id: The run.
        limit: Most entries of each list; None for all.

    Returns:
        The report, or None when there is no such run or it has not finished.
    """
    run = await journal.find_run(run_id)
    if run is None or run.report is None:
        return None
    body = dict(run.report)
    totals = {LISTS[kind]: count for kind, count in (await journal.count_edits(run_id)).items()}
    for kind, name in LISTS.items():
        body[name] = await _logged(journal, run_id, kind, limit) if name in totals else []
    return cut(body, limit, totals)


async def as_result(
    make: Callable[[int | None], Awaitable[dict[str, Any]]], limit: int | None, most_bytes: int
) -> dict[str, Any]:
    """A report that fits into a job's result: a run that did its work does not fail for telling too much.

    Args:
        make: Gives the report with at most so many entries a list, and names what was cut.
        limit: The most that was asked for.
        most_bytes: Largest result.
    """
    report = await make(limit)
    while len(encode(report)) > most_bytes:
        longest = max(len(report[name]) for name in (*LISTS.values(), *_OTHER_LISTS))
        if longest == 0:
            break
        report = await make(longest // 2)
    return report


async def _logged(journal: JournalFile, run_id: str, kind: str, limit: int | None) -> list[dict[str, Any]]:
    """The entries of one list, by memory id."""
    entries: list[dict[str, Any]] = []
    after = ""
    while limit is None or len(entries) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(entries))
        page = await journal.list_edits(run_id, after=after, limit=size, kind=kind)
        entries.extend(entry_of(edit.kind, edit.memory_id, edit.reason, edit.details) for edit in page)
        if len(page) < size:
            break
        after = page[-1].memory_id
    return entries
