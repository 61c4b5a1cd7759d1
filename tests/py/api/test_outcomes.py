"""What a handler may end with: failures of every kind, snooze, cancel, retry, and what the job keeps of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from khala_jobs import (
    Cancel,
    Context,
    Job,
    JobCancelled,
    JobFailed,
    JobProcessor,
    Retry,
    Snooze,
)

Make = Callable[..., JobProcessor]


async def test_failures_carry_the_remote_error(jobs: JobProcessor) -> None:
    @jobs.task
    async def fail(text: str) -> None:
        raise KeyError(text)

    async with jobs:
        job = await fail.enqueue("nope")
        with pytest.raises(JobFailed, match="nope") as caught:
            await job.result(20)
        info = await job.info()
    assert (caught.value.job_id, caught.value.error_type) == (job.id, "KeyError")
    assert "raise KeyError(text)" in caught.value.traceback
    assert "slots.py" not in caught.value.traceback
    assert (info.state, info.failures) == ("failed", 1)
    assert info.error is not None
    assert info.error.type == "KeyError"


@pytest.mark.parametrize(
    "kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError, StopIteration]
)
@pytest.mark.parametrize("sync", [False, True])
async def test_no_exception_of_a_handler_ends_the_worker(
    jobs: JobProcessor, kind: type[BaseException], sync: bool
) -> None:
    @jobs.task
    async def fail_async() -> None:
        raise kind("out")

    @jobs.task
    def fail_sync() -> None:
        raise kind("out")

    @jobs.task
    async def fine() -> str:
        return "fine"

    async with jobs:
        job: Job[None] = await (fail_sync if sync else fail_async).enqueue()
        with pytest.raises(JobFailed) as caught:
            await job.result(20)
        assert kind.__name__ in str(caught.value)
        assert await (await fine.enqueue()).result(20) == "fine"


async def test_deep_recursion_is_a_failure(jobs: JobProcessor) -> None:
    @jobs.task
    async def deep() -> None:
        def again(n: int) -> int:
            return again(n + 1)

        again(0)

    async with jobs:
        with pytest.raises(JobFailed, match="RecursionError"):
            await (await deep.enqueue()).result(20)


async def test_a_handler_that_raises_cancelled_error_by_itself_fails(jobs: JobProcessor) -> None:
    @jobs.task
    async def odd() -> None:
        raise asyncio.CancelledError

    async with jobs:
        with pytest.raises(JobFailed, match="CancelledError"):
            await (await odd.enqueue()).result(20)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), "\ud800", {1: 2}, 2**64, b"x"])
async def test_a_result_that_cannot_be_stored_is_a_failure_that_says_so(
    jobs: JobProcessor, value: Any
) -> None:
    @jobs.task
    async def give() -> Any:
        return {"deep": [value]}

    async with jobs:
        with pytest.raises(JobFailed, match=r"result\.deep\[0\]"):
            await (await give.enqueue()).result(20)


async def test_a_result_beyond_the_limit_is_a_failure_that_says_so(jobs: JobProcessor) -> None:
    @jobs.task
    async def give(size: int) -> str:
        return "x" * size

    @jobs.task
    async def nest() -> Any:
        value: Any = 1
        for _ in range(200):
            value = [value]
        return value

    async with jobs:
        with pytest.raises(JobFailed, match="1048576 is the limit"):
            await (await give.enqueue(1_100_000)).result(20)
        assert len(await (await give.enqueue(1_000_000)).result(20)) == 1_000_000
        good, bad = await give.enqueue(1), await nest.enqueue()
        with pytest.raises(JobFailed, match="result"):
            await bad.result(20)
        assert await good.result(20) == "x"


async def test_errors_without_end_are_bounded(jobs: JobProcessor) -> None:
    @jobs.task
    async def fail() -> None:
        raise ValueError("x" * 50_000_000)

    async with jobs:
        job = await fail.enqueue()
        with pytest.raises(JobFailed, match="50000000 characters"):
            await job.result(20)
        error = (await job.info()).error
    assert error is not None
    assert len(error.message) + len(error.traceback) < 16 * 1024


@pytest.mark.parametrize("by", ["raise", "return"])
@pytest.mark.parametrize("sync", [False, True])
async def test_snooze_spends_no_attempt(jobs: JobProcessor, by: str, sync: bool) -> None:
    runs = 0

    async def later() -> str | Snooze:
        nonlocal runs
        runs += 1
        if runs < 3:
            if by == "raise":
                raise Snooze("10ms", "not yet")
            return Snooze("10ms", "not yet")
        return "now"

    def later_sync() -> str | Snooze:
        return asyncio.run(later())

    task = jobs.task(name="later")(later_sync if sync else later)  # type: ignore[arg-type]
    async with jobs:
        job: Job[Any] = await task.enqueue()
        assert await job.result(20) == "now"
        info = await job.info()
    assert (info.attempt, info.failures, info.snoozes) == (1, 0, 2)


@pytest.mark.parametrize("by", ["raise", "return"])
async def test_cancel_is_final_and_no_failure(jobs: JobProcessor, by: str) -> None:
    @jobs.task(retry=5)
    async def stop() -> Cancel:
        if by == "raise":
            raise Cancel("memory is gone")
        return Cancel("memory is gone")

    async with jobs:
        job = await stop.enqueue()
        with pytest.raises(JobCancelled, match="memory is gone"):
            await job.result(20)
        info = await job.info()
    assert (info.state, info.failures, info.attempt) == ("cancelled", 0, 1)


@pytest.mark.parametrize("by", ["raise", "return"])
async def test_retry_counts_as_a_failure_and_waits_as_told(jobs: JobProcessor, by: str) -> None:
    runs = 0

    @jobs.task(retry=Retry.fixed(2, "1h"))
    async def again() -> str | Retry:
        nonlocal runs
        runs += 1
        if runs < 3:
            if by == "raise":
                raise Retry(0.01, "busy")
            return Retry(0.01, "busy")
        return "done"

    async with jobs:
        job = await again.enqueue()
        assert await job.result(20) == "done"
        info = await job.info()
    assert (info.attempt, info.failures) == (3, 2)


async def test_a_last_retry_keeps_its_reason_and_its_cause(jobs: JobProcessor) -> None:
    @jobs.task(retry=None)
    async def ask_again() -> None:
        raise Retry(0.01, "upstream") from ConnectionError("upstream refused: 503")

    async with jobs:
        job = await ask_again.enqueue()
        with pytest.raises(JobFailed, match="upstream refused"):
            await job.result(20)
        info = await job.info()
        dead = await jobs.queues.dead(error_type="ConnectionError")
    assert info.reason == "no retries left after 1 failure: upstream"
    assert info.error is not None
    assert (info.error.type, info.error.message) == ("ConnectionError", "upstream refused: 503")
    assert [(a.outcome, a.error and a.error.type) for a in info.history] == [("retried", "ConnectionError")]
    assert [letter.id for letter in dead.jobs] == [job.id]


@pytest.mark.parametrize("sync", [False, True])
async def test_the_class_alone_counts_as_its_instance(jobs: JobProcessor, sync: bool) -> None:
    async def end(ctx: Context) -> Any:
        return Retry if ctx.attempt == 1 else Cancel

    def end_sync(ctx: Context) -> Any:
        return Retry if ctx.attempt == 1 else Cancel

    task: Any = jobs.task(name="end", retry=Retry.fixed(2, 0))(end_sync if sync else end)
    async with jobs:
        job: Job[Any] = await task.enqueue()
        with pytest.raises(JobCancelled):
            await job.result(20)
        info = await job.info()
    assert (info.state, info.attempt, info.failures) == ("cancelled", 2, 1)


async def test_a_class_that_needs_arguments_fails_and_says_what_to_return(jobs: JobProcessor) -> None:
    @jobs.task
    async def later() -> Any:
        return Snooze

    async with jobs:
        job = await later.enqueue()
        with pytest.raises(JobFailed, match=r"result: the class Snooze .* make an instance, Snooze\(…\)"):
            await job.result(20)


async def test_failures_are_retried_by_policy_and_history_is_kept(jobs: JobProcessor) -> None:
    @jobs.task(retry=Retry.delays("10ms", "20ms"))
    async def flaky(ctx: Context) -> int:
        if ctx.attempt < 3:
            raise ConnectionError(f"attempt {ctx.attempt}")
        return ctx.attempt

    async with jobs:
        job = await flaky.enqueue()
        assert await job.result(20) == 3
        info = await job.info()
    assert [(a.number, a.outcome) for a in info.history] == [(1, "failed"), (2, "failed"), (3, "completed")]
    assert info.history[0].error is not None
    assert info.history[0].error.message == "attempt 1"
    assert all(a.worker and a.started_at and a.ended_at for a in info.history)


async def test_only_named_errors_are_retried(jobs: JobProcessor) -> None:
    runs: list[str] = []

    @jobs.task(retry=Retry.fixed(3, "10ms", on=[OSError], not_on=["FileNotFoundError"]))
    async def fail(kind: str) -> None:
        runs.append(kind)
        raise {"connection": ConnectionError, "file": FileNotFoundError, "value": ValueError}[kind]

    async with jobs:
        for kind in ("connection", "file", "value"):
            with pytest.raises(JobFailed):
                await (await fail.enqueue(kind)).result(20)
    assert {kind: runs.count(kind) for kind in runs} == {"connection": 4, "file": 1, "value": 1}


async def test_a_handler_that_cancels_its_own_task_has_failed(make: Make) -> None:
    jobs = make(workers=1)

    @jobs.task
    async def cancels() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    @jobs.task
    async def other() -> int:
        return 1

    await cancels.options(retry=None).enqueue()
    waiting = [await other.enqueue() for _ in range(3)]
    async with jobs:
        assert [await job.result(30) for job in waiting] == [1, 1, 1]  # the slot goes on
        job = await cancels.options(retry=Retry.fixed(2, 0)).enqueue()
        with pytest.raises(JobFailed, match="CancelledError"):
            await job.result(30)
        assert [attempt.outcome for attempt in (await job.info()).history] == ["failed"] * 3
