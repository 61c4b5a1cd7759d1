"""Queues: order, counts, pause, filters, dead letters, clean-up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from khala_jobs import InvalidArgument, JobProcessor, Priority, Queue, Retry

from .conftest import eventually, order_of_old_and_young

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
    assert await numbers(task="small", limit=7) == list(range(7))
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


@pytest.mark.parametrize(
    ("field", "most"), [("concurrency", 2**31 - 1), ("attempts", 1_000_001), ("max_length", 2**31 - 1)]
)
async def test_numbers_of_a_queue_have_a_limit_that_is_named(
    jobs: JobProcessor, field: str, most: int
) -> None:
    for value in (most + 1, 10**30, 10**5_000):
        with pytest.raises(InvalidArgument, match=f"from . to {most}, got") as caught:
            Queue("q", **{field: value})  # type: ignore[arg-type]
        assert caught.value.field == f"queue q: {field}"
    jobs.queues.define(Queue("q", **{field: most}))  # type: ignore[arg-type]

    @jobs.task(queue="q")
    async def work() -> int:
        return 1

    async with jobs:
        assert await (await work.enqueue()).result(20) == 1


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
    with pytest.raises(InvalidArgument, match="max_length: expected a whole number from 0 to 2147483647"):
        await jobs.queues.limit("q", 2**31)


async def test_a_reason_is_stored_whole_or_refused(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    job = await work.enqueue()
    with pytest.raises(InvalidArgument, match="reason: 882 bytes, 880 is the limit"):
        await job.cancel("ü" * 441)
    assert (await job.info()).state == "ready"
    assert await jobs.queues.cancel(job.id, "ü" * 440, actor="a" * 128)
    assert (await job.info()).reason == f"cancelled by {'a' * 128}: {'ü' * 440}"


async def test_ageing_lets_old_jobs_overtake(make: Make) -> None:
    jobs = make(workers=1, queues=[Queue("aged", ageing="10ms")])
    assert await order_of_old_and_young(jobs, "aged") == ["old and low", "young and higher"]


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
