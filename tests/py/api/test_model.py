"""The public API against a model: random programmes of enqueues, management and drains, compared step by step.

The model is a list of dictionaries and knows the rules in their plainest form. Time is the fake clock's, and jobs run
only when the programme drains, so every step has one right answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from khala_jobs import (
    Cancel,
    Context,
    InvalidArgument,
    JobProcessor,
    NotFound,
    Queue,
    QueueFull,
    Retry,
    Snooze,
)
from khala_jobs.testing import JobsTesting

QUEUES = ("alpha", "beta")
BOUND = 12  # of beta
RETRIES = 2
RETRY_MS = 60_000
SNOOZE_MS = 30_000
CLOSED = {"completed", "failed", "cancelled", "expired"}
WAITING = {"ready", "scheduled"}


@dataclasses.dataclass
class ModelJob:
    """A job as the rules have it. `plan` says how each run ends, the last entry repeats."""

    id: str
    queue: str
    priority: int
    plan: list[str]
    sequence: int
    state: str
    due_ms: int
    expires_ms: int
    attempt: int = 0
    failures: int = 0
    snoozes: int = 0
    runs: int = 0
    result: int | None = None


class Model:
    """The rules."""

    def __init__(self) -> None:
        self.jobs: dict[str, ModelJob] = {}
        self.paused: set[str] = set()
        self.now_ms = 0
        self.sequence = 0
        self.ran: list[str] = []

    def waiting(self, queue: str) -> int:
        return sum(job.queue == queue and job.state in WAITING for job in self.jobs.values())

    def put(
        self, job_id: str, queue: str, priority: int, plan: list[str], delay_ms: int, expires_ms: int
    ) -> None:
        self.sequence += 1
        due = self.now_ms + delay_ms
        expires = self.now_ms + expires_ms if expires_ms else 0
        state = "scheduled" if delay_ms else "ready"
        self.jobs[job_id] = ModelJob(job_id, queue, priority, plan, self.sequence, state, due, expires)

    def overdue(self, queue: str) -> int:
        """How many of the waiting ones the store may have closed by now."""
        return sum(job.queue == queue and self.is_overdue(job) for job in self.jobs.values())

    def drain(self) -> None:
        while True:
            for job in self.jobs.values():
                if job.state == "scheduled" and job.due_ms <= self.now_ms and job.queue not in self.paused:
                    job.state = "ready"
                if self.is_overdue(job):
                    job.state = "expired"  # in a paused queue as well
            ready = [j for j in self.jobs.values() if j.state == "ready" and j.queue not in self.paused]
            if not ready:
                return
            self.run(min(ready, key=lambda job: (-job.priority, job.sequence)))

    def is_overdue(self, job: ModelJob) -> bool:
        return job.state in WAITING and job.attempt == 0 and 0 < job.expires_ms <= self.now_ms

    def is_undecided(self, job: ModelJob) -> bool:
        """Its time has come or passed; whether the store has seen that yet is its own business."""
        return self.is_overdue(job) or (job.state == "scheduled" and job.due_ms <= self.now_ms)

    def run(self, job: ModelJob) -> None:
        self.ran.append(job.id)
        how = job.plan[min(job.runs, len(job.plan) - 1)]
        job.runs += 1
        job.attempt += 1
        if how == "ok":
            job.state, job.result = "completed", job.runs
        elif how == "cancel":
            job.state = "cancelled"
        elif how == "snooze":
            job.attempt -= 1
            job.snoozes += 1
            job.state, job.due_ms = "scheduled", self.now_ms + SNOOZE_MS
        else:
            job.failures += 1
            if job.failures > RETRIES:
                job.state = "failed"
            else:
                job.state, job.due_ms = "scheduled", self.now_ms + RETRY_MS


plans = st.lists(st.sampled_from(["ok", "fail", "snooze", "cancel"]), min_size=1, max_size=4)
picks = st.integers(0, 10_000)


class Programme(RuleBasedStateMachine):
    """The same steps for the real thing and for the model."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = Model()
        self.ran: list[str] = []
        self.runs: dict[str, int] = {}
        self.jobs = JobProcessor(
            "memory://",
            workers=1,
            retry=Retry.fixed(RETRIES, RETRY_MS / 1000),
            queues=[Queue("beta", max_length=BOUND)],
        )
        self.jobs.task(name="work")(self.work)
        self.task = self.jobs.task(name="other", queue="alpha")(self.work)
        self.testing = JobsTesting(self.jobs)

    def do(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    async def work(self, ctx: Context, plan: list[str]) -> int:
        self.ran.append(ctx.job_id)
        run = self.runs.get(ctx.job_id, 0)
        self.runs[ctx.job_id] = run + 1
        match plan[min(run, len(plan) - 1)]:
            case "fail":
                raise ValueError(run)
            case "snooze":
                raise Snooze(SNOOZE_MS / 1000)
            case "cancel":
                raise Cancel("enough")
        return run + 1

    @initialize()
    def begin(self) -> None:
        self.do(self.testing.__aenter__())

    def teardown(self) -> None:
        self.do(self.testing.__aexit__(None, None, None))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def pick(self, number: int) -> ModelJob:
        return list(self.model.jobs.values())[number % len(self.model.jobs)]

    # --- steps ---

    @rule(
        queue=st.sampled_from(QUEUES),
        priority=st.integers(0, 255),
        items=st.lists(plans, min_size=1, max_size=5),
        delay_ms=st.sampled_from([0, 0, 0, 1000, 90_000]),
        expires_ms=st.sampled_from([0, 0, 45_000]),
    )
    def enqueue(
        self, queue: str, priority: int, items: list[list[str]], delay_ms: int, expires_ms: int
    ) -> None:
        options: dict[str, Any] = {"queue": queue, "priority": priority}
        if delay_ms:
            options["delay"] = delay_ms / 1000
        if expires_ms:
            options["expires"] = expires_ms / 1000
        if 0 < expires_ms <= delay_ms:
            with pytest.raises(InvalidArgument, match="could never run"):
                self.task.options(**options)
            return
        call = self.task.options(**options).enqueue_many([(plan,) for plan in items])
        length = self.model.waiting("beta") + len(items)
        if queue == "beta" and length - self.model.overdue("beta") <= BOUND < length:
            return  # room there is or not, as the store has seen that jobs are overdue
        if queue == "beta" and length > BOUND:
            try:
                self.do(call)
            except QueueFull:
                return
            raise AssertionError("a full queue took more")
        for job, plan in zip(self.do(call), items, strict=True):
            assert not job.existed
            self.model.put(job.id, queue, priority, plan, delay_ms, expires_ms)

    @precondition(lambda self: self.model.jobs)
    @rule(number=picks)
    def enqueue_an_id_again(self, number: int) -> None:
        known = self.pick(number)
        if known.queue == "beta" and self.model.waiting("beta") >= BOUND:
            return
        job = self.do(self.task.options(id=known.id, queue=known.queue).enqueue(["ok"]))
        assert job.existed

    @rule(seconds=st.sampled_from([1, 10, 30, 60, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.testing.clock.advance(seconds)
        self.model.now_ms += seconds * 1000

    @rule()
    def drain(self) -> None:
        self.do(self.testing.drain())
        self.model.drain()

    @rule(queue=st.sampled_from(QUEUES))
    def pause(self, queue: str) -> None:
        self.do(self.jobs.queues.pause(queue))
        self.model.paused.add(queue)

    @rule(queue=st.sampled_from(QUEUES))
    def resume(self, queue: str) -> None:
        self.do(self.jobs.queues.resume(queue))
        self.model.paused.discard(queue)

    @precondition(lambda self: self.model.jobs)
    @rule(number=picks)
    def cancel(self, number: int) -> None:
        job = self.pick(number)
        if self.model.is_undecided(job):
            return
        done = self.do(self.jobs.queues.cancel(job.id))
        assert done == (job.state in WAITING)
        if done:
            job.state = "cancelled"

    @precondition(lambda self: self.model.jobs)
    @rule(number=picks)
    def retry(self, number: int) -> None:
        job = self.pick(number)
        if job.queue == "beta" and job.state in CLOSED and self.model.waiting("beta") >= BOUND:
            return  # by hand, a job may come back into a full queue or not: not said
        if self.model.is_undecided(job):
            return
        done = self.do(self.jobs.queues.retry(job.id))
        assert done == (job.state not in {"ready", "expired"})  # what expired stays so
        if done:
            job.state, job.due_ms = "ready", self.model.now_ms  # its time to expire stays
            job.failures = job.snoozes = 0

    @precondition(lambda self: self.model.jobs)
    @rule(number=picks)
    def remove(self, number: int) -> None:
        job = self.pick(number)
        assert self.do(self.jobs.queues.remove(job.id))
        del self.model.jobs[job.id]
        try:
            self.do(self.jobs.queues.get(job.id))
        except NotFound:
            return
        raise AssertionError("a removed job is still there")

    @rule()
    def requeue_dead(self) -> None:
        dead = [job for job in self.model.jobs.values() if job.state == "failed"]
        if self.model.waiting("beta") + sum(job.queue == "beta" for job in dead) > BOUND:
            return
        assert self.do(self.jobs.queues.requeue_dead()) == len(dead)
        for job in dead:
            job.state, job.due_ms, job.failures, job.snoozes = "ready", self.model.now_ms, 0, 0

    @rule()
    def clean(self) -> None:
        completed = [job for job in self.model.jobs.values() if job.state == "completed"]
        assert self.do(self.jobs.queues.clean(older_than=0)) == len(completed)
        for job in completed:
            del self.model.jobs[job.id]

    # --- what holds after every step ---

    @invariant()
    def every_job_stands_as_in_the_model(self) -> None:
        if self.testing._restore is None:
            return
        infos = {info.id: info for info in self.do(self._all())}
        assert infos.keys() == self.model.jobs.keys()
        for job in self.model.jobs.values():
            info = infos[job.id]
            state = job.state
            if state in WAITING:  # when the store sees that a job is due, or overdue, is its own business
                due, overdue = job.due_ms <= self.model.now_ms, self.model.is_overdue(job)
                assert info.state == state or (due and {info.state, state} == WAITING) or overdue
                if overdue and info.state == "expired":
                    job.state = "expired"
            else:
                assert info.state == state
            assert (info.queue, info.priority) == (job.queue, job.priority)
            assert (info.failures, info.snoozes) == (job.failures, job.snoozes)
            assert info.result == (job.result if state == "completed" else None)

    @invariant()
    def jobs_ran_in_the_order_of_the_model(self) -> None:
        assert self.ran == self.model.ran

    @invariant()
    def counts_are_those_of_the_model(self) -> None:
        if self.testing._restore is None:
            return
        for queue in QUEUES:
            stats = self.do(self.jobs.queues.stats(queue))
            of_queue = [job.state for job in self.model.jobs.values() if job.queue == queue]
            waiting, expired, overdue = (
                self.model.waiting(queue),
                of_queue.count("expired"),
                self.model.overdue(queue),
            )
            assert expired <= stats["expired"] <= expired + overdue
            assert stats["waiting"] + stats["delayed"] + stats["expired"] == waiting + expired
            for name in ("completed", "failed", "cancelled"):
                assert stats[name] == of_queue.count(name)  # type: ignore[literal-required]
            assert stats["paused"] == (queue in self.model.paused)
            assert stats["active"] == 0

    async def _all(self) -> list[Any]:
        return [info async for info in self.jobs.queues.scan()]


TestProgramme = Programme.TestCase
TestProgramme.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
