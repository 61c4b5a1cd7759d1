"""Jobs from one store to another: with their ids, their order and their history.

Rows are handed over as they stand, oldest first, in batches of which each is stored whole or not at all. A job is
deleted from the source only once the target has stored it, or was asked for it and has it (handover.py). A move that
was interrupted can simply be started again: what is there already counts as `existed` and is deleted from the source
like the rest. Settings of queues go with them.

Running jobs stay where they are, since their lease belongs to a worker of the source; so do durable counters and event
logs, which are about what happened there.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import InvalidArgument, NotFound
from .handover import Row, batches, hand_over, why_unfit
from .processor import JobProcessor

PAGE: Final = 500
ACTOR: Final = "migrate"


@dataclass(slots=True)
class Migration:
    """What was, or would be, moved.

    Attributes:
        applied: False: nothing was changed.
        queues: Jobs found, by queue and state.
        moved: Jobs that the target has now and had not before.
        existed: Jobs that the target had already, under the same id, and has now.
        running: Jobs that are left because they run.
        deleted: Jobs deleted from the source.
        left: Why other jobs were left in the source, by id: the target removed a job of that id less than 24 hours ago,
            or has a different one under it, or no store would take the row.
    """

    applied: bool
    queues: dict[str, dict[str, int]] = field(default_factory=dict)
    moved: int = 0
    existed: int = 0
    running: int = 0
    deleted: int = 0
    left: dict[str, str] = field(default_factory=dict)


async def migrate(
    source: JobProcessor,
    target: JobProcessor,
    *,
    queues: Collection[str] = (),
    apply: bool = False,
    keep: bool = False,
    on_batch: Callable[[Migration], None] | None = None,
) -> Migration:
    """Move the jobs of `source` to `target`.

    Args:
        source: Where they are. Nobody may be working there.
        target: Where they are to be.
        queues: Only these; empty = all.
        apply: False: count only, change nothing.
        keep: Leave the jobs in the source as well. Then no worker may be started there again.
        on_batch: Called after every batch with what was done so far.

    Returns:
        What was done.

    Raises:
        InvalidArgument: Both are the same store, a queue does not exist, a worker is alive on the source, or the
            source is damaged.
        QueueFull: A queue of the target is bounded and has no room; what was moved before stays moved.
        Error: One of the stores failed; start again to go on.
    """
    await source.open()
    with (
        contextlib.nullcontext() if apply else contextlib.suppress(NotFound)
    ):  # none is made only to be counted
        await target.open(create=apply)
        _check_different(source, target)
    counts = await source._connection.ask("counts", "")  # noqa: SLF001 - of this package
    known = {row["queue"]: row for row in counts}
    for name in queues:
        if name not in known:
            raise InvalidArgument("queue", f"the source has no queue {name!r}")
    wanted = {name: row for name, row in known.items() if not queues or name in queues}
    found = Migration(
        apply, {name: {s: n for s, n in row["by_state"].items() if n} for name, row in wanted.items()}
    )
    found.running = sum(states.get("running", 0) for states in found.queues.values())
    if not apply:
        return found
    await _check_idle(source)
    await _check_sound(source)
    await _copy_settings(target, wanted.values(), limits=False)
    async for batch in _batches(source, frozenset(wanted)):
        await _check_idle(source)  # one that was started meanwhile would run what is in the target already
        await _move(source, target, batch, found, keep=keep)
        if on_batch is not None:
            on_batch(found)
    await _copy_settings(
        target, wanted.values(), limits=True
    )  # not before: a bound would refuse what is there
    return found


def _check_different(source: JobProcessor, target: JobProcessor) -> None:
    """By what the stores say of themselves: one store has many URLs, and everything in it would be `existed`."""
    here, there = source.info, target.info
    same_place = here["kind"] != "memory" and source.url == target.url
    same_word = here["identity"] and (here["kind"], here["identity"]) == (there["kind"], there["identity"])
    if source is target or same_place or same_word:
        raise InvalidArgument(
            "target", f"source and target are the same store, {here['location']} = {there['location']}"
        )


async def _copy_settings(target: JobProcessor, rows: Iterable[dict[str, Any]], *, limits: bool) -> None:
    for row in rows:
        changes: dict[str, Any] = {"max_length": row["max_length"]} if limits else {}
        if not limits:
            changes = {name: row[name] for name in ("paused", "ageing_ms", "defaults", "log_moves")}
        await target._connection.ask("change_queue", row["queue"], **changes, actor=ACTOR)  # noqa: SLF001


async def _batches(source: JobProcessor, queues: frozenset[str]) -> AsyncIterator[list[Row]]:
    cursor = ""
    while True:
        query = {"order": "oldest_first", "limit": PAGE, "cursor": cursor, "with_history": True}
        rows, cursor = await source._connection.ask("list", query)  # noqa: SLF001
        movable = [row for row in rows if row["queue"] in queues and row["state"] != "running"]
        for batch in batches(movable):
            yield batch
        if not cursor:
            return


async def _move(
    source: JobProcessor, target: JobProcessor, batch: list[Row], found: Migration, *, keep: bool
) -> None:
    unfit = {row["id"]: why for row in batch if (why := why_unfit(row))}
    found.left |= unfit
    fit = [row for row in batch if row["id"] not in unfit]
    if not fit:
        return
    handed = await hand_over(target, fit, actor=ACTOR)
    found.moved += len(handed.moved)
    found.existed += len(handed.existed)
    found.left |= handed.left
    if keep or not handed.held:
        return
    answers = await source._connection.ask("manage", "remove", handed.held, "", ACTOR)  # noqa: SLF001
    found.deleted += answers.count("done")
    for job_id, answer in zip(handed.held, answers, strict=True):
        if answer == "refused":
            found.left[job_id] = (
                "it began to run in the source while it was moved, and is in the target as well"
            )


async def _check_idle(source: JobProcessor) -> None:
    if alive := sum(worker.live for worker in await source.queues.workers()):
        raise InvalidArgument("source", f"{alive} workers are alive there: stop them first")


async def _check_sound(source: JobProcessor) -> None:
    """A damaged job is never run; under the checksum that the target gives it, it would be."""
    if faults := await source.queues.check():
        raise InvalidArgument(
            "source",
            f"{len(faults)} things are wrong there, the first: {faults[0]}; `khala-jobs doctor` names all; "
            "jobs that are named can be removed, or quarantined by a worker that comes to them",
        )
