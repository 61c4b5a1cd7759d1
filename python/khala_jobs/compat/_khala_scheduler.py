"""KHALA's in-process interval scheduler.

Tasks live in memory and are due at once when they are added; each is submitted at its own time, not on a
one-minute grid, and one that cannot be submitted does not stop the others. Two processes that both run a
scheduler both submit: schedules that are stored and fire once per slot are not part of this module.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from khala_jobs.durations import DURATION_MAX_MS
from khala_jobs.errors import InvalidArgument
from khala_jobs.shown import shown

from ._khala_types import JobPriority

logger = logging.getLogger(__name__)

# After a submission that failed the task is tried again so much later, or at its next interval if that is sooner.
RETRY_SECONDS = 60.0
INTERVAL_MAX_SECONDS = DURATION_MAX_MS // 1000


class _Submitter(Protocol):
    async def submit_job(
        self, job_type: str, payload: dict[str, Any], priority: JobPriority = ...
    ) -> str: ...


@dataclass
class RecurringTask:
    """A job that is submitted again and again.

    Attributes:
        name: Unique within a scheduler.
        job_type: Passed to `submit_job`.
        interval_seconds: Time from one submission to the next, > 0.
        payload: Copied for each submission.
        priority: Of the submitted jobs.
        last_run: Latest submission, UTC.
        next_run: Next submission, UTC.
    """

    name: str
    job_type: str
    interval_seconds: int
    payload: dict[str, Any]
    priority: JobPriority = JobPriority.LOW
    last_run: datetime | None = None
    next_run: datetime | None = None


class BackgroundScheduler:
    """Submits recurring tasks to a job processor while it is started.

    Args:
        job_processor: Anything with KHALA's ``submit_job``.
    """

    def __init__(self, job_processor: _Submitter) -> None:
        self.job_processor = job_processor
        self.tasks: dict[str, RecurringTask] = {}
        self.is_running = False
        self._scheduler_task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def add_task(
        self,
        name: str,
        job_type: str,
        interval_seconds: int,
        payload: dict[str, Any],
        priority: JobPriority = JobPriority.LOW,
    ) -> None:
        """Register a recurring task; it is due at once. A task of the same name is replaced.

        Raises:
            ValueError: An argument is wrong; the text names it.
        """
        given: object = interval_seconds
        if (
            not isinstance(given, int | float)
            or isinstance(given, bool)
            or not 0 < given <= INTERVAL_MAX_SECONDS
        ):
            raise InvalidArgument(
                "interval_seconds", f"{shown(given)} is not positive, or longer than ten years, or no number"
            )
        if not isinstance(cast("object", payload), dict):
            raise InvalidArgument("payload", f"expected a dict, got {shown(payload)}")
        now = datetime.now(UTC)
        self.tasks[name] = RecurringTask(
            name, job_type, interval_seconds, dict(payload), priority, next_run=now
        )
        self._changed.set()

    async def start(self) -> None:
        """Start submitting; a second call does nothing."""
        if self.is_running:
            return
        self.is_running = True
        self._scheduler_task = asyncio.create_task(self._loop(), name="khala-background-scheduler")

    async def stop(self) -> None:
        """Stop submitting; a second call does nothing."""
        self.is_running = False
        task, self._scheduler_task = self._scheduler_task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _loop(self) -> None:
        while self.is_running:
            self._changed.clear()
            now = datetime.now(UTC)
            for task in list(self.tasks.values()):
                if task.next_run is None or task.next_run <= now:
                    await self._trigger_task(task)
            wait = min((self._seconds_until(task) for task in self.tasks.values()), default=None)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    @staticmethod
    def _seconds_until(task: RecurringTask) -> float:
        assert task.next_run is not None  # _trigger_task and add_task set it
        return max(0.0, (task.next_run - datetime.now(UTC)).total_seconds())

    async def _trigger_task(self, task: RecurringTask) -> None:
        """Submit a task's job and set its next run."""
        now = datetime.now(UTC)
        delay = float(task.interval_seconds)
        try:
            await self.job_processor.submit_job(
                job_type=task.job_type, payload=dict(task.payload), priority=task.priority
            )
            task.last_run = now
        except Exception:  # any submission error: logged, tried again, the other tasks go on
            logger.exception("recurring task %s could not be submitted", task.name)
            delay = min(delay, RETRY_SECONDS)
        task.next_run = now + timedelta(seconds=delay)


DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS


def create_scheduler(job_processor: _Submitter) -> BackgroundScheduler:
    """A scheduler with KHALA's four maintenance tasks (decay, consolidation, deduplication, index repair)."""
    scheduler = BackgroundScheduler(job_processor)
    scheduler.add_task("daily_decay_scoring", "decay_scoring", DAY_SECONDS, {"scan_all": True})
    scheduler.add_task("weekly_consolidation", "consolidation", WEEK_SECONDS, {"scan_all": True})
    scheduler.add_task("weekly_deduplication", "deduplication", WEEK_SECONDS, {"scan_all": True})
    scheduler.add_task("daily_index_repair", "index_repair", DAY_SECONDS, {"fix": True, "batch_size": 100})
    return scheduler
