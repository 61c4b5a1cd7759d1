"""Running handlers: a few long-lived tasks that take leases from one queue.

A slot runs one job after another without going back to the loop, as long as its handlers do not wait; when
one does, the pump wakes the next slot. So a job costs no task of its own, yet every handler runs inside a
real task, where ``asyncio.timeout``, task groups and cancellation work. A slot gives way after 2 ms, and is
replaced by a fresh one when its handler was cancelled or left context variables changed, so that nothing
leaks from one job to the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from time import monotonic
from typing import Any, Final

from . import failure
from .context import context_of
from .definition import Definition, Way
from .errors import PayloadMismatch
from .handlers import Handlers
from .logs import JobLog
from .metrics import Metrics, TaskMetrics
from .outcomes import (
    CANCEL,
    DONE,
    ENDINGS,
    FAIL,
    RELEASE,
    RETRY,
    SNOOZE,
    Outcomes,
    Verdict,
    asked_for,
    checked_size,
    outcome_of,
    reason_of,
    reason_text,
)
from .retry import Outcome
from .run import Host, Run, running

TURN_SECONDS: Final = 0.002
_ANSWERS: Final = (Outcome, type)  # what may be no result: nearly all values are seen to be one by this alone
# A payload of other parameters than the handler's was written by other code: wait for the deployment to
# finish.
MISMATCH_DELAY_MS: Final = 60_000


class Slots:
    """The slots of one worker. Used in the loop's thread only.

    Args:
        loop: That they run in.
        limit: Tasks at most; as many as leases that can be held.
        definitions: The tasks by name.
        host: What contexts ask.
        handlers: Runs sync handlers.
        outcomes: Takes what becomes of runs.
        log: Of the worker.
        metrics: Of the worker.
        result_bytes: Largest result.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit: int,
        definitions: Mapping[str, Definition],
        host: Host,
        handlers: Handlers,
        outcomes: Outcomes,
        log: JobLog,
        metrics: Metrics,
        result_bytes: int,
    ) -> None:
        self._loop, self._limit, self._definitions, self._host = loop, limit, definitions, host
        self._handlers, self._outcomes, self._log, self._metrics = handlers, outcomes, log, metrics
        self._result_bytes = result_bytes
        self._ready: deque[Any] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumping = False
        self._ending = False
        self._on_empty: asyncio.Future[None] | None = None
        self.running: dict[int, Run] = {}  # by the engine's slot number

    def add(self, lease: Any) -> None:
        """Run this job as soon as a slot is free, which is at once."""
        self._ready.append(lease)
        if not self._pumping:
            self._pumping = True
            self._wake_one()
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Wake one slot a turn while there is work: the one before may have done it all by then."""
        if self._ready and self._wake_one():
            self._loop.call_soon(self._pump)
        else:
            self._pumping = False

    def _wake_one(self) -> bool:
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return True
        if len(self._tasks) >= self._limit or self._ending:
            return False
        self._spawn()
        return True

    def _spawn(self) -> None:
        task = self._loop.create_task(self._slot(), name="khala slot")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def replace(self, task: asyncio.Task[None]) -> None:
        """Give up a task, whatever it still does, and let another take its place."""
        self._tasks.discard(task)
        if self._ready and not self._ending:
            self._spawn()

    async def wait_empty(self) -> None:
        """Wait until no handler runs."""
        while self.running:
            self._on_empty = self._loop.create_future()
            await self._on_empty

    async def end(self) -> None:
        """Let the slots end; they must be idle."""
        self._ending = True
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def forget(self, slot: int) -> Run | None:
        """The run in this slot does not count any more."""
        run = self.running.pop(slot, None)
        if run is not None:
            run.over = True
        self._check_empty()
        return run

    def _check_empty(self) -> None:
        if self._on_empty is not None and not self.running:
            waiter, self._on_empty = self._on_empty, None
            if not waiter.done():
                waiter.set_result(None)

    async def _slot(self) -> None:
        task, ready, loop = asyncio.current_task(), self._ready, self._loop
        assert task is not None
        turn_ends = monotonic() + TURN_SECONDS
        while not self._ending:
            if not ready:
                waiter = loop.create_future()
                self._idle.append(waiter)
                await waiter
                turn_ends = monotonic() + TURN_SECONDS
                continue
            lease = ready.popleft()
            if not lease.start():
                continue  # the engine took it back: cancelled, stopped
            try:
                clean = await self._run(lease, task)
            except Exception as error:  # noqa: BLE001 - a slot is freed and its job answered for, whatever went wrong
                clean = self._rescue(lease, error)
            if task.cancelling() or not clean:
                self.replace(task)
                return
            if monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = monotonic() + TURN_SECONDS

    def _rescue(self, lease: Any, error: Exception) -> bool:
        """Free the slot of a run that broke this machinery itself, not its handler; the job fails with the error."""
        slot = lease.slot
        run = self.running.get(slot)
        if run is not None and run.lease is lease:  # else it was not there yet, or is another's already
            self.forget(slot)
        self._outcomes.add(lease, (FAIL, failure.from_exception(error), False))
        self._log.worker(logging.ERROR, "run_broken", run, error=failure.safe_text(error))
        return False

    async def _run(self, lease: Any, task: asyncio.Task[None]) -> bool:
        """One job, from its start to its outcome; False when it left context variables changed."""
        started = monotonic()
        definition = self._definitions[lease.task]
        run = Run(lease, self._host, started, logged=self._log.admit(started))
        run.task = task
        slot = lease.slot
        self.running[slot] = run
        counters = self._metrics.of(lease.queue, definition.name)
        counters.started += 1
        counters.wait.observe(max(lease.started_at - lease.due_at, 0) / 1000)
        if run.logged:
            self._log.started(run)
        running.set(run)
        before = copy_context()
        verdict = await self._verdict(run, definition)
        clean = _is_same(before)
        running.set(None)
        if run.over:  # settled by the engine meanwhile
            return clean
        del self.running[slot]
        self._count(run, counters, verdict, monotonic() - started)
        self._outcomes.add(lease, verdict)
        if self._on_empty is not None:
            self._check_empty()
        if task.cancelling() and not run.stop and self._is_loop_ending():
            self._outcomes.flush()
            raise asyncio.CancelledError
        return clean

    def _is_loop_ending(self) -> bool:
        """Whether somebody cancels every task, as ``asyncio.run`` does at its end, and not a handler its own."""
        return all(task.cancelling() for task in asyncio.all_tasks(self._loop) - self._tasks)

    async def _verdict(self, run: Run, definition: Definition) -> Verdict:  # noqa: PLR0911 - one a cause
        """Decode, call, encode; and what an exception means."""
        try:
            try:
                args, kwargs = definition.arguments.decode(run.lease.payload)
            except PayloadMismatch as error:
                return SNOOZE, MISMATCH_DELAY_MS, reason_text(error)
            try:
                if definition.way is Way.PROCESS:
                    return checked_size(await self._handlers.in_child(run, definition), self._result_bytes)
                if definition.way is Way.THREAD:
                    value = await self._handlers.in_thread(run, definition, args, kwargs)
                elif definition.takes_context:
                    value = await definition.function(context_of(run), *args, **kwargs)
                else:
                    value = await definition.function(*args, **kwargs)
            except Outcome as outcome:
                value = outcome
            if isinstance(value, _ANSWERS) and (answer := outcome_of(value)) is not None:
                return asked_for(answer)
            return checked_size((DONE, definition.results.encode(value), None), self._result_bytes)
        except asyncio.CancelledError as error:
            return _cancelled(run, error, self._is_loop_ending)
        except GeneratorExit as error:
            if run.over or not self._loop.is_running():  # this coroutine itself is being closed
                raise
            return FAIL, failure.from_exception(error), False
        except BaseException as error:  # noqa: BLE001 - a handler's exception becomes its outcome
            timed_out = run.stop == "timeout"
            return FAIL, failure.from_exception(error), timed_out

    def _count(self, run: Run, counters: TaskMetrics, verdict: Verdict, seconds: float) -> None:
        counters.run.observe(seconds)
        code = verdict[0]
        if code == DONE:
            counters.completed += 1
            if run.logged:
                self._log.ended(run, "completed", seconds * 1000, counters)
            return
        ending = ENDINGS[code]
        error = reason = ""
        if code == RETRY and run.lease.retries_left == 0:
            ending, error = "failed", "Retry: no retries left"
        setattr(counters, ending, getattr(counters, ending) + 1)
        if code == FAIL:
            counters.timed_out += verdict[2]
            error = str(failure.parse(verdict[1][1]))
        else:
            reason = reason_of(verdict)
        self._log.ended(run, ending, seconds * 1000, counters, error=error, reason=reason)


def _is_same(before: Context) -> bool:
    """Whether no context variable was changed since; comparing them runs their values' own code."""
    try:
        return copy_context() == before
    except Exception:  # noqa: BLE001 - such as that of NumPy arrays, which refuse to be compared
        return False


def _cancelled(run: Run, error: asyncio.CancelledError, is_loop_ending: Callable[[], bool]) -> Verdict:
    """What a cancellation means that reached the slot."""
    task = run.task
    match run.stop:
        case "cancelled":
            return CANCEL, "cancelled while it ran", None
        case "timeout":
            return FAIL, failure.from_exception(failure.timeout_of(run.lease.soft_timeout_ms, error)), True
        case "":
            if task is None or not task.cancelling() or not is_loop_ending():  # the handler's own doing
                return FAIL, failure.from_exception(error), False
            return RELEASE, "its event loop is shutting down", None
        case reason:
            return RELEASE, reason, None
