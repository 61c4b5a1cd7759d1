"""How a long kernel is watched and stopped. Used by `khala_jobs.vec`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

import numpy as np

from ._core import vec as _vec

Progress = Callable[[int, int], None]

_POLL_S: Final = 0.1
_WATCHED_SIZE: Final = 1_000_000  # numbers in the matrix; below, a join ends before anyone could interrupt it

T = TypeVar("T")


def watched(kernel: Callable[[_vec.Progress], T], matrix: object, progress: Progress | None) -> T:
    """Run a kernel so that Ctrl-C and `progress` can stop it.

    A kernel does not look at signals, and only the main thread handles them: so the kernel runs in a thread
    of its own, and the caller waits for it. When the caller is interrupted, the kernel is told to stop and
    left behind for the few milliseconds that takes: it owns all it touches.

    Args:
        kernel: Called once, with the object that counts its progress and can cancel it.
        matrix: What its cost depends on; a short one runs in the calling thread.
        progress: Called with (pairs done, pairs in all) in the calling thread, the last time when all are
            done.

    Returns:
        What the kernel returned.
    """
    watch = _vec.Progress()
    on_main = threading.current_thread() is threading.main_thread()
    short = not isinstance(matrix, np.ndarray) or matrix.size < _WATCHED_SIZE
    if progress is None and (short or not on_main):
        return kernel(watch)

    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(kernel(watch))
        except BaseException as error:  # noqa: BLE001 -- becomes the outcome, raised in the calling thread
            outcome.set_exception(error)

    try:
        threading.Thread(target=run, name="khala-vec").start()
        while wait([outcome], _POLL_S).not_done:
            if progress is not None:
                progress(watch.done, watch.total)
    except BaseException:
        watch.cancel()
        raise
    result = outcome.result()
    if progress is not None:
        progress(watch.done, watch.total)
    return result
