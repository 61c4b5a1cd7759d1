"""Complete rows handed to a store by whoever deletes them elsewhere afterwards.

What may be deleted elsewhere is decided here, by what the store says and by nothing else: it has stored the row just
now, or it was asked for the job and has it. That it knows the id is not enough. Ids of removed jobs are remembered for
24 hours, so a job that is moved back within a day is known there, and is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from .bridge import engine
from .errors import InvalidArgument, QueueFull, StoreCorrupt
from .processor import JobProcessor

BATCH_ROWS: Final = 500
BATCH_BYTES: Final = 8 * 1024 * 1024
_INSERTED, _EXISTS, _FULL = 0, 1, 2
_TEXTS: Final = ("payload", "headers", "result", "error")

Row = dict[str, Any]


@dataclass(slots=True)
class Handover:
    """What became of the rows of a batch.

    Attributes:
        moved: Ids of those that the store has now and had not before.
        existed: Ids of those that it had already; it has them now.
        left: Why the others were not taken, by id.
    """

    moved: list[str] = field(default_factory=list)
    existed: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def held(self) -> list[str]:
        """Ids of what may be deleted elsewhere."""
        return self.moved + self.existed


def is_same(row: Row, held: Row) -> bool:
    """Whether a row and what the store holds under its id are one job: ids may be chosen by the caller."""
    return bool(row["task"] == held["task"] and row["payload"] == held["payload"])


def why_unfit(row: Row, **limits: int) -> str:
    """Why no store would take the row; empty when one would. A batch with an unfit row is refused whole.

    Args:
        row: As `get` and `list` of the engine answer it.
        **limits: `max_payload_bytes`.
    """
    try:
        engine.check_row(row, **limits)
    except InvalidArgument as error:
        return str(error)
    running = any(attempt["outcome"] == "running" for attempt in row.get("history", ()))
    return "an attempt of it has not ended" if running else ""


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows, in parts that a store takes in one call."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        weight = _weight(row)
        if batch and (len(batch) == BATCH_ROWS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


async def hand_over(
    target: JobProcessor, rows: list[Row], *, actor: str, same: Callable[[Row, Row], bool] = is_same
) -> Handover:
    """Store rows, all or none, and tell which of them the store has.

    Args:
        target: The store.
        rows: Fit ones, oldest first.
        actor: Named in event logs.
        same: Whether a row and the one that the store holds under its id are the same job.

    Raises:
        QueueFull: A bounded queue has no room for all of them; none was stored.
        Error: The store failed. Nothing may be deleted; handing them over again is safe.
    """
    codes: bytes = await target._connection.ask("import_rows", rows, actor=actor)  # noqa: SLF001 - of this package
    if _FULL in codes:
        names = ", ".join(sorted({row["queue"] for row in rows}))
        raise QueueFull("target", f"a queue of the target has no room for {len(rows)} more jobs ({names})")
    if any(code not in {_INSERTED, _EXISTS} for code in codes):
        raise StoreCorrupt("rows", f"the target refused {len(rows)} jobs: an attempt of one has not ended")
    handed = Handover([row["id"] for row, code in zip(rows, codes, strict=True) if code == _INSERTED])
    known = [row for row, code in zip(rows, codes, strict=True) if code == _EXISTS]
    if known:
        there = await target._connection.ask("get", [row["id"] for row in known])  # noqa: SLF001
        for row, held in zip(known, there, strict=True):
            _judge(handed, row, held, same)
    return handed


def _judge(handed: Handover, row: Row, held: Row | None, same: Callable[[Row, Row], bool]) -> None:
    if held is None:
        handed.left[row["id"]] = (
            "the target had it and removed it, and takes the id again 24 hours after the removal at the latest"
        )
    elif not same(row, held):
        handed.left[row["id"]] = "the target has another job under this id"
    else:
        handed.existed.append(row["id"])


def _weight(row: Row) -> int:
    """Bytes, as good as all of them."""
    attempts = row.get("history", ())
    texts = sum(len(attempt["error"]) + len(attempt["result"]) for attempt in attempts)
    return texts + sum(len(row.get(name, b"")) for name in _TEXTS)
