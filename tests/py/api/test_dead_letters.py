"""Dead letters, cleaning, and jobs removed or run again by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from khala_jobs import InvalidArgument, JobProcessor, NotFound, Queue
from khala_jobs import queues as queues_module
from khala_jobs.queues import QueueManager

from .conftest import eventually

Make = Callable[..., JobProcessor]


async def test_removing_and_retrying_by_hand(jobs: JobProcessor) -> None:
    runs: list[int] = []

    @jobs.task
    async def work(n: int) -> int:
        runs.append(n)
        if runs.count(n) == 1:
            raise ValueError
        return n

    async with jobs:
        job = await work.enqueue(1)
        await asyncio.wait([asyncio.ensure_future(job.result(20))])
        assert await jobs.queues.retry(job.id, actor="ada") is True
        assert await job.result(20) == 1
        assert (await job.info()).failures == 0 or (await job.info()).attempt == 2
        assert await jobs.queues.remove(job.id) is True
        with pytest.raises(NotFound):
            await job.info()
        for call in (jobs.queues.remove, jobs.queues.retry, jobs.queues.cancel, jobs.queues.get):
            with pytest.raises(NotFound, match="nobody"):
                await call("nobody")  # type: ignore[operator]
        delayed = await work.options(delay="1h").enqueue(1)
        assert await jobs.queues.retry(delayed.id) is True
        assert await delayed.result(20) == 1


async def fill_with_dead(jobs: JobProcessor) -> Callable[[], None]:
    """Start `jobs` and leave four dead letters in it; the result is called to heal the handler of three."""
    healthy = False

    @jobs.task(queue="a")
    async def alpha(kind: str) -> str:
        if not healthy:
            raise {"value": ValueError, "os": OSError}[kind]
        return kind

    @jobs.task(queue="b")
    async def beta() -> None:
        raise KeyError("never")

    await jobs.start()
    for task, args in ((alpha, ("value",)), (alpha, ("os",)), (alpha, ("value",)), (beta, ())):
        await asyncio.wait([asyncio.ensure_future((await task.enqueue(*args)).result(20))])  # type: ignore[call-arg]

    def heal() -> None:
        nonlocal healthy
        healthy = True

    return heal


async def test_dead_letters_are_listed_and_run_again(jobs: JobProcessor) -> None:
    heal = await fill_with_dead(jobs)
    assert len((await jobs.queues.dead()).jobs) == 4
    assert [info.task for info in (await jobs.queues.dead(queue="b")).jobs] == ["beta"]
    assert len((await jobs.queues.dead(error_type="ValueError")).jobs) == 2
    heal()
    assert await jobs.queues.requeue_dead(error_type="OSError") == 1
    await eventually(lambda: _completed(jobs.queues, "a", 1))
    assert await jobs.queues.requeue_dead(queue="a") == 2
    await eventually(lambda: _completed(jobs.queues, "a", 3))
    assert await jobs.queues.requeue_dead() == 1
    await eventually(lambda: _dead(jobs.queues, 1))


async def _completed(queues: QueueManager, queue: str, count: int) -> bool:
    return (await queues.stats(queue))["completed"] == count


async def _dead(queues: QueueManager, count: int) -> bool:
    return (await queues.stats())["failed"] == count


@pytest.mark.parametrize("states", ["ready", ("failed", "completed"), ()])
async def test_what_is_no_dead_letter_is_not_purged_as_one(jobs: JobProcessor, states: Any) -> None:
    @jobs.task
    async def work() -> None: ...

    await work.enqueue()
    for call in (jobs.queues.purge_dead, jobs.queues.requeue_dead, jobs.queues.dead):
        with pytest.raises(InvalidArgument, match="a dead letter is failed or quarantined"):
            await call(states=states)
    assert (await jobs.queues.stats())["waiting"] == 1
    assert await jobs.queues.purge_dead(states="failed") == 0


async def test_dead_letters_are_purged(jobs: JobProcessor) -> None:
    await fill_with_dead(jobs)
    assert await jobs.queues.purge_dead(task="beta", actor="ada") == 1
    assert await jobs.queues.purge_dead() == 3
    assert (await jobs.queues.dead()).jobs == ()
    assert (await jobs.queues.stats())["failed"] == 0


async def test_cleaning_by_age_and_by_count(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(n: int) -> None: ...

    async with jobs:
        handles = await work.enqueue_many([(n,) for n in range(20)])
        await asyncio.gather(*(job.result(20) for job in handles))
        assert await jobs.queues.clean(older_than="1h") == 0
        assert await jobs.queues.clean(keep=5) == 15
        assert (await jobs.queues.stats())["completed"] == 5
        assert await jobs.queues.clean(queue="other", older_than=0) == 0
        assert await jobs.queues.clean(states=["completed", "failed"], older_than=0) == 5
        assert (await jobs.queues.stats())["completed"] == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "older_than"),
        ({"states": "ready", "older_than": 0}, "states"),
        ({"states": [], "older_than": 0}, "states"),
        ({"keep": -1}, "keep"),
        ({"keep": "all"}, "keep"),
        ({"older_than": "old"}, "older_than"),
    ],
)
async def test_cleaning_without_saying_what_is_refused(
    jobs: JobProcessor, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await jobs.queues.clean(**arguments)
    assert caught.value.field == field


async def test_completed_jobs_can_be_removed_at_once(make: Make) -> None:
    jobs = make(queues=[Queue("brief", keep_completed=0)])

    @jobs.task(queue="brief")
    async def work() -> int:
        return 3

    async with jobs:
        job = await work.enqueue()
        assert await job.result(20) == 3  # the awaiter still gets it

        async def gone() -> bool:
            return (await jobs.queues.get_many([job.id])) == [None]

        await eventually(gone)


async def dead_of(jobs: JobProcessor, count: int) -> list[str]:
    """Ids of so many dead letters, oldest first."""

    @jobs.task
    async def fail(n: int) -> None:
        raise ValueError(n)

    await jobs.start()
    handles = await fail.enqueue_many([(n,) for n in range(count)])
    await asyncio.gather(*(job.result(20) for job in handles), return_exceptions=True)
    await jobs.stop()
    return [job.id for job in handles]


async def test_a_limit_is_the_most_that_is_purged_or_run_again(jobs: JobProcessor) -> None:
    ids = await dead_of(jobs, 7)
    assert await jobs.queues.requeue_dead(limit=2) == 2
    assert [info.id async for info in jobs.queues.scan(states="ready", order="next_to_run")] == ids[5:]
    assert await jobs.queues.purge_dead(limit=3) == 3
    assert [info.id for info in (await jobs.queues.dead()).jobs] == [ids[1], ids[0]]  # the newest are gone
    assert await jobs.queues.purge_dead(order="oldest_first", limit=1) == 1
    assert [info.id for info in (await jobs.queues.dead()).jobs] == [ids[1]]


async def test_a_scan_ends_at_its_limit_and_begins_at_its_cursor(
    jobs: JobProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues_module, "PAGE", 2)
    ids = await dead_of(jobs, 5)
    assert [info.id async for info in jobs.queues.scan()] == ids
    assert [info.id async for info in jobs.queues.scan(limit=3)] == ids[:3]
    cursor = (await jobs.queues.list(limit=1)).cursor
    assert [info.id async for info in jobs.queues.scan(limit=3, cursor=cursor)] == ids[1:4]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"foo": 1}, "foo: no such filter"),
        ({"task_": "x"}, "did you mean task"),
        ({"states": None}, "states: expected names of states, got None"),
        ({"states": [5]}, "states: 5 is no state"),
        ({"limit": "5"}, "limit: expected a whole number"),
        ({"cursor": "x"}, "cursor"),
        ({"queue": 5}, "queue: expected text, got int"),
        ({"enqueued_from": "now"}, "enqueued_from: expected a datetime"),
        ({"actor": 5}, "actor: expected text, got int"),
    ],
)
async def test_wrong_filters_are_refused_by_name(jobs: JobProcessor, filters: Any, says: str) -> None:
    queues = jobs.queues
    calls: list[Any] = [queues.requeue_dead, queues.purge_dead]
    if "actor" not in filters:
        calls += [queues.list, queues.dead]
    for call in calls:
        with pytest.raises(InvalidArgument, match=says):
            await call(**filters)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda q: q.pause("a", actor=5), "actor: expected text"),
        (lambda q: q.resume("a", actor=None), "actor: expected text"),
        (lambda q: q.limit("a", 5, actor=b"x"), "actor: expected text"),
        (lambda q: q.cancel("a", actor=5), "actor: expected text"),
        (lambda q: q.clean(queue=5, keep=0), "queue: expected text"),
        (lambda q: q.clean(states=None, keep=0), "states: expected names"),
        (lambda q: q.clean(states=[[]], keep=0), "is no ended state"),
    ],
)
async def test_wrong_arguments_of_changes_are_refused_by_name(
    jobs: JobProcessor, call: Any, says: str
) -> None:
    with pytest.raises(InvalidArgument, match=says):
        await call(jobs.queues)
    assert await jobs.queues.names() == []  # nothing was changed


def test_what_is_no_queue_is_not_defined(jobs: JobProcessor) -> None:
    with pytest.raises(InvalidArgument, match="queue: expected text, got int"):
        jobs.queues.define(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="concurrency given beside a Queue"):
        jobs.queues.define(Queue("a"), concurrency=5)
