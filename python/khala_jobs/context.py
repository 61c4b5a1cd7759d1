"""What a running handler sees of its job: ``ctx``, and `current_job()` for code that was not handed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from . import logs
from .durations import to_datetime, to_timedelta
from .errors import InvalidArgument
from .options import text
from .resources import Resources
from .run import DetachedHost, Run, StaticLease, running
from .shown import shown

PROGRESS_MESSAGE_BYTES: Final = 1024
# Fields of a PIPELINE_METRICS line that say which job it is about.
RESERVED_FIELDS: Final = frozenset({"event", "step", "correlation_id", "job_id"})


class _Done:
    """Awaitable that is done already, so that ``ctx.progress(...)`` can be awaited or just called."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


DONE: Final = _Done()


class Context:
    """The run of a job, as its handler sees it. Safe to use from the handler's thread."""

    __slots__ = ("_lease", "_logger", "_run")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lease = run.lease
        self._logger: Any = None

    @property
    def job_id(self) -> str:
        """Id of the job."""
        return self._lease.id

    @property
    def task(self) -> str:
        """Name of the task."""
        return self._lease.task

    @property
    def queue(self) -> str:
        """Queue it was taken from."""
        return self._lease.queue

    @property
    def attempt(self) -> int:
        """Which start this is, from 1: a run after a worker's death counts, one that was snoozed does not."""
        return self._lease.attempt

    @property
    def fence(self) -> int:
        """Fencing token: larger for every later run of any job. For outside systems that can compare."""
        return self._lease.fence

    @property
    def priority(self) -> int:
        """0..255, larger runs sooner."""
        return self._lease.priority

    @property
    def correlation_id(self) -> str:
        """What ties everything to the request that started it; jobs enqueued by this one inherit it."""
        return self._run.correlation_id

    @property
    def headers(self) -> dict[str, str]:
        """What the producer attached."""
        headers: dict[str, str] = orjson.loads(self._lease.headers)
        return headers

    @property
    def tenant(self) -> str:
        """On whose behalf; may be empty."""
        return self._lease.tenant

    @property
    def enqueued_at(self) -> datetime | None:
        """When it was put in."""
        return to_datetime(self._lease.enqueued_at)

    @property
    def timeout(self) -> timedelta | None:
        """How long the handler may take before it is asked to stop."""
        return to_timedelta(self._lease.soft_timeout_ms)

    @property
    def worker(self) -> str:
        """Id of the worker that runs it."""
        return self._run.host.worker

    @property
    def resources(self) -> Resources:
        """What the application gave its handlers (``jobs.resources``)."""
        return self._run.host.resources

    @property
    def logger(self) -> Any:
        """A structlog logger that carries job_id, task, queue, attempt and correlation_id."""
        if self._logger is None:
            self._logger = logs.logger("khala_jobs.task").bind(
                job_id=self.job_id,
                task=self.task,
                queue=self.queue,
                attempt=self.attempt,
                correlation_id=self.correlation_id,
            )
        return self._logger

    @property
    def cancelled(self) -> bool:
        """Whether the handler should stop: cancelled, out of time, lease lost, or shut down."""
        return bool(self._run.stop)

    @property
    def stop_reason(self) -> str:
        """Why: ``cancelled``, ``timeout``, ``lease_lost``, ``shutdown``; empty while it should go on."""
        return self._run.stop

    def raise_if_cancelled(self) -> None:
        """For sync handlers: leave at a good moment when the run should stop.

        Raises:
            asyncio.CancelledError: It should.
        """
        if self._run.stop:
            raise asyncio.CancelledError(self._run.stop)

    def progress(self, count: int, total: int = 0, message: str = "") -> _Done:
        """Say how far the run is; visible to everyone within about a second.

        Args:
            count: Units done.
            total: Units in all; 0 = unknown.
            message: For people, at most 1 KiB of UTF-8.

        Returns:
            Something to ``await``; a sync handler just calls.

        Raises:
            InvalidArgument: A number is negative or no integer, or the message is no text, or too long.
        """
        given: tuple[tuple[str, object], ...] = (("count", count), ("total", total))
        for name, value in given:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
                raise InvalidArgument(
                    f"progress.{name}", f"expected a whole number from 0 on, got {shown(value)}"
                )
        text(message, "progress.message")
        size = len(message.encode())
        if size > PROGRESS_MESSAGE_BYTES:
            raise InvalidArgument("progress.message", f"{size} bytes, {PROGRESS_MESSAGE_BYTES} is the limit")
        self._run.host.progress(self._run, count, total, message)
        return DONE

    def step(self, name: str, **fields: Any) -> None:
        """Write a PIPELINE_METRICS line ``step=<task>_<name>``.

        Args:
            name: Of the step that was reached, such as ``workspace_complete``.
            **fields: Figures of the step; ``duration_ms`` is the time since the previous step unless given.

        Raises:
            InvalidArgument: A field has the name of one that identifies the job.
        """
        if clash := RESERVED_FIELDS & fields.keys():
            raise InvalidArgument(
                f"step.{min(clash)}", "this name says which job a line is about: choose another"
            )
        now = time.monotonic()
        fields.setdefault("duration_ms", round(1000 * (now - self._run.step_at)))
        self._run.step_at = now
        self._run.host.step(self._run, name, fields)

    def __repr__(self) -> str:
        return f"<Context job={self.job_id} task={self.task} attempt={self.attempt}>"


_correlation: ContextVar[str] = ContextVar("khala_jobs_correlation", default="")


def context_of(run: Run) -> Context:
    """The handler's view of a run; one for each run."""
    if run.context is None:
        run.context = Context(run)
    found: Context = run.context
    return found


def current_job() -> Context | None:
    """The context of the handler that this code runs in; ``None`` outside of handlers."""
    run = running.get()
    return None if run is None else context_of(run)


def current_correlation_id() -> str:
    """The running job's correlation id, else the one set by `correlation`, else empty."""
    run = running.get()
    return _correlation.get() if run is None else run.correlation_id


@contextmanager
def correlation(correlation_id: str) -> Iterator[None]:
    """Give jobs that are enqueued inside a correlation id; for a ``with`` statement.

    Args:
        correlation_id: Theirs, unless the enqueue names another, or a handler enqueues: its job's then.

    Raises:
        InvalidArgument: It is no text.
    """
    token = _correlation.set(text(correlation_id, "correlation_id"))
    try:
        yield
    finally:
        _correlation.reset(token)


def detached(task: str, resources: Resources | None = None) -> Context:
    """Give a context for calling a handler directly, without a job."""
    host = DetachedHost(resources or Resources())
    return Context(Run(StaticLease("detached", task), host, time.monotonic()))
