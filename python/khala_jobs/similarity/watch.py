"""How a long kernel is watched and stopped, and what the errors of its arguments are called."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Final, TypeVar, cast

from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument

from .arguments import whole

Progress = Callable[[int, int], None]

THREADS_MAX: Final = 64
_POLL_S: Final = 0.1
_WATCHED_SIZE: Final = 1_000_000  # numbers in the matrix; below, a join ends before anyone could interrupt it

T = TypeVar("T")


def thread_count(threads: int | None) -> int:
    """The number of threads asked for; None is one for each processor that this process may use."""
    if threads is None:
        return min(len(os.sched_getaffinity(0)), THREADS_MAX)
    return whole("threads", threads, 1, THREADS_MAX)


def named(call: Callable[[], T], names: Mapping[str, str]) -> T:
    """Call a kernel; where it refuses an argument, name the argument that the caller knows.

    Args:
        call: The kernel.
        names: Argument of the kernel -> argument of the caller, where they differ.
    """
    try:
        return call()
    except InvalidArgument as error:
        if error.field not in names:
            raise
        raise InvalidArgument(names[error.field], error.message) from None


def watched(kernel: Callable[[_vec.Progress], T], size: int, progress: Progress | None) -> T:
    """Run a kernel so that Ctrl-C and `progress` can stop it.

    A kernel does not look at signals, and only the main thread handles them: so the kernel runs in a thread
    of its own, and the caller waits for it. When the caller is interrupted, the kernel is told to stop and
    left behind for the few milliseconds that takes: it owns all it touches.

    Args:
        kernel: Called once, with the object that counts its progress and can cancel it.
        size: Numbers in what it reads; a short one runs in the calling thread.
        progress: Called with (pairs done, pairs in all) in the calling thread, once these are counted; the
            last time when all are done.

    Returns:
        What the kernel returned.
    """
    watch = _vec.Progress()
    on_main = threading.current_thread() is threading.main_thread()
    if progress is None and (size < _WATCHED_SIZE or not on_main):
        return kernel(watch)

    # A SimpleQueue has no lock of Python's that an interrupted caller could leave taken.
    outcome: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put((kernel(watch), None))
        except BaseException as error:  # noqa: BLE001 -- becomes the outcome, raised in the calling thread
            outcome.put((None, error))

    ended = None
    try:
        threading.Thread(target=run, name="khala-vec").start()
        while ended is None:
            try:
                ended = outcome.get(timeout=_POLL_S)
            except Empty:
                if progress is not None and watch.total > 0:  # 0 while rows are made ready
                    progress(watch.done, watch.total)
    except BaseException:
        watch.cancel()
        raise
    result, error = ended
    if error is not None:
        raise error
    if progress is not None:
        progress(watch.done, watch.total)
    return cast("T", result)
