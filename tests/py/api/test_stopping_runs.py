"""Cancellation and time-outs: of handlers that listen, and of those that do not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from khala_jobs import Context, JobCancelled, JobExpired, JobFailed, JobProcessor

from .conftest import eventually

Make = Callable[..., JobProcessor]


async def test_cancelling_jobs_that_wait(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    ready, scheduled = await work.enqueue(), await work.options(delay="1h").enqueue()
    for job in (ready, scheduled):
        assert await job.cancel("changed my mind") is True
        with pytest.raises(JobCancelled, match="changed my mind"):
            await job.result(20)
        assert await job.cancel() is False
    async with jobs:
        done = await work.enqueue()
        await done.result(20)
        assert await done.cancel() is False
        assert (await jobs.queues.stats())["cancelled"] == 2


@pytest.mark.parametrize("sync", [False, True])
async def test_cancelling_a_running_job(jobs: JobProcessor, sync: bool) -> None:
    began = threading.Event()
    seen: list[str] = []

    @jobs.task
    async def listen(ctx: Context) -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append(ctx.stop_reason)

    @jobs.task
    def listen_sync(ctx: Context) -> None:
        began.set()
        deadline = time.monotonic() + 20
        while not ctx.cancelled and time.monotonic() < deadline:
            threading.Event().wait(0.005)
        seen.append(ctx.stop_reason)
        ctx.raise_if_cancelled()

    async with jobs:
        job = await (listen_sync if sync else listen).enqueue()
        await eventually(began.is_set)
        assert await job.cancel() is True
        with pytest.raises(JobCancelled):
            await job.result(20)
        info = await job.info()
    assert seen == ["cancelled"]
    assert (info.state, info.failures) == ("cancelled", 0)


async def test_a_handler_may_finish_in_spite_of_a_cancellation(jobs: JobProcessor) -> None:
    began = asyncio.Event()

    @jobs.task
    async def stubborn() -> str:
        began.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "saved what there was"
        return "slept"

    @jobs.task
    async def fine() -> str:
        await asyncio.sleep(0)
        return "fine"

    async with jobs:
        job = await stubborn.enqueue()
        await began.wait()
        await job.cancel()
        assert await job.result(20) == "saved what there was"
        assert (
            await asyncio.gather(*[j.result(20) for j in await fine.enqueue_many([()] * 8)]) == ["fine"] * 8
        )


async def test_one_swallowed_cancellation_is_not_the_end(jobs: JobProcessor) -> None:
    began = asyncio.Event()

    @jobs.task
    async def deaf_once() -> None:
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    async with jobs:
        job = await deaf_once.enqueue()
        await began.wait()
        await job.cancel()
        with pytest.raises(JobCancelled):
            await job.result(20)


async def test_the_soft_timeout_ends_a_handler_that_waits(jobs: JobProcessor) -> None:
    @jobs.task(timeout="50ms", hard_timeout="30s")
    async def slow() -> None:
        await asyncio.sleep(3600)

    async with jobs:
        job = await slow.enqueue()
        with pytest.raises(JobFailed, match="time-out") as caught:
            await job.result(20)
        info = await job.info()
    assert caught.value.error_type == "TimeoutError"
    assert "await asyncio.sleep(3600)" in caught.value.traceback
    assert [a.outcome for a in info.history] == ["timed_out"]


async def test_timeouts_are_retried_by_policy(jobs: JobProcessor) -> None:
    @jobs.task(timeout="30ms", hard_timeout="30s", retry=2)
    async def slow(ctx: Context) -> int:
        if ctx.attempt < 2:
            await asyncio.sleep(3600)
        return ctx.attempt

    async with jobs:
        assert await (await slow.enqueue()).result(20) == 2


async def test_a_handler_that_swallows_every_cancellation_is_ended_at_the_hard_timeout(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = make(workers=1)
    ended = threading.Event()

    @jobs.task(timeout="50ms", hard_timeout="200ms")
    async def deaf() -> None:
        try:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)
        finally:
            ended.set()

    @jobs.task
    async def fine() -> str:
        return "fine"

    async with jobs:
        job = await deaf.enqueue()
        with pytest.raises(JobFailed):
            await job.result(20)
        assert await (await fine.enqueue()).result(20) == "fine"  # the only slot is free again
        await eventually(ended.is_set)
        assert [t.get_name() for t in asyncio.all_tasks()].count("khala slot") <= 2
        snapshot = jobs.metrics.snapshot()
        assert (snapshot.failed, snapshot.completed) == (1, 1)
        assert [a.outcome for a in (await job.info()).history] == ["timed_out"]
    assert "ignored its cancellation" in caplog.text
    assert "test_stopping_runs.py" in caplog.text


async def test_a_thread_that_cannot_be_stopped_is_left_behind(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = make(workers=1)
    go = threading.Event()

    @jobs.task(timeout="50ms", hard_timeout="150ms")
    def hang() -> str:
        go.wait(60)
        return "too late"

    @jobs.task
    def fine() -> str:
        return "fine"

    async with jobs:
        job = await hang.enqueue()
        with pytest.raises(JobFailed, match="ran longer than 150 ms"):
            await job.result(20)
        assert await (await fine.enqueue()).result(20) == "fine"
        go.set()
        with pytest.raises(JobFailed):
            await job.result(20)
        assert (await job.info()).attempt == 1
    stuck = [r for r in caplog.records if r.levelno == logging.CRITICAL and "handler_stuck" in r.getMessage()]
    assert len(stuck) == 1
    assert "test_stopping_runs.py" in stuck[0].getMessage()
    assert "cannot be stopped" in stuck[0].getMessage()


async def test_jobs_that_were_not_started_in_time_expire(jobs: JobProcessor) -> None:
    @jobs.task
    async def work() -> None: ...

    job = await work.options(expires="1ms").enqueue()
    later = await work.options(expires="1h").enqueue()
    await asyncio.sleep(0.01)
    async with jobs:
        with pytest.raises(JobExpired):
            await job.result(20)
        await later.result(20)
        assert (await jobs.queues.stats())["expired"] == 1


async def test_delayed_jobs_run_at_their_time_and_not_before(jobs: JobProcessor) -> None:
    ran: list[str] = []

    @jobs.task
    async def note(name: str) -> None:
        ran.append(name)

    async with jobs:
        late = await note.options(delay="2s").enqueue("late")
        soon = await note.options(delay="20ms").enqueue("soon")
        now = await note.enqueue("now")
        for job in (now, soon, late):
            await job.result(20)
            info = await job.info()
            assert info.started_at is not None
            assert info.due_at is not None
            assert info.started_at >= info.due_at
    assert ran == ["now", "soon", "late"]


async def test_a_blocked_loop_is_noticed_and_the_handler_named(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = make(lag_warning="50ms")

    @jobs.task
    async def block() -> None:
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            time.sleep(0.01)  # noqa: ASYNC251 - that is what is wrong with this handler

    async with jobs:
        await (await block.enqueue()).result(20)
        await eventually(lambda: "loop_blocked" in caplog.text)
        assert jobs.metrics.snapshot().loop_lag_max_ms >= 50
    warning = next(r.getMessage() for r in caplog.records if '"event": "loop_blocking"' in r.getMessage())
    assert "test_stopping_runs.py" in warning
    assert "in test_a_blocked_loop_is_noticed_and_the_handler_named" in warning
    assert '"task": "block"' in warning


async def test_a_handler_that_blocks_the_loop_past_its_hard_timeout_is_critical(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = make(lag_warning="20ms")

    @jobs.task(timeout="50ms", hard_timeout="100ms")
    async def spin() -> str:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            pass
        return "late"

    async with jobs:
        job = await spin.enqueue()
        with pytest.raises(JobFailed):
            await job.result(20)
        assert (await job.info()).state == "failed"  # the late result was fenced off
    critical = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert any(
        "blocks the event loop beyond its hard time-out" in m and "test_stopping_runs.py" in m
        for m in critical
    )


async def test_a_lost_lease_stops_the_handler(make: Make) -> None:
    """Whoever removes the job under a handler takes its lease away."""
    jobs = make(lease=0.3)
    reasons: list[str] = []
    began = asyncio.Event()

    @jobs.task
    async def work(ctx: Context) -> Any:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            reasons.append(ctx.stop_reason)

    async with jobs:
        job = await work.enqueue()
        await began.wait()
        assert await jobs.queues.remove(job.id) is False  # a running job is not removed
        assert await job.cancel() is True
        with pytest.raises(JobCancelled):
            await job.result(20)
    assert reasons == ["cancelled"]
