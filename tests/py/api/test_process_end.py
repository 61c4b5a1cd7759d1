"""Loops, forks, signals and interpreters that end under a worker, with ceremony or without."""

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
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import JobProcessor
from khala_jobs.errors import Forked

from .conftest import eventually


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
