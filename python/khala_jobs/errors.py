"""What goes wrong and can be told to a caller: one small tree of exceptions under `Error`.

The core fails by value, with one of a closed list of codes; the binding turns each code into the class below
that has it. Python code raises the same classes, so `except InvalidArgument` covers both. Every error says
what it is about (`field`) and, in one sentence, what is wrong and which limit or rule it breaks (`message`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "Closed",
    "EnqueueUnknown",
    "Error",
    "Forked",
    "Internal",
    "Interrupted",
    "InvalidArgument",
    "JobCancelled",
    "JobError",
    "JobExpired",
    "JobFailed",
    "JobQuarantined",
    "NotFound",
    "PayloadMismatch",
    "QueueFull",
    "SchemaMismatch",
    "StoreBusy",
    "StoreCorrupt",
    "StoreDenied",
    "StoreFull",
    "StoreIO",
    "StoreUnavailable",
    "UnknownOutcome",
    "Unsupported",
]


class Error(Exception):
    """Base of every exception that khala_jobs raises on purpose.

    Attributes:
        code: The core's word for this kind of error, as it appears in logs: "queue_full".
        field: What it is about: an argument, a column, a path. May be empty.
        message: One sentence for a person: what is wrong and which limit or rule it breaks.
        enqueued: Of an error of ``enqueue_many(…, chunk=…)``: ids of the jobs of the chunks before, which are
            stored and will run.
    """

    code: ClassVar[str] = "internal"
    enqueued: tuple[str, ...] = ()

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidArgument(Error, ValueError):
    """The caller's input breaks a stated rule or limit. Nothing was done, and nothing is lost."""

    code = "invalid_argument"


class NotFound(Error, LookupError):
    """No such job, queue or file."""

    code = "not_found"


class PayloadMismatch(InvalidArgument):
    """A stored payload does not have the parameters of the task's signature: older or newer code wrote it."""


class QueueFull(Error):
    """The queue's bounded length is reached."""

    code = "queue_full"


class StoreFull(Error):
    """The disk is full, or the store's own size limit is reached."""

    code = "store_full"


class StoreBusy(Error):
    """Somebody else holds what is needed; trying again later can help."""

    code = "busy"


class StoreIO(Error):
    """The operating system refused a read or a write."""

    code = "io"


class StoreCorrupt(Error):
    """Stored data fails its checksum or structure."""

    code = "corrupt"


class SchemaMismatch(Error):
    """The store's schema is newer than this code, or not ours."""

    code = "schema"


class Unsupported(Error):
    """A feature or an environment that this build cannot serve, such as a network file system."""

    code = "unsupported"


class Closed(Error):
    """The object was closed, or is closing."""

    code = "closed"


class Forked(Error):
    """Used in a child process of the one that opened it."""

    code = "forked"


class StoreUnavailable(Error):
    """The store cannot be reached or does not serve now. Nothing was done, and trying again can help."""

    code = "unavailable"


class StoreDenied(Error):
    """The store refuses this user: its password, or rights that an administrator has to give."""

    code = "denied"


class UnknownOutcome(Error):
    """The store cannot tell whether the write happened; asking again with the same ids is safe."""

    code = "unknown_outcome"


class EnqueueUnknown(UnknownOutcome):
    """The answer to an enqueue was lost: the store has all of these jobs, or none.

    Enqueueing again under the same id (``task.options(id=error.job_id).enqueue(…)``) is safe for 24 hours and
    more, also when the job has run and been deleted meanwhile: a job that is there already is left as it is.

    Attributes:
        job_ids: Of all jobs of the call, in its order.
        job_id: The first of them, for calls with one job.
    """

    def __init__(self, job_ids: Sequence[str], message: str) -> None:
        ids = tuple(job_ids)
        count = "job" if len(ids) == 1 else f"{len(ids)} jobs from"
        super().__init__("enqueue", f"whether {count} {ids[0]} was stored is not known ({message})")
        self.args = (ids, message)
        self.job_ids = ids

    @property
    def job_id(self) -> str:
        """The first of `job_ids`."""
        return self.job_ids[0]


class Interrupted(Error):
    """The caller asked for the work to stop before it was done."""

    code = "interrupted"


class Internal(Error):
    """A broken invariant of khala_jobs itself: please report it."""

    code = "internal"


class JobError(Error):
    """A job that was waited for ended without a result.

    Attributes:
        job_id: Which one.
    """

    code = "job"

    def __init__(self, job_id: str, message: str) -> None:
        super().__init__(f"job {job_id}", message)
        self.args = (job_id, message)
        self.job_id = job_id


class JobFailed(JobError):
    """It is out of retries: a dead letter now.

    Attributes:
        error_type: Class name of the handler's last exception.
        error_message: Its text.
        traceback: Where it was raised, as text; may be empty.
    """

    code = "job_failed"

    def __init__(self, job_id: str, error_type: str, error_message: str, traceback: str = "") -> None:
        super().__init__(job_id, f"{error_type}: {error_message}" if error_message else error_type)
        self.args = (job_id, error_type, error_message, traceback)
        self.error_type = error_type
        self.error_message = error_message
        self.traceback = traceback


class JobCancelled(JobError):
    """Somebody cancelled it, or its handler did."""

    code = "job_cancelled"


class JobExpired(JobError):
    """It was not started before its time was over."""

    code = "job_expired"


class JobQuarantined(JobError):
    """Its row is damaged, or it killed its workers."""

    code = "job_quarantined"
