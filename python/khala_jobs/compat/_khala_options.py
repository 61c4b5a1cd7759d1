"""What a job of KHALA's says about itself, as options of the engine, and what is refused of it."""

from __future__ import annotations

from typing import Any

import orjson

from khala_jobs import Retry, RetryPolicy
from khala_jobs.durations import instant_ms
from khala_jobs.errors import InvalidArgument
from khala_jobs.options import PAYLOAD_BYTES, core_arguments
from khala_jobs.shown import shown

from ._khala_services import MissingDependency
from ._khala_types import JobDefinition, JobPriority, job_to_mapping

PRIORITIES = {JobPriority.LOW: 2, JobPriority.MEDIUM: 5, JobPriority.HIGH: 8, JobPriority.CRITICAL: 10}
# KHALA's back-off: 60 s after the first failure, doubling, at most 5 minutes.
_BACKOFF_SECONDS, _BACKOFF_FACTOR, _BACKOFF_CAP_SECONDS = 60, 2.0, 300


def retry_of(max_retries: int) -> RetryPolicy:
    """KHALA's way of retrying, but for what is not installed or not configured: that will not come by waiting."""
    return Retry.exponential(
        max_retries,
        base=_BACKOFF_SECONDS,
        factor=_BACKOFF_FACTOR,
        cap=_BACKOFF_CAP_SECONDS,
        not_on=[MissingDependency],
    )


def options_of(job: JobDefinition) -> dict[str, Any]:
    """What a job says about itself, as options of the engine."""
    options: dict[str, Any] = {
        "priority": PRIORITIES[job.priority],
        "timeout": _whole(job.timeout_seconds, "timeout_seconds", 1),
        "retry": retry_of(_whole(job.max_retries, "max_retries", 0)),
    }
    if job.scheduled_at is not None:
        instant_ms(job.scheduled_at, "scheduled_at")
        options["at"] = job.scheduled_at
    return options


def check_given(priority: object, payload: object) -> None:
    """Refuse what is of the wrong kind.

    Raises:
        InvalidArgument: One of the two is.
    """
    if not isinstance(priority, JobPriority):
        raise InvalidArgument("priority", f"expected a JobPriority, got {shown(priority)}")
    if not isinstance(payload, dict) or not all(isinstance(key, str) for key in payload):
        raise InvalidArgument("payload", f"expected a dict whose keys are text, got {shown(payload)}")


def check_job(job: JobDefinition) -> None:
    """Refuse what the engine would refuse: when a job waits in memory that would be too late.

    Raises:
        InvalidArgument: A field is wrong, or the payload is too large or no JSON.
        TypeError: The payload has a value of a type that has no JSON form.
    """
    core_arguments(f"khala.{job.job_type}", options_of(job))
    try:
        size = len(orjson.dumps({"job": job_to_mapping(job)}))
    except (ValueError, RecursionError) as error:
        raise InvalidArgument("payload", f"cannot be stored as JSON: {error}") from None
    if size > PAYLOAD_BYTES:
        raise InvalidArgument("payload", f"{size} bytes with the job's fields, {PAYLOAD_BYTES} is the limit")


def _whole(value: Any, field: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidArgument(field, f"expected a whole number from {least}, got {shown(value)}")
    return value
