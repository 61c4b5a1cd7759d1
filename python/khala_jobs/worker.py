"""`WorkerPool`: runs jobs in one event loop, from the first claim to a clean end.

The engine claims only for free slots and says here what to run, what to stop and what to give up; `Slots`
runs it.

A graceful stop takes these steps: claim nothing more; hand back what was not started (no attempt is spent);
wait for running handlers, at most the grace period; cancel the rest and give them a moment; hand back
whatever is left. A second stop goes straight to cancelling.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

from . import __version__
from .bridge import Bridge
from .definition import Definition, Way
from .errors import Closed, InvalidArgument
from .handlers import Handlers
from .lag import LoopWatch
from .logs import JobLog
from .metrics import Metrics
from .outcomes import RELEASE, RESULT_BYTES, Outcomes
from .resources import Resources
from .run import Run
from .settings import Settings
from .slots import Slots
from .where import of_task

# A handler that swallows its cancellation is cancelled once more after this, then left to its hard time-out.
CANCEL_AGAIN_SECONDS: Final = 1.0
# After the grace period, for handlers to clean up behind their cancellation.
CANCEL_WAIT_SECONDS: Final = 2.0


class WorkerPool:
    """The worker of one `JobProcessor` in one event loop.

    Args:
        engine: The opened engine.
        bridge: Of the running loop.
        definitions: Tasks that it runs, by name.
        queues: Names of queues, each with the number of its jobs that may run at once.
        settings: Of the processor.
        resources: For handlers.
        log: Of the processor.
        metrics: Of the processor.
        supervised: A parent ends this process when a handler cannot be stopped.
    """

    def __init__(
        self,
        engine: Any,
        bridge: Bridge,
        definitions: Mapping[str, Definition],
        queues: Sequence[tuple[str, int]],
        settings: Settings,
        resources: Resources,
        log: JobLog,
        metrics: Metrics,
        *,
        supervised: bool = False,
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.resources = resources
        self._engine, self._bridge, self._loop = engine, bridge, bridge.loop
        self._definitions, self._queues, self._settings = definitions, list(queues), settings
        self._log, self._metrics, self._supervised = log, metrics, supervised
        self._outcomes = Outcomes(self._loop, engine)
        self._handlers = Handlers(self._loop, self.worker)
        self._slots = Slots(
            self._loop,
            settings.max_concurrent + 1,  # one more for a suspect
            self._definitions,
            self,
            self._handlers,
            self._outcomes,
            log,
            metrics,
            RESULT_BYTES,
        )
        self._watch: LoopWatch | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self.failed = asyncio.Event()  # the engine is gone, or the loop is ending: nothing more will be run
        self.failure = ""  # why the engine is gone

    # --- life ----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to claim jobs.

        Raises:
            InvalidArgument: The engine runs a worker already, or cannot run this one.
        """
        self._bridge.receiver = self
        self._metrics.watch(self._settings.max_concurrent, self._slots.running)
        self._watch = LoopWatch(
            self._loop,
            self._settings.lag_warning,
            self._log,
            self._metrics,
            lambda: list(self._slots.running.copy().values()),
            lambda run: self._definitions[run.lease.task].code,
            self._bridge.close,
        )
        try:
            await self._claim()
        except BaseException:
            self._end_helpers()
            raise

    async def _claim(self) -> None:
        await self._bridge.request(
            self._engine.start_worker,
            worker=self.worker,
            queues=self._queues,
            tasks=list(self._definitions),
            slots=self._settings.max_concurrent,
            suspects=self._settings.suspects,
            version=__version__,
        )

    def set_work(self, queues: Sequence[tuple[str, int]]) -> None:
        """Serve these queues, and the tasks that there are by now. In any thread."""
        self._queues = list(queues)
        self._engine.set_work(queues=list(queues), tasks=list(self._definitions))

    @property
    def queues(self) -> frozenset[str]:
        """Names of the queues that it serves."""
        return frozenset(name for name, _ in self._queues)

    @property
    def is_working(self) -> bool:
        """Whether it claims jobs, or would if there were any."""
        return not self.is_over and not self.failed.is_set()

    @property
    def is_over(self) -> bool:
        """Whether its event loop has ended, and with it everything that ran there."""
        return self._bridge.closed or self._loop.is_closed()

    async def stop(self, grace: float) -> None:
        """Stop as described above; a second call, while the first waits, cancels the handlers at once.

        A caller that is cancelled stops waiting; the worker goes on stopping, and the next call waits for that.

        Args:
            grace: Seconds that running handlers may take to finish.

        Raises:
            InvalidArgument: A handler of this worker calls, or another event loop.
        """
        if self.is_over:
            return
        if asyncio.get_running_loop() is not self._loop:
            raise InvalidArgument("jobs", "the worker runs in another event loop: stop it there")
        current = asyncio.current_task()
        if any(run.task is current for run in self._slots.running.values()):
            raise InvalidArgument(
                "jobs", "a handler cannot wait for the end of the worker that waits for its end"
            )
        if self._stopping is None:
            self._stopping = self._loop.create_task(self._stop(grace), name="khala stop")
        else:
            self.hurry()
        await asyncio.shield(self._stopping)

    def hurry(self) -> None:
        """While `stop` waits: do not wait for handlers any longer."""
        if self._stopping is not None:
            self._hurry.set()

    async def _stop(self, grace: float) -> None:
        if not self.failed.is_set():
            await self._bridge.request(self._engine.stop_worker)
        await self._wait_empty(grace)
        if self._slots.running:
            for slot in list(self._slots.running):
                self.on_stop(slot, "shutdown")
            self._hurry.clear()
            await self._wait_empty(CANCEL_WAIT_SECONDS)
        for slot, run in list(self._slots.running.items()):
            self._log.worker(
                logging.WARNING, "handler_abandoned", run, reason="still running when the worker stopped"
            )
            self._outcomes.add(run.lease, (RELEASE, "the worker stopped", None))
            self._give_up(slot)
        self._outcomes.flush()
        await self._slots.end()
        self._end_helpers()

    def _end_helpers(self) -> None:
        self._bridge.receiver = None
        self._handlers.close()
        if self._watch is not None:
            self._watch.stop()

    async def _wait_empty(self, seconds: float) -> None:
        """Wait until no handler runs, the time is over, or somebody is in a hurry."""
        empty = asyncio.ensure_future(self._slots.wait_empty())
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait({empty, hurry}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            empty.cancel()
            hurry.cancel()

    async def wait_until(self, stopped: asyncio.Event) -> None:
        """Wait for the event as long as the engine lives.

        Args:
            stopped: Set when it is time to stop; nothing is stopped here.

        Raises:
            Closed: The engine failed; says why.
        """
        waits = [asyncio.ensure_future(event.wait()) for event in (stopped, self.failed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not stopped.is_set():
            raise Closed("engine", f"the worker cannot go on: {self.failure or 'its event loop ended'}")

    async def wait_idle(self) -> None:
        """Wait until no handler runs and every outcome is with the engine."""
        await self._slots.wait_empty()
        self._outcomes.flush()

    # --- what the engine says ------------------------------------------------------------------------------

    def on_lease(self, lease: Any) -> None:
        """Run this job."""
        self._slots.add(lease)

    def on_stop(self, slot: int, reason: str) -> None:
        """Ask the handler in this slot to end."""
        run = self._slots.running.get(slot)
        if run is None:
            return
        run.stop = run.stop or reason
        if self._definitions[run.lease.task].way is Way.ASYNC:
            self._cancel(run)
            self._loop.call_later(CANCEL_AGAIN_SECONDS, self._cancel_again, slot, run)
        else:
            self._handlers.stop(run)

    def on_abandon(self, slot: int, _reason: str) -> None:
        """The hard time-out of the run in this slot is over, and is settled."""
        run = self._slots.running.get(slot)
        if run is None:
            self._engine.reclaimed(slot)
            return
        counters = self._metrics.of(run.lease.queue, run.lease.task)
        counters.failed += 1
        counters.timed_out += 1
        limit = run.lease.hard_timeout_ms
        counters.run.observe(limit / 1000)
        self._log.ended(run, "failed", float(limit), counters, error="TimeoutError: its hard time-out passed")
        if self._give_up(slot):
            self._engine.reclaimed(slot)

    def on_lost(self, job_id: str, fence: int) -> None:
        """An outcome was refused: the lease had gone to somebody else."""
        self._metrics.leases_lost += 1
        self._log.worker(logging.WARNING, "lease_lost", jobId=job_id, fence=fence)

    def on_store_reset(self, count: int) -> None:
        """The server lost everything: a restart without persistence, or somebody emptied it."""
        self._metrics.store_resets += 1
        self._log.worker(
            logging.CRITICAL,
            "store_reset",
            count=count,
            error="all jobs of the store are gone (the server restarted without persistence, or was emptied); "
            "producers may enqueue them again by id",
        )

    def on_fatal(self, message: str) -> None:
        """The engine failed."""
        self.failure = message
        self.failed.set()
        self._log.worker(logging.CRITICAL, "engine_failed", error=message)

    def on_detached(self) -> None:
        """The loop has ended, or is about to, under the running worker; the engine gives its jobs back."""
        self.failed.set()
        self._end_helpers()
        self._log.worker(
            logging.ERROR,
            "loop_closed",
            worker=self.worker,
            error="the event loop ended while its worker was running, so its jobs go back to the queue: "
            "leave `async with jobs`, or await jobs.close(), before the loop ends",
        )

    # --- what contexts ask ---------------------------------------------------------------------------------

    def progress(self, run: Run, count: int, total: int, message: str) -> None:
        """Carried by the next renewal of the lease."""
        self._engine.progress(run.lease, count, total, message)

    def step(self, run: Run, name: str, fields: dict[str, Any]) -> None:
        """Written if this run's lines are."""
        if run.logged:
            self._log.step(run, name, fields)

    # --- ending handlers -----------------------------------------------------------------------------------

    def _cancel(self, run: Run) -> None:
        task = run.task
        if task is not None:
            task.cancel(run.stop)

    def _cancel_again(self, slot: int, run: Run) -> None:
        if self._slots.running.get(slot) is run:
            self._cancel(run)

    def _give_up(self, slot: int) -> bool:
        """Leave a handler that does not end behind; True when nothing of it runs on."""
        run = self._slots.forget(slot)
        if run is None:
            return True
        definition = self._definitions[run.lease.task]
        if definition.way is Way.ASYNC:
            return self._end_coroutine(run, definition)
        ended, place = self._handlers.abandon(run, definition)
        if ended:
            return True
        self._log.worker(
            logging.ERROR if self._supervised else logging.CRITICAL,
            "handler_stuck",
            run,
            where=place,
            error="its thread cannot be stopped and runs on"
            + ("" if self._supervised else "; under `khala-jobs worker` its process would be replaced"),
        )
        # Under a supervisor the slot stays taken, and the engine asks for the process's end.
        return not self._supervised

    def _end_coroutine(self, run: Run, definition: Definition) -> bool:
        """End a handler that swallows its cancellation, by closing its coroutine."""
        task = run.task
        assert task is not None
        place = of_task(task, definition.code)
        ended = True
        coroutine = task.get_coro()
        try:
            coroutine.close()
        except RuntimeError:
            ended = False  # it ignored even that
        self._slots.replace(task)
        task.add_done_callback(_ignore)  # it finds its coroutine closed
        task.cancel()
        self._log.worker(
            logging.ERROR, "handler_ended", run, where=place, error="it ignored its cancellation"
        )
        return ended


def _ignore(task: asyncio.Task[Any]) -> None:
    """Look at what a task that was given up has raised, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
