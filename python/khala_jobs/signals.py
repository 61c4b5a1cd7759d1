"""SIGTERM and SIGINT in two steps: the first says stop, each further one says hurry."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def until_signalled(hurry: Callable[[], None]) -> Iterator[asyncio.Event]:
    """For a ``with`` statement in the running loop: an event that the first signal sets.

    Args:
        hurry: Called at every signal after it.
    """
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def on_signal() -> None:
        if stopped.is_set():
            hurry()
        stopped.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stopped
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
