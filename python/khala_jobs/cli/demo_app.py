"""The application that the demo's worker processes run: six memory jobs on the repository of the demo's folder."""

from __future__ import annotations

import os
from pathlib import Path

from .. import JobProcessor
from ..memory import MemoryJobs, SqliteMemoryRepository

FOLDER_VARIABLE = "KHALA_JOBS_DEMO_FOLDER"


def application(folder: Path, name: str, workers: int = 1) -> tuple[JobProcessor, MemoryJobs]:
    """The processor and the memory jobs on ``<name>.db`` and ``<name>-jobs.db`` in `folder`."""
    found = MemoryJobs(SqliteMemoryRepository(folder / f"{name}.db"))
    made = JobProcessor(f"sqlite:///{folder.absolute() / f'{name}-jobs.db'}", workers=workers)
    made.include(found)
    return made, found


def __getattr__(name: str) -> JobProcessor:
    """``jobs``, made when a worker process asks for it."""
    if name == "jobs":
        return application(Path(os.environ[FOLDER_VARIABLE]), "memories")[0]
    raise AttributeError(name)
