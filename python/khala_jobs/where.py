"""Where code stands right now: file and line of a running thread, of a suspended coroutine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Generator, Iterator
from types import CodeType, FrameType
from typing import Any

STACK_DEPTH = 64


def of_thread(ident: int, handler: CodeType | None) -> str:
    """``file:line in function`` of a thread; of the handler's own file if it is on the stack."""
    frame = sys._current_frames().get(ident)  # noqa: SLF001 - the documented way to see another thread
    return _describe(_outwards(frame), handler)


def of_task(task: asyncio.Task[Any], handler: CodeType | None) -> str:
    """``file:line in function`` at which a suspended task waits."""
    return _describe(reversed(list(_inwards(task.get_coro()))), handler)


def _describe(innermost_first: Iterator[FrameType], handler: CodeType | None) -> str:
    frames = list(innermost_first)
    if not frames:
        return "unknown place"
    own = [f for f in frames if handler is not None and f.f_code.co_filename == handler.co_filename]
    frame = own[0] if own else frames[0]
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    for _ in range(STACK_DEPTH):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _inwards(coroutine: Coroutine[Any, Any, Any] | Generator[Any, Any, Any] | Any) -> Iterator[FrameType]:
    for _ in range(STACK_DEPTH):
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
