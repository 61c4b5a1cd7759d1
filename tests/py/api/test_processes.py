"""Handlers in child processes. The handlers stand in a module of their own, so that a child can import them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from khala_jobs import InvalidArgument, JobCancelled, JobFailed, JobProcessor, Tasks

from .conftest import eventually

Make = Callable[..., JobProcessor]

MODULE = """
from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from pydantic import BaseModel

import dataclasses
from typing import ClassVar

from khala_jobs import BaseJob, Cancel, Context, JobProcessor, Retry, Snooze, TaskOptions, Tasks, current_job

tasks = Tasks()


class Box(BaseModel):
    n: int


@tasks.task(process=True, retry=None)
def pid(ctx: Context) -> tuple[int, str, bool]:
    return os.getpid(), ctx.job_id, current_job() is ctx


@tasks.task(process=True, retry=None)
def double(box: Box) -> Box:
    return Box(n=box.n * 2)


@tasks.task(process=True, retry=None)
def fail(text: str) -> None:
    raise ValueError(text)


@tasks.task(process=True, retry=None)
def die(how: str) -> None:
    if how == "exit":
        os._exit(3)
    if how == "sys.exit":
        sys.exit(4)
    os.kill(os.getpid(), signal.SIGKILL)


@tasks.task(process=True, retry=None, timeout="200ms", hard_timeout="600ms")
def spin(path: str) -> None:

    Path(path).write_text(str(os.getpid()))
    while True:
        pass


@tasks.task(process=True, retry=None)
def listen(ctx: Context, path: str) -> str:
    ctx.progress(1, 2, "begun")
    ctx.step("begun", size=3)
    Path(path).write_text("begun")
    end = time.monotonic() + 20
    while not ctx.cancelled and time.monotonic() < end:
        time.sleep(0.005)
    ctx.raise_if_cancelled()
    return "done"


@tasks.task(process=True, retry=None)
def answer(kind: str) -> object:
    if kind == "cancel":
        raise Cancel("no")
    if kind == "snooze":
        return Snooze("1h", "later")
    if kind == "retry":
        raise Retry("1h", "again") from ConnectionError("refused")
    if kind == "cancel class":
        return Cancel
    if kind == "snooze class":
        return Snooze
    if kind == "big":
        return "x" * 1_100_000
    return {1, 2}


@tasks.task(process=True, retry=None)
def large(size: int) -> str:
    return "x" * size


@tasks.task(process=True, retry=None)
def large_step(ctx: Context, size: int) -> None:
    ctx.step("large", note="x" * size)


@tasks.task(process=True, retry=None)
def write_over(how: str) -> None:
    os.write(int(sys.argv[2]), b"\\0\\0\\0\\2{]" if how == "garbage" else b"\\xff" * 4)
    time.sleep(60)


@tasks.task(process=True, retry=None)
def close_pipe() -> None:
    os.close(int(sys.argv[2]))
    time.sleep(60)


@tasks.task(process=True, retry=None)
def cancel_with_error() -> None:
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise Cancel(error)


@tasks.task(process=True, retry=None)
def enqueue_at(url: str) -> str:
    there = JobProcessor(url)

    @there.task
    async def follow() -> None: ...

    async def put() -> str:
        try:
            return (await follow.enqueue()).id
        finally:
            await there.close()

    return asyncio.run(put())


def plain(n: int) -> int:
    return os.getpid() + n


@dataclasses.dataclass(frozen=True, slots=True)
class Crunch(BaseJob[Box]):
    box: Box

    options: ClassVar[TaskOptions] = {"process": True, "name": "tests.crunch", "queue": "heavy"}

    def run(self, ctx: Context) -> Box:
        assert ctx.task == "tests.crunch"
        return Box(n=self.box.n + os.getpid())


tasks.include(Crunch)
"""


async def test_jobs_run_in_another_process(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=2)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.pid.enqueue()
        child, job_id, same = await job.result(60)
        assert child != os.getpid()
        assert (job_id, same) == (job.id, True)
        again = (await (await handlers.pid.enqueue()).result(60))[0]
        assert again == child  # kept for the next job
        assert await (await handlers.double.enqueue(handlers.Box(n=4))).result(60) == handlers.Box(n=8)
        with pytest.raises(JobFailed, match="ValueError: bad") as caught:
            await (await handlers.fail.enqueue("bad")).result(60)
        assert "raise ValueError(text)" in caught.value.traceback


async def test_a_function_that_is_made_a_task_by_a_call_runs_there_too(
    make: Make, handlers: ModuleType
) -> None:
    jobs = make(workers=1)
    renamed = jobs.task(name="renamed", process=True)(handlers.plain)
    async with jobs:
        assert await (await renamed.enqueue(0)).result(60) != os.getpid()


async def test_a_job_class_runs_there_too(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await jobs.enqueue(handlers.Crunch(handlers.Box(n=0)))
        assert isinstance(result := await job.result(60), handlers.Box)
        assert result.n != os.getpid()
        info = await job.info()
        assert (info.task, info.queue) == ("tests.crunch", "heavy")


@pytest.mark.parametrize(
    ("how", "text"), [("exit", "status 3"), ("kill", "SIGKILL"), ("sys.exit", "SystemExit")]
)
async def test_a_child_that_dies_fails_its_job_and_nothing_else(
    make: Make, handlers: ModuleType, how: str, text: str
) -> None:
    jobs = make(workers=2)
    jobs.include(handlers.tasks)
    async with jobs:
        with pytest.raises(JobFailed, match=text):
            await (await handlers.die.enqueue(how)).result(60)
        assert await (await handlers.double.enqueue(handlers.Box(n=1))).result(60) == handlers.Box(n=2)


async def test_a_spinning_child_is_killed_at_the_hard_timeout(
    make: Make, handlers: ModuleType, tmp_path: Path
) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        await (await handlers.pid.enqueue()).result(60)  # a warm child, so that the time goes to the handler
        job = await handlers.spin.enqueue(str(tmp_path / "pid"))
        with pytest.raises(JobFailed, match="ran longer than 600 ms"):
            await job.result(60)
        child = int((tmp_path / "pid").read_text())
        await eventually(lambda: not Path(f"/proc/{child}").exists(), "the end of the child")
        assert await (await handlers.double.enqueue(handlers.Box(n=1))).result(60) == handlers.Box(n=2)


async def test_cancellation_and_reports_cross_the_process(
    make: Make, handlers: ModuleType, tmp_path: Path
) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        job = await handlers.listen.enqueue(str(tmp_path / "begun"))
        await eventually((tmp_path / "begun").exists)
        await job.cancel()
        with pytest.raises(JobCancelled):
            await job.result(60)
        progress = (await job.info()).progress
    assert progress is not None
    assert (progress.count, progress.message) == (1, "begun")


async def test_answers_of_handlers_cross_the_process(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        with pytest.raises(JobCancelled, match="no"):
            await (await handlers.answer.enqueue("cancel")).result(60)
        with pytest.raises(JobCancelled):
            await (await handlers.answer.enqueue("cancel class")).result(60)
        with pytest.raises(JobFailed, match="make an instance"):
            await (await handlers.answer.enqueue("snooze class")).result(60)
        with pytest.raises(JobFailed, match="set"):
            await (await handlers.answer.enqueue("set")).result(60)
        with pytest.raises(JobFailed, match="1048576"):
            await (await handlers.answer.enqueue("big")).result(60)
        with pytest.raises(JobFailed, match="refused"):  # what the last retry was asked for
            await (await handlers.answer.enqueue("retry")).result(60)
        job = await handlers.answer.enqueue("snooze")

        async def state(wanted: str) -> Any:
            info = await job.info()
            return info if info.state == wanted else None

        info = await eventually(lambda: state("scheduled"))
        assert (info.snoozes, info.reason) == (1, "later")


async def test_a_child_puts_jobs_into_stores_that_outlive_it_only(
    make: Make, handlers: ModuleType, tmp_path: Path
) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        with pytest.raises(
            JobFailed, match=r"url: memory:// is a store of one process alone.*use sqlite:///"
        ):
            await (await handlers.enqueue_at.enqueue("memory://")).result(60)
        url = f"sqlite:///{tmp_path}/other.db"
        job_id = await (await handlers.enqueue_at.enqueue(url)).result(60)
    other = JobProcessor(url)
    assert (await other.queues.get(job_id)).state == "ready"
    await other.close()


async def test_children_do_not_outlive_the_worker(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        child = (await (await handlers.pid.enqueue()).result(60))[0]
    await eventually(lambda: not Path(f"/proc/{child}").exists())


def _top_level() -> None: ...


def test_handlers_that_a_child_could_not_import_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks()

    def nested() -> None: ...

    with pytest.raises(InvalidArgument, match="top of a module"):
        tasks.task(process=True)(nested)
    with pytest.raises(InvalidArgument, match="top of a module"):
        tasks.task(name="lambda", process=True)(lambda: None)
    monkeypatch.setattr(_top_level, "__module__", "__main__")
    with pytest.raises(InvalidArgument, match="__main__"):
        tasks.task(process=True)(_top_level)

    async def asynchronous() -> None: ...

    with pytest.raises(InvalidArgument, match="sync handlers"):
        tasks.task(process=True)(asynchronous)


async def test_a_name_that_leads_nowhere_is_found_at_start(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make()
    monkeypatch.setattr(_top_level, "__qualname__", "gone")
    jobs.task(process=True)(_top_level)
    with pytest.raises(InvalidArgument, match="could not import"):
        await jobs.start()
    assert asyncio.get_running_loop().is_running()


async def test_a_result_beyond_the_limit_fails_its_own_job_alone(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        before = await (await handlers.pid.enqueue()).result(60)
        with pytest.raises(JobFailed, match="result: 70000002 bytes, 1048576 is the limit"):
            await (await handlers.large.enqueue(70_000_000)).result(60)  # beyond what a message may be, too
        with pytest.raises(JobFailed, match=r"step: 10000\d characters of fields, 65536 is the limit"):
            await (await handlers.large_step.enqueue(100_000)).result(60)
        after = await (await handlers.pid.enqueue()).result(60)
        assert jobs.metrics.busy == 0
    assert after[0] == before[0]  # the child was none the worse for it


async def test_a_child_out_of_step_is_ended(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        for how in ("garbage", "huge"):
            with pytest.raises(JobFailed, match="sent what is no message") as caught:
                await (await handlers.write_over.enqueue(how)).result(60)
            assert caught.value.error_type == "ChildDied"
            assert (await (await handlers.pid.enqueue()).result(60))[1]


async def test_a_child_that_closes_its_pipe_and_lives_on_is_ended(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        with pytest.raises(JobFailed, match="SIGKILL"):
            await (await handlers.close_pipe.enqueue()).result(60)
        assert (await (await handlers.pid.enqueue()).result(60))[1]


async def test_a_reason_in_a_child_may_be_anything(make: Make, handlers: ModuleType) -> None:
    jobs = make(workers=1)
    jobs.include(handlers.tasks)
    async with jobs:
        with pytest.raises(JobCancelled, match="division by zero"):
            await (await handlers.cancel_with_error.enqueue()).result(60)
        assert (await (await handlers.pid.enqueue()).result(60))[1]
