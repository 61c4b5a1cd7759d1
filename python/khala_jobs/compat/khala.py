"""KHALA's background-job interface on the durable engine: change one import, keep every call site.

This module can stand for both ``khala.infrastructure.background.jobs.job_processor`` and
``khala.infrastructure.background.scheduler``; names and signatures are theirs. What is different is what was
broken: higher priority really runs first and first in first out within it, a failing job is retried after its
back-off and then kept as a dead letter, a time-out ends an attempt, status and result are written, and a job
survives the death of its worker.

The one thing that does not carry over is the fall-back: a URL of a store that does not exist here makes
`JobProcessor.start` raise, it never turns into a queue in memory. Before `start`, a processor on an embedded
store enqueues durably; one with any other URL keeps what was submitted in ``_memory_queue`` until `start`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from khala_jobs import JobProcessor as Engine
from khala_jobs.errors import NotFound
from khala_jobs.info import JobInfo

from ._khala_options import check_given, check_job, options_of
from ._khala_scheduler import BackgroundScheduler, RecurringTask, create_scheduler
from ._khala_services import TEMPORAL_MODULE, JobHandler, KhalaServices, MissingDependency, khala_attribute
from ._khala_types import (
    JobDefinition,
    JobPriority,
    JobResult,
    JobStatus,
    job_from_mapping,
    job_to_mapping,
    result_from_mapping,
    result_to_mapping,
)

__all__ = [
    "BackgroundScheduler",
    "JobDefinition",
    "JobExecutionError",
    "JobHandler",
    "JobPriority",
    "JobProcessor",
    "JobResult",
    "JobStatus",
    "MissingDependency",
    "RecurringTask",
    "create_job_processor",
    "create_scheduler",
]

logger = logging.getLogger(__name__)

QUEUE = "khala"
EMBEDDED_URL = "sqlite:///khala_jobs.db"
# KHALA's job types and the class names it lists for them.
JOB_CLASSES = {
    "decay_scoring": "DecayScoringJob",
    "consolidation": "ConsolidationJob",
    "deduplication": "DeduplicationJob",
    "consistency_check": "ConsistencyJob",
    "index_repair": "IndexRepairJob",
    "pattern_recognition": "PatternRecognitionJob",
}
_STATUSES = {
    "scheduled": JobStatus.PENDING,
    "ready": JobStatus.PENDING,
    "blocked": JobStatus.PENDING,
    "parked": JobStatus.PENDING,
    "running": JobStatus.RUNNING,
    "completed": JobStatus.COMPLETED,
    "failed": JobStatus.FAILED,
    "expired": JobStatus.FAILED,
    "quarantined": JobStatus.FAILED,
    "cancelled": JobStatus.CANCELLED,
}


def __getattr__(name: str) -> Any:
    """KHALA's names that its tests patch on this module, imported when they are first asked for."""
    if name == "TemporalAnalysisService":
        try:
            return khala_attribute(TEMPORAL_MODULE, name, "decay_scoring")
        except MissingDependency as error:
            raise AttributeError(str(error)) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class JobExecutionError(Exception):
    """A handler reported ``success=False``; the text is its error."""


class JobProcessor(KhalaServices):
    """KHALA's job processor on the durable engine.

    Args:
        redis_url: Where jobs are kept: ``redis://host:6379/1`` as in KHALA, or ``sqlite:///path``; ``None`` =
            ``sqlite:///khala_jobs.db``.
        max_workers: Jobs that run at once.
        redis_ttl_seconds: How long a closed job and its result are kept, in seconds.
        enable_metrics: Whether `get_metrics` answers anything.

    ``db_client``, ``memory_service`` and ``gemini_client`` may be set before or after `start`; KHALA's own are
    made when a job first needs one.
    """

    def __init__(
        self,
        redis_url: str | None = "redis://localhost:6379/1",
        max_workers: int = 4,
        redis_ttl_seconds: int = 86_400,
        enable_metrics: bool = True,
    ) -> None:
        self.redis_url = redis_url
        self.max_workers = max_workers
        self.redis_ttl = redis_ttl_seconds
        self.enable_metrics = enable_metrics
        self.redis_client: Any = None
        self.db_client: Any = None
        self.memory_service: Any = None
        self.gemini_client: Any = None
        self.is_running = False
        self.worker_tasks: list[asyncio.Task[Any]] = []
        self._job_classes = dict(JOB_CLASSES)
        self._handlers: dict[str, JobHandler] = {}
        self._memory_queue: asyncio.Queue[JobDefinition] = asyncio.Queue()
        self._memory_jobs: dict[str, JobDefinition] = {}
        self._memory_results: dict[str, JobResult] = {}
        self._engine: Engine | None = None
        self._tasks: dict[str, Any] = {}
        self._started_at: float | None = None
        self._busy_seconds = 0.0
        self.metrics: dict[str, Any] = {
            "total_jobs": 0,
            "successful_jobs": 0,
            "failed_jobs": 0,
            "avg_execution_time_ms": 0.0,
            "jobs_per_second": 0.0,
            "worker_utilization": 0.0,
            "retry_count": 0,
            "jobs_by_priority": {priority.value: 0 for priority in JobPriority},
        }

    async def start(self) -> None:
        """Open the store, run workers, and hand over what was submitted before.

        Raises:
            khala_jobs.Error: The URL names a store that does not exist here, or it cannot be opened, or it
                refuses a job. Nothing that was submitted before is lost: what was not handed over stays in
                ``_memory_queue``, in its order, for a `start` that succeeds.
        """
        if self.is_running:
            return
        engine = self._open()
        try:
            await engine.start()
            await self._hand_over()
        except BaseException:
            self._engine = None
            self._tasks.clear()
            await engine.close()
            raise
        self.is_running = True
        self._started_at, self._busy_seconds = time.monotonic(), 0.0

    async def _hand_over(self) -> None:
        """Enqueue what was submitted before `start`; from the first that is refused on it stays, in its order."""
        while not self._memory_queue.empty():
            job = self._memory_queue.get_nowait()
            try:
                await self._enqueue(job)
            except BaseException:
                later = [self._memory_queue.get_nowait() for _ in range(self._memory_queue.qsize())]
                for kept in (job, *later):
                    self._memory_queue.put_nowait(kept)
                raise
            self._memory_jobs.pop(job.job_id, None)

    async def stop(self) -> None:
        """Stop gracefully: running jobs get their grace period, the rest is handed back."""
        engine, self._engine = self._engine, None
        self._tasks.clear()
        self.is_running = False
        if engine is not None:
            await engine.close()
        if self.db_client is not None and hasattr(self.db_client, "close"):
            await self.db_client.close()

    def register_handler(self, job_type: str, handler: JobHandler) -> None:
        """Run `handler` for a job type, jobs of earlier processes included; it wins over KHALA's own class.

        Args:
            job_type: For example ``"pattern_recognition"``.
            handler: ``async def handler(payload: dict) -> JSON value``.
        """
        super().register_handler(job_type, handler)
        if self._engine is not None:
            self._serve(self._engine, job_type)

    async def submit_job(
        self,
        job_type: str,
        payload: dict[str, Any],
        priority: JobPriority = JobPriority.MEDIUM,
        **kwargs: Any,
    ) -> str:
        """Submit a job; on an embedded store it is durable when this returns.

        Args:
            job_type: One of KHALA's six, or one with a registered handler.
            payload: Arguments; JSON, with datetimes and UUIDs allowed.
            priority: Larger runs sooner.
            **kwargs: Further fields of `JobDefinition`: ``scheduled_at``, ``max_retries``, ``timeout_seconds``.

        Returns:
            The job's id.

        Raises:
            ValueError: The job type is unknown, or an argument is wrong (InvalidArgument, which names it): a
                payload that is no dict, or has keys that are no text, a ``scheduled_at`` without a time zone.
            TypeError: The payload cannot be stored, or a keyword is no field of `JobDefinition`.
        """
        check_given(priority, payload)
        if job_type not in self._job_classes and job_type not in self._handlers:
            raise ValueError(f"Unknown job type: {job_type}")
        job = JobDefinition(
            job_id=str(uuid.uuid4()),
            job_type=job_type,
            job_class=self._job_classes.get(job_type, ""),
            priority=priority,
            payload=payload,
            created_at=datetime.now(UTC),
            **kwargs,
        )
        check_job(job)  # before anything is counted or queued
        if self.is_running or self._is_embedded():
            await self._enqueue(job)
        else:
            self._memory_queue.put_nowait(job)
            self._memory_jobs[job.job_id] = job
            logger.warning("job %s waits in memory until start(): nothing is durable before", job.job_id)
        self.metrics["total_jobs"] += 1
        self.metrics["jobs_by_priority"][priority.value] += 1
        return job.job_id

    async def get_job_status(self, job_id: str) -> JobDefinition | None:
        """The job as it stands, or ``None`` if it is unknown."""
        info = await self._info(job_id)
        if info is None:
            return self._memory_jobs.get(job_id)
        job = job_from_mapping(info.arguments["job"])
        job.status = _STATUSES[info.state]
        if job.status is JobStatus.PENDING and info.failures:
            job.status = JobStatus.RETRYING
        job.retry_count = info.failures
        job.error_message = info.error.message if info.error else None
        job.started_at, job.completed_at, job.worker_id = info.started_at, info.closed_at, info.worker or None
        return job

    async def get_job_result(self, job_id: str) -> JobResult | None:
        """What a closed job left behind; ``None`` while it is open or if it is unknown."""
        info = await self._info(job_id)
        if info is None or info.closed_at is None:
            return self._memory_results.get(job_id)
        elapsed = (info.closed_at - info.started_at).total_seconds() * 1000 if info.started_at else 0.0
        success = info.state == "completed"
        error = None if success else (info.error.message if info.error else info.reason or info.state)
        return JobResult(job_id, success, info.result, elapsed, error, info.closed_at, info.worker or None)

    async def get_metrics(self) -> dict[str, Any]:
        """Counts of this processor, in KHALA's names; empty when metrics are off."""
        if not self.enable_metrics:
            return {}
        metrics = {**self.metrics, "jobs_by_priority": dict(self.metrics["jobs_by_priority"])}
        if self._started_at is not None:
            seconds = max(time.monotonic() - self._started_at, 1e-9)
            metrics["jobs_per_second"] = (metrics["successful_jobs"] + metrics["failed_jobs"]) / seconds
            metrics["worker_utilization"] = self._busy_seconds / (seconds * self.max_workers)
        return metrics

    async def get_queue_stats(self) -> dict[str, Any]:
        """Depth of the queue: ``pending_jobs``, ``active_workers`` and the counts by state."""
        pending = self._memory_queue.qsize()
        if self._engine is None and not self._is_embedded():
            return {"pending_jobs": pending, "active_workers": 0}
        stats = await self._open().queues.stats(QUEUE)
        waiting = stats["waiting"] + stats["delayed"]
        return {**stats, "pending_jobs": pending + waiting, "active_workers": stats["active"]}

    # --- the parts KHALA's tests and subclasses reach for ---------------------------------------------------

    async def _execute_job(self, job: JobDefinition) -> JobResult:
        """Run a job's handler; an exception becomes an unsuccessful result."""
        started = datetime.now(UTC)
        try:
            if job.job_type in self._handlers:
                return await self._run_handler(job)
            hook = getattr(self, f"_execute_{job.job_type}", None)
            if job.job_type not in self._job_classes or hook is None:
                raise ValueError(f"Unsupported job type: {job.job_type}")  # noqa: TRY301 - as any error of a handler
            result: JobResult = await hook(job)
            return result
        except Exception as error:  # noqa: BLE001 - the handler's exception becomes its outcome
            elapsed = (datetime.now(UTC) - started).total_seconds() * 1000
            text = f"{type(error).__name__}: {error}"
            return JobResult(job.job_id, False, None, elapsed, text, worker_id=job.worker_id, cause=error)

    _serialize_job = staticmethod(job_to_mapping)
    _deserialize_job = staticmethod(job_from_mapping)
    _serialize_result = staticmethod(result_to_mapping)
    _deserialize_result = staticmethod(result_from_mapping)

    # --- the engine below -----------------------------------------------------------------------------------

    def _is_embedded(self) -> bool:
        return self.redis_url is None or self.redis_url.startswith(("sqlite:", "memory:"))

    def _open(self) -> Engine:
        if self._engine is None:
            engine = Engine(
                self.redis_url or EMBEDDED_URL, workers=self.max_workers, retention=self.redis_ttl
            )
            for job_type in (*self._job_classes, *self._handlers):
                self._serve(engine, job_type)
            self._engine = engine
        return self._engine

    def _serve(self, engine: Engine, job_type: str) -> None:
        if job_type not in self._tasks:
            self._tasks[job_type] = engine.task(name=f"khala.{job_type}", queue=QUEUE)(
                self._handler_of(job_type)
            )

    def _handler_of(self, job_type: str) -> Any:
        async def run(ctx: Any, job: dict[str, str]) -> Any:
            definition = job_from_mapping(job)
            definition.worker_id, definition.retry_count = ctx.worker, ctx.attempt - 1
            definition.status, definition.started_at = JobStatus.RUNNING, datetime.now(UTC)
            started = time.monotonic()
            try:
                result = await self._execute_job(definition)
            except asyncio.CancelledError:
                # A cancelled run, or one that is handed back, is no failed one.
                if ctx.stop_reason == "timeout":
                    elapsed = (time.monotonic() - started) * 1000
                    self._count(JobResult(definition.job_id, False, None, elapsed), ctx.attempt)
                raise
            self._count(result, ctx.attempt)
            if isinstance(result.cause, MissingDependency):
                raise result.cause
            if not result.success:
                raise JobExecutionError(result.error or "the handler reported failure") from result.cause
            return result.result

        run.__name__ = run.__qualname__ = f"khala_{job_type}"
        return run

    def _count(self, result: JobResult, attempt: int) -> None:
        done = self.metrics["successful_jobs"] + self.metrics["failed_jobs"]
        mean = self.metrics["avg_execution_time_ms"]
        self.metrics["avg_execution_time_ms"] = (mean * done + result.execution_time_ms) / (done + 1)
        self._busy_seconds += result.execution_time_ms / 1000
        self.metrics["successful_jobs" if result.success else "failed_jobs"] += 1
        self.metrics["retry_count"] += attempt > 1

    async def _enqueue(self, job: JobDefinition) -> None:
        engine = self._open()
        self._serve(engine, job.job_type)
        task = self._tasks[job.job_type].options(id=job.job_id, **options_of(job))
        await task.enqueue(job=job_to_mapping(job))

    async def _info(self, job_id: str) -> JobInfo | None:
        unopened = self._engine is None and not self._is_embedded()
        if unopened or job_id in self._memory_jobs:  # it waits here for a start that succeeds
            return None
        try:
            info = await self._open().queues.get(job_id)
        except NotFound:
            return None
        return info if _is_khala_job(info) else None


def _is_khala_job(info: JobInfo) -> bool:
    """Whether it was submitted here, and not by something else that works on the same store."""
    arguments: object = info.arguments  # a list, where somebody else's client writes one
    job = arguments.get("job") if isinstance(arguments, dict) else None
    return isinstance(job, dict) and info.task == f"khala.{job.get('job_type')}"


def create_job_processor(
    redis_url: str | None = "redis://localhost:6379/1", max_workers: int = 4
) -> JobProcessor:
    """KHALA's factory of a `JobProcessor`."""
    return JobProcessor(redis_url=redis_url, max_workers=max_workers)
