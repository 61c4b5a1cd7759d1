"""Durable background jobs for AI memory services, and exact similarity math on their vectors.

::

    from khala_jobs import Context, JobProcessor

    jobs = JobProcessor("sqlite:///jobs.db", workers=4)

    @jobs.task(timeout="1m")
    async def extract_topics(ctx: Context, memory_id: str) -> list[str]: ...

    async with jobs:
        job = await extract_topics.enqueue("m1")
        topics = await job.result(timeout=30)
"""

from __future__ import annotations

__version__ = "0.1.0"

from .base_job import BaseJob
from .context import Context, correlation, current_job
from .enqueuer import Enqueuer
from .errors import (
    EnqueueUnknown,
    Error,
    InvalidArgument,
    JobCancelled,
    JobError,
    JobExpired,
    JobFailed,
    JobQuarantined,
    NotFound,
    QueueFull,
)
from .failure import ErrorInfo
from .info import AttemptInfo, JobInfo, Progress
from .job import Job
from .metrics import Metrics
from .options import EnqueueOptions, Priority, TaskOptions
from .processor import JobProcessor
from .queue_values import Queue, QueueStats
from .queues import QueueManager
from .resources import Resources
from .retry import Cancel, Retry, RetryPolicy, Snooze
from .settings import Settings
from .task import Task, Tasks
from .worker import WorkerPool

__all__ = [
    "AttemptInfo",
    "BaseJob",
    "Cancel",
    "Context",
    "EnqueueOptions",
    "EnqueueUnknown",
    "Enqueuer",
    "Error",
    "ErrorInfo",
    "InvalidArgument",
    "Job",
    "JobCancelled",
    "JobError",
    "JobExpired",
    "JobFailed",
    "JobInfo",
    "JobProcessor",
    "JobQuarantined",
    "Metrics",
    "NotFound",
    "Priority",
    "Progress",
    "Queue",
    "QueueFull",
    "QueueManager",
    "QueueStats",
    "Resources",
    "Retry",
    "RetryPolicy",
    "Settings",
    "Snooze",
    "Task",
    "TaskOptions",
    "Tasks",
    "WorkerPool",
    "correlation",
    "current_job",
]
