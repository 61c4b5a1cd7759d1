"""The watch on the event loop: notices when it does not turn, and names who blocks it, with file:line.

A thread, because the loop itself cannot tell. It asks the loop for a sign of life ten times a second; when
none comes it looks at what the loop's thread is doing. Code that holds the GIL stops this thread, too: that
is noticed afterwards. (Leases are safe either way: the core renews them.)
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from time import monotonic
from types import CodeType
from typing import Final

from . import where
from .logs import JobLog
from .metrics import Metrics
from .run import Run

PERIOD_SECONDS: Final = 0.1
MARK_SECONDS: Final = 1.0


class LoopWatch:
    """Watches one loop until `stop`.

    Args:
        loop: To watch; made in that loop's thread.
        warn_after: Seconds without a turn after which the handler is named.
        log: Where it is said.
        metrics: Gets the lag, and its mark once a second.
        running: The runs of the worker.
        code_of: The code of a run's handler.
        on_loop_closed: Called, in the watch's thread, when the loop was closed under a running worker.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        warn_after: float,
        log: JobLog,
        metrics: Metrics,
        running: Callable[[], list[Run]],
        code_of: Callable[[Run], CodeType | None],
        on_loop_closed: Callable[[], object],
    ) -> None:
        self._loop, self._warn_after, self._log, self._metrics = loop, warn_after, log, metrics
        self._running, self._code_of, self._on_loop_closed = running, code_of, on_loop_closed
        self._loop_thread = threading.get_ident()
        self._asked = 0.0  # when a sign of life was asked for that has not come yet
        self._blamed = ""
        self._past_limit: set[Run] = set()
        self._next_mark = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="khala-loop-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch; does not wait for its thread."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(PERIOD_SECONDS):
            now, asked = monotonic(), self._asked
            if asked:
                if now - asked >= self._warn_after:
                    self._blame(now - asked)
                continue
            self._asked = now
            try:
                self._loop.call_soon_threadsafe(self._sign_of_life)
            except RuntimeError:
                if not self._stop.is_set():
                    self._on_loop_closed()
                return

    def _sign_of_life(self) -> None:
        """In the loop."""
        now = monotonic()
        lag, blamed = now - self._asked, self._blamed
        self._asked, self._blamed = 0.0, ""
        self._metrics.loop_lag.observe(lag)
        if now >= self._next_mark:
            self._next_mark = now + MARK_SECONDS
            self._metrics.mark()
        if lag >= self._warn_after:
            self._log.worker(
                logging.WARNING,
                "loop_blocked",
                lag_ms=round(1000 * lag),
                where=blamed or "code that held the GIL",
            )

    def _blame(self, lag: float) -> None:
        """Find out who blocks the loop; in the watch's thread, while it does."""
        run = self._current()
        place = where.of_thread(self._loop_thread, self._code_of(run) if run is not None else None)
        if not self._blamed:
            self._log.worker(logging.WARNING, "loop_blocking", run, lag_ms=round(1000 * lag), where=place)
        self._blamed = place
        if run is None or run in self._past_limit:
            return
        limit = run.lease.hard_timeout_ms / 1000
        if limit and monotonic() - run.started > limit:
            self._past_limit.add(run)
            self._log.worker(
                logging.CRITICAL,
                "handler_stuck",
                run,
                where=place,
                error="it blocks the event loop beyond its hard time-out and cannot be stopped; its lease is "
                "over (`khala-jobs worker` ends such a process)",
            )

    def _current(self) -> Run | None:
        try:
            task = asyncio.current_task(self._loop)
        except RuntimeError:
            return None
        return next((run for run in self._running() if run.task is task), None)
