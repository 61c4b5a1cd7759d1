"""Whatever user code, exceptions and loggers do: the job gets a verdict, and its slot takes the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from khala_jobs import BaseJob, Cancel, Context, JobFailed, JobProcessor, Retry, Snooze, slots
from khala_jobs.logs import EVENTS, PIPELINE, JobLog

Make = Callable[..., JobProcessor]


@pytest.fixture
def one_slot(make: Make) -> JobProcessor:
    """Where a slot that is lost is the end of everything."""
    return make(workers=1)


def add_fine(jobs: JobProcessor) -> Any:
    @jobs.task
    async def fine() -> str:
        return "fine"

    return fine


async def error_of(jobs: JobProcessor, task: Any, *args: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        await (await task.enqueue(*args)).result(20)
    return caught.value


class NoText:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [(ValueError("broken"), "broken"), (None, "None"), ("\ud800", "?"), (NoText(), "<NoText>")],
)
@pytest.mark.parametrize("sync", [False, True])
async def test_a_reason_may_be_anything(one_slot: JobProcessor, reason: Any, shown: str, sync: bool) -> None:
    def end(kind: str) -> None:
        kinds = {"cancel": Cancel(reason), "retry": Retry("1h", reason), "snooze": Snooze("1h", reason)}
        raise kinds[kind]

    @one_slot.task(retry=3)
    async def ends_async(kind: str) -> None:
        end(kind)

    @one_slot.task(retry=3)
    def ends_sync(kind: str) -> None:
        end(kind)

    fine = add_fine(one_slot)
    async with one_slot:
        task = ends_sync if sync else ends_async
        ended = {kind: await task.enqueue(kind) for kind in ("cancel", "retry", "snooze")}
        assert await (await fine.enqueue()).result(20) == "fine"
        infos = {kind: await job.info() for kind, job in ended.items()}
    assert {kind: info.state for kind, info in infos.items()} == {
        "cancel": "cancelled",
        "retry": "scheduled",
        "snooze": "scheduled",
    }
    assert {info.reason for info in infos.values()} == {shown}


async def test_an_outcome_that_was_tampered_with_fails_its_job_alone(one_slot: JobProcessor) -> None:
    class Bare(Cancel):
        def __init__(self) -> None:  # does not call that of Cancel
            self.code = 5

    @one_slot.task
    async def bare() -> None:
        raise Bare

    @one_slot.task
    async def tampered() -> None:
        outcome = Retry("1h")
        outcome.delay_ms = "soon"  # type: ignore[assignment]
        raise outcome

    @one_slot.task
    async def too_far() -> None:
        outcome = Snooze("1h")
        outcome.delay_ms = 10**17
        raise outcome

    fine = add_fine(one_slot)
    async with one_slot:
        cancelled = await bare.enqueue()
        assert (await error_of(one_slot, tampered)).error_type == "ValueError"
        assert "delay_ms" in str(await error_of(one_slot, too_far))
        assert await (await fine.enqueue()).result(20) == "fine"
        assert (await cancelled.info()).state == "cancelled"


async def test_what_raises_while_a_payload_is_read_fails_the_job(one_slot: JobProcessor) -> None:
    gone = False

    class Row(BaseModel):
        id: str

        @field_validator("id")
        @classmethod
        def known(cls, value: str) -> str:
            if gone:
                raise LookupError("no such row any more")
            return value

    @one_slot.task
    async def of_row(row: Row) -> None: ...

    @dataclass(frozen=True)
    class Read(BaseJob[None]):
        path: str

        def __post_init__(self) -> None:
            if gone:
                raise FileNotFoundError(self.path)

        async def run(self, ctx: Context) -> None: ...

    one_slot.include(Read)
    fine = add_fine(one_slot)
    waiting = [await of_row.enqueue(Row(id="x")), await one_slot.enqueue(Read("y"))]
    gone = True
    async with one_slot:
        types = []
        for job in waiting:
            with pytest.raises(JobFailed) as caught:
                await job.result(20)
            types.append(caught.value.error_type)
        assert types == ["LookupError", "FileNotFoundError"]
        assert await (await fine.enqueue()).result(20) == "fine"


class Hidden(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in ("__name__", "__qualname__", "__mro__", "__module__"):
            raise RuntimeError("nothing to see here")
        return super().__getattribute__(name)


class HiddenError(Exception, metaclass=Hidden):
    pass


class OddNameError(Exception):
    pass


async def test_exceptions_whose_class_is_odd_are_stored_under_its_name(one_slot: JobProcessor) -> None:
    OddNameError.__module__ = "\ud800"

    @one_slot.task
    async def fail(hidden: bool) -> None:
        raise HiddenError("x") if hidden else OddNameError("y")

    fine = add_fine(one_slot)
    async with one_slot:
        assert (await error_of(one_slot, fail, True)).error_type == "HiddenError"
        assert (await error_of(one_slot, fail, False)).error_type == "OddNameError"
        assert await (await fine.enqueue()).result(20) == "fine"


class NoBool:
    """Like a NumPy array, whose comparison has no truth."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of this is ambiguous")

    __hash__ = None  # type: ignore[assignment]


variable: ContextVar[Any] = ContextVar("variable", default=None)


async def test_context_variables_that_cannot_be_compared_do_no_harm(one_slot: JobProcessor) -> None:
    @one_slot.task
    async def set_it() -> str:
        variable.set(NoBool())
        return "set"

    variable.set(NoBool())  # what the slots inherit
    async with one_slot:
        assert [await (await set_it.enqueue()).result(20) for _ in range(3)] == ["set"] * 3


class Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise BrokenPipeError(f"nobody reads {record.name}")


async def test_a_log_that_raises_loses_its_lines_and_nothing_else(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = make(workers=1, log_rate=0)
    handler = Broken()
    loggers = [logging.getLogger(name) for name in (EVENTS, PIPELINE)]

    @jobs.task(retry=Retry.fixed(1, 0))
    async def work(ctx: Context) -> int:
        ctx.step("here")
        if ctx.attempt == 1:
            raise ValueError("once")
        return ctx.attempt

    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        async with jobs:
            assert [await (await work.enqueue()).result(20) for _ in range(3)] == [2, 2, 2]
            await jobs.queues.pause("other")
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
    complaints = capsys.readouterr().err.splitlines()
    assert [line for line in complaints if "log line was lost" in line] == [
        "khala_jobs: a log line was lost, jobs go on: BrokenPipeError: nobody reads khala_jobs"
    ]


@pytest.mark.parametrize(
    ("owner", "name"),
    [(JobLog, "admit"), (slots, "copy_context"), (slots, "_is_same"), (slots.Slots, "_count")],
)
async def test_even_a_fault_of_the_machinery_frees_the_slot(
    one_slot: JobProcessor, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    fine = add_fine(one_slot)

    def broken(*_args: Any) -> Any:
        monkeypatch.undo()
        raise RuntimeError("a bug of ours")

    async with one_slot:
        monkeypatch.setattr(owner, name, broken)
        error = await error_of(one_slot, fine)
        assert (error.error_type, error.error_message) == ("RuntimeError", "a bug of ours")
        assert await (await fine.enqueue()).result(20) == "fine"
        assert (one_slot.metrics.busy, one_slot.metrics.leases_lost) == (0, 0)
