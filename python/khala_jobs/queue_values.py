"""Queues as values: what is said about one in code, and what the store says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict, cast

import orjson

from .durations import Duration, to_datetime, to_ms
from .errors import InvalidArgument
from .info import JobInfo
from .options import COUNT_MAX, count, text
from .retry import DEFAULT_RETRY, MAX_RETRIES, RetryPolicy
from .shown import shown

# Fields of `Queue` that are counts, with their least and largest value.
_COUNTS: Final = (
    ("concurrency", 1, COUNT_MAX),
    ("attempts", 1, MAX_RETRIES + 1),
    ("max_length", 0, COUNT_MAX),
)


@dataclass(frozen=True, slots=True)
class Queue:
    """A named queue and what holds for its jobs.

    Attributes:
        name: Of the queue.
        concurrency: Jobs of it that run at once in this process; ``None`` = as many as there are slots.
        attempts: Runs in all of a failing job, unless its task says otherwise.
        backoff: Waits between them; ``None`` = the default, exponential from 1 s.
        keep_completed: How long its closed jobs are kept; 0 = removed at the next clean-up; ``None`` = the
            default. Dead letters stay 30 days at least.
        max_length: Jobs that may wait in it, 0 = no limit; ``None`` = what `QueueManager.limit` said, else
            ``queue_size`` of the settings.
        ageing: Strict priority when ``None`` or 0; else a job overtakes those of one priority more after waiting
            this long, so that nothing starves.
    """

    name: str
    concurrency: int | None = None
    attempts: int | None = None
    backoff: RetryPolicy | None = None
    keep_completed: Duration | None = None
    max_length: int | None = None
    ageing: Duration | None = None

    def __post_init__(self) -> None:
        text(self.name, "queue")
        if self.backoff is not None and not isinstance(cast("object", self.backoff), RetryPolicy):
            raise InvalidArgument(
                f"queue {self.name}: backoff",
                f"expected a policy such as Retry.fixed(3, 60), got {shown(self.backoff)}",
            )
        for field, least, most in _COUNTS:
            value = getattr(self, field)
            if value is not None:
                count(value, f"queue {self.name}: {field}", least=least, most=most)
        for field, duration in (("keep_completed", self.keep_completed), ("ageing", self.ageing)):
            if duration is not None:
                to_ms(duration, f"queue {self.name}: {field}")

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

    def stored_defaults(self) -> dict[str, Any]:
        """The same for the store, where other programs can read it."""
        options = self.job_options()
        data: dict[str, Any] = {}
        if "retry" in options:
            data["retry"] = options["retry"].text
        if "keep" in options:
            data["keep_ms"] = to_ms(options["keep"], "keep_completed")
        return data


def changes_for(queue: Queue | None, queue_size: int, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the store has to be told about a queue when a process begins to use it.

    The store has one bound a queue. What code gave it stands among the queue's defaults as well, as ``max_length``
    of a `Queue` or ``queue_size`` of the settings: a bound that is another by now was set by hand, and stays.

    Args:
        queue: What this process defined.
        queue_size: Bound of queues that do not say otherwise; 0 = none.
        row: The store's counts; ``None`` when it does not know the queue.

    Returns:
        Arguments of ``change_queue``; empty when there is nothing to tell.
    """
    # A queue that is defined is to be listed, so the store is told of it even where nothing was said.
    stored = row or {"max_length": 0, "ageing_ms": 0, "defaults": b"{}" if queue is None else b""}
    defaults: dict[str, Any] = orjson.loads(stored["defaults"] or b"{}")
    from_code = {key: defaults.pop(key) for key in ("max_length", "queue_size") if key in defaults}
    by_hand = stored["max_length"] != next(iter(from_code.values()), 0)
    told: dict[str, Any] = {}
    if queue is not None:
        defaults = queue.stored_defaults()
        told["ageing_ms"] = 0 if queue.ageing is None else to_ms(queue.ageing, "ageing")
    if queue is not None and queue.max_length is not None:
        told["max_length"] = queue.max_length
        from_code = {"max_length": queue.max_length}
    elif not by_hand and (
        queue is not None or "max_length" not in from_code
    ):  # else it is another process's `Queue`'s
        told["max_length"] = queue_size
        from_code = {"queue_size": queue_size} if queue_size else {}
    told["defaults"] = orjson.dumps(defaults | from_code)
    return {key: value for key, value in told.items() if stored[key] != value}


class QueueStats(TypedDict):
    """Jobs of a queue by state.

    The first five and `paused` have Bull's names: waiting = ready, active = running, delayed = scheduled.
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
    """A worker process as it announced itself.

    Attributes:
        live: It was seen within the last 30 seconds, and is not known to have died.
    """

    id: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    slots: int
    started_at: datetime | None
    seen_at: datetime | None
    live: bool


def stats_from(rows: list[dict[str, Any]]) -> QueueStats:
    """The sum of the store's counts of some queues, at least one."""

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


def worker_from(row: dict[str, Any]) -> WorkerInfo:
    """A worker as the store has it."""
    return WorkerInfo(
        id=row["id"],
        host=row["host"],
        pid=row["pid"],
        version=row["version"],
        queues=tuple(row["queues"]),
        tasks=tuple(row["tasks"]),
        slots=row["slots"],
        started_at=to_datetime(row["started_at"]),
        seen_at=to_datetime(row["seen_at"]),
        live=row["live"],
    )


def counters_from(row: dict[str, Any]) -> TaskCounters:
    """A task's counters as the store has them."""
    times = {name: to_datetime(row[name]) for name in ("last_run_at", "last_failure_at")}
    return TaskCounters(**{**row, **times})
