"""`QueueManager` (``jobs.queues``): looking at queues and jobs, and changing them by hand."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypedDict, Unpack, cast

from .connection import Connection
from .durations import Duration, instant_ms, to_ms
from .errors import InvalidArgument, NotFound
from .info import CLOSED, JobInfo, State, from_row
from .job import Job
from .logs import JobLog
from .options import check_names, count, text
from .queue_values import (
    Page,
    Queue,
    QueueStats,
    TaskCounters,
    WorkerInfo,
    counters_from,
    stats_from,
    worker_from,
)
from .shown import shown

Order = Literal["oldest_first", "newest_first", "next_to_run"]
PAGE: Final = 1000
REASON_BYTES: Final = (
    880  # of a cancellation: the core keeps 1,024 bytes, with "cancelled by <actor>: " before it
)
DEAD: Final[tuple[State, State]] = ("failed", "quarantined")
_STATES: Final = frozenset(State.__args__)  # type: ignore[attr-defined]  # Literal's


class Filters(TypedDict, total=False):
    """Which jobs: those that match every filter given.

    Keys:
        states: In any of these; empty = all.
        queue: Of this queue.
        task: Of this task.
        correlation_id: With this correlation id.
        tenant: Of this tenant.
        parent_id: Enqueued by this job.
        error_type: Whose latest error is of this class (by name).
        enqueued_from: Put in at or after this time.
        enqueued_to: Put in before this time.
        order: Of the answer.
        limit: At most so many.
        cursor: Where to begin: of the previous `Page`.
    """

    states: Iterable[State] | State
    queue: str
    task: str
    correlation_id: str
    tenant: str
    parent_id: str
    error_type: str
    enqueued_from: datetime | None
    enqueued_to: datetime | None
    order: Order
    limit: int
    cursor: str


_TEXTS: Final = ("queue", "task", "correlation_id", "tenant", "parent_id", "error_type", "order", "cursor")
_TIMES: Final = ("enqueued_from", "enqueued_to")
_FILTERS: Final = frozenset(Filters.__annotations__)


class QueueManager:
    """Queues and their jobs, in every process that uses the store.

    Args:
        connection: To the store.
        log: For queue_paused and queue_resumed.
        handle: Makes a `Job` from an id.
        on_defined: Called after every change of a definition.
    """

    def __init__(
        self, connection: Connection, log: JobLog, handle: Any, on_defined: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._log = log
        self._handle = handle
        self._on_defined = on_defined
        self._defined: dict[str, Queue] = {}
        self.version = 0  # counts changes of definitions

    # --- definitions ---------------------------------------------------------------------------------------

    def define(self, queue: Queue | str, **fields: Any) -> Queue:
        """Say what holds for a queue and for the jobs that are enqueued from now on; what is left out has its default.

        A worker that runs here serves it at once, as many of its jobs as `concurrency` says.

        Args:
            queue: A `Queue`, or a name with the fields of `Queue` as keywords.
            **fields: concurrency, attempts, backoff, keep_completed, max_length, ageing.

        Raises:
            InvalidArgument: A field is wrong.
        """
        if isinstance(queue, Queue) and fields:
            raise InvalidArgument(
                f"queue {queue.name}", f"{', '.join(fields)} given beside a Queue: say it in one of the two"
            )
        try:
            found = queue if isinstance(queue, Queue) else Queue(queue, **fields)
        except TypeError as error:
            raise InvalidArgument(f"queue {queue}", str(error).removeprefix("Queue.__init__() ")) from None
        found.job_options()
        self._defined[found.name] = found
        self.version += 1
        self._on_defined()
        return found

    @property
    def defined(self) -> Mapping[str, Queue]:
        """The queues that were defined in this process."""
        return self._defined

    # --- queues --------------------------------------------------------------------------------------------

    async def stats(self, queue: str | None = None) -> QueueStats:
        """Counts by state of one queue, or of all together.

        Args:
            queue: Its name; one that never had a job counts 0. ``None``: the sum over all; `paused` is then
                true when all are.
        """
        rows = await self._connection.ask("counts", text(queue or "", "queue"))
        if not rows:
            rows = [{"queue": queue, "by_state": {}, "paused": False, "max_length": 0, "oldest_ready_at": 0}]
        return stats_from(rows)

    async def all_stats(self) -> dict[str, QueueStats]:
        """`stats` of every queue by name."""
        rows = await self._connection.ask("counts", "")
        return {row["queue"]: stats_from([row]) for row in rows}

    async def names(self) -> builtins.list[str]:
        """Every queue that has or had jobs, or settings."""
        return [row["queue"] for row in await self._connection.ask("counts", "")]

    async def pause(self, queue: str, *, actor: str = "") -> None:
        """Start no more jobs of this queue, in any process, until `resume`; running ones finish.

        Args:
            queue: Its name.
            actor: Who did it, for the event log.
        """
        await self._change(queue, actor, paused=True)
        self._log.queue("queue_paused", queue, actor)

    async def resume(self, queue: str, *, actor: str = "") -> None:
        """Undo `pause`. Arguments as there."""
        await self._change(queue, actor, paused=False)
        self._log.queue("queue_resumed", queue, actor)

    async def limit(self, queue: str, max_length: int, *, actor: str = "") -> None:
        """Bound how many jobs may wait in a queue; 0 = no bound.

        It holds whatever ``queue_size`` of the settings is. A process that has a `Queue` with `max_length` of its own
        says that again when it begins to use the queue. A number equal to what code said counts as code's.
        """
        await self._change(queue, actor, max_length=count(max_length, "max_length"))

    async def _change(self, queue: str, actor: str, **changes: Any) -> None:
        text(actor, "actor")
        await self._connection.ask("change_queue", text(queue, "queue"), actor=actor, **changes)

    # --- jobs ----------------------------------------------------------------------------------------------

    async def get(self, job_id: str) -> JobInfo:
        """Everything about a job, with the history of its attempts.

        Raises:
            NotFound: There is no such job (any more).
        """
        (row,) = await self._connection.ask("get", [text(job_id, "job_id")], True)
        if row is None:
            raise NotFound("job", f"there is no job {job_id}")
        return from_row(row)

    def job(self, job_id: str) -> Job[Any]:
        """A handle on a job by id; nothing is asked."""
        return cast("Job[Any]", self._handle(job_id))

    async def get_many(self, job_ids: Iterable[str]) -> builtins.list[JobInfo | None]:
        """Several jobs at once, without their history; ``None`` for those that do not exist."""
        rows = await self._connection.ask("get", [text(job_id, "job_id") for job_id in job_ids], False)
        return [None if row is None else from_row(row) for row in rows]

    async def list(self, **filters: Unpack[Filters]) -> Page:
        """Jobs that match every filter given, a page of them.

        Args:
            **filters: `Filters`. The order is ``oldest_first`` and the limit 100 unless they say otherwise;
                1000 is the largest.

        Raises:
            InvalidArgument: A filter is wrong, or there is none of that name.
        """
        check_names(filters, _FILTERS, "filter")
        query: dict[str, Any] = {"order": "oldest_first"}
        query |= {name: text(filters[name], name) for name in _TEXTS if name in filters}
        query |= {"states": _states(filters.get("states", ()), _STATES, "state")}
        query |= {"limit": count(filters.get("limit", 100), "limit")}
        for name in _TIMES:
            moment = filters.get(name)
            if moment is not None:
                query[name] = instant_ms(cast("datetime", moment), name)
        rows, following = await self._connection.ask("list", query)
        return Page(tuple(from_row(row) for row in rows), following)

    async def scan(self, **filters: Unpack[Filters]) -> AsyncIterator[JobInfo]:
        """All jobs that match, or as many as `limit` says, page by page.

        Args:
            **filters: `Filters`.
        """
        left = count(filters["limit"], "limit", least=1) if "limit" in filters else None
        wanted = filters.copy()
        while True:
            wanted["limit"] = PAGE if left is None else min(PAGE, left)
            page = await self.list(**wanted)
            for job in page.jobs:
                yield job
            wanted["cursor"] = page.cursor
            left = None if left is None else left - len(page.jobs)
            if not page.cursor or left == 0:
                return

    async def cancel(self, job_id: str, reason: str = "", *, actor: str = "") -> bool:
        """End a job: a waiting one at once, a running one is told within a second.

        Args:
            job_id: Of the job.
            reason: Why, for whoever waits for its result; 880 bytes at most.
            actor: Who says so.

        Returns:
            False when it had ended already.

        Raises:
            NotFound: There is no such job.
            InvalidArgument: `reason` or `actor` is too long.
        """
        return await self._manage("cancel", job_id, reason, actor) != "refused"

    async def remove(self, job_id: str, *, actor: str = "") -> bool:
        """Delete a job with its history.

        Returns:
            False when it runs: cancel it first.

        Raises:
            NotFound: There is no such job.
        """
        return await self._manage("remove", job_id, "", actor) != "refused"

    async def retry(self, job_id: str, *, actor: str = "") -> bool:
        """Make a job ready now: one that has ended, with a fresh retry budget, or one that waits.

        Its time to expire stays: one that was cancelled before its first start may expire at once.

        Returns:
            False when it is ready or running anyway, or has expired.

        Raises:
            NotFound: There is no such job.
        """
        return await self._manage("requeue", job_id, "", actor) != "refused"

    async def _manage(self, verb: str, job_id: str, reason: str, actor: str) -> str:
        size = len(text(reason, "reason").encode())
        if size > REASON_BYTES:
            raise InvalidArgument("reason", f"{size} bytes, {REASON_BYTES} is the limit")
        (answer,) = await self._connection.ask(
            "manage", verb, [text(job_id, "job_id")], reason, text(actor, "actor")
        )
        if answer == "missing":
            raise NotFound("job", f"there is no job {job_id}")
        return str(answer)

    # --- dead letters --------------------------------------------------------------------------------------

    async def dead(self, **filters: Unpack[Filters]) -> Page:
        """Jobs that failed for good or are quarantined, newest first. Filters as in `list`."""
        return await self.list(**_of_dead(filters))

    async def requeue_dead(self, *, actor: str = "", **filters: Unpack[Filters]) -> int:
        """Run dead letters again, all or those that match; `retry` does it for one.

        Args:
            actor: Who did it.
            **filters: `Filters`: queue, task, error_type, …; with a `limit` the newest so many, unless `order`
                says otherwise.

        Returns:
            How many.
        """
        return await self._each_dead("requeue", actor, filters)

    async def purge_dead(self, *, actor: str = "", **filters: Unpack[Filters]) -> int:
        """Delete dead letters, all or those that match. Arguments as in `requeue_dead`."""
        return await self._each_dead("remove", actor, filters)

    async def _each_dead(self, verb: str, actor: str, filters: Filters) -> int:
        """Every page is read before a job is changed: one that fails again at once is not met twice."""
        text(actor, "actor")
        ids = [job.id async for job in self.scan(**_of_dead(filters))]
        if "order" not in filters:
            ids.reverse()  # the newest were asked for, and still the oldest of them are first to run again
        total = 0
        for start in range(0, len(ids), PAGE):
            answers = await self._connection.ask("manage", verb, ids[start : start + PAGE], "", actor)
            total += answers.count("done")
        return total

    # --- clean-up ------------------------------------------------------------------------------------------

    async def clean(
        self,
        *,
        queue: str = "",
        states: Iterable[State] | State = "completed",
        older_than: Duration | None = None,
        keep: int | None = None,
    ) -> int:
        """Delete ended jobs by age or by count.

        Args:
            queue: Of this queue; empty = all.
            states: Ended states only.
            older_than: Ended at least this long ago.
            keep: The newest so many of each queue and state stay.

        Returns:
            How many were deleted.

        Raises:
            InvalidArgument: Neither age nor count was given, or a state is not an ended one.
        """
        wanted = _states(states, CLOSED, "ended state")
        if not wanted:
            raise InvalidArgument("states", "name at least one ended state")
        if older_than is None and keep is None:
            raise InvalidArgument("older_than", "say which: older_than=…, keep=…, or both")
        rule: dict[str, Any] = {"queue": text(queue, "queue"), "states": wanted, "limit": PAGE}
        if older_than is not None:
            # "closed before" is exclusive: without the 1, clean(older_than=0) would spare the jobs of this
            # millisecond.
            rule["closed_before"] = self._connection.now_ms() - to_ms(older_than, "older_than") + 1
        if keep is not None:
            rule["keep_count"] = count(keep, "keep")
        total = 0
        while True:
            removed: int = await self._connection.ask("prune", **rule)
            total += removed
            if removed < PAGE:
                return total

    # --- sight ---------------------------------------------------------------------------------------------

    async def counters(self) -> builtins.list[TaskCounters]:
        """Durable counters of every task."""
        rows = await self._connection.ask("task_counters")
        return [counters_from(row) for row in rows]

    async def workers(self) -> builtins.list[WorkerInfo]:
        """Workers that announced themselves within the last hour and did not end in good order; see `live`."""
        rows = await self._connection.ask("workers")
        return [worker_from(row) for row in rows]

    async def check(self) -> builtins.list[str]:
        """Broken invariants of the store, one line each; reads everything."""
        return cast("builtins.list[str]", await self._connection.ask("check"))


def _of_dead(filters: Filters) -> Filters:
    """Filters that let nothing but dead letters through, newest first unless they say otherwise."""
    given = filters.get("states", DEAD)
    states = _states(given, _STATES, "state")
    if not states or not set(states) <= set(DEAD):
        raise InvalidArgument("states", f"a dead letter is {' or '.join(DEAD)}, not {shown(given)}")
    return {"order": "newest_first", **filters, "states": states}


def _states(given: object, known: frozenset[str], what: str) -> builtins.list[State]:
    wanted = [given] if isinstance(given, str) else given
    if not isinstance(wanted, Iterable):
        raise InvalidArgument("states", f"expected names of states, got {shown(given)}")
    listed = list(wanted)
    for state in listed:
        if not isinstance(state, str) or state not in known:
            raise InvalidArgument("states", f"{shown(state)} is no {what}: one of {', '.join(sorted(known))}")
    return listed
