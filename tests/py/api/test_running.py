"""Handlers of every kind, what they return and raise, and what becomes of the job."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from khala_jobs import (
    BaseJob,
    Cancel,
    Context,
    InvalidArgument,
    Job,
    JobCancelled,
    JobFailed,
    JobProcessor,
    NotFound,
    Retry,
    Snooze,
    TaskOptions,
    current_job,
)

from .conftest import eventually

Make = Callable[..., JobProcessor]


class Profile(BaseModel):
    name: str
    seen: datetime | None = None


async def test_async_handlers(jobs: JobProcessor) -> None:
    @jobs.task
    async def add(a: int, b: int = 2) -> int:
        await asyncio.sleep(0)
        return a + b

    async with jobs:
        job = await add.enqueue(1)
        assert await job.result(timeout=20) == 3
        info = await job.info()
    assert (info.state, info.attempt, info.result, info.error) == ("completed", 1, 3, None)
    assert [a.outcome for a in info.history] == ["completed"]


async def test_sync_handlers_run_in_threads(jobs: JobProcessor) -> None:
    main = threading.get_ident()

    @jobs.task
    def where(ctx: Context) -> tuple[bool, str, bool]:
        inner = current_job()
        return threading.get_ident() != main, ctx.job_id, inner is not None and inner.job_id == ctx.job_id

    async with jobs:
        job = await where.enqueue()
        assert await job.result(20) == (True, job.id, True)


async def test_sync_handlers_run_beside_each_other(jobs: JobProcessor) -> None:
    barrier = threading.Barrier(4, timeout=20)

    @jobs.task
    def meet() -> None:
        barrier.wait()

    async with jobs:
        await asyncio.gather(*[job.result(20) for job in await meet.enqueue_many([()] * 4)])


async def test_models_as_arguments_and_results(jobs: JobProcessor) -> None:
    @jobs.task
    async def rename(profile: Profile, name: str) -> Profile:
        return profile.model_copy(update={"name": name})

    async with jobs:
        job = await rename.enqueue(Profile(name="a"), "b")
        assert await job.result(20) == Profile(name="b")
        assert await jobs.job(job.id).result(20) == {"name": "b", "seen": None}


@dataclasses.dataclass(frozen=True, slots=True)
class Reindex(BaseJob[int]):
    """A job as a class."""

    collection: str
    full: bool = False

    options: ClassVar[TaskOptions] = {"queue": "search", "priority": 9}

    async def run(self, ctx: Context) -> int:
        return len(self.collection) * (10 if self.full else 1) * ctx.resources["factor"]


@dataclasses.dataclass
class Blocking(BaseJob[str]):
    """A job as a class, with a sync method."""

    text: str

    task_name: ClassVar[str] = "tests.blocking"

    def run(self, ctx: Context) -> str:
        return self.text + threading.current_thread().name[:5]


async def test_jobs_as_classes(jobs: JobProcessor) -> None:
    jobs.include([Reindex, Blocking])
    jobs.resources.provide("factor", 3)
    async with jobs:
        job = await jobs.enqueue(Reindex("notes", full=True))
        assert await job.result(20) == 150
        info = await job.info()
        assert (info.task, info.queue, info.priority) == ("Reindex", "search", 9)
        assert info.arguments == {"collection": "notes", "full": True}
        assert await (await jobs.enqueue(Blocking("x"), priority=1)).result(20) == "xkhala"
        with pytest.raises(InvalidArgument, match=r"Reindex\.collection"):
            await jobs.enqueue(Reindex(5))  # type: ignore[arg-type]


async def test_what_a_handler_knows_about_its_job(jobs: JobProcessor) -> None:
    seen: dict[str, Any] = {}

    @jobs.task(queue="q", timeout="1m")
    async def look(ctx: Context) -> None:
        names = (
            "job_id",
            "task",
            "queue",
            "attempt",
            "priority",
            "correlation_id",
            "headers",
            "tenant",
            "worker",
        )
        seen.update({name: getattr(ctx, name) for name in names})
        seen["fence"], seen["cancelled"], seen["same"] = ctx.fence, ctx.cancelled, current_job() is ctx
        seen["timeout"], seen["enqueued_at"] = ctx.timeout, ctx.enqueued_at
        ctx.logger.debug("hello")

    async with jobs:
        job = await look.options(headers={"a": "b"}, tenant="t", correlation_id="c", priority=3).enqueue()
        await job.result(20)
        worker = jobs.worker_id
    assert seen["fence"] > 0
    assert seen["timeout"].total_seconds() == 60
    assert seen["enqueued_at"] is not None
    assert {k: seen[k] for k in ("job_id", "task", "queue", "attempt", "priority", "worker")} == {
        "job_id": job.id,
        "task": "look",
        "queue": "q",
        "attempt": 1,
        "priority": 3,
        "worker": worker,
    }
    assert (seen["correlation_id"], seen["headers"], seen["tenant"]) == ("c", {"a": "b"}, "t")
    assert seen["same"] is True
    assert seen["cancelled"] is False
    assert current_job() is None


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


async def test_progress_is_seen_while_the_job_runs(jobs: JobProcessor) -> None:
    go = asyncio.Event()

    @jobs.task
    async def long(ctx: Context) -> None:
        await ctx.progress(1, 4, "a quarter")
        await go.wait()

    @jobs.task
    def long_sync(ctx: Context) -> None:
        ctx.progress(2, 4, "half")

    async with jobs:
        job = await long.enqueue()
        info = await eventually(lambda: _with_progress(job))
        assert info.progress.fraction == 0.25
        assert info.progress.message == "a quarter"
        go.set()
        await job.result(20)
        other = await long_sync.enqueue()
        await other.result(20)
        progress = (await other.info()).progress
        assert progress is not None
        assert (progress.count, progress.total) == (2, 4)


async def _with_progress(job: Job[Any]) -> Any:
    info = await job.info()
    return info if info.progress else None


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((-1,), "progress.count"),
        ((1.5,), "progress.count"),
        ((1, -1), "progress.total"),
        ((1, 2, "x" * 2000), "progress.message"),
    ],
)
async def test_progress_out_of_bounds_is_refused(jobs: JobProcessor, arguments: Any, field: str) -> None:
    @jobs.task
    async def work(ctx: Context) -> None:
        ctx.progress(*arguments)

    async with jobs:
        with pytest.raises(JobFailed, match=field.replace(".", r"\.")):
            await (await work.enqueue()).result(20)


async def test_handlers_enqueue_and_children_inherit_the_correlation_id(jobs: JobProcessor) -> None:
    children: list[Job[None]] = []

    @jobs.task
    async def child() -> None: ...

    @jobs.task
    async def parent() -> None:
        children.append(await child.enqueue())

    async with jobs:
        job = await parent.options(correlation_id="req-1").enqueue()
        await job.result(20)
        await children[0].result(20)
        info = await children[0].info()
    assert (info.correlation_id, info.parent_id) == ("req-1", job.id)


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


async def test_nothing_leaks_from_one_job_to_the_next(make: Make) -> None:
    jobs = make(workers=1)
    var: ContextVar[int] = ContextVar("var", default=0)

    @jobs.task
    async def touch(n: int) -> int:
        before = var.get()
        var.set(n)
        return before

    @jobs.task
    async def cancelling() -> int:
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    async with jobs:
        results = [await job.result(20) for job in await touch.enqueue_many([(i,) for i in range(1, 20)])]
        assert results == [0] * 19
        assert await (await cancelling.enqueue()).result(20) == 0


async def test_asyncio_tools_work_in_the_first_step_of_a_handler(jobs: JobProcessor) -> None:
    @jobs.task
    async def use() -> int:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            parts = [group.create_task(asyncio.sleep(0, i)) for i in range(3)]
        return sum(part.result() for part in parts)

    async with jobs:
        assert await (await use.enqueue()).result(20) == 3


async def test_more_jobs_than_slots_and_every_one_runs_once(jobs: JobProcessor) -> None:
    counts: dict[int, int] = {}
    running = most = 0

    @jobs.task
    async def work(n: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if n % 3 == 0:
            await asyncio.sleep(0.001)
        counts[n] = counts.get(n, 0) + 1
        running -= 1

    async with jobs:
        handles = await work.enqueue_many([(i,) for i in range(1000)])
        await asyncio.gather(*(job.result(30) for job in handles))
        stats = await jobs.queues.stats()
    assert counts == dict.fromkeys(range(1000), 1)
    assert most <= 4
    assert stats["completed"] == 1000


async def test_a_payload_of_another_signature_waits_for_the_right_code(make: Make) -> None:
    old, new = make(), make()

    @old.task(name="work")
    async def old_work(a: int) -> None: ...

    @new.task(name="work")
    async def new_work(user: int) -> None: ...

    if old.url == "memory://":  # a store of one object: put the old payload through the new one
        job: Job[Any] = (await new._intake.put(old_work.definition, {}, [b'{"a":1}'], {}))[0]
    else:
        job = await old_work.enqueue(1)
    async with new:
        info = await eventually(lambda: _in_state(new, job.id, "scheduled"))
    assert "a" in info.reason
    assert (info.failures, info.snoozes) == (0, 1)


async def _in_state(jobs: JobProcessor, job_id: str, state: str) -> Any:
    info = await jobs.queues.get(job_id)
    return info if info.state == state else None


async def test_waiting_for_a_result_gives_up_in_time_and_can_be_repeated(jobs: JobProcessor) -> None:
    go = asyncio.Event()

    @jobs.task
    async def work() -> int:
        await go.wait()
        return 5

    async with jobs:
        job = await work.enqueue()
        with pytest.raises(TimeoutError):
            await job.result(timeout="20ms")
        waiting = [asyncio.ensure_future(job.result()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        go.set()
        assert await asyncio.gather(*waiting[1:]) == [5, 5]
        assert await job.result(0.5) == 5
        assert (await job.info()).state == "completed"


async def test_a_job_that_does_not_exist(jobs: JobProcessor) -> None:
    nobody = jobs.job("nobody")
    for call in (nobody.result(5), nobody.info(), nobody.cancel()):
        with pytest.raises(NotFound, match="nobody"):
            await call


async def test_a_handler_that_closes_its_own_client_calls_is_fine(jobs: JobProcessor) -> None:
    @jobs.task
    async def inspect(ctx: Context) -> str:
        return (await jobs.queues.get(ctx.job_id)).state

    async with jobs:
        assert await (await inspect.enqueue()).result(20) == "running"
