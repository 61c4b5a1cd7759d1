"""The kill of the demo: SIGKILL to a worker process that is in the middle of a lifecycle job."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Final

from rich.console import Console

from khala_jobs import JobProcessor
from khala_jobs.info import JobInfo
from khala_jobs.memory import SqliteMemoryRepository

KILLED_STAGE: Final = "Deduplication"
LOOK_SECONDS: Final = 0.01


class Killer:
    """Kills the worker process in the middle of a job, once: in `KILLED_STAGE`, or a later stage.

    In the middle: the job's handler has begun, as the run's journal says, and has changed memories. (A lease whose
    handler was not entered yet is given back when its worker dies, and the job runs again as attempt 1.)

    Args:
        jobs: Where the stages are enqueued.
        repository: That of the memories, with the journal.
        console: Is told of the kill.

    Attributes:
        pids: Of the worker processes that live, by name.
        victim: Whom it killed; 0 before.
        job_id: What that one was running.
        changes: Changes of memories that the job had logged by then.
    """

    def __init__(self, jobs: JobProcessor, repository: SqliteMemoryRepository, console: Console) -> None:
        self._jobs, self._repository, self._console = jobs, repository, console
        self._stage = ""  # that is open, once `KILLED_STAGE` was reached
        self.pids: dict[str, int] = {}
        self.victim = 0
        self.job_id = ""
        self.changes = 0

    def see(self, stage: str, info: JobInfo | None) -> None:
        """Told which stage is open, and its job."""
        if info is not None and (self._stage or stage == KILLED_STAGE) and not self.victim:
            self._stage, self.job_id = stage, info.id

    @contextlib.asynccontextmanager
    async def hunting(self) -> AsyncIterator[None]:
        """Look for the moment until the block ends."""
        hunt = asyncio.create_task(self._hunt())
        try:
            yield
        finally:
            hunt.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hunt

    async def _hunt(self) -> None:
        while not self.victim:
            await asyncio.sleep(LOOK_SECONDS)
            pid, job_id = self.pids.get("worker-0", 0), self.job_id
            if pid and job_id and await self._changes_of(job_id):
                await self._strike(pid, job_id)

    async def _changes_of(self, job_id: str) -> int:
        """Of an unfinished run; 0 if there is none."""
        run = await self._repository.find_run(job_id)
        if run is None or run.report is not None:
            return 0
        return sum((await self._repository.count_edits(job_id)).values())

    async def _strike(self, pid: int, job_id: str) -> None:
        """A job may end between a look and a kill: its process is stopped first, and goes on if the job has ended."""
        os.kill(pid, signal.SIGSTOP)
        try:
            info = await self._jobs.job(job_id).info()
            changes = await self._changes_of(job_id)
            if info.state == "running" and changes:
                self.victim, self.job_id, self.changes = pid, job_id, changes
        finally:
            os.kill(pid, signal.SIGKILL if self.victim else signal.SIGCONT)
        if self.victim:
            self._console.print(
                f"[bold]SIGKILL[/] to worker process {pid}, which runs {self._stage} ({self.changes:,} changes made)"
            )
