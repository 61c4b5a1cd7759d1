"""Tasks as plain callables, collections of them, and what cannot be a task."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from khala_jobs import (
    BaseJob,
    Context,
    InvalidArgument,
    JobProcessor,
    Resources,
    Retry,
    RetryPolicy,
    Task,
    Tasks,
)
from khala_jobs.errors import PayloadMismatch


async def test_a_task_is_still_its_function() -> None:
    tasks = Tasks()

    @tasks.task
    async def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    @tasks.task(queue="q")
    def double(ctx: Context, n: int) -> str:
        ctx.progress(1, 2)
        return f"{ctx.task} {n * 2} {ctx.attempt} {ctx.cancelled}"

    assert await add(1) == 3
    assert double(4) == "double 8 1 False"
    assert double.func(_context(), 4) == "other 8 1 False"
    assert (add.__name__, add.__doc__, add.name) == ("add", "Add.", "add")
    assert list(inspect.signature(add).parameters) == ["a", "b"]
    assert isinstance(add, Task)
    assert repr(add) == "<Task add>"


def _context() -> Context:
    from khala_jobs.context import detached

    return detached("other")


async def test_a_called_task_sees_the_resources_of_its_processor() -> None:
    jobs = JobProcessor("memory://")
    jobs.resources.provide("answer", 42)

    @jobs.task
    async def ask(ctx: Context) -> int:
        found: int = ctx.resources["answer"]
        return found

    assert await ask() == 42


def test_which_first_parameters_are_the_context() -> None:
    tasks = Tasks()

    def named(ctx, a): ...  # type: ignore[no-untyped-def]
    def annotated(run: Context, a: int) -> None: ...
    def neither(a: int, ctx: int = 0) -> None: ...
    def none() -> None: ...
    def variadic(*ctx: int) -> None: ...

    takes = [tasks.task(f).definition.takes_context for f in (named, annotated, neither, none, variadic)]
    assert takes == [True, True, False, False, False]


def test_collections_are_included_and_stay_open() -> None:
    inner, outer, jobs = Tasks(), Tasks(), JobProcessor("memory://")

    @inner.task
    async def first() -> None: ...

    outer.include(inner)
    jobs.include(outer)

    @inner.task
    async def second() -> None: ...

    assert set(jobs.definitions) == set(outer.definitions) == {"first", "second"}
    assert [d.name for d in jobs] == ["first", "second"]
    with pytest.raises(InvalidArgument, match="included already"):
        JobProcessor("memory://").include(inner)
    with pytest.raises(InvalidArgument, match="already"):

        @outer.task(name="first")
        async def third() -> None: ...


def test_things_that_register_themselves() -> None:
    class Package:
        def register(self, tasks: Tasks) -> None:
            @tasks.task(name="package.work")
            async def work() -> None: ...

    jobs = JobProcessor("memory://")
    jobs.include(Package())
    assert set(jobs.definitions) == {"package.work"}


@dataclasses.dataclass
class Fine(BaseJob[int]):
    n: int

    async def run(self, ctx: Context) -> int:
        return self.n


class NoDataclass(BaseJob[int]):
    async def run(self, ctx: Context) -> int:
        return 1


@dataclasses.dataclass
class Abstract(BaseJob[int]):
    n: int


@pytest.mark.parametrize("wrong", [NoDataclass, Abstract, 5, "tasks", None, int, [5]])
def test_what_cannot_be_included(wrong: Any) -> None:
    with pytest.raises(InvalidArgument):
        JobProcessor("memory://").include(wrong)


def _class(options: Any, **attributes: Any) -> type[BaseJob[int]]:
    """A job class with these options; ``run`` is that of `Fine`, which is async, unless it is given."""
    made = type("Crunch", (BaseJob,), {"options": options, "run": Fine.run, **attributes})
    return dataclasses.dataclass(made)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"bogus": 1}, "bogus"),
        ({"delay": 5}, "delay"),
        ({"priority": 300}, "priority"),
        ({"timeout": "soon"}, "timeout"),
        ({"version": None}, "version"),
        ({"name": 5}, "name"),
        ({"process": True}, "process"),
        (5, "options"),
        (None, "options"),
    ],
)
def test_options_of_a_class_are_checked_when_it_is_included(options: Any, field: str) -> None:
    jobs = JobProcessor("memory://")
    with pytest.raises(InvalidArgument) as caught:
        jobs.include(_class(options))
    assert caught.value.field == field
    assert "in the options of Crunch" in caught.value.message
    assert not jobs.definitions


def test_a_class_that_no_child_could_import_is_refused_as_a_handler_is() -> None:
    jobs = JobProcessor("memory://")
    wrong = _class({"process": True}, run=lambda _self, _ctx: 1, __module__="__main__")
    with pytest.raises(InvalidArgument, match=r"process: task Crunch: .*__main__"):
        jobs.include(wrong)
    with pytest.raises(InvalidArgument, match="top of a module"):
        jobs.include(_class({"process": True}, run=lambda _self, _ctx: 1, __qualname__="f.<locals>.Crunch"))


def test_a_class_has_one_name() -> None:
    jobs = JobProcessor("memory://")
    jobs.include([_class({"name": "by.options"}), _class({}, task_name="by.attribute"), _class({})])
    jobs.include(_class({"name": "same"}, task_name="same"))
    assert set(jobs.definitions) == {"by.options", "by.attribute", "Crunch", "same"}
    with pytest.raises(InvalidArgument, match="name: 'one' and task_name two are two: give one"):
        jobs.include(_class({"name": "one"}, task_name="two"))
    assert dict(inspect.getmembers(BaseJob))  # tools that look through a class find nothing that raises


@dataclasses.dataclass
class NeedsMore(BaseJob[int]):
    n: int
    seed: dataclasses.InitVar[int]

    async def run(self, ctx: Context) -> int:
        return self.n


@dataclasses.dataclass
class MayHaveMore(BaseJob[int]):
    n: int = 0
    seed: dataclasses.InitVar[int | None] = None

    def __post_init__(self, seed: int | None) -> None:
        self.n = self.n if seed is None else seed * 2

    async def run(self, ctx: Context) -> int:
        return self.n


@dataclasses.dataclass
class Computes(BaseJob[int]):
    n: int
    twice: int = dataclasses.field(init=False, default=0)

    async def run(self, ctx: Context) -> int:
        return self.n


def test_an_argument_that_is_no_field_is_refused_unless_it_has_a_default() -> None:
    jobs = JobProcessor("memory://")
    with pytest.raises(InvalidArgument, match=r"include: NeedsMore\.seed is an InitVar, which is not stored"):
        jobs.include(NeedsMore)
    jobs.include(MayHaveMore)
    assert jobs.definitions["MayHaveMore"].arguments.encode((MayHaveMore(seed=4),), {}) == b'{"n":8}'


@dataclasses.dataclass(frozen=True, slots=True)
class Greet(BaseJob[str]):
    name: str
    greeting: str
    mark: str = "!"

    async def run(self, ctx: Context) -> str:
        return f"{self.greeting} {self.name}{self.mark}"


async def test_a_field_may_be_called_name(make: Callable[..., JobProcessor]) -> None:
    jobs = make(workers=1)
    jobs.include(Greet)
    async with jobs:
        assert await (await jobs.enqueue(Greet("Ada", "hello"))).result(30) == "hello Ada!"


async def test_an_argument_may_be_called_self(make: Callable[..., JobProcessor]) -> None:
    jobs = make(workers=1)

    @jobs.task
    async def double(self: int) -> int:
        return self * 2

    async with jobs:
        assert await (await double.enqueue(self=4)).result(30) == 8
        assert await (await double.options(priority=9).enqueue(self=5)).result(30) == 10


@dataclasses.dataclass
class ForgotClassVar(BaseJob[None]):
    task_name: str = "reindex"

    async def run(self, ctx: Context) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class HidesAttribute(BaseJob[None]):
    included_by: str

    async def run(self, ctx: Context) -> None: ...


@pytest.mark.parametrize(("cls", "field"), [(ForgotClassVar, "task_name"), (HidesAttribute, "included_by")])
def test_a_field_that_hides_an_attribute_of_the_class_is_refused(cls: type[Any], field: str) -> None:
    with pytest.raises(
        InvalidArgument, match=rf"include: {cls.__name__}\.{field} is an attribute of the class"
    ):
        JobProcessor("memory://").include(cls)


def test_what_is_stored_and_could_not_be_read_says_so_without_the_name_of_a_task() -> None:
    jobs = JobProcessor("memory://")
    jobs.include(Computes)
    with pytest.raises(InvalidArgument, match=r"Computes\.twice: is stored, and would be refused when it is"):
        jobs.definitions["Computes"].arguments.encode((Computes(1),), {})


@pytest.mark.parametrize("payload", [b'{"n":1,"m":2}', b"{}"])
def test_a_payload_of_another_version_of_the_class_is_a_mismatch(payload: bytes) -> None:
    jobs = JobProcessor("memory://")
    jobs.include(Fine)
    with pytest.raises(PayloadMismatch, match="not for this signature"):
        jobs.definitions["Fine"].arguments.decode(payload)


class Limits(BaseModel):
    most: int


@dataclasses.dataclass(frozen=True, slots=True)
class Sized(BaseJob[int]):
    limits: Limits
    n: int = 1
    day: date | None = None

    async def run(self, ctx: Context) -> int:
        return self.limits.most


def test_fields_are_validated_as_arguments_are() -> None:
    jobs = JobProcessor("memory://")
    jobs.include(Sized)
    codec = jobs.definitions["Sized"].arguments
    payload = codec.encode((Sized({"most": "3"}, "2", "2025-01-02"),), {})  # type: ignore[arg-type]
    assert codec.decode(payload) == ((Sized(Limits(most=3), 2, date(2025, 1, 2)),), {})
    with pytest.raises(InvalidArgument, match=r"Sized\.limits\.most: this argument of task Sized is missing"):
        codec.encode((Sized({}),), {})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"Sized\.n: Input should be a valid integer"):
        codec.encode((Sized(Limits(most=1), "x"),), {})  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["text", None, str, 5])
async def test_what_is_no_job_cannot_be_enqueued(wrong: Any) -> None:
    jobs = JobProcessor("memory://")
    with pytest.raises(InvalidArgument, match="job: expected an instance of a BaseJob class, got"):
        await jobs.enqueue(wrong)


async def test_a_class_must_be_included_before_its_jobs() -> None:
    jobs = JobProcessor("memory://")
    with pytest.raises(InvalidArgument, match=r"include\(\[Fine\]\)"):
        await jobs.enqueue(Fine(1))
    jobs.include([Fine])
    with pytest.raises(InvalidArgument, match="job: expected an instance of Fine, got NoDataclass"):
        await jobs.of(Fine).enqueue(NoDataclass())
    with pytest.raises(InvalidArgument, match="job: expected an instance of Fine, got the class"):
        await jobs.enqueue(Fine)  # type: ignore[arg-type]


def _yields() -> Iterator[int]:
    yield 1


async def _yields_async() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (5, {}),
        (int, {}),
        (lambda: None, {}),
        (functools.partial(print), {}),
        (print, {"nme": "x"}),
        (print, {"name": "p", "priority": 300}),
        (print, {"name": "p", "timeout": "soon"}),
        (print, {"name": "p", "delay": 5}),
        (print, {"name": 5}),
        (print, {"name": "\ud800"}),
        (print, {"queue": 5}),
        (print, {"version": -1}),
        (print, {"version": 2**31}),
        (print, {"version": 10**30}),
        (print, {"version": True}),
        (print, {"version": "2"}),
        (print, {"version": None}),
        (_yields, {}),
        (_yields_async, {}),
    ],
)
def test_what_cannot_be_a_task(function: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        Tasks().task(**options)(function)


def test_partials_and_callable_objects_need_a_name() -> None:
    tasks = Tasks()

    class Callable:
        async def __call__(self, a: int) -> int:
            return a

    made = tasks.task(name="object")(Callable())  # type: ignore[arg-type]
    assert made.definition.way.value == "async"
    partial = tasks.task(name="partial")(functools.partial(_add, 1))
    assert partial.definition.way.value == "thread"
    assert partial(2) == 3


def _add(a: int, b: int) -> int:
    return a + b


def test_a_task_of_a_task_is_the_function_again() -> None:
    @Tasks().task
    async def work() -> None: ...

    other = Tasks().task(name="other")(work)  # type: ignore[arg-type]
    assert other.func is work.func


async def test_annotations_that_cannot_be_stored_are_found_at_start() -> None:
    jobs = JobProcessor("memory://")

    @jobs.task
    async def work(resources: Resources) -> None: ...

    with pytest.raises(InvalidArgument, match="resources") as caught:
        await jobs.start()
    assert "work" in str(caught.value)
    await jobs.close()


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (Retry.none(), ""),
        (Retry.fixed(3, "1m"), '{"kind":"fixed","max":3,"base_ms":60000,"jitter":"none"}'),
        (Retry.linear(2, 10), '{"kind":"linear","max":2,"base_ms":10000,"jitter":"none","cap_ms":3600000}'),
        (
            Retry.exponential(5, base=2, factor=3, cap=300, jitter="full", on=[OSError], not_on=["a.B"]),
            (
                '{"kind":"exponential","max":5,"base_ms":2000,"jitter":"full","factor":3,"cap_ms":300000,'
                '"on":["OSError"],"not_on":["a.B"]}'
            ),
        ),
        (Retry.delays(60, 300, 1800), '{"kind":"delays","max":3,"delays_ms":[60000,300000,1800000]}'),
        (Retry.delays(1, max_retries=9), '{"kind":"delays","max":9,"delays_ms":[1000]}'),
    ],
)
def test_policies_as_text(policy: RetryPolicy, text: str) -> None:
    assert policy.text == text


@pytest.mark.parametrize(
    "make",
    [
        lambda: Retry.fixed(-1),
        lambda: Retry.fixed(1.5),  # type: ignore[arg-type]
        lambda: Retry.fixed(True),
        lambda: Retry.exponential(factor=0.5),
        Retry.delays,
        lambda: Retry.delays(*[1] * 65),
        lambda: Retry.fixed(on=[5]),  # type: ignore[list-item]
        lambda: Retry.fixed(on=["E"] * 65),
        lambda: Retry.fixed(delay="soon"),
        lambda: Retry.fixed(3).with_attempts(0),
        lambda: Retry.exponential(factor=math.inf),
        lambda: Retry.exponential(factor=math.nan),
        lambda: Retry.exponential(factor=1001),
        lambda: Retry.exponential(factor="2"),  # type: ignore[arg-type]
        lambda: Retry.fixed(jitter="ful"),  # type: ignore[arg-type]
        lambda: Retry.fixed(on=[""]),
        lambda: Retry.fixed(on=5),  # type: ignore[arg-type]
        lambda: Retry.fixed(on=int),  # type: ignore[arg-type]
        lambda: RetryPolicy("foo"),  # type: ignore[arg-type]
        lambda: RetryPolicy("fixed", 3, base_ms="x"),  # type: ignore[arg-type]
        lambda: RetryPolicy("fixed", 3, cap_ms=-1),
        lambda: RetryPolicy("delays", 1, delays_ms=(1.5,)),  # type: ignore[arg-type]
    ],
)
def test_wrong_policies_are_refused(make: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.field


def test_one_error_class_may_stand_alone() -> None:
    assert Retry.exponential(3, on="ValueError").on == ("ValueError",)
    assert Retry.fixed(3, not_on=OSError).not_on == ("OSError",)


def test_own_error_classes_are_named_with_their_module() -> None:
    class Own(Exception):
        pass

    assert Retry.fixed(on=[Own]).on == (f"{__name__}.{Own.__qualname__}",)
    assert Retry.fixed(3).with_attempts(5).max_retries == 4
    assert Retry.none().with_attempts(1).text == ""
    assert Retry.none().with_attempts(2).kind == "fixed"
