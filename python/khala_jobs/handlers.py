"""Sync handlers: in threads, or in child processes that a thread waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from . import where
from .context import context_of
from .definition import Definition, Way
from .options import HARD_TIMEOUT_AFTER_MS
from .outcomes import CANCEL, DONE, FAIL, RETRY, SNOOZE, Verdict
from .processes import Child, ChildDied, ChildProcesses
from .run import Run
from .threads import Ended, HandlerThreads

_ANSWERS: Final = {"retry": RETRY, "snooze": SNOOZE}


# A child that was asked to stop, and has no hard time-out or end of a grace period ahead, is killed after this.
KILL_AFTER_SECONDS: Final = HARD_TIMEOUT_AFTER_MS / 1000
_KILLED_FOR: Final = ("cancelled", "lease_lost")


class Abandoned(Exception):
    """Nobody waits for this handler any more."""


@dataclass(slots=True)
class _Active:
    """A sync handler that runs now."""

    done: asyncio.Future[Ended]
    thread: int = 0  # ident; 0 until it began
    child: Child | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)  # of `child`: it is the next job's at once

    def kill(self) -> int:
        """End its child process now, if it has one; its id, 0 if there is none."""
        with self.lock:
            if self.child is None:
                return 0
            self.child.kill()
            return self.child.pid


class Handlers:
    """Runs the sync handlers of one worker. Used in the loop's thread, except where it says otherwise.

    Args:
        loop: Of the slots that wait.
        worker: Its id.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, worker: str) -> None:
        self._loop = loop
        self._worker = worker
        self._threads = HandlerThreads(loop)
        self._children = ChildProcesses()
        self._active: dict[Run, _Active] = {}

    async def in_thread(
        self, run: Run, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What the handler returns or raises; `Abandoned` when nobody waits for it any more."""
        if definition.takes_context:
            args = (context_of(run), *args)
        return await self._run(run, lambda _active: definition.function(*args, **kwargs))

    async def in_child(self, run: Run, definition: Definition) -> Verdict:
        """What became of the handler in a child process.

        Raises:
            asyncio.CancelledError: The child was stopped because the run was.
            ChildDied: It died by itself.
        """
        try:
            reply = await self._run(run, lambda active: self._serve(run, definition, active))
        except ChildDied:
            if run.stop:
                raise asyncio.CancelledError(run.stop) from None
            raise
        if "stopped" in reply:
            raise asyncio.CancelledError(reply["stopped"])
        return _verdict(reply, timed_out=run.stop == "timeout")

    def stop(self, run: Run) -> None:
        """Ask for an end; ``ctx.cancelled`` says so already."""
        active = self._active.get(run)
        if active is None:
            return
        with active.lock:
            if active.child is not None:
                active.child.stop(run.lease.fence, run.stop)
        if run.stop in _KILLED_FOR:
            self._loop.call_later(KILL_AFTER_SECONDS, active.kill)

    def abandon(self, run: Run, definition: Definition) -> tuple[bool, str]:
        """Wait for it no longer.

        Returns:
            Whether its thread or process is free or dead now, and where it was.
        """
        active = self._active.pop(run, None)
        if active is None:
            return True, ""
        if not active.done.done():
            active.done.set_exception(Abandoned(run.lease.id))
        if definition.way is Way.PROCESS:
            return True, f"child process {active.kill() or '?'}"
        return False, where.of_thread(active.thread, definition.code)

    def close(self) -> None:
        """End idle threads and children; those that still run a handler end after it."""
        self._threads.stop()
        self._children.close()

    async def _run(self, run: Run, call: Callable[[_Active], Any]) -> Any:
        active = _Active(self._loop.create_future())

        def began(ident: int) -> None:
            active.thread = ident

        active.done = self._threads.start(lambda: call(active), began)
        self._active[run] = active
        try:
            ended = await active.done
        finally:
            self._active.pop(run, None)
        if ended.error is not None:
            raise ended.error
        return ended.value

    def _serve(self, run: Run, definition: Definition, active: _Active) -> dict[str, Any]:
        """In a thread: one job through a child."""
        child = self._children.take()
        with active.lock:
            active.child = child
        try:
            if run.stop:
                raise asyncio.CancelledError(run.stop)  # asked to stop before there was a child to tell
            return child.run(_request(run, definition, self._worker), lambda message: _report(run, message))
        finally:
            with active.lock:
                active.child = None
            self._children.give_back(child)


def _request(run: Run, definition: Definition, worker: str) -> dict[str, Any]:
    lease = run.lease
    copied = (
        "id",
        "task",
        "queue",
        "attempt",
        "retries_left",
        "fence",
        "priority",
        "correlation_id",
        "tenant",
    )
    times = ("enqueued_at", "due_at", "soft_timeout_ms")
    return {
        "target": definition.target,
        "worker": worker,
        "payload": lease.payload.decode(),
        "headers": lease.headers.decode(),
        "lease": {name: getattr(lease, name) for name in copied + times},
    }


def _report(run: Run, message: dict[str, Any]) -> None:
    if "progress" in message:
        context_of(run).progress(*message["progress"])
    else:
        name, fields = message["step"]
        context_of(run).step(name, **fields)


def _verdict(reply: dict[str, Any], *, timed_out: bool) -> Verdict:
    for name, code in _ANSWERS.items():
        if name in reply:
            delay, reason, error = reply[name]
            return code, delay, reason if error is None else (reason, error.encode())
    if "cancel" in reply:
        return CANCEL, reply["cancel"], None
    if "error" in reply:
        names, text = reply["error"]
        return FAIL, (names, text.encode()), timed_out
    return DONE, reply["result"].encode(), None
