"""Asking what an application gave: its memory service, guard, embedder and summarizer.

Whatever such an object raises is a failure of what it was asked about, never of the run: the answer is then an
`Unanswered`, which becomes an entry of the report, and what hung on it is left as it is for the next run. Only
KeyboardInterrupt, and the cancellation of the job itself, pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from khala_jobs.shown import class_name, utf8_of

__all__ = ["Unanswered", "ask", "ask_async", "said"]

T = TypeVar("T")

_REASON_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class Unanswered:
    """In place of an answer.

    Args:
        reason: What was raised, or is wrong with it, as text.
    """

    reason: str


def ask(question: Callable[[], T]) -> T | Unanswered:
    """The answer of something of the application's that is called in a thread or returns at once."""
    try:
        return question()
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - see the first comment
        return Unanswered(said(error))  # nothing is awaited here, so a cancellation is not that of the job


async def ask_async(question: Callable[[], Awaitable[T]], stopping: Callable[[], bool]) -> T | Unanswered:
    """The answer of something of the application's that is awaited.

    Args:
        question: Gives what to await.
        stopping: Whether the job was asked to stop.
    """
    try:
        return await question()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if stopping() or (task is not None and task.cancelling()):
            raise
        return Unanswered(said(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see the first comment
        return Unanswered(said(error))


def said(error: BaseException) -> str:
    """An exception as text that can be stored, whatever its ``str()`` does."""
    name, text = class_name(type(error)), utf8_of(error)
    if len(text) > _REASON_CHARS:
        text = f"{text[:_REASON_CHARS]}… ({len(text)} characters, the rest is left out)"
    return f"{name}: {text}" if text else name
