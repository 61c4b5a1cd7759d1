"""Files that are whole or not there: written beside, synced, renamed into place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from khala_jobs.errors import StoreFull, StoreIO

_NO_ROOM = 28  # ENOSPC


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> None:
    """Write a file so that a reader, or a crash at any instant, meets the old content or the new one.

    Args:
        path: The file; its folder must exist.
        write: Called once with a file open for writing, in which it may seek.

    Raises:
        StoreFull: The disk is full; the old file is untouched.
        StoreIO: The operating system refused; the old file is untouched.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        try:
            with partial.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno == _NO_ROOM:
            raise StoreFull("path", f"no room on the disk of {path}; nothing was changed") from error
        raise StoreIO("path", f"{path} cannot be written: {error.strerror}") from error
