"""Queues: order, counts, pause, filters, dead letters, clean-up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from khala_jobs import InvalidArgument, JobProcessor, NotFound, Priority, Queue, Retry
from khala_jobs.queues import QueueManager

from .conftest import eventually

Make = Callable[..., JobProcessor]


async def test_strict_priority_then_first_in_first_out(make: Make) -> None:
    jobs = make(workers=1)
    ran: list[tuple[int, int]] = []

    @jobs.task
    async def work(priority: int, n: int) -> None:
        ran.append((priority, n))

    rng = random.Random(7)
    expected = []
    for n in range(300):
        priority = rng.choice([0, 1, 2, 5, 8, 10, 100, 255])
        await work.options(priority=priority).enqueue(priority, n)
        expected.append((priority, n))
    async with jobs:
        await eventually(lambda: len(ran) == 300)
    assert ran == sorted(expected, key=lambda job: (-job[0], job[1]))


async def test_order_over_several_queues_is_one_order(make: Make) -> None:
    jobs = make(workers=1, queues=["a", "b"])
    ran: list[str] = []

    @jobs.task
    async def work(name: str) -> None:
        ran.append(name)

    for name, queue, priority in [
        ("a1", "a", 2),
        ("b1", "b", 8),
        ("a2", "a", 5),
        ("b2", "b", 2),
        ("a3", "a", 10),
    ]:
        await work.options(queue=queue, priority=priority).enqueue(name)
    async with jobs:
        await eventually(lambda: len(ran) == 5)
    assert ran == ["a3", "b1", "a2", "a1", "b2"]


async def test_the_named_priorities(jobs: JobProcessor) -> None:
    assert [int(p) for p in (Priority.CRITICAL, Priority.HIGH, Priority.MEDIUM, Priority.LOW)] == [
        10,
        8,
        5,
        2,
    ]


async def test_a_retry_keeps_its_place_in_the_order(make: Make) -> None:
    jobs = make(workers=1)
    ran: list[str] = []

    @jobs.task(retry=Retry.fixed(1, 0))
    async def work(name: str) -> None:
        ran.append(name)
        if ran.count("first") == 1 and name == "first":
            raise ValueError

    for name in ("first", "second", "third"):
        await work.enqueue(name)
    async with jobs:
        await eventually(lambda: len(ran) == 4)
    assert ran == ["first", "first", "second", "third"]


async def test_counts_by_state_under_bulls_names(jobs: JobProcessor) -> None:
    began = asyncio.Event()

    @jobs.task(queue="q")
    async def work(how: str) -> None:
        if how == "wait":
            began.set()
            await asyncio.sleep(3600)
        if how == "fail":
            raise ValueError

    async with jobs:
        for how in ("ok", "ok", "fail"):
            await asyncio.wait([asyncio.ensure_future((await work.enqueue(how)).result(20))])
        running = await work.enqueue("wait")
        await began.wait()
        await work.options(delay="1h").enqueue("ok")
        await jobs.queues.pause("q")
        await (await work.enqueue("ok")).cancel()
        await work.enqueue("ok")
        stats = await jobs.queues.stats("q")
        assert {k: stats[k] for k in ("waiting", "active", "completed", "failed", "delayed", "paused")} == {  # type: ignore[literal-required]
            "waiting": 1,
            "active": 1,
            "completed": 2,
            "failed": 1,
            "delayed": 1,
            "paused": True,
        }
        assert stats["cancelled"] == 1
        assert stats["oldest_waiting_at"] is not None
        total = await jobs.queues.stats()
        assert total["completed"] == 2
        assert (await jobs.queues.all_stats())["q"] == stats
        assert "q" in await jobs.queues.names()
        await running.cancel()
    assert (await jobs.queues.stats("nobody"))["waiting"] == 0


async def test_a_paused_queue_starts_nothing_until_it_is_resumed(make: Make) -> None:
    jobs = make(workers=2)
    ran: list[str] = []

    @jobs.task
    async def work(name: str) -> None:
        ran.append(name)

    async with jobs:
        await jobs.queues.pause("held", actor="ada")
        held = await work.options(queue="held").enqueue("held")
        await (await work.enqueue("free")).result(20)
        assert (await held.info()).state == "ready"
        assert ran == ["free"]
        await jobs.queues.resume("held")
        jobs_of_held = await held.info()
        assert jobs_of_held.state in ("ready", "running", "completed")
    assert (await jobs.queues.stats("held"))["paused"] is False


async def test_jobs_of_a_resumed_queue_run(make: Make) -> None:
    jobs = make(queues=["held"])

    @jobs.task(queue="held")
    async def work() -> str:
        return "ran"

    async with jobs:
        await jobs.queues.pause("held")
        job = await work.enqueue()
        with pytest.raises(TimeoutError):
            await job.result("100ms")
        await jobs.queues.resume("held")
        assert await job.result(20) == "ran"


async def test_lists_with_filters_and_cursor(jobs: JobProcessor) -> None:
    @jobs.task
    async def small(n: int) -> None: ...

    @jobs.task(queue="other")
    async def large(n: int) -> None: ...

    for n in range(25):
        await small.options(tenant="a" if n % 2 else "b", correlation_id=f"c{n % 5}").enqueue(n)
    await large.enqueue_many([(n,) for n in range(5)])
    await large.options(delay="1h").enqueue(99)

    async def numbers(**filters: Any) -> list[int]:
        return [info.arguments["n"] async for info in jobs.queues.scan(**filters)]

    assert await numbers(task="small") == list(range(25))
    assert await numbers(task="small", order="newest_first") == list(reversed(range(25)))
    assert await numbers(task="small", limit=7) == list(range(25))
    assert await numbers(queue="other") == [0, 1, 2, 3, 4, 99]
    assert await numbers(states="scheduled") == [99]
    assert await numbers(states=["ready"], queue="other") == [0, 1, 2, 3, 4]
    assert await numbers(task="small", tenant="a") == list(range(1, 25, 2))
    assert await numbers(correlation_id="c3") == [3, 8, 13, 18, 23]
    past, future = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    assert len(await numbers(enqueued_from=past, enqueued_to=future)) == 31
    assert await numbers(enqueued_to=past) == []
    page = await jobs.queues.list(limit=10)
    assert len(page.jobs) == 10
    assert page.cursor
    assert (await jobs.queues.list(task="nobody")).jobs == ()


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"states": "done"}, "states"),
        ({"limit": 0}, "limit"),
        ({"limit": 5000}, "limit"),
        ({"order": "random"}, "order"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"limit": "all"}, "limit"),
        ({"queue": 5}, "queue"),
        ({"task": None}, "task"),
        ({"enqueued_from": datetime(2030, 1, 1)}, "enqueued_from"),  # noqa: DTZ001
    ],
)
async def test_wrong_filters_are_refused_by_name(
    jobs: JobProcessor, filters: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await jobs.queues.list(**filters)
    assert field in caught.value.field


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


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"attempts": 0}, "attempts"),
        ({"max_length": -1}, "max_length"),
        ({"ageing": "slow"}, "ageing"),
        ({"keep_completed": "long"}, "keep"),
        ({"colour": "red"}, "colour"),
        ({"backoff": "slowly"}, "backoff"),
        ({"backoff": 3}, "backoff"),
    ],
)
def test_wrong_definitions_are_refused(fields: dict[str, Any], field: str) -> None:
    jobs = JobProcessor("memory://")
    with pytest.raises(InvalidArgument, match=field):
        jobs.queues.define("q", **fields)


@pytest.mark.parametrize("queues", [[5], [None], ["\ud800"], {5: 1}])
def test_queues_to_serve_are_named_by_texts(queues: Any) -> None:
    with pytest.raises(InvalidArgument, match="queue"):
        JobProcessor("memory://", queues=queues)


async def test_what_is_no_text_or_number_is_refused_by_name(jobs: JobProcessor) -> None:
    anything: Any = 5
    calls: dict[str, Callable[[], Any]] = {
        "queue": lambda: jobs.queues.pause(anything),
        "max_length": lambda: jobs.queues.limit("q", "many"),  # type: ignore[arg-type]
        "job_id": lambda: jobs.queues.get(anything),
        "reason": lambda: jobs.queues.cancel("id", anything),
    }
    for field, call in calls.items():
        with pytest.raises(InvalidArgument) as caught:
            await call()
        assert caught.value.field == field
    with pytest.raises(InvalidArgument, match="job_id"):
        jobs.job(anything)


async def test_ageing_lets_old_jobs_overtake(make: Make) -> None:
    jobs = make(workers=1, queues=[Queue("aged", ageing="10ms")])
    ran: list[str] = []

    @jobs.task(queue="aged")
    async def work(name: str) -> None:
        ran.append(name)

    await work.options(priority=0).enqueue("old and low")
    await asyncio.sleep(0.2)
    await work.options(priority=5).enqueue("young and higher")
    async with jobs:
        await eventually(lambda: len(ran) == 2)
    assert ran == ["old and low", "young and higher"]


async def test_durable_counters_and_the_check(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(ok: bool) -> None:
        if not ok:
            raise ValueError

    async with jobs:
        for ok in (True, False, False):
            await asyncio.wait([asyncio.ensure_future((await work.enqueue(ok)).result(20))])
        (counters,) = [c for c in await jobs.queues.counters() if c.task == "work"]
        assert (counters.runs, counters.completed, counters.failures, counters.consecutive_failures) == (
            3,
            1,
            2,
            2,
        )
        assert counters.last_run_at is not None
        assert await jobs.queues.check() == []


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
