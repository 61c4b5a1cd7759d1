"""Threads for sync handlers.

They are our own daemon threads: executors join theirs at exit, where one hung handler would keep the process.

A thread that cannot be stopped is abandoned: whoever waits for it is told, and another thread takes its
place.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, NamedTuple

_numbers = itertools.count(1)


class Ended(NamedTuple):
    """How a call ended. An exception travels as a value: a future refuses some, a coroutine others."""

    value: Any
    error: BaseException | None


class Work(NamedTuple):
    """One call for a thread."""

    call: Callable[[], Any]
    done: asyncio.Future[Ended]
    began: Callable[[int], None]  # told the thread's ident


class HandlerThreads:
    """Runs calls in threads and brings what they return back to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._spare = 0  # threads that wait for work, minus work that waits for a thread
        self._finished: deque[tuple[asyncio.Future[Ended], Ended]] = deque()
        self._announced = False

    def start(self, call: Callable[[], Any], began: Callable[[int], None]) -> asyncio.Future[Ended]:
        """Run `call` in a thread, in a copy of the current context.

        Args:
            call: What to run.
            began: Called first in that thread, with its ident.

        Returns:
            A future of how it ended. Setting or cancelling it abandons the call.
        """
        done: asyncio.Future[Ended] = self._loop.create_future()
        context = copy_context()
        with self._lock:
            self._spare -= 1
            if self._spare < 0:
                self._spare += 1
                self._count += 1
                name = f"khala-handler-{next(_numbers)}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
        self._work.put(Work(lambda: context.run(call), done, began))
        return done

    def stop(self) -> None:
        """Let every thread end after what it runs now. Does not wait."""
        with self._lock:
            count, self._count = self._count, 0
        for _ in range(count):
            self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work.began(threading.get_ident())
                ended = Ended(work.call(), None)
            except BaseException as raised:  # noqa: BLE001 - carried to the slot that waits
                ended = Ended(None, raised)
            with self._lock:
                self._spare += 1
            self._hand_over(work.done, ended)
            del work, ended  # keep nothing of a job alive while waiting for the next

    def _hand_over(self, done: asyncio.Future[Ended], ended: Ended) -> None:
        self._finished.append((done, ended))
        with self._lock:
            announce, self._announced = not self._announced, True
        if announce:
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                return  # the loop is closed; its bridge has given the leases back

    def _deliver(self) -> None:
        with self._lock:
            self._announced = False
        while self._finished:
            done, ended = self._finished.popleft()
            if not done.done():  # else abandoned
                done.set_result(ended)
