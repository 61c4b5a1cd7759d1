"""Carrying plans out, and taking them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from khala_jobs.errors import NotFound

from .journal import JournalFile
from .plan import Issue, Operation, Plan
from .ports import PlanningRepository

__all__ = ["Applied", "UndoReport", "apply_plan", "undo_run"]


@dataclass(slots=True)
class Applied:
    """What became of a plan's operations.

    Args:
        counts: ``applied``, ``already`` (by an earlier attempt), ``stale``, ``failed``.
        errors: One a failed operation.
        stale: One an operation left out because its memories had changed.
    """

    counts: dict[str, int] = field(
        default_factory=lambda: {"applied": 0, "already": 0, "stale": 0, "failed": 0}
    )
    errors: list[Issue] = field(default_factory=list)
    stale: list[Issue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What an undo came to.

    Args:
        run_id: The run that was undone.
        restored: Operations taken back.
        memories: Memories that are as they were.
        conflicts: Operations left as they are, and why.
    """

    run_id: str
    restored: int
    memories: int
    conflicts: tuple[Issue, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "run_id": self.run_id,
            "restored": self.restored,
            "memories": self.memories,
            "conflicts": [issue.to_json() for issue in self.conflicts],
        }


async def apply_plan(
    plan: Plan, target: PlanningRepository, run_id: str, *, batch_size: int = 500
) -> Applied:
    """Carry out a plan.

    Safe to repeat with the same run id after a crash at any point: what an earlier attempt did is recognised.
    An operation that fails is counted and the rest goes on; only errors of the store itself (disk full, file
    damaged) are raised.

    Args:
        plan: What to do.
        target: The repository, or a `PortTarget` for one that cannot.
        run_id: A run begun with `JournalFile.begin_run`.
        batch_size: Most edits in one transaction.
    """
    applied = Applied()
    for batch in _batches(plan.operations, batch_size):
        outcomes = await target.apply_operations(run_id, batch)
        for op, outcome in zip(batch, outcomes, strict=True):
            applied.counts[outcome.status] += 1
            if outcome.status == "failed":
                applied.errors.append(Issue(outcome.memory_id, str(op.kind), outcome.reason))
            elif outcome.status == "stale":
                applied.stale.append(Issue(outcome.memory_id, str(op.kind), outcome.reason))
    return applied


async def undo_run(target: PlanningRepository, journal: JournalFile, run_id: str, now_us: int) -> UndoReport:
    """Take back what a run did.

    Each operation is restored from its before-images; in the embedded repository wholly or not at all. In one
    that has no transaction for it, an undo that fails half way is reported, and repeating it finishes what it
    began. An operation one of whose memories was touched since (its edited fields are no longer what the run
    made them) is left as it is and reported; the others are undone all the same. Repeating a finished undo
    changes nothing. The run itself stays finished: its report goes on telling what it did, and a job with its
    run id gives that report and does nothing. To do it anew, enqueue a new job. Runs can be undone until the
    cleanup job purges their log; deleted cache entries, and memories deleted from a repository other than the
    embedded one, cannot be restored.

    Args:
        target: As for `apply_plan`.
        journal: Where the run was logged.
        run_id: The run.
        now_us: Time of the undo.

    Raises:
        NotFound: There is no such run, or its log was purged.
    """
    if await journal.find_run(run_id) is None:
        raise NotFound("run_id", f"there is no run {run_id!r} to undo, or its log was purged")
    restored = memories = 0
    conflicts: list[Issue] = []
    cursor: str | None = ""
    while cursor is not None:
        outcomes, cursor = await target.undo_operations(run_id, now_us, after=cursor)
        for outcome in outcomes:
            if outcome.restored:
                restored += 1
                memories += outcome.memories
            else:
                conflicts.append(Issue(outcome.memory_id, "undo", "; ".join(outcome.conflicts)))
    return UndoReport(run_id, restored, memories, tuple(conflicts))


def _batches(operations: Sequence[Operation], size: int) -> Iterator[list[Operation]]:
    """Runs of operations with at most ``size`` edits, and at least one operation, each."""
    batch: list[Operation] = []
    edits = 0
    for op in operations:
        if batch and edits + len(op.edits) > size:
            yield batch
            batch, edits = [], 0
        batch.append(op)
        edits += len(op.edits)
    if batch:
        yield batch
