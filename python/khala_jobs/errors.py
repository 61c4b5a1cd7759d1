"""What goes wrong and can be told to a caller: one small tree of exceptions under `Error`.

The core fails by value, with one of a closed list of codes; the binding turns each code into the class below that
has it. Python code raises the same classes, so `except InvalidArgument` covers both. Every error says what it is
about (`field`) and, in one sentence, what is wrong and which limit or rule it breaks (`message`).
"""

# ruff: noqa: N818 -- the names say what happened; the base class says that it is an error.

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "Closed",
    "Error",
    "Forked",
    "Internal",
    "Interrupted",
    "InvalidArgument",
    "NotFound",
    "QueueFull",
    "SchemaMismatch",
    "StoreBusy",
    "StoreCorrupt",
    "StoreFull",
    "StoreIO",
    "Unsupported",
]


class Error(Exception):
    """Base of every exception that khala_jobs raises on purpose.

    Attributes:
        code: The core's word for this kind of error, as it appears in logs: "queue_full".
        field: What it is about: an argument, a column, a path. May be empty.
        message: One sentence for a person: what is wrong and which limit or rule it breaks.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidArgument(Error, ValueError):
    """The caller's input breaks a stated rule or limit. Nothing was done, and nothing is lost."""

    code = "invalid_argument"


class NotFound(Error, LookupError):
    """No such job, queue or file."""

    code = "not_found"


class QueueFull(Error):
    """The queue's bounded length is reached."""

    code = "queue_full"


class StoreFull(Error):
    """The disk is full, or the store's own size limit is reached."""

    code = "store_full"


class StoreBusy(Error):
    """Somebody else holds what is needed; trying again later can help."""

    code = "busy"


class StoreIO(Error):
    """The operating system refused a read or a write."""

    code = "io"


class StoreCorrupt(Error):
    """Stored data fails its checksum or structure."""

    code = "corrupt"


class SchemaMismatch(Error):
    """The store's schema is newer than this code, or not ours."""

    code = "schema"


class Unsupported(Error):
    """A feature or an environment that this build cannot serve, such as a network file system."""

    code = "unsupported"


class Closed(Error):
    """The object was closed, or is closing."""

    code = "closed"


class Forked(Error):
    """Used in a child process of the one that opened it."""

    code = "forked"


class Interrupted(Error):
    """The caller asked for the work to stop before it was done."""

    code = "interrupted"


class Internal(Error):
    """A broken invariant of khala_jobs itself: please report it."""

    code = "internal"
