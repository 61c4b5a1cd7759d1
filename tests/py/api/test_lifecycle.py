"""A worker's life: start, graceful stop, second stop, loops that end, forks, several of everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from khala_jobs import Context, InvalidArgument, JobFailed, JobProcessor, NotFound, Queue, Task
from khala_jobs.errors import Closed, Error, StoreCorrupt

from .conftest import eventually

Make = Callable[..., JobProcessor]


async def test_leaving_waits_for_running_handlers_and_keeps_the_rest(make: Make) -> None:
    jobs = make(workers=2)
    began, done = asyncio.Event(), []

    @jobs.task
    async def work(n: int) -> None:
        began.set()
        await asyncio.sleep(0.05)
        done.append(n)

    await jobs.start()
    await work.enqueue_many([(i,) for i in range(10)])
    await began.wait()
    await jobs.stop()
    stats = await jobs.queues.stats()
    assert stats["completed"] == len(done) >= 1
    assert stats["waiting"] == 10 - len(done)
    assert stats["active"] == 0
    async for info in jobs.queues.scan(states="ready"):
        assert info.attempt == 0  # what was not started spent nothing


def until_it_is_stopped(jobs: JobProcessor) -> tuple[Task[[], None], asyncio.Event, list[str]]:
    """A task that runs until it is stopped; when it has begun, and why it was stopped."""
    began, reasons = asyncio.Event(), []

    @jobs.task
    async def work(ctx: Context) -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            reasons.append(ctx.stop_reason)

    return work, began, reasons


async def test_after_the_grace_period_handlers_are_cancelled_and_given_back(jobs: JobProcessor) -> None:
    work, began, reasons = until_it_is_stopped(jobs)
    await jobs.start()
    job = await work.enqueue()
    await began.wait()
    await jobs.stop(grace="10ms")
    info = await job.info()
    assert reasons == ["shutdown"]
    assert (info.state, info.attempt, info.failures) == ("ready", 0, 0)


async def test_a_second_stop_does_not_wait_for_the_grace_period(jobs: JobProcessor) -> None:
    began = asyncio.Event()

    @jobs.task
    async def work() -> None:
        began.set()
        await asyncio.sleep(3600)

    await jobs.start()
    await work.enqueue()
    await began.wait()
    first = asyncio.ensure_future(jobs.stop(grace=3600))
    await asyncio.sleep(0.01)
    assert not first.done()
    await jobs.stop()
    await first
    assert (await jobs.queues.stats())["waiting"] == 1


async def test_cancel_running_ends_the_wait_as_well(jobs: JobProcessor) -> None:
    began = asyncio.Event()

    @jobs.task
    async def work() -> None:
        began.set()
        await asyncio.sleep(3600)

    await jobs.start()
    await work.enqueue()
    await began.wait()
    stopping = asyncio.ensure_future(jobs.stop(grace=3600))
    await asyncio.sleep(0.01)
    jobs.cancel_running()
    await stopping


async def test_a_result_that_does_not_come_in_time_says_of_which_job(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    job = await work.options(id="late").enqueue()
    with pytest.raises(TimeoutError, match=r"^job late has not ended within 0\.01 s$"):
        await job.result(0.01)


async def test_a_stop_whose_caller_gives_up_goes_on_and_can_be_waited_for(jobs: JobProcessor) -> None:
    work, began, reasons = until_it_is_stopped(jobs)
    await jobs.start()
    await work.enqueue()
    await began.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await jobs.stop(grace=3600)
    assert jobs.is_running
    assert reasons == []
    await jobs.stop()
    assert not jobs.is_running
    assert reasons == ["shutdown"]
    assert (await jobs.queues.stats())["waiting"] == 1


async def test_a_handler_cannot_stop_its_own_worker(jobs: JobProcessor) -> None:
    @jobs.task
    async def stops() -> None:
        await jobs.close()

    async with jobs:
        with pytest.raises(JobFailed, match="a handler cannot wait"):
            await (await stops.enqueue()).result(timeout=30)
        assert jobs.is_running


async def test_handlers_that_ignore_the_end_are_left_behind(
    jobs: JobProcessor, caplog: pytest.LogCaptureFixture
) -> None:
    began, go = threading.Event(), threading.Event()

    @jobs.task
    async def deaf() -> None:
        began.set()
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    @jobs.task
    def hang() -> None:
        go.wait(60)

    await jobs.start()
    handles = [await deaf.enqueue(), await hang.enqueue()]
    await eventually(began.is_set)
    await eventually(lambda: jobs.metrics.busy == 2)
    await jobs.stop(grace=0)
    go.set()
    assert [(await job.info()).state for job in handles] == ["ready", "ready"]
    assert caplog.text.count("handler_abandoned") == 2


async def test_start_twice_and_close_twice(jobs: JobProcessor) -> None:
    await jobs.start()
    with pytest.raises(InvalidArgument, match="running already"):
        await jobs.start()
    await jobs.close()
    await jobs.close()
    await jobs.stop()
    with pytest.raises(Closed, match="not open"):
        _ = jobs.info


async def test_a_closed_processor_opens_again(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> int:
        return 1

    for _ in range(3):
        async with jobs:
            assert await (await work.enqueue()).result(20) == 1
    if jobs.url != "memory://":
        assert (await jobs.queues.stats())["completed"] == 3


async def test_the_store_says_what_it_is(jobs: JobProcessor) -> None:
    await jobs.open()
    kind = jobs.url.partition(":")[0].partition("+")[0]
    assert jobs.info["kind"] == kind
    assert jobs.info["durability"]


async def test_a_disabled_processor_runs_nothing(make: Make) -> None:
    jobs = make(enabled=False)

    @jobs.task
    async def work() -> None: ...

    async with jobs:
        await work.enqueue()
        assert not jobs.is_running
        assert (await jobs.queues.stats())["waiting"] == 1


async def test_resources_are_opened_at_start_and_closed_after_the_last_job(jobs: JobProcessor) -> None:
    events: list[str] = []

    class Repository:
        name = "repo"

    @contextlib.asynccontextmanager
    async def open_repository() -> AsyncIterator[Repository]:
        events.append("open")
        yield Repository()
        events.append("close")

    jobs.resources.open(Repository, open_repository)
    jobs.resources.provide("plain", 7)

    @jobs.task
    async def use(ctx: Context) -> str:
        events.append("run")
        return f"{ctx.resources[Repository].name} {ctx.resources['plain']}"

    with pytest.raises(NotFound, match="opened when the worker starts"):
        _ = jobs.resources[Repository]
    async with jobs:
        assert await (await use.enqueue()).result(20) == "repo 7"
    assert events == ["open", "run", "close"]
    assert jobs.resources.get(Repository) is None
    assert "plain" in jobs.resources


async def test_a_resource_that_cannot_be_opened_stops_the_start(jobs: JobProcessor) -> None:
    @contextlib.asynccontextmanager
    async def broken() -> AsyncIterator[int]:
        raise OSError("no database")
        yield 1

    jobs.resources.open("db", broken)
    with pytest.raises(OSError, match="no database"):
        async with jobs:
            pass
    assert not jobs.is_running
    with pytest.raises(Closed):
        assert jobs.info
    await jobs.open()
    with pytest.raises(OSError, match="no database"):
        await jobs.start()
    assert jobs.info["kind"]  # who opened it before goes on


async def test_a_resource_that_cannot_be_closed_leaves_no_store_open(jobs: JobProcessor) -> None:
    @contextlib.asynccontextmanager
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise OSError("cannot close")

    jobs.resources.open("db", broken)
    with pytest.raises(OSError, match="cannot close"):
        async with jobs:
            assert jobs.is_running
    assert not jobs.is_running
    with pytest.raises(Closed):
        assert jobs.info


async def test_queues_with_a_concurrency_of_their_own(make: Make) -> None:
    jobs = make(workers=6, queues=[Queue("narrow", concurrency=2)])
    running: dict[str, int] = {"narrow": 0, "default": 0}
    most = dict(running)

    @jobs.task
    async def work(ctx: Context) -> None:
        running[ctx.queue] += 1
        most[ctx.queue] = max(most[ctx.queue], running[ctx.queue])
        await asyncio.sleep(0.005)
        running[ctx.queue] -= 1

    async with jobs:
        handles = await work.options(queue="narrow").enqueue_many([()] * 20) + await work.enqueue_many(
            [()] * 20
        )
        await asyncio.gather(*(job.result(30) for job in handles))
    assert most["narrow"] == 2
    assert most["default"] > 2


async def test_a_worker_serves_the_queues_it_is_given(make: Make) -> None:
    jobs = make()

    @jobs.task(queue="mine")
    async def mine() -> str:
        return "ran"

    @jobs.task(queue="theirs")
    async def theirs() -> None: ...

    jobs.configure_worker(queues=["mine"], workers=2)
    async with jobs:
        other = await theirs.enqueue()
        assert await (await mine.enqueue()).result(20) == "ran"
        assert (await other.info()).state == "ready"
        (worker,) = await jobs.queues.workers()
        assert (worker.queues, worker.slots, worker.pid) == (("mine",), 2, os.getpid())
        assert set(worker.tasks) == {"mine", "theirs"}


async def test_two_processors_share_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    first, second = JobProcessor(url, workers=2), JobProcessor(url, workers=2)
    ran: dict[int, list[str]] = {}
    for processor in (first, second):

        @processor.task(name="work")
        async def work(ctx: Context, n: int) -> None:
            ran.setdefault(n, []).append(ctx.worker)
            await asyncio.sleep(0.001)

    async with first, second:
        handles = await work.enqueue_many([(i,) for i in range(200)])
        await asyncio.gather(*(job.result(30) for job in handles))
        workers = {first.worker_id, second.worker_id}
    assert all(len(names) == 1 for names in ran.values())
    assert len(ran) == 200
    assert {names[0] for names in ran.values()} == workers


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "sqlite:///{dir}"},
        {"url": "sqlite:////proc/khala/jobs.db"},
        {"url": "sqlite:///{dir}/jobs.db?synchronos=normal"},
        {"url": "sqlite:///{dir}/jobs.db?synchronous=sometimes"},
    ],
)
async def test_a_store_that_cannot_be_opened_is_one_clear_sentence(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    jobs = JobProcessor(**{name: value.format(dir=tmp_path) for name, value in wrong.items()})  # type: ignore[arg-type]
    with pytest.raises(Error) as caught:
        await jobs.open()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("content", ["x" * 5000, "root:x:0:0", "SQLite format 2\0"])
def test_nothing_is_put_beside_a_file_that_is_no_database(tmp_path: Path, content: str) -> None:
    file = tmp_path / "passwd"
    file.write_text(content)
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match="is not a database, or damaged"):
            asyncio.run(JobProcessor(f"sqlite:///{file}").open())
    assert [path.name for path in tmp_path.iterdir()] == ["passwd"]
    assert file.read_text() == content
