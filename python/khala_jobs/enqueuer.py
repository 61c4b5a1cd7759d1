"""What puts jobs of a task in: `Enqueuer`, and what ``task.options(…)`` gives.

Options never share a namespace with arguments: ``send.options(delay="10m").enqueue(user_id)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, cast

from .definition import Definition
from .errors import Error, InvalidArgument
from .options import BATCH_BYTES, BATCH_JOBS, EnqueueOptions, check_names, core_arguments, text
from .shown import shown

if TYPE_CHECKING:
    from typing import Unpack

    from .job import Job
    from .resources import Resources
    from .task import Tasks

P = ParamSpec("P")
R = TypeVar("R")

# What the core calls the arguments of a job and its id: payloads are its word, and it gets many at once.
_PAYLOAD = re.compile(r"payload\[(\d+)\](.*)", re.DOTALL)
_ID = "id[0]"


class Producer(Protocol):
    """Puts jobs in: the `JobProcessor` that a task belongs to."""

    async def put(
        self, definition: Definition, options: Mapping[str, Any], payloads: list[bytes], cache: dict[str, Any]
    ) -> list[Job[Any]]:
        """Put jobs of one task in, all or none."""

    @property
    def resources(self) -> Resources:
        """What its handlers depend on."""


class Enqueuer(Generic[P, R]):
    """A task with options: what ``task.options(…)`` gives."""

    __slots__ = ("_cache", "_options", "_tasks", "definition")

    def __init__(self, definition: Definition, tasks: Tasks, options: Mapping[str, Any]) -> None:
        self.definition = definition
        self._tasks = tasks
        self._options = options
        self._cache: dict[str, Any] = {}  # the producer's: options in the core's form

    def options(self, **options: Unpack[EnqueueOptions]) -> Enqueuer[P, R]:
        """The same task with more options; later ones win.

        Args:
            **options: `EnqueueOptions`: queue, priority, delay, at, timeout, hard_timeout, retry, expires,
                keep, id, correlation_id, headers, tenant.

        Raises:
            InvalidArgument: No such option, a wrong value, or two that contradict each other. Names that are
                too long or have control characters are refused by ``enqueue``.
        """
        check_names(
            options
        )  # here: what the task says, which also has a version, is checked by its own names
        merged = {**self._options, **options}
        for name, other in (("delay", "at"), ("at", "delay")):  # one question, so that the later answer holds
            if name in options and other not in options:
                merged.pop(other, None)
        if "id" in options:
            text(options["id"], "id")
        core_arguments(self.definition.name, {k: v for k, v in merged.items() if k != "id"})
        return Enqueuer(self.definition, self._tasks, merged)

    async def enqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Put one job in; it is as durable as the store makes it when this returns.

        Args:
            *args: The handler's arguments, without ``ctx``.
            **kwargs: The same.

        Raises:
            InvalidArgument: The arguments do not fit the handler, or cannot be stored. Nothing was enqueued.
            QueueFull: The queue's bounded length is reached.
            Closed: The `JobProcessor` is closing. Nothing was enqueued.
            EnqueueUnknown: The store's answer was lost. ``options(id=error.job_id)`` and the same call again: safe.
        """
        payload = self.definition.arguments.encode(args, kwargs)
        try:
            jobs = await self._tasks.producer.put(self.definition, self._options, [payload], self._cache)
        except InvalidArgument as error:
            found = _PAYLOAD.fullmatch(error.field)
            if found is None and error.field != _ID:
                raise
            field = f"arguments{found[2]}" if found else "id"
            raise InvalidArgument(field, error.message) from None
        return jobs[0]

    async def enqueue_many(
        self, calls: Iterable[tuple[Any, ...] | Mapping[str, Any]], *, chunk: int | None = None
    ) -> list[Job[R]]:
        """Put many jobs in, all or nothing.

        Args:
            calls: For each job a tuple of positional or a dict of keyword arguments.
            chunk: ``None``: one call of at most 10,000 jobs and 16 MiB of payload. A number: as many calls
                of that size as it takes, each of which is all or nothing.

        Raises:
            InvalidArgument: An item does not fit; the field begins with its index, ``[17].user_id``. Nothing of
                the call (of the chunk) was enqueued.
            QueueFull: Not all of it fits into the queue, and nothing was enqueued.
            Closed: The `JobProcessor` is closing. Nothing of the call (of the chunk) was enqueued.
            EnqueueUnknown: The store's answer was lost: it has all of this call (of the chunk), or nothing.

            With `chunk` the attribute ``enqueued`` of each of these has the ids of what earlier chunks put in.
        """
        if "id" in self._options:
            raise InvalidArgument("id", "one id cannot name many jobs: leave it out, or enqueue one by one")
        size: object = chunk
        if size is not None and (
            not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= BATCH_JOBS
        ):
            raise InvalidArgument("chunk", f"expected a number from 1 to {BATCH_JOBS}, got {shown(chunk)}")
        if not isinstance(cast("object", calls), Iterable):
            raise InvalidArgument("calls", f"expected tuples or dicts of arguments, got {shown(calls)}")
        payloads, jobs, weight = list[bytes](), list["Job[R]"](), 0
        try:
            for index, call in enumerate(calls):
                payload = self._encode_item(index, call)
                payloads.append(payload)
                weight += len(payload)
                count = len(payloads)
                if count > BATCH_JOBS or weight > BATCH_BYTES:  # now: who makes the calls may have many more
                    raise _too_much(count)
                if count == chunk:
                    jobs += await self._put_many(payloads, len(jobs))
                    payloads, weight = [], 0
            if payloads:
                jobs += await self._put_many(payloads, len(jobs))
        except Error as error:
            error.enqueued = tuple(job.id for job in jobs)
            if jobs:
                error.add_note(f"{len(jobs)} jobs of earlier chunks are enqueued: see the error's `enqueued`")
            raise
        return jobs

    async def _put_many(self, payloads: list[bytes], before: int) -> list[Job[R]]:
        """Put a chunk in; `before` items of the call were put in before it."""
        try:
            return await self._tasks.producer.put(self.definition, self._options, payloads, self._cache)
        except InvalidArgument as error:
            found = _PAYLOAD.fullmatch(error.field)
            if found is None:
                raise
            raise InvalidArgument(f"[{before + int(found[1])}]{found[2]}", error.message) from None

    def _encode_item(self, index: int, call: object) -> bytes:
        try:
            if isinstance(call, tuple):
                return self.definition.arguments.encode(call, {})
            if isinstance(call, Mapping):
                return self.definition.arguments.encode((), dict(call))
        except InvalidArgument as error:
            raise InvalidArgument(f"[{index}].{error.field}", error.message) from None
        raise InvalidArgument(f"[{index}]", f"expected a tuple or a dict of arguments, got {shown(call)}")


def _too_much(count: int) -> InvalidArgument:
    if count > BATCH_JOBS:
        return InvalidArgument(
            "calls", f"more than {BATCH_JOBS} jobs, the limit of one call: pass chunk= to split them"
        )
    return InvalidArgument(
        "calls",
        f"more than {BATCH_BYTES} bytes, the limit of one call: pass a smaller chunk= to split them",
    )
