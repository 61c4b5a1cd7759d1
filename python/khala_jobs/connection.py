"""The opened store of one `JobProcessor`: the engine, and a bridge for every event loop that uses it.

Opened by the first call that needs it, from whichever loop, and closed once. Opening and closing may wait
for the disk or for another process, so they happen in a thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .bridge import Bridge, Bridges, Unanswered, engine
from .errors import Closed, InvalidArgument, UnknownOutcome

CLOSE_DEADLINE_MS = 5_000
# Verbs that change the store.
WRITES: Final = frozenset({"enqueue", "enqueue_many", "manage", "change_queue", "prune"})

_is_child = False


def mark_child() -> None:
    """This process runs handlers for another one (child.py), which ends it when it likes: nothing is kept here."""
    global _is_child  # noqa: PLW0603 - one fact about the process
    _is_child = True


class Connection:
    """One engine, opened on demand.

    Args:
        url: Of the store.
        options: Gives the keyword arguments of ``Engine.open`` when it is opened.
    """

    def __init__(self, url: str, options: Callable[[], dict[str, Any]]) -> None:
        self.url = url
        self._options = options
        self._lock = threading.Lock()
        self._engine: Any = None
        self._bridges = Bridges()
        self._closing = False
        self.opened_count = 0

    def now_ms(self) -> int:
        """The store's wall clock: UTC milliseconds."""
        clock = self._options().get("clock")
        return int(clock.wall_ms if clock is not None else time.time() * 1000)

    @property
    def is_open(self) -> bool:
        """Whether there is an engine now."""
        return self._engine is not None

    @property
    def engine(self) -> Any:
        """The engine.

        Raises:
            Closed: It is not open.
        """
        if self._engine is None:
            raise Closed(
                "jobs", "the store is not open: enter the JobProcessor, or await a call that opens it"
            )
        return self._engine

    def check_process(self) -> None:
        """Refuse to work in a forked child.

        Raises:
            Forked: This process is a fork of the one that opened the store.
        """
        self._bridges.check_process()

    async def open(self, *, create: bool = True) -> Any:
        """The engine, opened if it is not yet.

        Args:
            create: Make a store where there is none.

        Raises:
            NotFound: There is none, and none is to be made.
            InvalidArgument: It would be in the memory of a child process of ``process=True``.
            Closed: It is being closed.
            Error: The store cannot be opened; says why.
            Forked: This process is a fork of the one that opened it.
        """
        self._bridges.check_process()
        if self._engine is None:
            if _is_child and self.url.startswith("memory://"):
                raise InvalidArgument(
                    "url",
                    "memory:// is a store of one process alone, and what a process=True handler puts in would be lost "
                    "with its child process: use sqlite:///… or redis://…",
                )
            if self._closing:
                raise Closed("jobs", "the JobProcessor is closing: nothing was done")
            await asyncio.to_thread(self._open_once, create)
        return self._engine

    def here(self) -> Bridge:
        """The running loop's bridge. Only while open."""
        return self._bridges.here()

    async def ask(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the engine that answers through the port, and wait for the answer.

        Raises:
            Closed: The store is being closed, or was before a question was answered.
            UnknownOutcome: It was closed before a change was answered: it may have been done.
        """
        found = await self.open()
        try:
            return await self._bridges.here().request(getattr(found, verb), *args, **kwargs)
        except Unanswered as error:
            if verb not in WRITES:
                raise
            raise UnknownOutcome(
                error.field, f"whether {verb} was done is not known ({error.message})"
            ) from None

    async def close(self) -> None:
        """Write what is left, stop the engine's threads, answer, detach from the loops. Idempotent."""
        found, self._engine = self._engine, None
        if found is None:
            return
        bridges = self._bridges
        bridges.check_process()
        self._closing = True
        try:
            try:
                # The engine answers on its way out what it was given before: the bridges outlive it.
                await asyncio.to_thread(found.close, CLOSE_DEADLINE_MS)
            finally:
                bridges.close()
            # Whom these answers wake finds the store closing: a loop of enqueues is not to open it again behind us.
            await asyncio.sleep(0)
        finally:
            self._closing = False

    def _open_once(self, create: bool) -> None:
        with self._lock:
            if self._engine is None:
                self._bridges = Bridges()
                self._engine = engine.Engine.open(self.url, create=create, **self._options())
                self.opened_count += 1
