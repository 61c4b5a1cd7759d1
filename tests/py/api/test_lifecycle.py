"""A worker's life: start, graceful stop, second stop, loops that end, forks, several of everything."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import Context, InvalidArgument, JobFailed, JobProcessor, NotFound, Queue, Task
from khala_jobs.errors import Closed, Error, Forked

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
        await jobs.start()
    assert not jobs.is_running


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


async def test_other_loops_may_use_a_running_processor(jobs: JobProcessor) -> None:
    @jobs.task
    async def work(n: int) -> int:
        return n * 2

    def from_another_thread() -> int:
        async def main() -> int:
            return await (await work.enqueue(21)).result(20)

        return asyncio.run(main())

    async with jobs:
        results = await asyncio.gather(*(asyncio.to_thread(from_another_thread) for _ in range(5)))
    assert results == [42] * 5


def test_a_thousand_loops_in_a_row_leak_nothing(url: str) -> None:
    jobs = JobProcessor(url)

    @jobs.task
    async def work() -> None: ...

    async def once() -> None:
        await work.enqueue()

    asyncio.run(once())
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(1000):
        asyncio.run(once())
    after = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert after <= before + 2

    async def count_and_close() -> int:
        waiting = (await jobs.queues.stats())["waiting"]
        await jobs.close()
        return waiting

    assert asyncio.run(count_and_close()) == 1001


def test_a_loop_that_ends_under_a_worker_gives_its_jobs_back(url: str) -> None:
    jobs = JobProcessor(url, workers=2)

    @jobs.task
    async def work() -> None:
        await asyncio.sleep(3600)

    async def leave() -> None:
        await jobs.start()
        await work.enqueue_many([()] * 5)
        await eventually(lambda: jobs.metrics.busy == 2)

    async def look() -> dict[str, Any]:
        async def given_back() -> Any:
            stats = await jobs.queues.stats()
            return stats if stats["waiting"] == 5 else None

        stats = await eventually(given_back)
        await jobs.close()
        return dict(stats)

    asyncio.run(leave())
    assert asyncio.run(look())["active"] == 0


def test_a_loop_closed_without_ceremony_is_noticed(url: str, caplog: pytest.LogCaptureFixture) -> None:
    jobs = JobProcessor(url, workers=1)

    @jobs.task
    async def work() -> None:
        await asyncio.sleep(3600)

    async def leave() -> None:
        await jobs.start()
        await work.enqueue()
        await eventually(lambda: jobs.metrics.busy == 1)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()

    async def look() -> None:
        async def given_back() -> bool:
            return (await jobs.queues.stats())["waiting"] == 1

        await eventually(given_back)
        await jobs.close()

    with contextlib.suppress(RuntimeError):  # the abandoned task's complaint at its collection
        asyncio.run(look())
    assert "loop_closed" in caplog.text


@pytest.mark.parametrize(
    ("call", "running"),
    [("enqueue", False), ("enqueue", True), ("start", False), ("start", True), ("stop", True)],
)
async def test_use_after_a_fork_explains_itself(jobs: JobProcessor, call: str, running: bool) -> None:
    @jobs.task
    async def work() -> None: ...

    await (jobs.start() if running else jobs.open())
    await jobs.queues.pause("default")
    await work.enqueue()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = "no error"
        try:
            asyncio.set_event_loop(None)
            asyncio.events._set_running_loop(None)
            asyncio.run(_call(work if call == "enqueue" else jobs, call))
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(write, text.encode()[:4000])
        os._exit(0)
    os.close(write)
    text = os.read(read, 4096).decode()
    os.close(read)
    os.waitpid(pid, 0)  # noqa: ASYNC222 - it has said its word already
    assert text.startswith(Forked.__name__)
    assert "after the fork" in text
    await work.enqueue()
    assert (await jobs.queues.stats())["waiting"] == 2


async def _call(target: Any, name: str) -> None:
    await getattr(target, name)()


def test_spawned_processes_work_beside_their_parent(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_produce, args=(url, i)) for i in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]

    async def count() -> int:
        jobs = JobProcessor(url)
        waiting = (await jobs.queues.stats())["waiting"]
        await jobs.close()
        return waiting

    assert asyncio.run(count()) == 20


def _produce(url: str, start: int) -> None:
    async def main() -> None:
        jobs = JobProcessor(url)

        @jobs.task
        async def work(n: int) -> None: ...

        await work.enqueue_many([(start * 10 + i,) for i in range(10)])
        await jobs.close()

    asyncio.run(main())


SCRIPT = """
import asyncio, sys
from khala_jobs import JobProcessor

jobs = JobProcessor(sys.argv[1], workers=2, grace=20)

@jobs.task
async def work(n: int) -> None:
    print("began", flush=True)
    await asyncio.sleep(3600 if sys.argv[2] == "long" else 0.3)
    print("done", flush=True)

async def main():
    await work.enqueue(1)
    stop, jobs.close = jobs.close, lambda: tell()
    async def tell():
        print("stopping", flush=True)
        await stop()
    await jobs.run_until_stopped()
    print("stopped", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("length", "signals", "output"), [("short", 1, "done\nstopped\n"), ("long", 2, "stopped\n")]
)
def test_signals_stop_gracefully_and_the_second_cancels(
    tmp_path: Path, length: str, signals: int, output: str
) -> None:
    script = tmp_path / "app.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script), f"sqlite:///{tmp_path}/jobs.db", length]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        process.send_signal(signal.SIGTERM)
        if signals == 2:
            assert process.stdout.readline() == "stopping\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.read() == output
        else:
            assert process.stdout.read() == f"stopping\n{output}"
    assert process.returncode == 0


@pytest.mark.parametrize("way", ["running", "client", "never closed"])
def test_interpreters_end_by_themselves(tmp_path: Path, way: str) -> None:
    body = {
        "running": "await jobs.start(); await work.enqueue_many([()] * 50); await asyncio.sleep(0.05)",
        "client": "await work.enqueue()",
        "never closed": "await jobs.start(); await work.enqueue(); await asyncio.sleep(0.05); raise SystemExit(0)",
    }[way]
    script = f"""
        import asyncio
        from khala_jobs import JobProcessor
        jobs = JobProcessor("sqlite:///{tmp_path}/jobs.db", workers=3)
        @jobs.task
        async def work(): await asyncio.sleep(3600)
        @jobs.task
        def hang(): import threading; threading.Event().wait()
        async def main(): {body}
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], timeout=60, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_hung_thread_does_not_keep_the_interpreter(tmp_path: Path) -> None:
    script = f"""
        import asyncio, threading
        from khala_jobs import JobProcessor
        jobs = JobProcessor("sqlite:///{tmp_path}/jobs.db", workers=3, grace=0.1)
        @jobs.task
        def hang(): threading.Event().wait()
        async def main():
            async with jobs:
                await hang.enqueue()
                while not jobs.metrics.busy: await asyncio.sleep(0.01)
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], timeout=60, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"handler_stuck" in done.stderr


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
