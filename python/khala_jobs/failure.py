"""An exception of a handler as bounded, safe text.

An exception can be hostile: its ``str()`` may raise or be 100 MB long, its chain endless, its text no UTF-8.
Whatever it is, what is stored is valid JSON of at most 16 KiB that says what it left out.
"""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from .durations import to_timedelta
from .retry import error_names
from .shown import class_name

ERROR_BYTES: Final = 16 * 1024  # type, message and traceback together (base/limits.hpp)
MESSAGE_CHARS: Final = 4 * 1024
FRAMES: Final = 30
_OURS: Final = f"{Path(__file__).parent}{os.sep}"


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """The stored text of an error.

    Attributes:
        type: Name of its class.
        message: ``str()`` of it, bounded.
        traceback: Innermost frames last, bounded; empty when there was none.
    """

    type: str
    message: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


def from_exception(error: BaseException) -> tuple[list[str], bytes]:
    """Class names of the error (most derived first) and its stored text. Never raises."""
    names = error_names(type(error))
    return names, _bounded(names, safe_text(error), _trace(error))


def from_text(name: str, message: str, base: type[BaseException] = Exception) -> tuple[list[str], bytes]:
    """As `from_exception`, for an error that was no exception, such as a time-out."""
    names = [name, *error_names(base)]
    return names, _bounded(names, _cut(message, MESSAGE_CHARS), "")


def timeout_of(milliseconds: int, cancelled: BaseException) -> TimeoutError:
    """What a cancellation means that was a soft time-out: from where the handler waited."""
    late = TimeoutError(f"the time-out of {to_timedelta(milliseconds)} passed")
    late.__traceback__ = cancelled.__traceback__
    return late


def parse(stored: bytes) -> ErrorInfo | None:
    """The stored text of an error; ``None`` when there is none."""
    if not stored:
        return None
    data: dict[str, Any] = orjson.loads(stored)
    return ErrorInfo(str(data.get("type", "")), str(data.get("message", "")), str(data.get("traceback", "")))


def safe_text(error: BaseException) -> str:
    """``str(error)``, bounded, whatever it does."""
    try:
        text = "".join((str(error),))  # joined: a subclass of str could do anything later
    except BaseException as trouble:  # noqa: BLE001 - the handler's own code, and this is its error report
        return f"(its str() raised {class_name(type(trouble))})"
    return _cut(text, MESSAGE_CHARS)


def _trace(error: BaseException) -> str:
    """From the handler's first frame on: those of the worker, outside of it, are of no interest."""
    first = error.__traceback__
    while (
        first is not None
        and first.tb_next is not None
        and first.tb_frame.f_code.co_filename.startswith(_OURS)
    ):
        first = first.tb_next
    try:
        report = traceback.TracebackException(type(error), error, first, limit=-FRAMES, compact=True)
        return "".join(report.format())
    except BaseException as trouble:  # noqa: BLE001 - as above, and memory may be short here
        return f"(its traceback could not be formatted: {class_name(type(trouble))})"


def _bounded(names: list[str], message: str, trace: str) -> bytes:
    room = ERROR_BYTES
    while True:
        data = {
            "type": _clean(names[0]),
            "mro": [_clean(name) for name in names],
            "message": _clean(message),
            "traceback": _clean(_tail(trace, room)),
        }
        text = orjson.dumps(data)
        if len(text) <= ERROR_BYTES:
            return text
        if room > 0:
            room = room // 2 if room > 64 else 0
        elif len(names) > 1:
            names = names[:1]
        else:
            names, message = [_cut(names[0], 128)], _cut(message, len(message) // 2)


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters, the rest is left out)"


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"… (the beginning is left out)\n{text[len(text) - limit :]}"
