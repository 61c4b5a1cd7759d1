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
    Context,
    InvalidArgument,
    Job,
    JobFailed,
    JobProcessor,
    NotFound,
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


async def test_progress_is_told_as_it_changes_until_the_job_has_ended(jobs: JobProcessor) -> None:
    go = asyncio.Event()

    @jobs.task
    async def long(ctx: Context) -> None:
        await ctx.progress(1, 3, "begun")
        await go.wait()
        await ctx.progress(3, 3, "done")

    async with jobs:
        job = await long.enqueue()
        seen = []
        async for said in job.progress(every=0.05):
            seen.append((said.count, said.fraction, said.message))
            go.set()
        assert seen == [(1, pytest.approx(1 / 3), "begun"), (3, 1.0, "done")]
        assert [said.message async for said in job.progress()] == ["done"]
        silent = await jobs.task(name="silent")(_silent).enqueue()
        assert [said async for said in silent.progress(every="10ms")] == []


async def _silent() -> None:
    pass


async def test_progress_that_is_no_longer_asked_for_leaves_nothing_behind(jobs: JobProcessor) -> None:
    @jobs.task
    async def long(ctx: Context) -> None:
        await ctx.progress(1, 3)
        await asyncio.Event().wait()

    async with jobs:
        job = await long.enqueue()
        told = job.progress(every=0.05)
        assert (await anext(told)).count == 1
        before = len(asyncio.all_tasks())
        await told.aclose()
        assert len(asyncio.all_tasks()) == before - 1
        await job.cancel()


@pytest.mark.parametrize("every", [0, -1, "soon", None])
async def test_progress_needs_a_pause(jobs: JobProcessor, every: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await anext(jobs.job("0" * 26).progress(every))
    assert caught.value.field == "every"


async def test_progress_of_no_job(jobs: JobProcessor) -> None:
    with pytest.raises(NotFound):
        await anext(jobs.job("01ARZ3NDEKTSV4RRFFQ69G5FAV").progress())


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
        ((1, 2, 5), "progress.message"),
        ((1, 2, None), "progress.message"),
        ((1, 2, "\ud800"), "progress.message"),
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


async def test_a_job_without_one_is_found_by_its_own_id_with_its_children(jobs: JobProcessor) -> None:
    @jobs.task
    async def child() -> None: ...

    @jobs.task
    async def parent(ctx: Context) -> str:
        await child.enqueue()
        return ctx.correlation_id

    async with jobs:
        job = await parent.enqueue()
        await parent.enqueue()  # and nobody else's
        assert await job.result(20) == job.id
        assert (await job.info()).correlation_id == job.id
        found = await jobs.queues.list(correlation_id=job.id)
    assert [info.task for info in found.jobs] == ["parent", "child"]


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
        for timeout in ("20ms", 0):
            with pytest.raises(TimeoutError):
                await job.result(timeout=timeout)
        waiting = [asyncio.ensure_future(job.result()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        go.set()
        assert await asyncio.gather(*waiting[1:]) == [5, 5]
        assert await job.result(0.5) == 5
        assert await job.result(0) == 5
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
