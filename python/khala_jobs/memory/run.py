"""One run of a lifecycle job: units, each loaded, planned, stored, carried out and ticked off.

A run is keyed by its id, the job's. Its clock reading is stored when it begins, each unit's plan before that
plan's first edit, each unit's result when it is done. So an attempt that follows a crash decides by the same
clock, skips the units that are done, resumes the plan that was begun, and its report is that of the whole
run.

A dry run does none of the storing: load, plan, report.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from .apply import apply_plan
from .journal import JournalFile
from .plan import Issue, Plan
from .ports import PlanningRepository
from .report import Report, as_result, stored_report

__all__ = ["Made", "Run", "RunSettings"]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run is.

    Args:
        job: Name of the job.
        run_id: Id of the run.
        as_of_us: Clock reading to use unless an earlier attempt fixed one.
        dry_run: Change nothing.
        user_id: Whose memories it is about, None for all.
        clock: Microseconds since 1970, for the time at which it is finished.
        arguments: The job's arguments, for the report.
        result_bytes: Largest report that can be a job's result.
        batch_size: Most edits in one transaction.
        detail_limit: Most entries of each list of the returned report; None for all.
    """

    job: str
    run_id: str
    as_of_us: int
    dry_run: bool
    user_id: str | None
    clock: Callable[[], int]
    arguments: Mapping[str, Any]
    result_bytes: int
    batch_size: int = 500
    detail_limit: int | None = 1000


@dataclass(frozen=True, slots=True)
class Made:
    """A unit as loaded and planned.

    Args:
        plan: What to change.
        seen: Memories read, for the progress.
        next_unit: The unit after it, where units are a chain.
        notes: Counts beside those of the plan.
        issues: What could not be read.
        truncated: What was not read to its end, as in the report.
        warnings: What a person should know, as in the report.
    """

    plan: Plan
    seen: int = 0
    next_unit: str | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    truncated: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "plan": self.plan.to_json(),
            "seen": self.seen,
            "next_unit": self.next_unit,
            "notes": dict(self.notes),
            "issues": [issue.to_json() for issue in self.issues],
            "truncated": [dict(entry) for entry in self.truncated],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What `to_json` described."""
        return cls(
            plan=Plan.from_json(values["plan"]),
            seen=values["seen"],
            next_unit=values["next_unit"],
            notes=values["notes"],
            issues=tuple(Issue(**issue) for issue in values["issues"]),
            truncated=tuple(values["truncated"]),
            warnings=tuple(values.get("warnings", ())),
        )


class Run:
    """See the module's first comment.

    Args:
        settings: What it is.
        journal: Where it is stored.
        target: What carries operations out.
    """

    def __init__(self, settings: RunSettings, journal: JournalFile, target: PlanningRepository) -> None:
        self.settings = settings
        self._journal = journal
        self._target = target
        self.report = Report(
            settings.job,
            None if settings.dry_run else settings.run_id,
            settings.as_of_us,
            settings.dry_run,
            settings=settings.arguments,
        )

    @property
    def as_of_us(self) -> int:
        """The clock reading of all decisions; known after `begin`."""
        return self.report.as_of_us

    async def begin(self) -> dict[str, Any] | None:
        """Begin or resume.

        Returns:
            The report, if an earlier attempt finished the run (and died before anyone heard of it).
        """
        if self.settings.dry_run:
            return None
        run = await self._journal.begin_run(
            self.settings.run_id, self.settings.job, self.settings.as_of_us, self.settings.user_id
        )
        if run.report is not None:
            return await self._as_result(self._finished)
        self.report.as_of_us = run.as_of_us
        self.report.resumed = run.resumed
        return None

    async def unit(self, name: str, make: Callable[[], Awaitable[Made]]) -> tuple[int, str | None]:
        """Do one unit.

        Args:
            name: The same in every attempt.
            make: Loads and plans it; not called when an earlier attempt got further.

        Returns:
            Memories it read, and the next unit.
        """
        if self.settings.dry_run:
            made = await make()
            self.report.add_planned(made.plan)
            self._add(_result_of(made))
            return made.seen, made.next_unit
        known = await self._journal.load_unit(self.settings.run_id, name)
        result = known.done
        if result is None:
            result = await self._carry_out(name, known.begun, make)
        self._add(result)
        return result["seen"], result["next_unit"]

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.report.add_seconds(stage, time.perf_counter() - started)

    async def finish(self) -> dict[str, Any]:
        """Complete the report from the operation log, store it, and return it cut to the limit."""
        if self.settings.dry_run:
            return await self._as_result(self._planned)
        with self.timed("report"):
            from_log = await self._journal.count_edits(self.settings.run_id)
            self.report.add_logged(from_log)
        await self._journal.finish_run(self.settings.run_id, self.report.to_json(), self.settings.clock())
        return await self._as_result(self._finished)

    async def _as_result(self, make: Callable[[int | None], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        return await as_result(make, self.settings.detail_limit, self.settings.result_bytes)

    async def _finished(self, limit: int | None) -> dict[str, Any]:
        stored = await stored_report(self._journal, self.settings.run_id, limit)
        return stored or self.report.to_json(limit)

    async def _planned(self, limit: int | None) -> dict[str, Any]:
        return self.report.to_json(limit)

    async def _carry_out(
        self, name: str, begun: Mapping[str, Any] | None, make: Callable[[], Awaitable[Made]]
    ) -> dict[str, Any]:
        if begun is not None:
            made = Made.from_json(begun)
        else:
            made = await make()
            if made.plan:
                await self._journal.begin_unit(self.settings.run_id, name, made.to_json())
        result = _result_of(made)
        with self.timed("apply"):
            applied = await apply_plan(
                made.plan, self._target, self.settings.run_id, batch_size=self.settings.batch_size
            )
        result["errors"] += [issue.to_json() for issue in applied.errors]
        result["stale"] = [issue.to_json() for issue in applied.stale]
        await self._journal.finish_unit(self.settings.run_id, name, result)
        return result

    def _add(self, result: Mapping[str, Any]) -> None:
        self.report.add_notes(result["notes"])
        self.report.add_plan_hash(result["plan_hash"])
        self.report.add_warnings(result.get("warnings", ()))
        for name in ("review", "errors", "stale"):
            self.report.add(name, result[name])
        self.report.truncated.extend(result["truncated"])


def _result_of(made: Made) -> dict[str, Any]:
    """What is kept of a unit once it is done."""
    notes = dict(made.plan.notes)
    for name, count in made.notes.items():
        notes[name] = notes.get(name, 0) + count
    return {
        "seen": made.seen,
        "next_unit": made.next_unit,
        "notes": notes,
        "plan_hash": made.plan.hash(),
        "review": [pair.to_json() for pair in made.plan.review],
        "errors": [issue.to_json() for issue in (*made.issues, *made.plan.issues)],
        "stale": [],
        "truncated": [dict(entry) for entry in made.truncated],
        "warnings": list(made.warnings),
    }
