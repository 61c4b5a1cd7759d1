"""`Job`: a handle on a job that was enqueued, here or elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Generic, Protocol, TypeVar, cast

from . import failure, values
from .definition import Definition
from .durations import Duration, to_ms
from .errors import Error, InvalidArgument, JobCancelled, JobExpired, JobFailed, JobQuarantined
from .info import JobInfo, Progress

R = TypeVar("R")


class Client(Protocol):
    """What a handle asks of the `JobProcessor` that it came from."""

    async def closed_row(self, job_id: str) -> Mapping[str, Any]:
        """The row of a job when it is closed."""

    async def info_of(self, job_id: str) -> JobInfo:
        """As `QueueManager.get`."""

    async def cancel_job(self, job_id: str, reason: str) -> bool:
        """As `QueueManager.cancel`."""


class Job(Generic[R]):
    """One job, by its id. Holds no connection and no state: every method asks the store.

    Attributes:
        id: Of the job.
        existed: The enqueue that gave this handle found the id taken and changed nothing.
        durability: What the acknowledged enqueue survives: the level of the store when it was opened
            ("memory", "os", "disk_1s", "disk", "replicated(2)"). Empty for a handle by id.
    """

    __slots__ = ("_client", "_definition", "durability", "existed", "id")

    def __init__(
        self,
        job_id: str,
        client: Client,
        definition: Definition | None,
        *,
        existed: bool = False,
        durability: str = "",
    ) -> None:
        self.id = job_id
        self.existed = existed
        self.durability = durability
        self._client = client
        self._definition = definition

    async def result(self, timeout: Duration | None = None) -> R:
        """Wait until the job has ended, and give what its handler returned.

        Args:
            timeout: Give up waiting after this; the job goes on. 0 = only look whether it has ended; ``None`` = wait as
                long as it takes.

        Raises:
            JobFailed: It is out of retries; carries type, text and traceback of the handler's error.
            JobCancelled: It was cancelled.
            JobExpired: It was not started in time.
            JobQuarantined: Its row is damaged, or it killed its workers.
            NotFound: There is no such job (any more).
            TimeoutError: It has not ended in time.
        """
        limit = None if timeout is None else to_ms(timeout, "timeout") / 1000
        if limit == 0:  # it takes a moment to learn even what is so already
            info = await self.info()
            if not info.is_closed:
                raise TimeoutError(f"job {self.id} is {info.state}")
            limit = None
        try:
            async with asyncio.timeout(limit) as waiting:
                row = await self._client.closed_row(self.id)
        except TimeoutError:
            if waiting.expired():
                raise TimeoutError(f"job {self.id} has not ended within {limit:g} s") from None
            raise
        if row["state"] != "completed":
            raise closed_error(self.id, row)
        text: bytes = row["result"]
        if self._definition is None:
            return cast("R", values.decode(text) if text else None)
        return cast("R", self._definition.results.decode(text))

    async def info(self) -> JobInfo:
        """Everything about it, with the history of its attempts.

        Raises:
            NotFound: There is no such job (any more).
        """
        return await self._client.info_of(self.id)

    async def progress(self, every: Duration = 1.0) -> AsyncGenerator[Progress]:
        """What the handler says of its progress, as it changes, until the job has ended.

        ``async for said in job.progress(): print(said.count, said.total)``. What a handler says is stored about
        once a second, so of quick changes only the last is seen. What was said before is given first, and the
        last word also of a job that has ended already.

        Args:
            every: How often the store is asked; the end of the job is noticed at once.

        Raises:
            InvalidArgument: `every` is no duration, or zero.
            NotFound: There is no such job (any more).
        """
        pause = to_ms(every, "every") / 1000
        if pause == 0:
            raise InvalidArgument("every", "expected a duration above zero, got 0")
        closed = asyncio.ensure_future(self._client.closed_row(self.id))
        try:
            last: Progress | None = None
            ended = False
            while not ended:
                ended = closed.done()
                said = (await self.info()).progress
                if said is not None and said != last:
                    yield said
                    last = said
                if not ended:
                    await asyncio.wait([closed], timeout=pause)
        finally:
            closed.cancel()
            await asyncio.gather(closed, return_exceptions=True)

    async def cancel(self, reason: str = "") -> bool:
        """Ask for its end: a waiting job is cancelled at once, a running one is told within a second.

        Args:
            reason: Why, for whoever waits for its result; 880 bytes at most.

        Returns:
            False when it had ended already.

        Raises:
            NotFound: There is no such job (any more).
            InvalidArgument: `reason` is too long.
        """
        return await self._client.cancel_job(self.id, reason)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Job {self.id}>"


def closed_error(job_id: str, row: Mapping[str, Any]) -> Error:
    """The exception that stands for how a job ended without a result."""
    reason = row["reason"] or f"it is {row['state']}"
    match row["state"]:
        case "failed":
            error = failure.parse(row["error"])
            if error is None:
                return JobFailed(job_id, "Failed", reason)
            return JobFailed(job_id, error.type, error.message, error.traceback)
        case "cancelled":
            return JobCancelled(job_id, reason)
        case "expired":
            return JobExpired(job_id, reason)
    return JobQuarantined(job_id, reason)
