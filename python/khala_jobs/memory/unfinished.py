"""Which run of the whole lifecycle a folder holds unfinished, so that the same command goes on with it.

The jobs of a run are named after it (`lifecycle.run_lifecycle`, ``chain``) and share its clock reading. Both are in a
small file beside the memories from before the first memory is imported until the report was delivered. A command that
was killed, however often, therefore finds its jobs, its clock and what the import came to, and its report is that of
the whole run.

The file is replaced whole (written aside, synced, renamed), and read and changed under a lock of its own: of two
commands that are started at once the second joins the run of the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from khala_jobs.errors import StoreCorrupt, StoreIO

__all__ = ["LifecycleRun", "UnfinishedRun"]

_NAME: Final = "unfinished-run.json"
_VERSION: Final = 1

Phase = Literal["import", "embed", "jobs"]


@dataclass(frozen=True, slots=True)
class LifecycleRun:
    """One run of the lifecycle on a folder.

    Args:
        chain: What its jobs are named after.
        as_of: RFC 3339 clock reading of all its decisions.
        settings: What makes two commands the same command, as JSON values by name of the option.
        phase: What it does first when it goes on: ``import``, ``embed`` or ``jobs``.
        imported: What the import came to, as JSON values; empty before it is done.
        embeds: Whether memories came without a vector, so that an embedder belongs to the run.
    """

    chain: str
    as_of: str
    settings: Mapping[str, Any]
    phase: Phase = "import"
    imported: Mapping[str, Any] = field(default_factory=dict)
    embeds: bool = False

    @classmethod
    def begin(cls, as_of: str, settings: Mapping[str, Any]) -> LifecycleRun:
        """A new one."""
        return cls(uuid.uuid4().hex, as_of, settings)

    def difference(self, settings: Mapping[str, Any]) -> str | None:
        """The first option in which a command is another than the one that began this run, or None."""
        names = dict.fromkeys((*self.settings, *settings))
        return next((name for name in names if self.settings.get(name) != settings.get(name)), None)


class UnfinishedRun:
    """The file that tells a folder's unfinished run.

    Args:
        folder: That of the memories and jobs.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Keep other commands from reading and changing it.

        Raises:
            StoreIO: The folder cannot be written to.
        """
        try:
            descriptor = os.open(f"{self._path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreIO("path", f"{self._path}-lock cannot be opened: {error.strerror}") from error
        try:
            await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def load(self) -> LifecycleRun | None:
        """The unfinished run, or None.

        Raises:
            StoreCorrupt: The file is damaged, or of another version.
        """
        try:
            values = orjson.loads(self._path.read_bytes())
            if values.pop("version") != _VERSION:
                raise StoreCorrupt("path", f"{self._path} was written by another version of khala_jobs")
            return LifecycleRun(**values)
        except FileNotFoundError:
            return None
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise StoreCorrupt("path", f"{self._path} is damaged: {error}") from error
        except OSError as error:
            raise StoreIO("path", f"{self._path} cannot be read: {error.strerror}") from error

    def save(self, run: LifecycleRun) -> LifecycleRun:
        """Store it durably, in place of what was there; gives it back."""
        aside = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(orjson.dumps({"version": _VERSION, **asdict(run)}))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
            _sync(self._path.parent)
        except OSError as error:
            raise StoreIO("path", f"{self._path} cannot be written: {error.strerror}") from error
        return run

    def forget(self) -> None:
        """The run is finished and its report delivered, or it is given up."""
        self._path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
