"""Messages between a worker and its child processes: JSON objects, each behind its length in four bytes."""

from __future__ import annotations

import os
import struct
from typing import Any, Final

import orjson

MESSAGE_BYTES: Final = 64 * 1024 * 1024
_LENGTH: Final = struct.Struct("!I")


def send(fd: int, message: dict[str, Any]) -> None:
    """Write one message; blocks until the other side took it.

    Raises:
        OSError: The other side is gone.
    """
    text = orjson.dumps(message)
    data = memoryview(_LENGTH.pack(len(text)) + text)
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int) -> dict[str, Any] | None:
    """Read one message; ``None`` at the end of the stream, also in the middle of a message.

    Raises:
        ValueError: What came is no message.
    """
    head = _read(fd, _LENGTH.size)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > MESSAGE_BYTES:
        raise ValueError(f"a message of {size} bytes, {MESSAGE_BYTES} is the limit")
    body = _read(fd, size)
    if body is None:
        return None
    message: dict[str, Any] = orjson.loads(body)
    return message


def _read(fd: int, size: int) -> bytes | None:
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
