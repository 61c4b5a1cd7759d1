"""One test's view of a `JobProcessor`: what was enqueued, a fake clock, and jobs that run on demand."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

import orjson
from pydantic_core import PydanticSerializationError, to_jsonable_python

from khala_jobs.bridge import engine
from khala_jobs.definition import Definition
from khala_jobs.durations import Duration, instant_ms, to_datetime, to_ms
from khala_jobs.errors import InvalidArgument
from khala_jobs.info import JobInfo
from khala_jobs.job import Job
from khala_jobs.processor import JobProcessor
from khala_jobs.run import running

from .performing import AnyTask, definition_of

Mode = Literal["manual", "inline"]


class FakeClock:
    """The clock of the store in a test: stands still until `advance`.

    Args:
        at: What it shows first, a datetime with a time zone; default now.
    """

    def __init__(self, at: datetime | None = None) -> None:
        start_ms = int(time.time() * 1000) if at is None else instant_ms(at, "at")
        self.core = engine.ManualClock(start_ms)

    def advance(self, by: Duration) -> None:
        """Move it forward: delayed jobs become due, time-outs and expiries pass."""
        self.core.advance(to_ms(by, "advance"))

    def now(self) -> datetime:
        """What it shows, in UTC."""
        found = to_datetime(self.core.wall_ms)
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Enqueued:
    """One job that was enqueued during the test.

    Attributes:
        job: Its handle.
        task: Name of its task.
        queue: Where it went.
        arguments: As a worker gets them, by parameter name, defaults included; plain JSON values.
        options: All that held for it: queue, priority, delay, retry, …
    """

    job: Job[Any]
    task: str
    queue: str
    arguments: dict[str, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drained:
    """Runs of one `JobsTesting.drain` by how they ended."""

    completed: int = 0
    failed: int = 0
    retried: int = 0
    snoozed: int = 0
    cancelled: int = 0

    @property
    def runs(self) -> int:
        """All of them."""
        return self.completed + self.failed + self.retried + self.snoozed + self.cancelled


class JobsTesting:
    """Puts a `JobProcessor` under a test's control, as an async context manager.

    Args:
        jobs: The application's processor; it must not be open.
        mode: ``manual``: jobs run when the test calls `drain`. ``inline``: an enqueue returns after the job,
            and everything it enqueued, has run (delayed jobs still wait for the clock). A job that is due in a
            queue which this processor does not serve cannot: its enqueue raises `InvalidArgument`, and it stays ready.
        at: What the clock shows first; default now.
    """

    def __init__(self, jobs: JobProcessor, *, mode: Mode = "manual", at: datetime | None = None) -> None:
        if mode not in ("manual", "inline"):
            raise InvalidArgument("mode", f"expected manual or inline, got {mode!r}")
        self.jobs = jobs
        self.clock = FakeClock(at)
        self._mode = mode
        self._enqueued: list[Enqueued] = []
        self._restore: Any = None
        self._draining = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._restore = self.jobs.redirect("memory://", clock=self.clock.core, on_put=self._on_put)
        try:
            await self.jobs.start()
        except BaseException:
            await self._leave()
            raise
        self.jobs.engine.pause_claims()  # the store is empty: nothing was claimed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        try:
            await self.jobs.stop(grace=0)
            await self.jobs.close()
        finally:
            self._restore()

    # --- what was enqueued -------------------------------------------------------------------------------

    def enqueued(self, task: AnyTask[Any] | str | None = None, /, **arguments: Any) -> list[Enqueued]:
        """Jobs that were enqueued since the test began, also by handlers, oldest first.

        Args:
            task: Of this task or `BaseJob` class only (or by its name).
            **arguments: With these arguments; others may be anything. Values are compared as JSON gives
                them back.
        """
        name = None if task is None else _name_of(task)
        return [
            entry
            for entry in self._enqueued
            if name in (None, entry.task)
            and all(
                key in entry.arguments and entry.arguments[key] == value for key, value in arguments.items()
            )
        ]

    def assert_enqueued(self, task: AnyTask[Any] | str, /, **arguments: Any) -> Enqueued:
        """A job of this task with these arguments was enqueued; gives the latest.

        Raises:
            AssertionError: None was; says which were.
        """
        found = self.enqueued(task, **arguments)
        if not found:
            raise AssertionError(
                f"no job of {_wanted(task, arguments)} was enqueued; there were: {self._list()}"
            )
        return found[-1]

    def refute_enqueued(self, task: AnyTask[Any] | str, /, **arguments: Any) -> None:
        """No job of this task with these arguments was enqueued.

        Raises:
            AssertionError: One was.
        """
        found = self.enqueued(task, **arguments)
        if found:
            raise AssertionError(
                f"{len(found)} jobs of {_wanted(task, arguments)} were enqueued: {self._list()}"
            )

    def _list(self) -> str:
        return ", ".join(f"{e.task}({e.arguments})" for e in self._enqueued) or "none at all"

    async def _on_put(
        self, definition: Definition, options: Mapping[str, Any], payloads: list[bytes], jobs: list[Job[Any]]
    ) -> None:
        defaults = _defaults_of(definition)
        for job, payload in zip(jobs, payloads, strict=True):
            if not job.existed:
                arguments = defaults | orjson.loads(payload)
                self._enqueued.append(Enqueued(job, definition.name, options["queue"], arguments, options))
        if self._mode != "inline":
            return
        await self._refuse_unserved(options["queue"], jobs[0])
        if running.get() is None:
            await self.drain()

    async def _refuse_unserved(self, queue: str, job: Job[Any]) -> None:
        """Raise for a job of `queue` that should have run by the end of its enqueue, and never will."""
        if queue in self.jobs.served_queues:
            return
        (info,) = await self.jobs.queues.get_many([job.id])
        if info is not None and self._is_due(info):
            raise InvalidArgument(
                "queue", f"this processor does not serve {queue}: name it in queues=[…], or use manual mode"
            )

    # --- running -----------------------------------------------------------------------------------------

    async def drain(self, *, raise_failures: bool = False) -> Drained:
        """Run every job that is due, and those that they enqueue, until none is left that could run here.

        Retries and snoozes wait for the clock, like everything with a delay. Jobs of queues that are paused, or
        that this processor does not serve, stay where they are.

        Args:
            raise_failures: Fail the test when a run failed, retried or not.

        Raises:
            AssertionError: A run failed, and it was asked for; says how many, and the error of the latest.
        """
        async with self._draining:
            before = self._totals()
            self.jobs.engine.resume_claims()
            try:
                while await self._has_work():
                    await self.jobs.wait_idle()
            finally:
                self.jobs.engine.pause_claims()
            after = self._totals()
        drained = Drained(**{name: after[name] - before[name] for name in after})
        if raise_failures and drained.failed:
            failed = [info async for info in self.jobs.queues.scan() if info.error is not None]
            latest = max(failed, key=lambda info: info.fence)
            raise AssertionError(
                f"{drained.failed} of {drained.runs} runs failed; the latest, of {latest.task}: {latest.error}"
            )
        return drained

    async def _has_work(self) -> bool:
        """Whether a job is running, or is due and could run here."""
        paused = {name for name, stats in (await self.jobs.queues.all_stats()).items() if stats["paused"]}
        served = self.jobs.served_queues - paused
        async for info in self.jobs.queues.scan(states=["ready", "running", "scheduled"]):
            if info.state == "running":
                return True
            if info.task in self.jobs.definitions and info.queue in served and self._is_due(info):
                return True
        return False

    def _is_due(self, info: JobInfo) -> bool:
        """Whether a job waits for nothing but a worker."""
        waits = info.state in ("ready", "scheduled")
        return waits and (info.due_at is None or info.due_at <= self.clock.now())

    def _totals(self) -> dict[str, int]:
        tasks = self.jobs.metrics.tasks
        return {field.name: sum(getattr(t, field.name) for t in tasks) for field in fields(Drained)}


def _name_of(task: AnyTask[Any] | str) -> str:
    return task if isinstance(task, str) else definition_of(task).name


def _defaults_of(definition: Definition) -> dict[str, Any]:
    """What a handler gets for the arguments that are not stored with its jobs (arguments.py), as JSON gives it back."""
    parameters = list(inspect.signature(definition.function).parameters.values())
    if definition.takes_context:
        del parameters[0]
    return {p.name: _as_json(p.default) for p in parameters if p.default is not p.empty}


def _as_json(value: object) -> Any:
    """A default is any object at all: what has no JSON form is left as it is."""
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        return value


def _wanted(task: AnyTask[Any] | str, arguments: Mapping[str, Any]) -> str:
    name = _name_of(task)
    return f"{name} with {dict(arguments)}" if arguments else name
