from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest

from khala_jobs import (
    BaseJob,
    Cancel,
    Context,
    InvalidArgument,
    JobProcessor,
    Resources,
    Retry,
    Snooze,
    TaskOptions,
    Tasks,
)
from khala_jobs.testing import FakeClock, JobsTesting, perform

UNSTORABLE = object()  # what no job could carry


@dataclasses.dataclass(frozen=True, slots=True)
class Square(BaseJob[int]):
    x: int
    at: date = date(2030, 1, 1)

    options: ClassVar[TaskOptions] = {"name": "squares"}

    async def run(self, ctx: Context) -> int:
        assert (ctx.task, isinstance(self.at, date)) == ("squares", True)
        return self.x**2


def application() -> tuple[JobProcessor, Any, Any]:
    jobs = JobProcessor("sqlite:////nonexistent/never/opened.db", retry=Retry.fixed(1, "1m"))

    @jobs.task(queue="mail")
    async def send(ctx: Context, to: str, copies: int = 1) -> str:
        if to == "nobody":
            raise LookupError(to)
        if to == "later" and ctx.attempt == 1 and ctx.resources.get("ready") is None:
            raise Snooze("1h")
        return f"{copies} to {to}"

    @jobs.task
    async def signup(name: str) -> None:
        await send.options(delay="10m").enqueue(name)

    return jobs, send, signup


async def test_manual_jobs_run_when_the_test_says_so(jobs_testing: type[JobsTesting]) -> None:
    jobs, send, signup = application()
    async with jobs_testing(jobs) as t:
        job = await signup.enqueue("ada")
        assert (await job.info()).state == "ready"
        t.assert_enqueued(signup, name="ada")
        t.refute_enqueued(send)
        assert (await t.drain()).completed == 1
        found = t.assert_enqueued(send, to="ada")
        assert (found.queue, found.options["delay"]) == ("mail", "10m")
        assert found.arguments == {"to": "ada", "copies": 1}
        assert (await t.drain()).runs == 0
        t.clock.advance("9m")
        assert (await t.drain()).runs == 0
        t.clock.advance("1m")
        assert (await t.drain()).completed == 1
        assert await found.job.result(5) == "1 to ada"
    assert not jobs.is_running
    assert jobs.url.startswith("sqlite:")


async def test_inline_jobs_have_run_when_the_enqueue_returns() -> None:
    jobs, send, signup = application()
    async with JobsTesting(jobs, mode="inline") as t:
        job = await send.enqueue("ada", copies=2)
        assert await job.result(0.5) == "2 to ada"
        await signup.enqueue("bob")
        assert [e.task for e in t.enqueued()] == ["send", "signup", "send"]
        assert (await t.enqueued(send)[-1].job.info()).state == "scheduled"


async def test_what_went_wrong_is_told() -> None:
    jobs, send, _ = application()
    async with JobsTesting(jobs) as t:
        await send.enqueue("ada", copies=3)
        with pytest.raises(
            AssertionError, match=r"no job of send with \{'to': 'bob'\}.*send\(\{.*'to': 'ada'"
        ):
            t.assert_enqueued(send, to="bob")
        with pytest.raises(AssertionError, match="1 jobs of send"):
            t.refute_enqueued("send", copies=3)
        t.refute_enqueued(send, copies=4)
        await send.enqueue("nobody")
        with pytest.raises(
            AssertionError, match="1 of 2 runs failed; the latest, of send: LookupError: nobody"
        ):
            await t.drain(raise_failures=True)
        await send.options(delay="1h").enqueue_many([("later",)] * 1000)  # and it is found beside many others
        await send.enqueue("nobody")
        with pytest.raises(AssertionError, match="1 of 1 runs failed"):
            await t.drain(raise_failures=True)


async def test_retries_and_snoozes_wait_for_the_clock() -> None:
    jobs, send, _ = application()
    async with JobsTesting(jobs) as t:
        job = await send.enqueue("nobody")
        drained = await t.drain()
        assert (drained.failed, drained.runs) == (1, 1)
        assert (await job.info()).state == "scheduled"
        t.clock.advance("1m")
        assert (await t.drain()).failed == 1
        assert (await job.info()).state == "failed"
        later = await send.enqueue("later")
        assert (await t.drain()).snoozed == 1
        jobs.resources.provide("ready", True)
        t.clock.advance("1h")
        assert (await t.drain()).completed == 1
        assert await later.result(1) == "1 to later"


async def test_the_clock_stands_where_it_was_put() -> None:
    at = datetime(2030, 1, 1, 12, tzinfo=UTC)
    jobs, send, _ = application()
    async with JobsTesting(jobs, at=at) as t:
        assert t.clock.now() == at
        job = await send.options(at=at + timedelta(days=1)).enqueue("ada")
        info = await job.info()
        assert (info.enqueued_at, info.due_at) == (at, at + timedelta(days=1))
        expiring = await send.options(expires="1h").enqueue("bob")
        t.clock.advance(timedelta(days=1))
        assert (await t.drain()).completed == 1
        assert (await expiring.info()).state == "expired"


async def test_each_test_gets_a_fresh_store_and_the_old_one_back() -> None:
    jobs, send, _ = application()
    for _ in range(2):
        async with JobsTesting(jobs) as t:
            await send.options(id="same").enqueue("ada")
            assert len(t.enqueued()) == 1
            assert not t.enqueued()[0].job.existed
    with pytest.raises(InvalidArgument, match="mode"):
        JobsTesting(jobs, mode="eager")  # type: ignore[arg-type]


async def test_an_open_processor_is_left_alone() -> None:
    jobs = JobProcessor("memory://")
    await jobs.open()
    with pytest.raises(InvalidArgument, match="open"):
        async with JobsTesting(jobs):
            raise AssertionError("not reached")
    await jobs.close()


async def test_perform_runs_a_handler_through_json() -> None:
    jobs, send, signup = application()

    @jobs.task
    def sync(ctx: Context, pair: tuple[int, str], ids: set[int]) -> tuple[int, str]:
        assert isinstance(pair, tuple)
        assert isinstance(ids, set)
        return pair

    assert await perform(sync, (1, "a"), {3}) == (1, "a")
    assert await perform(send, "ada") == "1 to ada"
    resources = Resources()
    resources.provide("ready", True)
    assert await perform.options(resources=resources)(send, "later") == "1 to later"
    assert await perform(send, "later", resources=resources) == "1 to later"
    with pytest.raises(Snooze):
        await perform(send, "later")
    with pytest.raises(LookupError):
        await perform(send, "nobody")
    with pytest.raises(InvalidArgument):
        await perform(send, 5)
    with pytest.raises(InvalidArgument):
        await perform(send, "x", nonsense=1)
    assert signup.name == "signup"


async def test_perform_s_options_share_no_namespace_with_arguments() -> None:
    tasks = Tasks()

    @tasks.task
    async def zz(ctx: Context, resources: str, options: str = "none") -> str:
        return f"{resources} {options} {ctx.resources.get('ready')}"

    assert await perform(zz, resources="abc") == "abc none None"
    resources = Resources()
    resources.provide("ready", True)
    assert await perform.options(resources=resources)(zz, resources="abc", options="o") == "abc o True"
    assert await perform(zz, "abc") == "abc none None"  # it was of that call alone


async def test_job_classes_are_taken_where_tasks_are() -> None:
    jobs = JobProcessor("memory://")
    jobs.include([Square])
    async with JobsTesting(jobs) as t:
        t.refute_enqueued(Square)
        await jobs.enqueue(Square(3))
        found = t.assert_enqueued(Square, x=3)
        assert found.arguments == {"x": 3, "at": "2030-01-01"}
        assert t.enqueued(Square) == t.enqueued("squares") == [found]
        t.refute_enqueued(Square, x=4)
        with pytest.raises(AssertionError, match=r"no job of squares with \{'x': 4\}"):
            t.assert_enqueued(Square, x=4)
    assert await perform(Square, x=3) == 9
    assert await perform(Square, 3, date(2030, 1, 2)) == 9
    with pytest.raises(InvalidArgument, match="arguments: task squares: missing a required argument: 'x'"):
        await perform(Square)
    with pytest.raises(InvalidArgument, match="task: expected a task"):
        await perform(5)  # type: ignore[arg-type]


async def test_defaults_are_among_the_arguments_that_a_worker_gets() -> None:
    jobs = JobProcessor("memory://")

    @jobs.task
    async def send(
        ctx: Context,
        to: str,
        /,
        subject: str = "hi",
        *more: int,
        on: date = date(2030, 1, 1),
        odd: Any = UNSTORABLE,
    ) -> None: ...

    async with JobsTesting(jobs) as t:
        await send.enqueue("a")
        t.assert_enqueued(send, to="a", subject="hi", on="2030-01-01", odd=UNSTORABLE)
        t.refute_enqueued(send, subject="ho")
        await send.enqueue("a", "ho")
        t.refute_enqueued(send, to="a", subject="he")
        assert len(t.enqueued(send, subject="hi")) == len(t.enqueued(send, subject="ho")) == 1


async def test_perform_raises_what_a_handler_answers() -> None:
    tasks = Tasks()

    @tasks.task
    async def answer(kind: str) -> Any:
        return {"retry": Retry("1m"), "cancel": Cancel}[kind]

    with pytest.raises(Retry):
        await perform(answer, "retry")
    with pytest.raises(Cancel):
        await perform(answer, "cancel")


def test_a_fake_clock_moves_forward_only() -> None:
    clock = FakeClock(datetime(2030, 1, 1, tzinfo=UTC))
    clock.advance("1h30m")
    assert clock.now() == datetime(2030, 1, 1, 1, 30, tzinfo=UTC)
    with pytest.raises(InvalidArgument):
        clock.advance(-1)


async def test_timeouts_follow_the_fake_clock() -> None:
    jobs = JobProcessor("memory://", retry=None)
    began = asyncio.Event()

    @jobs.task(timeout="1h")
    async def slow() -> None:
        began.set()
        await asyncio.Event().wait()

    async with JobsTesting(jobs) as t:
        await slow.enqueue()
        draining = asyncio.ensure_future(t.drain())
        await began.wait()
        t.clock.advance("1h")
        assert (await draining).failed == 1


async def test_a_job_in_a_queue_that_is_not_served_is_left_where_it_is() -> None:
    jobs, send, _ = application()
    async with JobsTesting(jobs) as t, asyncio.timeout(20):
        left = await send.options(queue="elsewhere").enqueue("ada")
        await send.enqueue("bob")
        assert (await t.drain()).completed == 1
        assert (await t.drain()).runs == 0
        assert (await left.info()).state == "ready"

        @jobs.task(queue="elsewhere")  # now it is
        async def other() -> None: ...

        assert (await t.drain()).completed == 1
        assert await left.result(1) == "1 to ada"


async def test_inline_a_job_in_a_queue_that_is_not_served_is_refused_by_name() -> None:
    jobs, send, _ = application()

    @jobs.task
    async def outer() -> None:
        await send.options(queue="elsewhere").enqueue("ada")

    async with JobsTesting(jobs, mode="inline") as t, asyncio.timeout(20):
        elsewhere = send.options(queue="elsewhere")
        for due in (elsewhere, elsewhere.options(delay=0), elsewhere.options(at=t.clock.now())):
            with pytest.raises(InvalidArgument, match="queue: this processor does not serve elsewhere"):
                await due.enqueue("ada")
        later = await elsewhere.options(delay="1h").enqueue("ada")
        assert (await later.info()).state == "scheduled"
        job = await outer.enqueue()
        error = (await job.info()).error
    assert error is not None
    assert "does not serve elsewhere" in error.message


async def test_once_the_worker_is_stopped_nothing_is_drained() -> None:
    jobs, send, _ = application()
    async with JobsTesting(jobs) as t, asyncio.timeout(20):
        job = await send.enqueue("ada")
        await jobs.stop()
        assert (await t.drain()).runs == 0
        assert (await job.info()).state == "ready"


async def test_what_is_no_task_and_no_time_is_refused_by_name() -> None:
    jobs = JobProcessor("memory://")
    async with JobsTesting(jobs) as testing:
        with pytest.raises(InvalidArgument, match="task: expected a task or a BaseJob class, got 5"):
            testing.assert_enqueued(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="at: the datetime has no time zone"):
        JobsTesting(jobs, at=datetime(2030, 1, 1))  # noqa: DTZ001


async def test_durations_count_from_the_clock_of_the_test() -> None:
    jobs = JobProcessor("memory://")

    @jobs.task
    async def work() -> None: ...

    async with JobsTesting(jobs) as t:
        t.clock.advance("30d")
        job = await work.options(at=t.clock.now() + timedelta(hours=1), expires="2h").enqueue()
        assert (await job.info()).state == "scheduled"
