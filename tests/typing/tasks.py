"""What a type checker makes of the public API: checked by ``mypy --strict``, never run.

Every ``type: ignore`` here is an error that must be reported: mypy complains when one is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, assert_type

from khala_jobs import (
    BaseJob,
    Cancel,
    Context,
    Job,
    JobInfo,
    JobProcessor,
    Priority,
    QueueStats,
    Retry,
    Snooze,
    TaskOptions,
    Tasks,
    current_job,
)

jobs = JobProcessor("memory://", workers=4, lease="15s", grace=30, queues={"topics": 2})
tasks = Tasks()


@jobs.task
async def bare(memory_id: str) -> list[str]:
    return [memory_id]


@jobs.task(queue="topics", priority=Priority.HIGH, timeout=60, retry=Retry.delays(60, 300, 1800))
async def with_context(ctx: Context, memory_id: str, *, limit: int = 10) -> list[str]:
    await ctx.progress(1, limit, "begun")
    ctx.step("half", size=3)
    assert_type(ctx.attempt, int)
    assert_type(ctx.resources[str], str)
    return [memory_id]


@tasks.task
def sync(ctx: Context, n: int) -> str | Snooze | Cancel:
    ctx.progress(1)
    return str(n)


@tasks.task(process=True, timeout="1m")
def plain(n: int) -> float:
    return n / 2


@dataclass(frozen=True, slots=True)
class Reindex(BaseJob[int]):
    collection: str

    options: ClassVar[TaskOptions] = {"queue": "search"}

    async def run(self, ctx: Context) -> int:
        return len(self.collection)


async def use() -> None:
    job = await bare.enqueue("m1")
    assert_type(job, Job[list[str]])
    assert_type(await job.result(timeout=30), list[str])
    assert_type(await job.result("30s"), list[str])
    assert_type(await job.info(), JobInfo)
    assert_type(await job.cancel(), bool)

    # the context is no argument of an enqueue, and everything else is checked
    await with_context.enqueue("m1", limit=3)
    await with_context.enqueue(1)  # type: ignore[arg-type]
    await with_context.enqueue()  # type: ignore[call-arg]
    await with_context.enqueue("m1", limt=3)  # type: ignore[call-arg]
    await bare.enqueue("m1", "m2")  # type: ignore[call-arg]
    assert_type(await with_context.options(delay="10m", priority=3).enqueue("m1"), Job[list[str]])

    # options never share a namespace with arguments
    bare.options(prority=3)  # type: ignore[call-arg]
    bare.options(priority="high")  # type: ignore[arg-type]
    await bare.enqueue("m1", delay=3)  # type: ignore[call-arg]

    # tasks are still plain callables
    assert_type(await bare("m1"), list[str])
    assert_type(await with_context("m1"), list[str])
    assert_type(plain(3), float)
    assert_type(sync(3), str | Snooze | Cancel)
    plain("3")  # type: ignore[arg-type]

    many = await bare.enqueue_many([("m1",), {"memory_id": "m2"}], chunk=1000)
    assert_type(many, list[Job[list[str]]])

    assert_type(await jobs.enqueue(Reindex("notes"), delay=5), Job[int])
    assert_type(await (await jobs.of(Reindex).enqueue(Reindex("x"))).result(), int)
    await jobs.enqueue("notes")  # type: ignore[arg-type]

    assert_type(await jobs.queues.stats("topics"), QueueStats)
    assert_type((await jobs.queues.stats())["paused"], bool)
    assert_type(current_job(), Context | None)
    assert_type(jobs.job("id"), Job[Any])
    async with jobs as entered:
        assert_type(entered, JobProcessor)


@jobs.task(prority=5)  # type: ignore[call-overload, untyped-decorator]
async def misspelt() -> None: ...
