"""One run of a job, as the machinery sees it. Handlers see it through a `Context` (context.py).

Made for every job, so it is lean: a lease, who runs it, and how it stands. The host is the worker, a child
process, or nobody (`StaticLease` and `DetachedHost`, when a task is simply called).
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from .resources import Resources


class Lease(Protocol):
    """What the engine says about a job that is to be run now. Times in ms, UTC; payload, headers: JSON."""

    # ruff: noqa: D102 - the names say it, and info.JobInfo has the words
    @property
    def id(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def attempt(self) -> int: ...
    @property
    def retries_left(self) -> int: ...
    @property
    def fence(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def tenant(self) -> str: ...
    @property
    def enqueued_at(self) -> int: ...
    @property
    def due_at(self) -> int: ...
    @property
    def soft_timeout_ms(self) -> int: ...
    @property
    def hard_timeout_ms(self) -> int: ...


class Host(Protocol):
    """What a run asks of whoever runs it."""

    @property
    def worker(self) -> str: ...
    @property
    def resources(self) -> Resources: ...
    def progress(self, run: Run, count: int, total: int, message: str) -> None: ...
    def step(self, run: Run, name: str, fields: dict[str, Any]) -> None: ...


class Run:
    """A job that is being run.

    Attributes:
        lease: What the engine says about it.
        host: Who runs it.
        logged: Whether its lines are written (logs.py).
        over: Settled without its handler: what that still says does not count.
        started: When the handler was entered, `time.monotonic()`.
        step_at: When its last step was reached, the same.
        stop: Why it should stop: cancelled, timeout, lease_lost, shutdown; empty while it should go on.
        task: The slot that runs it.
        context: The handler's view, once it was asked for.
    """

    __slots__ = ("context", "host", "lease", "logged", "over", "started", "step_at", "stop", "task")

    def __init__(self, lease: Lease, host: Host, started: float, *, logged: bool = True) -> None:
        self.lease = lease
        self.host = host
        self.logged = logged
        self.over = False
        self.started = self.step_at = started
        self.stop = ""
        self.task: asyncio.Task[Any] | None = None
        self.context: Any = None

    @property
    def correlation_id(self) -> str:
        """What ties everything to the request that started it: the job's own id unless it was given one."""
        return self.lease.correlation_id or self.lease.id


# None outside of handlers. Set by the worker for each run, inherited by the tasks that the handler starts.
running: ContextVar[Run | None] = ContextVar("khala_jobs_running", default=None)


@dataclass(frozen=True, slots=True)
class StaticLease:
    """A lease as plain values: for runs outside of a worker's process, or without any engine."""

    id: str
    task: str
    queue: str = "default"
    payload: bytes = b"{}"
    attempt: int = 1
    retries_left: int = 0
    fence: int = 0
    priority: int = 5
    correlation_id: str = ""
    headers: bytes = b"{}"
    tenant: str = ""
    enqueued_at: int = 0
    due_at: int = 0
    soft_timeout_ms: int = 0
    hard_timeout_ms: int = 0


@dataclass(slots=True)
class DetachedHost:
    """Host of a handler that was simply called; keeps what it reported, for tests to look at."""

    resources: Resources
    worker: str = "detached"
    reports: list[tuple[int, int, str]] = field(default_factory=list)
    steps: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def progress(self, run: Run, count: int, total: int, message: str) -> None:  # noqa: ARG002
        """Keep it."""
        self.reports.append((count, total, message))

    def step(self, run: Run, name: str, fields: dict[str, Any]) -> None:  # noqa: ARG002
        """Keep it."""
        self.steps.append((name, fields))
