"""The application that the demo's worker processes run: six memory jobs on the repository of the demo's folder."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from khala_jobs import JobProcessor
from khala_jobs.memory import MemoryJobs, SqliteMemoryRepository

FOLDER_VARIABLE = "KHALA_JOBS_DEMO_FOLDER"


def application(
    folder: Path, name: str, workers: int = 1
) -> tuple[JobProcessor, MemoryJobs, SqliteMemoryRepository]:
    """The processor, the memory jobs and their repository: ``<name>-jobs.db`` and ``<name>.db`` in `folder`."""
    repository = SqliteMemoryRepository(folder / f"{name}.db")
    found = MemoryJobs(repository)
    made = JobProcessor(f"sqlite:///{quote(str(folder.absolute() / name))}-jobs.db", workers=workers)
    made.include(found)
    return made, found, repository


def __getattr__(name: str) -> JobProcessor:
    """``jobs``, made when a worker process asks for it."""
    if name == "jobs":
        return application(Path(os.environ[FOLDER_VARIABLE]), "memories")[0]
    raise AttributeError(name)
