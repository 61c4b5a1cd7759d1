"""`QueueManager` (``jobs.queues``): looking at queues and jobs, and changing them by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypedDict, cast

import orjson

from .connection import Connection
from .durations import Duration, instant_ms, to_datetime, to_ms
from .errors import InvalidArgument, NotFound
from .info import CLOSED, JobInfo, State, from_row
from .job import Job
from .logs import JobLog
from .retry import DEFAULT_RETRY, RetryPolicy

Order = Literal["oldest_first", "newest_first", "next_to_run"]
PAGE: Final = 1000
DEAD: Final[tuple[State, State]] = ("failed", "quarantined")
_STATES: Final = frozenset(State.__args__)  # type: ignore[attr-defined]  # Literal's


@dataclass(frozen=True, slots=True)
class Queue:
    """A named queue and what holds for its jobs.

    Attributes:
        name: Of the queue.
        concurrency: Jobs of it that run at once in this process; ``None`` = as many as there are slots.
        attempts: Runs in all of a failing job, unless its task says otherwise.
        backoff: Waits between them; ``None`` = the default, exponential from 1 s.
        keep_completed: How long its closed jobs are kept; 0 = removed at the next clean-up; ``None`` = the
            default.
        max_length: Jobs that may wait in it; ``None`` = ``queue_size`` of the settings.
        ageing: Strict priority when ``None``; else a job overtakes those of one priority more after waiting
            this
            long, so that nothing starves.
    """

    name: str
    concurrency: int | None = None
    attempts: int | None = None
    backoff: RetryPolicy | None = None
    keep_completed: Duration | None = None
    max_length: int | None = None
    ageing: Duration | None = None

    def __post_init__(self) -> None:
        for field, least in (("concurrency", 1), ("attempts", 1), ("max_length", 0)):
            value = getattr(self, field)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise InvalidArgument(
                    f"queue {self.name}: {field}", f"expected a number from {least}, got {value!r}"
                )

    def job_options(self) -> dict[str, Any]:
        """The defaults of its jobs, as a layer of `JobOptions`."""
        options: dict[str, Any] = {}
        if self.attempts is not None:
            options["retry"] = (self.backoff or DEFAULT_RETRY).with_attempts(self.attempts)
        elif self.backoff is not None:
            options["retry"] = self.backoff
        if self.keep_completed is not None:
            options["keep"] = self.keep_completed
        return options

    def stored_defaults(self) -> bytes:
        """The same for the store, where other programs can read it."""
        options = self.job_options()
        data: dict[str, Any] = {}
        if "retry" in options:
            data["retry"] = options["retry"].text
        if "keep" in options:
            data["keep_ms"] = to_ms(options["keep"], "keep_completed")
        return orjson.dumps(data)


class QueueStats(TypedDict):
    """Jobs of a queue by state. The first five and `paused` have Bull's names: waiting = ready, active =
    running, delayed = scheduled.
    """

    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    paused: bool
    blocked: int
    parked: int
    cancelled: int
    expired: int
    quarantined: int
    max_length: int
    oldest_waiting_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, and where the next page begins (``""`` = there is none)."""

    jobs: tuple[JobInfo, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class TaskCounters:
    """Durable counters of a task over all processes."""

    task: str
    runs: int
    completed: int
    failures: int
    consecutive_failures: int
    duration_sum_ms: int
    last_run_at: datetime | None
    last_failure_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process as it announced itself."""

    id: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    slots: int
    started_at: datetime | None
    seen_at: datetime | None


class QueueManager:
    """Queues and their jobs, in every process that uses the store.

    Args:
        connection: To the store.
        log: For queue_paused and queue_resumed.
        handle: Makes a `Job` from an id.
    """

    def __init__(self, connection: Connection, log: JobLog, handle: Any) -> None:
        self._connection = connection
        self._log = log
        self._handle = handle
        self._defined: dict[str, Queue] = {}
        self.version = 0  # counts changes of definitions

    # --- definitions
    # ------------------------------------------------------------------------------------------

    def define(self, queue: Queue | str, **fields: Any) -> Queue:
        """Say what holds for a queue, before its jobs are enqueued or run here.

        Args:
            queue: A `Queue`, or a name with the fields of `Queue` as keywords.
            **fields: concurrency, attempts, backoff, keep_completed, max_length, ageing.

        Raises:
            InvalidArgument: A field is wrong.
        """
        try:
            found = Queue(queue, **fields) if isinstance(queue, str) else queue
        except TypeError as error:
            raise InvalidArgument(f"queue {queue}", str(error).removeprefix("Queue.__init__() ")) from None
        found.job_options()
        self._defined[found.name] = found
        self.version += 1
        return found

    @property
    def defined(self) -> Mapping[str, Queue]:
        """The queues that were defined in this process."""
        return self._defined

    # --- queues
    # -----------------------------------------------------------------------------------------------

    async def stats(self, queue: str | None = None) -> QueueStats:
        """Counts by state of one queue, or of all together.

        Args:
            queue: Its name; one that never had a job counts 0. ``None``: the sum over all; `paused` is then
                true
                when all are.
        """
        rows = await self._connection.ask("counts", queue or "")
        if not rows:
            rows = [{"queue": queue, "by_state": {}, "paused": False, "max_length": 0, "oldest_ready_at": 0}]
        return _stats(rows)

    async def all_stats(self) -> dict[str, QueueStats]:
        """`stats` of every queue by name."""
        rows = await self._connection.ask("counts", "")
        return {row["queue"]: _stats([row]) for row in rows}

    async def names(self) -> list[str]:
        """Every queue that has or had jobs, or settings."""
        return [row["queue"] for row in await self._connection.ask("counts", "")]

    async def pause(self, queue: str, *, actor: str = "") -> None:
        """Start no more jobs of this queue, in any process, until `resume`; running ones finish.

        Args:
            queue: Its name.
            actor: Who did it, for the event log.
        """
        await self._connection.ask("change_queue", queue, paused=True, actor=actor)
        self._log.queue("queue_paused", queue, actor)

    async def resume(self, queue: str, *, actor: str = "") -> None:
        """Undo `pause`. Arguments as there."""
        await self._connection.ask("change_queue", queue, paused=False, actor=actor)
        self._log.queue("queue_resumed", queue, actor)

    async def limit(self, queue: str, max_length: int, *, actor: str = "") -> None:
        """Bound how many jobs may wait in a queue; 0 = no bound."""
        await self._connection.ask("change_queue", queue, max_length=max_length, actor=actor)

    # --- jobs
    # -------------------------------------------------------------------------------------------------

    async def get(self, job_id: str) -> JobInfo:
        """Everything about a job, with the history of its attempts.

        Raises:
            NotFound: There is no such job (any more).
        """
        (row,) = await self._connection.ask("get", [job_id], True)
        if row is None:
            raise NotFound("job", f"there is no job {job_id}")
        return from_row(row)

    def job(self, job_id: str) -> Job[Any]:
        """A handle on a job by id; nothing is asked."""
        return cast("Job[Any]", self._handle(job_id))

    async def list(
        self,
        *,
        states: Iterable[State] | State = (),
        queue: str = "",
        task: str = "",
        correlation_id: str = "",
        tenant: str = "",
        parent_id: str = "",
        error_type: str = "",
        enqueued_from: datetime | None = None,
        enqueued_to: datetime | None = None,
        order: Order = "oldest_first",
        limit: int = 100,
        cursor: str = "",
    ) -> Page:
        """Jobs that match every filter given.

        Args:
            states: Any of these; empty = all.
            queue: Of this queue.
            task: Of this task.
            correlation_id: With this correlation id.
            tenant: Of this tenant.
            parent_id: Enqueued by this job.
            error_type: Whose latest error is of this class (by name).
            enqueued_from: Put in at or after this time.
            enqueued_to: Put in before this time.
            order: Of the answer.
            limit: 1..1000 jobs.
            cursor: Of the previous `Page`.

        Raises:
            InvalidArgument: A filter is wrong.
        """
        wanted = [states] if isinstance(states, str) else list(states)
        for state in wanted:
            if state not in _STATES:
                raise InvalidArgument("states", f"there is no state {state!r}")
        query: dict[str, Any] = {
            "states": wanted,
            "queue": queue,
            "task": task,
            "correlation_id": correlation_id,
            "tenant": tenant,
            "parent_id": parent_id,
            "error_type": error_type,
            "order": order,
            "limit": limit,
            "cursor": cursor,
        }
        if enqueued_from is not None:
            query["enqueued_from"] = instant_ms(enqueued_from, "enqueued_from")
        if enqueued_to is not None:
            query["enqueued_to"] = instant_ms(enqueued_to, "enqueued_to")
        rows, following = await self._connection.ask("list", query)
        return Page(tuple(from_row(row) for row in rows), following)

    async def scan(self, **filters: Any) -> AsyncIterator[JobInfo]:
        """All jobs that match, page by page. Filters as in `list`."""
        cursor = ""
        while True:
            page = await self.list(cursor=cursor, **{"limit": PAGE, **filters})
            for job in page.jobs:
                yield job
            cursor = page.cursor
            if not cursor:
                return

    async def cancel(self, job_id: str, reason: str = "", *, actor: str = "") -> bool:
        """End a job: a waiting one at once, a running one is told within a second.

        Returns:
            False when it had ended already.

        Raises:
            NotFound: There is no such job.
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
        """Make a job ready now: one that has ended (with a fresh retry budget), or one that waits for its
        time.

        Returns:
            False when it is ready or running anyway.

        Raises:
            NotFound: There is no such job.
        """
        return await self._manage("requeue", job_id, "", actor) != "refused"

    async def _manage(self, verb: str, job_id: str, reason: str, actor: str) -> str:
        (answer,) = await self._connection.ask("manage", verb, [job_id], reason, actor)
        if answer == "missing":
            raise NotFound("job", f"there is no job {job_id}")
        return str(answer)

    # --- dead letters
    # -----------------------------------------------------------------------------------------

    async def dead(self, *, limit: int = 100, cursor: str = "", **filters: Any) -> Page:
        """Jobs that failed for good or are quarantined, newest first. Filters as in `list`."""
        return await self.list(
            **{"order": "newest_first", "states": DEAD, **filters}, limit=limit, cursor=cursor
        )

    async def requeue_dead(self, *, actor: str = "", **filters: Any) -> int:
        """Run dead letters again, all or those that match; `retry` does it for one.

        Args:
            actor: Who did it.
            **filters: As in `list`: queue, task, error_type, …

        Returns:
            How many.
        """
        return await self._each_dead("requeue", actor, filters)

    async def purge_dead(self, *, actor: str = "", **filters: Any) -> int:
        """Delete dead letters, all or those that match. Arguments as in `requeue_dead`."""
        return await self._each_dead("remove", actor, filters)

    async def _each_dead(self, verb: str, actor: str, filters: dict[str, Any]) -> int:
        """Every page is taken before the first is changed, so that a job that fails again at once is not met twice."""
        ids = [job.id async for job in self.scan(**{"states": DEAD, **filters})]
        count = 0
        for start in range(0, len(ids), PAGE):
            answers = await self._connection.ask("manage", verb, ids[start : start + PAGE], "", actor)
            count += answers.count("done")
        return count

    # --- clean-up
    # ---------------------------------------------------------------------------------------------

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
        wanted = [states] if isinstance(states, str) else list(states)
        for state in wanted:
            if state not in CLOSED:
                raise InvalidArgument(
                    "states", f"{state!r} is no ended state: one of {', '.join(sorted(CLOSED))}"
                )
        if not wanted:
            raise InvalidArgument("states", "name at least one ended state")
        if older_than is None and keep is None:
            raise InvalidArgument("older_than", "say which: older_than=…, keep=…, or both")
        rule: dict[str, Any] = {"queue": queue, "states": wanted, "limit": PAGE}
        if older_than is not None:
            # "closed before" is exclusive: without the 1, clean(older_than=0) would spare the jobs of this
            # millisecond.
            rule["closed_before"] = self._connection.now_ms() - to_ms(older_than, "older_than") + 1
        if keep is not None:
            if not isinstance(keep, int) or keep < 0:
                raise InvalidArgument("keep", f"expected a number from 0, got {keep!r}")
            rule["keep_count"] = keep
        total = 0
        while True:
            removed: int = await self._connection.ask("prune", **rule)
            total += removed
            if removed < PAGE:
                return total

    # --- sight
    # ------------------------------------------------------------------------------------------------

    async def counters(self) -> list[TaskCounters]:
        """Durable counters of every task."""
        rows = await self._connection.ask("task_counters")
        times = ("last_run_at", "last_failure_at")
        return [
            TaskCounters(**{k: to_datetime(v) if k in times else v for k, v in row.items()}) for row in rows
        ]

    async def workers(self) -> list[WorkerInfo]:
        """Workers that announced themselves lately."""
        rows = await self._connection.ask("workers")
        return [
            WorkerInfo(
                id=row["id"],
                host=row["host"],
                pid=row["pid"],
                version=row["version"],
                queues=tuple(row["queues"]),
                tasks=tuple(row["tasks"]),
                slots=row["slots"],
                started_at=to_datetime(row["started_at"]),
                seen_at=to_datetime(row["seen_at"]),
            )
            for row in rows
        ]

    async def check(self) -> list[str]:
        """Broken invariants of the store, one line each; reads everything."""
        return cast("list[str]", await self._connection.ask("check"))


def _stats(rows: list[dict[str, Any]]) -> QueueStats:
    def total(state: str) -> int:
        return sum(row["by_state"].get(state, 0) for row in rows)

    oldest = [row["oldest_ready_at"] for row in rows if row["oldest_ready_at"]]
    return QueueStats(
        waiting=total("ready"),
        active=total("running"),
        completed=total("completed"),
        failed=total("failed"),
        delayed=total("scheduled"),
        paused=all(row["paused"] for row in rows),
        blocked=total("blocked"),
        parked=total("parked"),
        cancelled=total("cancelled"),
        expired=total("expired"),
        quarantined=total("quarantined"),
        max_length=sum(row["max_length"] for row in rows),
        oldest_waiting_at=to_datetime(min(oldest)) if oldest else None,
    )
