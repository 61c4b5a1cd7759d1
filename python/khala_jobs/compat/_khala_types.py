"""The values that cross KHALA's job interface, and their text form.

Names, fields and defaults are KHALA's, so that its call sites and tests keep working. The text form is a flat
mapping of strings (what KHALA kept in a Redis hash); unlike KHALA's own it carries every field, so a job that
goes through it comes back equal.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID


class JobPriority(Enum):
    """KHALA's four priority levels; larger runs sooner."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class JobStatus(Enum):
    """Status of a job as KHALA names it."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRYING = "retrying"


@dataclass
class JobDefinition:
    """One job as KHALA's handlers receive it.

    Attributes:
        job_id: Opaque id.
        job_type: Name of the handler, for example ``"decay_scoring"``.
        job_class: Name of KHALA's class for it; informational.
        priority: One of the four levels.
        payload: Arguments; must be JSON, datetimes and UUIDs become text.
        created_at: When it was submitted, UTC.
        scheduled_at: Not before this instant, UTC; ``None`` = at once.
        max_retries: Retries after the first failing run.
        retry_count: Failing runs so far.
        timeout_seconds: An attempt that takes longer is ended and counts as failed.
        status: See `JobStatus`.
        error_message: Text of the latest error.
        started_at: Start of the latest attempt, UTC.
        completed_at: When it was closed, UTC.
        worker_id: Worker of the latest attempt.
    """

    job_id: str
    job_type: str
    job_class: str
    priority: JobPriority
    payload: dict[str, Any]
    created_at: datetime
    scheduled_at: datetime | None = None
    max_retries: int = 3
    retry_count: int = 0
    timeout_seconds: int = 300
    status: JobStatus = JobStatus.PENDING
    error_message: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    worker_id: str | None = None


@dataclass
class JobResult:
    """What a finished job left behind.

    Attributes:
        job_id: The job.
        success: Whether the handler succeeded.
        result: Its return value (JSON).
        execution_time_ms: Duration of the last attempt in milliseconds.
        error: Text of the error when ``success`` is false.
        completed_at: When it ended, UTC; now if not given.
        worker_id: Worker that ran it.
        cause: The exception behind ``error``, in the process where the job ran; not kept with the job.
    """

    job_id: str
    success: bool
    result: Any
    execution_time_ms: float
    error: str | None = None
    completed_at: datetime | None = None
    worker_id: str | None = None
    cause: Exception | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.completed_at is None:
            self.completed_at = datetime.now(UTC)


_OPTIONAL_TIMES = ("scheduled_at", "started_at", "completed_at")


def to_json(value: Any) -> str:
    """Serialise a payload or result; dates and UUIDs become text, anything else unknown is refused."""
    return json.dumps(value, default=_encode, allow_nan=False)


def _encode(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"payload: a {type(value).__name__} cannot be stored as JSON")


def job_to_mapping(job: JobDefinition) -> dict[str, str]:
    """Flatten a job to strings; absent optional fields are left out."""
    mapping = {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "job_class": job.job_class,
        "priority": str(job.priority.value),
        "payload": to_json(job.payload),
        "created_at": job.created_at.isoformat(),
        "max_retries": str(job.max_retries),
        "retry_count": str(job.retry_count),
        "timeout_seconds": str(job.timeout_seconds),
        "status": job.status.value,
    }
    for name in _OPTIONAL_TIMES:
        moment = getattr(job, name)
        if moment is not None:
            mapping[name] = moment.isoformat()
    if job.error_message is not None:
        mapping["error_message"] = job.error_message
    if job.worker_id is not None:
        mapping["worker_id"] = job.worker_id
    return mapping


def job_from_mapping(data: dict[str, str]) -> JobDefinition:
    """Inverse of `job_to_mapping`; also reads the mappings that KHALA's own processor wrote."""
    times = {f: datetime.fromisoformat(data[f]) for f in _OPTIONAL_TIMES if data.get(f)}
    return JobDefinition(
        job_id=data["job_id"],
        job_type=data["job_type"],
        job_class=data["job_class"],
        priority=JobPriority(int(data["priority"])),
        payload=json.loads(data["payload"]),
        created_at=datetime.fromisoformat(data["created_at"]),
        max_retries=int(data["max_retries"]),
        retry_count=int(data["retry_count"]),
        timeout_seconds=int(data["timeout_seconds"]),
        status=JobStatus(data["status"]),
        error_message=data.get("error_message"),
        worker_id=data.get("worker_id"),
        **times,
    )


def result_to_mapping(result: JobResult) -> dict[str, str]:
    """Flatten a result to strings; absent optional fields are left out."""
    assert result.completed_at is not None  # __post_init__ sets it
    mapping = {
        "job_id": result.job_id,
        "success": str(result.success),
        "result": to_json(result.result),
        "execution_time_ms": str(result.execution_time_ms),
        "completed_at": result.completed_at.isoformat(),
    }
    if result.error is not None:
        mapping["error"] = result.error
    if result.worker_id is not None:
        mapping["worker_id"] = result.worker_id
    return mapping


def result_from_mapping(data: dict[str, str]) -> JobResult:
    """Inverse of `result_to_mapping`; also reads the mappings that KHALA's own processor wrote."""
    return JobResult(
        job_id=data["job_id"],
        success=data["success"] == "True",
        result=json.loads(data["result"]),
        execution_time_ms=float(data["execution_time_ms"]),
        error=data.get("error"),
        completed_at=datetime.fromisoformat(data["completed_at"]),
        worker_id=data.get("worker_id"),
    )
