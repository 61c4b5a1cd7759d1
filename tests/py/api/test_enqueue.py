"""Producers: what gets in, what is refused, and that a refusal loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from khala_jobs import InvalidArgument, JobProcessor, Priority, Queue, QueueFull, Retry, Tasks, correlation

Make = Callable[..., JobProcessor]


async def test_a_client_enqueues_without_ever_being_entered(jobs: JobProcessor) -> None:
    @jobs.task(queue="mail", priority=Priority.HIGH, timeout="1m", retry=Retry.fixed(2, "10s"))
    async def send(to: str, copies: int = 1) -> None: ...

    job = await send.enqueue("ada", copies=2)
    info = await job.info()
    assert (info.id, info.task, info.queue, info.state, info.priority) == (job.id, "send", "mail", "ready", 8)
    assert info.arguments == {"to": "ada", "copies": 2}
    assert (info.timeout_ms, info.hard_timeout_ms) == (60_000, 65_000)
    assert info.retry is not None
    assert info.retry["kind"] == "fixed"
    assert info.attempt == 0
    assert not jobs.is_running


async def test_every_option_reaches_the_job(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    at = datetime.now(UTC) + timedelta(hours=1)
    job = await work.options(
        queue="q",
        priority=77,
        at=at,
        timeout=2,
        hard_timeout=3,
        expires="2h",
        retry=Retry.delays(60, 300, 1800),
        keep="1d",
        id="my-id",
        correlation_id="req-1",
        headers={"trace": "abc"},
        tenant="acme",
    ).enqueue()
    info = await job.info()
    assert job.id == "my-id"
    assert (info.queue, info.priority, info.state) == ("q", 77, "scheduled")
    assert info.due_at is not None
    assert abs(info.due_at - at) < timedelta(seconds=1)
    assert (info.timeout_ms, info.hard_timeout_ms) == (2000, 3000)
    assert info.expires_at is not None
    assert info.retry is not None
    assert info.retry["delays_ms"] == [60_000, 300_000, 1_800_000]
    assert (info.correlation_id, info.headers, info.tenant) == ("req-1", {"trace": "abc"}, "acme")


async def test_options_build_on_each_other(jobs: JobProcessor) -> None:
    @jobs.task(priority=3)
    async def work() -> None: ...

    urgent = work.options(priority=Priority.CRITICAL)
    assert (await (await urgent.options(tenant="a").enqueue()).info()).priority == 10
    assert (await (await work.enqueue()).info()).priority == 3


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"priority": 256}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": "high"}, "priority"),
        ({"delay": "soon"}, "delay"),
        ({"delay": -1}, "delay"),
        ({"delay": 1, "at": datetime.now(UTC)}, "delay"),
        ({"at": datetime(2030, 1, 1)}, "at"),  # noqa: DTZ001
        ({"at": "tomorrow"}, "at"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 10, "hard_timeout": 5}, "hard_timeout"),
        ({"expires": "never"}, "expires"),
        ({"retry": "often"}, "retry"),
        ({"retry": -1}, "retry"),
        ({"headers": {"a": 1}}, "headers.a"),
        ({"headers": "a"}, "headers"),
        ({"tenant": 5}, "tenant"),
        ({"correlation_id": 5}, "correlation_id"),
        ({"queue": 5}, "queue"),
        ({"queue": None}, "queue"),
        ({"queue": "\ud800"}, "queue"),
        ({"id": 5}, "id"),
        ({"prority": 5}, "prority"),
        ({"version": 3}, "version"),  # of a task, not of an enqueue
    ],
)
async def test_wrong_options_are_refused_where_they_are_given(options: dict[str, Any], field: str) -> None:
    @Tasks().task
    async def work() -> None: ...

    with pytest.raises(InvalidArgument) as caught:
        work.options(**options)
    assert caught.value.field == field


async def test_a_misspelt_option_names_the_right_one() -> None:
    @Tasks().task
    async def work() -> None: ...

    with pytest.raises(InvalidArgument, match="did you mean priority"):
        work.options(prority=5)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("queue", ""),
        ("queue", "q" * 129),
        ("queue", "a\nb"),
        ("queue", "a\0b"),
        ("id", ""),
        ("id", "x" * 200),
    ],
)
async def test_names_beyond_the_rules_are_refused(jobs: JobProcessor, name: str, value: str) -> None:
    @jobs.task
    async def work() -> None: ...

    with pytest.raises(InvalidArgument) as caught:
        await work.options(**{name: value}).enqueue()  # type: ignore[arg-type]
    assert caught.value.field == name
    assert (await jobs.queues.stats())["waiting"] == 0


async def test_the_same_id_is_enqueued_once_however_often(make: Make) -> None:
    first, second = make(), make()
    for processor in (first, second):

        @processor.task(name="work")
        async def work(n: int) -> None: ...

        processor.work = work  # type: ignore[attr-defined]
    handles = await asyncio.gather(*(first.work.options(id="one").enqueue(i) for i in range(20)))  # type: ignore[attr-defined]
    assert {job.id for job in handles} == {"one"}
    assert sum(not job.existed for job in handles) == 1
    assert (await first.queues.stats())["waiting"] == 1


async def test_a_payload_beyond_the_limit_is_refused(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(text: str) -> None: ...

    with pytest.raises(InvalidArgument, match=r"^arguments: .*1048576"):
        await work.enqueue("x" * 1_100_000)
    nested: Any = 1
    for _ in range(127):
        nested = [nested]

    @jobs.task
    async def deep(value: Any) -> None: ...

    await deep.enqueue(nested)
    with pytest.raises(InvalidArgument, match=r"^arguments.*128"):
        await deep.enqueue([nested])
    assert (await jobs.queues.stats())["waiting"] == 1


async def test_many_jobs_in_one_call(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(a: int, b: str = "x") -> None: ...

    handles = await work.enqueue_many([(1,), (2, "y"), {"a": 3}, {"b": "z", "a": 4}])
    arguments = [(await job.info()).arguments for job in handles]
    assert arguments == [{"a": 1}, {"a": 2, "b": "y"}, {"a": 3}, {"b": "z", "a": 4}]
    assert await work.enqueue_many([]) == []


@pytest.mark.parametrize(
    ("bad", "field"),
    [(("x",), "[5000].a"), ({"z": 1}, "[5000].a"), ("text", "[5000]"), (7, "[5000]"), (None, "[5000]")],
)
async def test_one_bad_item_refuses_all_and_names_its_index(jobs: JobProcessor, bad: Any, field: str) -> None:
    @jobs.task
    async def work(a: int) -> None: ...

    calls = [(i,) for i in range(10_000)]
    calls[5000] = bad
    with pytest.raises(InvalidArgument) as caught:
        await work.enqueue_many(calls)
    assert caught.value.field == field
    assert (await jobs.queues.stats())["waiting"] == 0


async def test_the_limits_of_one_call(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(a: Any) -> None: ...

    many = iter(range(20_000))
    with pytest.raises(InvalidArgument, match="more than 10000 jobs, the limit of one call: pass chunk="):
        await work.enqueue_many((i,) for i in many)
    assert next(many) == 10_001  # no more was made than it takes to know
    with pytest.raises(InvalidArgument, match="more than 16777216 bytes, the limit of one call"):
        await work.enqueue_many([("x" * 1_000_000,)] * 17)
    assert (await jobs.queues.stats())["waiting"] == 0
    assert len(await work.enqueue_many([(i,) for i in range(10_001)], chunk=4000)) == 10_001
    assert (await jobs.queues.stats())["waiting"] == 10_001


async def test_the_later_answer_to_when_holds(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    then = datetime.now(UTC) + timedelta(days=3)
    later = work.options(delay="1h").options(at=then)
    assert abs((await (await later.enqueue()).info()).due_at - then) < timedelta(seconds=1)
    sooner = later.options(delay="1m")
    assert (await (await sooner.enqueue()).info()).due_at < datetime.now(UTC) + timedelta(minutes=2)
    for at_once in (sooner.options(delay=None), later.options(at=None)):
        assert (await (await at_once.enqueue()).info()).state == "ready"


@pytest.mark.parametrize("start", ["delay", "at"])
async def test_a_job_that_could_never_run_is_refused(jobs: JobProcessor, start: str) -> None:
    @jobs.task
    async def work() -> None: ...

    now = datetime.now(UTC)

    def after(minutes: int) -> Any:
        return timedelta(minutes=minutes) if start == "delay" else now + timedelta(minutes=minutes)

    waiting = work.options(**{start: after(60)})  # type: ignore[misc]
    for minutes in (1, 60):
        with pytest.raises(InvalidArgument, match=f"expires: not after {start}: the job could never run"):
            waiting.options(expires=after(minutes))
    assert (await (await waiting.options(expires=after(120)).enqueue()).info()).state == "scheduled"


@pytest.mark.parametrize("calls", [None, 5])
async def test_calls_that_are_no_calls_are_refused(jobs: JobProcessor, calls: Any) -> None:
    @jobs.task
    async def work() -> None: ...

    with pytest.raises(InvalidArgument, match="calls: expected tuples or dicts of arguments"):
        await work.enqueue_many(calls)


@pytest.mark.parametrize("chunk", [0, -1, "ten", True, 2.0, 10_001])
async def test_a_chunk_is_a_positive_number(jobs: JobProcessor, chunk: Any) -> None:
    @jobs.task
    async def work() -> None: ...

    with pytest.raises(InvalidArgument, match="chunk"):
        await work.enqueue_many([()], chunk=chunk)


async def test_each_chunk_is_all_or_nothing(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(a: int) -> None: ...

    def calls() -> Any:
        yield from ((i,) for i in range(10))
        yield ("bad",)

    with pytest.raises(InvalidArgument, match="valid integer") as caught:
        await work.enqueue_many(calls(), chunk=4)
    assert caught.value.field == "[10].a"
    assert (await jobs.queues.stats())["waiting"] == 8
    page = await jobs.queues.list()
    assert caught.value.enqueued == tuple(info.id for info in page.jobs)
    assert "8 jobs of earlier chunks" in caught.value.__notes__[0]


async def test_what_a_chunk_is_refused_for_names_the_item(make: Make) -> None:
    jobs = make(queues=[Queue("small", max_length=5)])

    @jobs.task(queue="small")
    async def work(value: Any) -> None: ...

    with pytest.raises(InvalidArgument, match=r"^\[3\].*1048576") as caught:
        await work.enqueue_many([("x" * (1_100_000 if i == 3 else 1),) for i in range(4)], chunk=2)
    assert len(caught.value.enqueued) == 2
    with pytest.raises(QueueFull) as full:
        await work.enqueue_many([(i,) for i in range(4)], chunk=2)
    assert len(full.value.enqueued) == 2
    with pytest.raises(InvalidArgument) as single:
        await work.enqueue_many([(1,), ("x" * 1_100_000,)])
    assert (single.value.field, single.value.enqueued) == ("[1]", ())


async def test_a_full_queue_refuses_the_whole_call(make: Make) -> None:
    jobs = make(queues=[Queue("small", max_length=5)])

    @jobs.task(queue="small")
    async def work(a: int) -> None: ...

    await work.enqueue_many([(i,) for i in range(4)])
    with pytest.raises(QueueFull, match="small is full: 5 may wait in it"):
        await work.enqueue_many([(i,) for i in range(2)])
    assert (await jobs.queues.stats("small"))["waiting"] == 4
    await work.enqueue(9)
    with pytest.raises(QueueFull):
        await work.enqueue(10)
    assert (await jobs.queues.stats("small"))["max_length"] == 5


@pytest.mark.parametrize("way", ["options", "task", "processor"])
async def test_the_longest_timeout_there_is_can_be_asked_for(make: Make, way: str) -> None:
    jobs = make(**{"timeout": "3650d"} if way == "processor" else {})

    @jobs.task(**{"timeout": "3650d"} if way == "task" else {})  # type: ignore[arg-type]
    async def work() -> int:
        return 1

    async with jobs:
        job = await (work.options(timeout="3650d") if way == "options" else work).enqueue()
        assert await job.result(20) == 1


async def test_the_bound_of_every_queue_comes_from_the_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BG_JOBS_QUEUE_SIZE", "2")
    jobs = make(queues=[Queue("wide", max_length=0)])

    @jobs.task
    async def work() -> None: ...

    await work.enqueue_many([(), ()])
    with pytest.raises(QueueFull):
        await work.enqueue()
    await work.options(queue="wide").enqueue_many([()] * 10)


async def test_queue_defaults_hold_unless_the_task_says_otherwise(make: Make) -> None:
    jobs = make(queues=[Queue("q", attempts=4, backoff=Retry.fixed(delay="5s"), keep_completed=0)])

    @jobs.task(queue="q")
    async def plain() -> None: ...

    @jobs.task(queue="q", retry=None)
    async def own() -> None: ...

    info = await (await plain.enqueue()).info()
    assert info.retry == {"kind": "fixed", "max": 3, "base_ms": 5000, "jitter": "none"}
    assert (await (await own.enqueue()).info()).retry is None


async def test_defining_a_queue_later_counts_from_then_on(jobs: JobProcessor) -> None:
    @jobs.task(queue="late")
    async def work() -> None: ...

    assert (await (await work.enqueue()).info()).retry is None
    jobs.queues.define("late", attempts=2)
    info = await (await work.enqueue()).info()
    assert info.retry is not None
    assert info.retry["max"] == 1


async def test_correlation_ids_are_taken_up_and_default_to_the_job(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    with correlation("req-7"):
        job = await work.enqueue()
        other = await work.options(correlation_id="mine").enqueue()
    assert (await job.info()).correlation_id == "req-7"
    assert (await other.info()).correlation_id == "mine"
    alone = await work.enqueue()
    assert (await alone.info()).correlation_id in ("", alone.id)


async def test_cancelling_an_enqueue_leaves_everything_usable(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    await jobs.open()
    for _ in range(50):
        waiting = asyncio.ensure_future(work.enqueue())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await work.enqueue()
    assert 1 <= (await jobs.queues.stats())["waiting"] <= 51


async def test_tasks_of_no_processor_say_what_to_do() -> None:
    tasks = Tasks()

    @tasks.task
    async def work() -> None: ...

    with pytest.raises(InvalidArgument, match=r"jobs.include\(tasks\)"):
        await work.enqueue()


async def test_a_fast_producer_is_held_back_not_lost(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(n: int) -> None: ...

    async def produce(start: int) -> None:
        for n in range(start, start + 500):
            await work.enqueue(n)

    await asyncio.gather(*(produce(i * 500) for i in range(8)))
    assert (await jobs.queues.stats())["waiting"] == 4000
