"""The only place where asyncio meets the engine: one `Bridge` per event loop.

Requests go down with a ticket and return at once; answers and work come up through the port, whose file
descriptor the loop watches. Answers resolve futures; everything else (jobs to run, stops) goes to the
worker on this loop. The engine's threads never call Python.

A loop that ends takes its bridge with it: when the loop shuts down its asynchronous generators, as
``asyncio.run`` does, or at the latest when the next loop needs a bridge. Work that was not started goes
back to the store then.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol

from . import _core
from .errors import Closed, Forked

engine = _core.engine

REPLY, LEASE, STOP, ABANDON, FATAL, LAG, LOST, STORE_RESET = range(8)
DRAIN_LIMIT = 256

# How many forks lie between the first process and this one. What was opened under another number is not ours.
_generation = 0


def _count_fork() -> None:
    global _generation  # noqa: PLW0603 - one number per process is what it is
    _generation += 1


os.register_at_fork(after_in_child=_count_fork)


class Unanswered(Closed):
    """Closed before the answer to a request came: whether it was done is not known."""


class Receiver(Protocol):
    """Who takes what is not an answer: the worker on this loop."""

    def on_lease(self, lease: Any) -> None:
        """Run this job."""

    def on_stop(self, slot: int, reason: str) -> None:
        """Ask the handler in this slot to end."""

    def on_abandon(self, slot: int, reason: str) -> None:
        """The handler's time is over, and that is settled."""

    def on_lost(self, job_id: str, fence: int) -> None:
        """An outcome was refused."""

    def on_store_reset(self, count: int) -> None:
        """All contents of the store were found gone, for the `count`-th time since it was opened."""

    def on_fatal(self, message: str) -> None:
        """Nothing more will come."""

    def on_detached(self) -> None:
        """The loop has ended, or is about to, and nobody stopped the worker before. In any thread."""


class Bridge:
    """One event loop's end of the engine. Used in that loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.port = engine.Port()
        self.receiver: Receiver | None = None
        self._tickets = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._closed = False
        self._ending = False  # the generator that notices the loop's end is doing so
        loop.add_reader(self.port.fd, self._drain)
        self._end = self._until_loop_ends()
        with contextlib.suppress(StopIteration):
            self._end.__anext__().send(None)  # run to its yield, which also makes it known to the loop

    def request(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Ask the engine for something.

        Args:
            verb: A method of `engine.Engine` that takes a port and a ticket first.
            *args: What follows the ticket.
            **kwargs: The same.

        Returns:
            A future of the answer. Cancelling it drops the answer, not the request. `Unanswered` when none can
            come any more.

        Raises:
            Closed: The bridge or the engine was closed; nothing was asked.
        """
        return self.submit(verb, *args, **kwargs)[0]

    def submit(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[asyncio.Future[Any], Any]:
        """As `request`, and also what the verb itself returned."""
        ticket, future = self._expect()
        try:
            value = verb(self.port, ticket, *args, **kwargs)
        except BaseException:
            del self._pending[ticket]
            raise
        return future, value

    async def closed_row(self, store: Any, job_id: str) -> Any:
        """The row of a job, as soon as it is closed.

        Raises:
            NotFound: There is no such job.
            Closed: The bridge or the engine was closed before that.
        """
        ticket, future = self._expect()
        try:
            store.watch(self.port, ticket, [job_id])
            return await future
        finally:
            if self._pending.pop(ticket, None) is not None and not self._closed:
                store.unwatch(self.port, ticket)  # the caller gave up

    def close(self, reason: str = "the JobProcessor was closed") -> None:
        """Deliver what has come, detach from the loop, and tell whoever still waits that nothing will. Idempotent.

        The engine is closed before: on its way out it answers what it was given.
        """
        if self._closed:
            return
        self._closed = True
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.on_detached()
        if not self.loop.is_closed():
            self.loop.remove_reader(self.port.fd)  # before the descriptor is closed: uvloop insists
            while not self._ending and self.port.depth:  # nobody is left who waits in a loop that ends
                self._drain()
        self.port.close()
        if self.loop.is_closed():
            self._pending.clear()
            return
        self._fail("jobs", reason)
        if not self._ending:
            with contextlib.suppress(StopIteration):
                self._end.aclose().send(None)

    @property
    def closed(self) -> bool:
        """Whether it was detached."""
        return self._closed

    def _drain(self) -> None:
        """Deliver what came up, at most a few hundred items a turn of the loop."""
        receiver = self.receiver
        for kind, a, b in self.port.drain(DRAIN_LIMIT):
            if kind == REPLY:
                self._answer(a, b)
            elif receiver is None:
                if kind == FATAL:
                    self._fail("engine", b)
            elif kind == LEASE:
                receiver.on_lease(a)
            elif kind == STOP:
                receiver.on_stop(a, b)
            elif kind == ABANDON:
                receiver.on_abandon(a, b)
            elif kind == LOST:
                receiver.on_lost(a, b)
            elif kind == STORE_RESET:
                receiver.on_store_reset(b)
            elif kind == FATAL:
                self._fail("engine", b)
                receiver.on_fatal(b)

    def _answer(self, ticket: int, value: Any) -> None:
        future = self._pending.pop(ticket, None)
        if future is None or future.done():
            return
        if isinstance(value, BaseException):
            future.set_exception(value)
        else:
            future.set_result(value)

    def _expect(self) -> tuple[int, asyncio.Future[Any]]:
        """A ticket, and the future of what will be answered to it."""
        if self._closed:
            raise Closed("jobs", "the JobProcessor was closed")
        ticket = next(self._tickets)
        future: asyncio.Future[Any] = self.loop.create_future()
        self._pending[ticket] = future
        return ticket, future

    def _fail(self, field: str, reason: str) -> None:
        """No answer will come to what was asked."""
        pending, self._pending = self._pending, {}
        for future in pending.values():
            if not future.done():
                future.set_exception(Unanswered(field, reason))
                future.exception()  # nobody may be left to look at it

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._ending = True
            self.close("its event loop is shutting down")


class Bridges:
    """The bridges of one opened engine, one for each loop that uses it."""

    def __init__(self) -> None:
        self._generation = _generation
        self._by_loop: dict[int, Bridge] = {}
        self._last: Bridge | None = None

    def here(self) -> Bridge:
        """The bridge of the running loop.

        Raises:
            Forked: This process is a fork of the one that opened the engine.
        """
        loop = asyncio.get_running_loop()
        last = self._last
        if last is not None and last.loop is loop and not last.closed and self._generation == _generation:
            return last
        self.check_process()
        bridge = self._by_loop.get(id(loop))
        if bridge is None or bridge.closed or bridge.loop is not loop:
            self._sweep()
            bridge = self._by_loop[id(loop)] = Bridge(loop)
        self._last = bridge
        return bridge

    def check_process(self) -> None:
        """Refuse to work in a forked child.

        Raises:
            Forked: This is one.
        """
        if self._generation != _generation:
            raise Forked(
                "jobs",
                f"opened before a fork and used in the child {os.getpid()}: make one after the fork, "
                'or start processes with multiprocessing\'s "spawn"',
            )

    def close(self) -> None:
        """Detach from every loop that is still there."""
        for bridge in list(self._by_loop.values()):
            if bridge.loop.is_closed() or bridge.loop is _running_loop():
                bridge.close()
            elif not bridge.closed:
                bridge.loop.call_soon_threadsafe(bridge.close)
        self._by_loop.clear()
        self._last = None

    def _sweep(self) -> None:
        """Forget bridges of loops that are gone."""
        for key, bridge in list(self._by_loop.items()):
            if bridge.closed or bridge.loop.is_closed():
                bridge.close()
                self._by_loop.pop(key, None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
