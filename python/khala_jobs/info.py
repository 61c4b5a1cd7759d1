"""How a job stands: the store's row as values for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from .durations import to_datetime
from .failure import ErrorInfo, parse

State = Literal[
    "scheduled",
    "blocked",
    "ready",
    "running",
    "parked",
    "completed",
    "failed",
    "cancelled",
    "expired",
    "quarantined",
]
CLOSED: frozenset[str] = frozenset({"completed", "failed", "cancelled", "expired", "quarantined"})


@dataclass(frozen=True, slots=True)
class Progress:
    """What the handler last said. `total` 0 = unknown."""

    count: int
    total: int
    message: str

    @property
    def fraction(self) -> float | None:
        """0..1, or ``None`` when the total is unknown."""
        return min(self.count / self.total, 1.0) if self.total else None


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """One start of the job.

    Attributes:
        number: From 1.
        started_at: When.
        ended_at: ``None`` while it runs.
        worker: Where.
        outcome: completed, failed, timed_out, retried, snoozed, cancelled, released, lapsed, crashed or
            running.
        error: Of a failed one.
        cpu_ms: CPU time, where it is known.
    """

    number: int
    started_at: datetime | None
    ended_at: datetime | None
    worker: str
    outcome: str
    error: ErrorInfo | None = None
    cpu_ms: int = 0


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job as the store has it. Times are UTC; ``None`` = not (yet).

    Attributes:
        id: Of the job.
        task: Name of its handler.
        queue: Where it is.
        state: One of `State`.
        priority: 0..255.
        arguments: The decoded payload by parameter name.
        result: The decoded result, as plain JSON values.
        error: The latest one.
        reason: Why it is in this state, for people.
        attempt: Starts so far but those that were taken back: snoozed, or handed back when a worker stopped.
        failures: Runs that ended by the handler's own doing: these spend the retry budget.
        snoozes: Runs that asked to be put off.
        crashes: Deaths of a worker that this job is to blame for.
        suspect: It ran in a process that died, and runs apart until it completes.
        cancel_requested: Its worker has been asked to stop it.
        fence: Token of the current or latest run.
        worker: Of the current or latest run.
        enqueued_at: When it was put in.
        due_at: When it may start.
        started_at: When the latest run started.
        closed_at: When it ended for good.
        expires_at: Not started by then, it expires.
        keep_until: Removed by the clean-up after that.
        timeout_ms: Soft time-out; 0 = none.
        hard_timeout_ms: Hard time-out; 0 = none.
        retry: The policy as stored.
        correlation_id: Ties it to what caused it and what it causes; its own id where it was given none.
        headers: What the producer attached.
        tenant: On whose behalf.
        parent_id: The job that enqueued it.
        task_version: Of the code that enqueued it.
        progress: What the handler last said.
        history: Attempts, oldest first; empty unless it was asked for.
    """

    id: str
    task: str
    queue: str
    state: State
    priority: int
    arguments: dict[str, Any]
    result: Any
    error: ErrorInfo | None
    reason: str
    attempt: int
    failures: int
    snoozes: int
    crashes: int
    suspect: bool
    cancel_requested: bool
    fence: int
    worker: str
    enqueued_at: datetime | None
    due_at: datetime | None
    started_at: datetime | None
    closed_at: datetime | None
    expires_at: datetime | None
    keep_until: datetime | None
    timeout_ms: int
    hard_timeout_ms: int
    retry: dict[str, Any] | None
    correlation_id: str
    headers: dict[str, str]
    tenant: str
    parent_id: str
    task_version: int
    progress: Progress | None
    history: tuple[AttemptInfo, ...] = field(default=())

    @property
    def is_closed(self) -> bool:
        """Whether it ended for good."""
        return self.state in CLOSED


def from_row(row: Mapping[str, Any]) -> JobInfo:
    """The value of a row as the core gives it."""
    said = row["progress_count"] or row["progress_total"] or row["progress_message"]
    return JobInfo(
        id=row["id"],
        task=row["task"],
        queue=row["queue"],
        state=row["state"],
        priority=row["priority"],
        arguments=_json(row["payload"], {}),
        result=_json(row["result"], None),
        error=parse(row["error"]),
        reason=row["reason"],
        attempt=row["attempt"],
        failures=row["failures"],
        snoozes=row["snoozes"],
        crashes=row["crashes"],
        suspect=row["suspect"],
        cancel_requested=row["cancel_requested"],
        fence=row["token"],
        worker=row["worker"],
        enqueued_at=to_datetime(row["enqueued_at"]),
        due_at=to_datetime(row["due_at"]),
        started_at=to_datetime(row["started_at"]),
        closed_at=to_datetime(row["closed_at"]),
        expires_at=to_datetime(row["expires_at"]),
        keep_until=to_datetime(row["keep_until"]),
        timeout_ms=row["soft_timeout_ms"],
        hard_timeout_ms=row["hard_timeout_ms"],
        retry=_json(row["retry"], None),
        correlation_id=row["correlation_id"] or row["id"],
        headers=_json(row["headers"], {}),
        tenant=row["tenant"],
        parent_id=row["parent_id"],
        task_version=row["task_version"],
        progress=Progress(row["progress_count"], row["progress_total"], row["progress_message"])
        if said
        else None,
        history=tuple(_attempt(attempt) for attempt in row.get("history", ())),
    )


def _attempt(attempt: Mapping[str, Any]) -> AttemptInfo:
    return AttemptInfo(
        number=attempt["number"],
        started_at=to_datetime(attempt["started_at"]),
        ended_at=to_datetime(attempt["ended_at"]),
        worker=attempt["worker"],
        outcome=attempt["outcome"],
        error=parse(attempt["error"]),
        cpu_ms=attempt["cpu_ms"],
    )


def _json(text: bytes | str, empty: Any) -> Any:
    """Stored JSON; a damaged row's text, which is no JSON, as it is."""
    if not text:
        return empty
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
