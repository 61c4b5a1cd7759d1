"""What `close` answers: everything that was handed over before it, and the truth about the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from khala_jobs import EnqueueUnknown, JobProcessor, Queue, QueueFull, Task
from khala_jobs.errors import Closed, UnknownOutcome

Make = Callable[..., JobProcessor]


def adder(jobs: JobProcessor) -> Task[[int], int]:
    """A task to enqueue."""

    @jobs.task
    async def add(a: int) -> int:
        return a

    return add


async def handed_over(call: Any) -> asyncio.Task[Any]:
    """A call that has come as far as it can without an answer."""
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    return task


async def stored(jobs: JobProcessor) -> set[str]:
    """Ids of all jobs in the store."""
    return {info.id async for info in jobs.queues.scan()}


class Deaf:
    """An engine that takes what it is asked and never answers."""

    def __init__(self, engine: Any, *verbs: str) -> None:
        self._engine, self._verbs = engine, verbs
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return self._take if name in self._verbs else found

    def _take(self, _port: Any, ticket: int, _what: Any, payloads: Any = (), *_more: Any) -> list[str]:
        self.asked += 1
        return [f"{ticket}-{n}" for n, _ in enumerate(payloads)]  # as `enqueue`, which gives ids at once


def deafen(jobs: JobProcessor, *verbs: str) -> Deaf:
    """Put such an engine in the place of the opened one, for these verbs."""
    deaf = jobs._connection._engine = Deaf(jobs.engine, *verbs)
    return deaf


async def test_enqueues_that_were_handed_over_are_answered(jobs: JobProcessor) -> None:
    add = adder(jobs)
    first = await add.enqueue(0)
    calls = [asyncio.ensure_future(add.enqueue(i)) for i in range(1, 6)]
    await asyncio.sleep(0)
    await jobs.close()
    ids = {first.id} | {job.id for job in await asyncio.gather(*calls)}
    assert len(ids) == 6
    if jobs.url != "memory://":
        assert await stored(jobs) == ids


async def test_producers_know_exactly_what_is_stored_when_a_worker_is_left(make: Make) -> None:
    jobs = make(workers=2)
    add = adder(jobs)
    known: set[str] = set()

    async def produce() -> None:
        while True:
            known.add((await add.enqueue(1)).id)

    async with jobs:
        producers = [asyncio.ensure_future(produce()) for _ in range(5)]
        await add.enqueue(0)
        while len(known) < 50:
            await asyncio.sleep(0)
    ends = await asyncio.gather(*producers, return_exceptions=True)
    assert {type(end) for end in ends} == {Closed}
    assert not jobs._connection.is_open  # no producer opened it again
    if jobs.url != "memory://":
        assert len(await stored(jobs)) == len(known) + 1
        assert known <= await stored(jobs)


async def test_a_chunk_that_is_stored_is_named_and_no_other_follows(jobs: JobProcessor) -> None:
    add = adder(jobs)
    await add.enqueue(0)
    call = await handed_over(add.enqueue_many([(i,) for i in range(250)], chunk=100))
    await jobs.close()
    with pytest.raises(Closed, match="closing") as caught:
        await call
    assert len(caught.value.enqueued) == 100
    if jobs.url != "memory://":
        assert set(caught.value.enqueued) < await stored(jobs)
        assert len(await stored(jobs)) == 101


async def test_a_cancellation_that_was_handed_over_is_answered(jobs: JobProcessor) -> None:
    job = await adder(jobs).enqueue(0)
    call = await handed_over(job.cancel())
    await jobs.close()
    assert await call is True
    if jobs.url != "memory://":
        assert (await jobs.queues.get(job.id)).state == "cancelled"


async def test_a_full_queue_is_full_also_while_the_store_closes(make: Make) -> None:
    jobs = make(queues=[Queue("default", max_length=1)])
    add = adder(jobs)
    await add.enqueue(0)
    call = await handed_over(add.enqueue(1))
    await jobs.close()
    with pytest.raises(QueueFull, match="nothing was enqueued"):
        await call
    assert not jobs._connection.is_open


async def test_what_comes_while_the_store_closes_is_refused_and_not_stored(jobs: JobProcessor) -> None:
    add = adder(jobs)
    await add.enqueue(0)
    closing = await handed_over(jobs.close())
    with pytest.raises(Closed, match="closing"):
        await add.enqueue(1)
    await closing
    if jobs.url != "memory://":
        assert len(await stored(jobs)) == 1


async def test_enqueues_that_cannot_be_answered_any_more_name_their_ids(jobs: JobProcessor) -> None:
    add = adder(jobs)
    await add.enqueue(0)
    deaf = deafen(jobs, "enqueue")
    one = await handed_over(add.enqueue(1))
    many = await handed_over(add.enqueue_many([(2,), (3,)]))
    assert deaf.asked == 2
    await jobs.close()
    with pytest.raises(EnqueueUnknown) as caught:
        await one
    assert len(caught.value.job_ids) == 1
    with pytest.raises(EnqueueUnknown) as both:
        await many
    assert len(both.value.job_ids) == 2


async def test_changes_that_cannot_be_answered_any_more_are_unknown(jobs: JobProcessor) -> None:
    job = await adder(jobs).enqueue(0)
    deaf = deafen(jobs, "manage", "counts", "watch")
    calls = (job.cancel(), jobs.queues.stats(), job.result())
    change, look, wait = [await handed_over(call) for call in calls]
    assert deaf.asked == 3
    await jobs.close()
    with pytest.raises(UnknownOutcome):
        await change
    for call in (look, wait):
        with pytest.raises(Closed):
            await call
