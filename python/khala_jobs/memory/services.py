"""`MemoryServices`: what lifecycle jobs work with, made of what an application gives. It knows no job."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from khala_jobs.errors import InvalidArgument
from khala_jobs.similarity import CalibrationStore

from .apply import UndoReport, undo_run
from .embed import Embedder
from .join import JoinSettings
from .journal import JournalFile, SqliteJournal
from .judging import Judge
from .kernels import CompiledKernels, Kernels
from .load import Loader
from .ports import MemoryServicePort, PlanningRepository, RepositoryPort, capabilities
from .report import stored_report
from .summary import ExtractiveSummarizer, Summarizer
from .target import PortTarget

__all__ = ["DEFAULT_JOURNAL", "MemoryServices"]

DEFAULT_JOURNAL = Path("memory_journal.db")
"""Where the journal of a repository that keeps none is, unless one is given: in the working directory."""

_log = logging.getLogger(__name__)


def _now_us() -> int:
    return time.time_ns() // 1000


class MemoryServices:
    """What lifecycle jobs work with.

    Args:
        repository: Where the memories are: a `SqliteMemoryRepository`, or anything of the shape of
            `ports.RepositoryPort`, such as KHALA's.
        memory_service: Decides when a user's memories are worth consolidating, and gives promotion scores;
            optional.
        summarizer: Writes summaries; `ExtractiveSummarizer` when None.
        embedder: Embeds summaries and memories without a vector; when None, a summary gets the mean of its
            sources' vectors and memories without a vector are compared by their texts alone.
        journal: Log of what runs did, for a repository that keeps none; a file, or a path. Not used by the
            embedded repository.
        judge: The contradiction guard; `khala_jobs.memory.judge` when None.
        kernels: Vector arithmetic; `khala_jobs.similarity` when None.
        clock: Microseconds since 1970, for runs without ``as_of``.
        page_size: Memories a page.
        join: Threads and checkpoints of joins, where ``kernels`` is None.
        calibration: Calibrated thresholds by embedding model; a store, or the path of its file.
    """

    def __init__(
        self,
        repository: RepositoryPort[Any],
        memory_service: MemoryServicePort | None = None,
        summarizer: Summarizer | None = None,
        embedder: Embedder | None = None,
        *,
        journal: JournalFile | str | os.PathLike[str] | None = None,
        judge: Judge | None = None,
        kernels: Kernels | None = None,
        clock: Callable[[], int] = _now_us,
        page_size: int = 1000,
        join: JoinSettings | None = None,
        calibration: CalibrationStore | str | os.PathLike[str] | None = None,
    ) -> None:
        if page_size < 1:
            raise InvalidArgument("page_size", f"must be at least 1, not {page_size}")
        self.repository = repository
        self.faces = capabilities(repository)
        self.memory_service = memory_service
        self.summarizer = summarizer or ExtractiveSummarizer()
        self.embedder = embedder
        self.clock = clock
        self.loader = Loader(repository, self.faces, page_size)
        self._judge = judge
        self.kernels: Kernels = kernels or CompiledKernels()
        self.join = join or JoinSettings()
        if calibration is not None and not isinstance(calibration, CalibrationStore):
            calibration = CalibrationStore(calibration)
        self.calibration = calibration
        self._owned: SqliteJournal | None = None
        self.journal, self.target = self._log_and_target(journal)

    def _log_and_target(
        self, journal: JournalFile | str | os.PathLike[str] | None
    ) -> tuple[JournalFile, PlanningRepository]:
        if isinstance(self.repository, JournalFile) and self.faces.planning is not None:
            if journal is not None:
                raise InvalidArgument("journal", "this repository keeps its own operation log")
            return self.repository, self.faces.planning
        if not isinstance(journal, JournalFile):
            path = DEFAULT_JOURNAL if journal is None else Path(journal)
            _log.info(
                "memory jobs on %s keep their operation log in %s", type(self.repository).__name__, path
            )
            journal = self._owned = SqliteJournal(path)
        return journal, PortTarget(self.repository, journal, self.faces.batch)

    @property
    def judge(self) -> Judge:
        """The contradiction guard."""
        if self._judge is None:
            from .guard import judge

            self._judge = judge
        return self._judge

    async def undo(self, run_id: str) -> UndoReport:
        """Take back what a run did; see `apply.undo_run`."""
        return await undo_run(self.target, self.journal, run_id, self.clock())

    async def report(self, run_id: str, limit: int | None = None) -> dict[str, Any] | None:
        """The whole report of a finished run, or None; see `report.stored_report`."""
        return await stored_report(self.journal, run_id, limit)

    async def close(self) -> None:
        """Close the journal if it was opened here; the repository is its owner's."""
        if self._owned is not None:
            await self._owned.close()
