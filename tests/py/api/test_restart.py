"""A worker that is started again after a stop, and one whose tasks come while it runs; also on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import Context, InvalidArgument, JobProcessor, Queue
from khala_jobs.errors import Closed, Error

from .conftest import eventually

Make = Callable[..., JobProcessor]
Loop = Callable[[], asyncio.AbstractEventLoop]


def loops() -> list[Any]:
    """What an application may run on."""
    found: list[Any] = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        found.append(pytest.param(uvloop.new_event_loop, id="uvloop"))
    return found


@pytest.fixture(params=loops())
def loop(request: pytest.FixtureRequest) -> Loop:
    """Makes loops of each kind."""
    return request.param  # type: ignore[no-any-return]


def run(loop: Loop, main: Coroutine[Any, Any, None]) -> None:
    """One application, from its start to its end."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


def test_a_stopped_worker_starts_again_and_again(url: str, loop: Loop) -> None:
    jobs = JobProcessor(url, workers=2, grace=5, retry=None)
    seen = []

    @jobs.task
    async def work(ctx: Context, n: int) -> int:
        seen.append(n)
        await ctx.progress(1, 1)
        return n

    async def main() -> None:
        workers = set()
        for n in range(5):
            waiting = await work.enqueue(10 + n)  # while nothing runs
            assert (await waiting.info()).state == "ready"
            await jobs.start()
            assert jobs.is_running
            workers.add(jobs.worker_id)
            assert await (await work.enqueue(n)).result(timeout=30) == n
            assert await waiting.result(timeout=30) == 10 + n
            await jobs.stop()
            assert not jobs.is_running
        assert len(workers) == 5
        assert len(seen) == 10
        assert (await jobs.queues.stats())["completed"] == 10
        await jobs.close()

    run(loop, main())


def test_it_starts_in_another_loop_after_a_stop(url: str, loop: Loop) -> None:
    jobs = JobProcessor(url, workers=2, grace=5, retry=None)

    @jobs.task
    async def work(n: int) -> int:
        await asyncio.sleep(0)
        return n

    async def round_of(n: int, *, ends: bool) -> None:
        await jobs.start()
        assert await (await work.enqueue(n)).result(timeout=30) == n
        await (jobs.close() if ends else jobs.stop())

    for n in range(3):
        run(loop, round_of(n, ends=n == 2))


def test_it_starts_in_another_loop_when_the_first_ended_under_it(url: str, loop: Loop) -> None:
    jobs = JobProcessor(url, workers=1, grace=5, retry=None)
    first = True

    @jobs.task
    async def work() -> int:
        if first:
            await asyncio.sleep(3600)
        return 7

    async def left_running() -> str:
        await jobs.start()
        job = await work.enqueue()

        async def is_active() -> bool:
            return (await job.info()).state == "running"

        await eventually(is_active)
        return job.id

    async def again(job_id: str) -> None:
        await jobs.start()
        assert await jobs.job(job_id).result(timeout=30) == 7
        await jobs.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        job_id = runner.run(left_running())
    first = False
    run(loop, again(job_id))


async def test_of_two_starts_at_once_one_is_refused(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> int:
        return 1

    both = await asyncio.gather(jobs.start(), jobs.start(), return_exceptions=True)
    assert sorted(map(type, both), key=str) == sorted([type(None), InvalidArgument], key=str)
    assert await (await work.enqueue()).result(timeout=30) == 1


async def test_resources_are_opened_anew(make: Make) -> None:
    jobs = make(workers=1)
    opened, began = [], asyncio.Event()

    class Opened:
        async def __aenter__(self) -> int:
            opened.append("open")
            return len(opened)

        async def __aexit__(self, *_: object) -> None:
            opened.append("close")

    jobs.resources.open("thing", Opened)

    @jobs.task
    async def work() -> int:
        if not began.is_set():
            began.set()
            await asyncio.sleep(3600)
        return int(jobs.resources["thing"])

    await jobs.start()
    job = await work.enqueue()
    await began.wait()
    await jobs.stop(grace="10ms")  # its handler is cancelled, the job given back
    assert opened == ["open", "close"]
    await jobs.start()
    assert await job.result(timeout=30) == 3
    await jobs.stop()
    assert opened == ["open", "close"] * 2


async def test_tasks_and_queues_may_come_while_the_worker_runs(make: Make) -> None:
    jobs = make(workers=2)

    @jobs.task
    async def first() -> str:
        return "first"

    await jobs.start()
    assert await (await first.enqueue()).result(timeout=30) == "first"

    @jobs.task
    async def second() -> str:
        return "second"

    @jobs.task(queue="side")
    def third() -> str:
        return "third"

    assert await (await second.enqueue()).result(timeout=30) == "second"
    assert await (await third.enqueue()).result(timeout=30) == "third"
    (worker,) = await jobs.queues.workers()
    assert {name.rpartition(".")[2] for name in worker.tasks} == {"first", "second", "third"}
    assert "side" in worker.queues


async def test_a_queue_that_is_defined_while_the_worker_runs_is_served(make: Make) -> None:
    jobs = make(workers=2)

    @jobs.task
    async def work() -> str:
        return "ran"

    async with jobs:
        early = await work.options(queue="late").enqueue()
        jobs.queues.define("late", concurrency=1)
        assert await early.result(timeout=30) == "ran"


async def test_a_concurrency_that_is_changed_while_the_worker_runs_holds_at_once(make: Make) -> None:
    jobs = make(workers=4, queues=[Queue("late", concurrency=1)])
    running, go = 0, asyncio.Event()

    @jobs.task(queue="late")
    async def work() -> None:
        nonlocal running
        running += 1
        await go.wait()

    async with jobs:
        handles = await work.enqueue_many([()] * 4)
        await eventually(lambda: running == 1)
        jobs.queues.define("late", concurrency=3)
        await eventually(lambda: running == 3)
        go.set()
        await asyncio.gather(*(job.result(timeout=30) for job in handles))


def test_a_worker_whose_loop_has_ended_does_not_run(url: str, loop: Loop) -> None:
    jobs = JobProcessor(url, workers=1, grace=5, retry=None)

    async def left_running() -> None:
        await jobs.start()
        assert jobs.is_running
        assert jobs.worker_id

    run(loop, left_running())
    assert not jobs.is_running
    assert not jobs.worker_id
    jobs.queues.define("late")  # nobody is there to be told
    jobs.task(lambda: None, name="late")
    run(loop, jobs.close())


def test_a_worker_whose_loop_was_only_closed_does_not_run(url: str, loop: Loop) -> None:
    jobs = JobProcessor(url, workers=1, grace=5, retry=None)
    ended = loop()
    ended.run_until_complete(jobs.start())
    ended.close()
    assert not jobs.is_running
    run(loop, jobs.start())
    run(loop, jobs.close())


async def test_a_worker_whose_store_fails_says_so_and_can_be_started_anew(tmp_path: Path) -> None:
    jobs = JobProcessor(f"sqlite:///{tmp_path}/jobs.db", workers=2, grace=5, retry=None, lease=2)
    running, go_on = asyncio.Event(), asyncio.Event()

    @jobs.task
    async def work(n: int) -> int:
        running.set()
        await go_on.wait()
        return n

    async with jobs:
        waiting = asyncio.create_task(jobs.wait_until(asyncio.Event()))
        held = await work.enqueue(1)
        await running.wait()
        with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
            other.execute("ALTER TABLE live RENAME TO hidden")
            with pytest.raises(Closed, match=r"the worker cannot go on: .*live"):
                await asyncio.wait_for(waiting, 30)
            other.execute("ALTER TABLE hidden RENAME TO live")
        assert not jobs.is_running
        assert jobs.worker_id == ""
        go_on.set()
        await jobs.start()
        assert jobs.is_running
        assert await held.result(timeout=30) == 1
        assert (await held.info()).attempt == 2


def take_away(path: Path) -> None:
    """Delete a database that is open."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@pytest.mark.parametrize("replaced", [False, True])
async def test_an_idle_worker_whose_file_is_taken_away_says_so(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "jobs.db"
    jobs = JobProcessor(f"sqlite:///{path}", workers=1)
    async with jobs:
        waiting = asyncio.create_task(jobs.wait_until(asyncio.Event()))
        take_away(path)
        if replaced:
            with contextlib.closing(sqlite3.connect(path)) as other:
                other.execute("CREATE TABLE foreign_one (a)")
        with pytest.raises(Closed, match="while it was open"):
            await asyncio.wait_for(waiting, 30)
        assert not jobs.is_running
        with pytest.raises(Error, match="while it was open"):
            await jobs.queues.stats()


async def test_who_waits_for_a_result_learns_that_the_file_was_taken_away(tmp_path: Path) -> None:
    client = JobProcessor(f"sqlite:///{tmp_path}/jobs.db")

    @client.task
    async def work() -> None: ...

    job = await work.enqueue()
    waiting = asyncio.create_task(job.result())
    await asyncio.sleep(0)  # it runs until it waits, and what is asked after it is answered after it
    await client.queues.stats()
    take_away(tmp_path / "jobs.db")
    with pytest.raises(Error, match="was deleted or moved"):
        await asyncio.wait_for(waiting, 30)
    await client.close()


async def test_waiting_without_a_worker_is_waiting_for_the_event(url: str) -> None:
    stopped = asyncio.Event()
    stopped.set()
    await JobProcessor(url).wait_until(stopped)
