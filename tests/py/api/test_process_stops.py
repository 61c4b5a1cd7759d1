"""Runs in child processes that are asked to stop: what becomes of them is what becomes of a thread's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from khala_jobs import JobCancelled, JobFailed, JobProcessor
from khala_jobs import handlers as handlers_module

from .conftest import eventually

Make = Callable[..., JobProcessor]

MODULE = """
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from khala_jobs import Context, Tasks

tasks = Tasks()


@tasks.task(process=True, retry=None)
def listen(ctx: Context, path: str) -> str:
    Path(path).write_text(str(os.getpid()))
    end = time.monotonic() + 60
    while not ctx.cancelled and time.monotonic() < end:
        time.sleep(0.005)
    Path(path + ".reason").write_text(ctx.stop_reason)
    ctx.raise_if_cancelled()
    return "done"


@tasks.task(process=True, retry=None, timeout="200ms", hard_timeout=60)
def listen_briefly(ctx: Context, path: str) -> str:
    Path(path).write_text(str(os.getpid()))
    while True:
        time.sleep(0.005)
        ctx.raise_if_cancelled()


@tasks.task(process=True, retry=None)
def deaf(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


@tasks.task(process=True, retry=None)
def patient(path: str) -> str:
    Path(path).write_text(str(os.getpid()))
    while not Path(path + ".go").exists():
        time.sleep(0.005)
    return "done"


@tasks.task(process=True, retry=None)
def started_program() -> int:
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    program.terminate()
    return program.wait()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a handler says that it has begun, and in which process."""
    return tmp_path / "begun"


def reason_at(path: Path) -> str:
    """Why the handler that has begun there was asked to stop."""
    return path.with_name(f"{path.name}.reason").read_text()


def let_go(path: Path) -> None:
    """Let the handler that has begun there come to its end."""
    path.with_name(f"{path.name}.go").touch()


def forget(path: Path) -> None:
    """Make room for the next one."""
    path.unlink()


async def pid_of(path: Path) -> int:
    """Of the process whose handler has begun."""
    return int(await eventually(lambda: path.exists() and path.read_text()))


async def test_a_stopping_worker_hands_back_what_heeds_it(
    make: Make, handlers: ModuleType, path: Path
) -> None:
    jobs = make(workers=1, grace=0)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.listen.enqueue(str(path))
        await pid_of(path)
        await jobs.stop()
        info = await job.info()
    assert (info.state, info.failures, info.reason) == ("ready", 0, "shutdown")
    assert [attempt.outcome for attempt in info.history] == ["released"]
    assert reason_at(path) == "shutdown"


async def test_a_cancelled_run_is_no_failed_one(make: Make, handlers: ModuleType, path: Path) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.listen.enqueue(str(path))
        await pid_of(path)
        await job.cancel("not needed")
        for _ in range(2):
            with pytest.raises(JobCancelled, match="not needed"):
                await job.result(60)
        info = await job.info()
    assert info.failures == 0
    assert [attempt.outcome for attempt in info.history] == ["cancelled"]
    assert reason_at(path) == "cancelled"


async def test_a_soft_timeout_is_one_there_too(make: Make, handlers: ModuleType, path: Path) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.listen_briefly.enqueue(str(path))
        with pytest.raises(
            JobFailed, match=r"TimeoutError: the time-out of 0:00:00\.200000 passed"
        ) as failed:
            await job.result(60)
    assert "raise_if_cancelled" in failed.value.traceback


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_cancelled_process_that_does_not_listen_is_killed(
    make: Make, handlers: ModuleType, path: Path, stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_module, "KILL_AFTER_SECONDS", 0.2)
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.deaf.enqueue(str(path))
        child = await pid_of(path)
        if stopped:
            os.kill(child, signal.SIGSTOP)
        await job.cancel("too long")
        with pytest.raises(JobCancelled, match="too long"):
            await job.result(60)
        await eventually(lambda: not Path(f"/proc/{child}").exists())


async def test_who_ends_in_time_is_not_killed_in_its_next_job(
    make: Make, handlers: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_module, "KILL_AFTER_SECONDS", 0.2)
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.listen.enqueue(str(path))
        first = await pid_of(path)
        await job.cancel()
        with pytest.raises(JobCancelled):
            await job.result(60)
        forget(path)
        job = await handlers.patient.enqueue(str(path))
        assert await pid_of(path) == first
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.4, fired.set)
        await fired.wait()
        let_go(path)
        assert await job.result(60) == "done"


async def test_a_signal_to_the_whole_group_is_the_parents_to_decide(
    make: Make, handlers: ModuleType, path: Path
) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.patient.enqueue(str(path))
        child = await pid_of(path)
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(child, number)
        let_go(path)
        assert await job.result(60) == "done"
        assert await (await handlers.started_program.enqueue()).result(60) == -signal.SIGTERM
