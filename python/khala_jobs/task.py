"""Tasks: handlers that can be enqueued and are still plain callables; `Tasks`, where they are made.

Options never share a namespace with arguments: ``send.options(delay="10m").enqueue(user_id)``. A handler's
leading ``ctx`` parameter is not part of the signature of ``enqueue``; calling the task itself calls the
handler, with the running job's context or, outside of a job, a detached one that only keeps what it is
told.
"""

# ruff: noqa: SLF001 - collections look at each other

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Protocol, cast, overload

from . import context
from .arguments import ArgumentCodec
from .base_job import BaseJob, define_class
from .context import Context
from .definition import Definition, Way, code_of, process_target, way_of
from .enqueuer import Enqueuer, P, Producer, R
from .errors import InvalidArgument
from .options import TASK_NAMES, TaskOptions, check_names, kept_options, text
from .results import ResultCodec
from .shown import shown

if TYPE_CHECKING:
    from typing import Unpack

    from .resources import Resources


class Task(Enqueuer[P, R]):
    """A registered handler."""

    def __init__(self, definition: Definition, tasks: Tasks, function: Callable[..., Any]) -> None:
        super().__init__(definition, tasks, {})
        self.func = function
        functools.update_wrapper(cast("Callable[..., Any]", self), function)

    @property
    def name(self) -> str:
        """Under which it is stored with jobs."""
        return self.definition.name

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.definition.takes_context or (args and isinstance(args[0], Context)):
            return self.func(*args, **kwargs)
        ctx = context.current_job() or context.detached(self.name, self._tasks.resources)
        return self.func(ctx, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"


class AsyncTask(Task[P, R]):
    """A task whose handler is ``async def``."""

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call the handler here and now; no job is involved."""
        return cast("Coroutine[Any, Any, R]", self._call(args, kwargs))


class SyncTask(Task[P, R]):
    """A task whose handler is a plain function."""

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the handler here and now; no job is involved."""
        return cast("R", self._call(args, kwargs))


class TaskDecorator(Protocol):
    """What ``@jobs.task(…)`` with options gives: the decorator proper."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...


class Tasks:
    """A collection of tasks. A `JobProcessor` has one; others are made in modules of their own and included.

    ::

        tasks = Tasks()

        @tasks.task(queue="mail")
        async def send(ctx: Context, to: str) -> None: ...

        jobs.include(tasks)
    """

    def __init__(self) -> None:
        self._definitions: dict[str, Definition] = {}
        self._classes: dict[type[BaseJob[Any]], Enqueuer[..., Any]] = {}
        self._parent: Tasks | None = None
        self._producer: Producer | None = None

    @overload
    def task(  # type: ignore[overload-overlap]
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def task(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def task(self, function: Callable[Concatenate[Context, P], R], /) -> SyncTask[P, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...
    @overload
    def task(self, **options: Unpack[TaskOptions]) -> TaskDecorator: ...
    def task(self, function: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]  # options vary
        """Make a handler a task: ``@jobs.task`` or ``@jobs.task(queue=…, timeout=…, …)``.

        Args:
            function: The handler, sync or async; a first parameter called ``ctx`` or annotated `Context` gets
                the context of the run.
            **options: `TaskOptions`.

        Raises:
            InvalidArgument: A wrong option, a name that is taken, or a handler that cannot be one.
        """
        names = sys._getframe(1).f_locals
        if function is not None:
            return self._define(function, options, names)
        return lambda handler: self._define(handler, options, names)

    @property
    def definitions(self) -> Mapping[str, Definition]:
        """The tasks by name."""
        return self._definitions

    @property
    def producer(self) -> Producer:
        """Where jobs of these tasks go.

        Raises:
            InvalidArgument: No `JobProcessor` includes this collection.
        """
        for tasks in self._upwards():
            if tasks._producer is not None:
                return tasks._producer
        raise InvalidArgument(
            "tasks", "these tasks belong to no JobProcessor yet: call jobs.include(tasks) first"
        )

    @property
    def resources(self) -> Resources | None:
        """Of the processor that these tasks belong to, if there is one."""
        try:
            return self.producer.resources
        except InvalidArgument:
            return None

    def attach(self, producer: Producer) -> None:
        """Make `producer` the place where jobs of these tasks go."""
        self._producer = producer

    def include(self, other: object) -> None:
        """Add tasks that were written elsewhere.

        Args:
            other: Another `Tasks`, a `BaseJob` class, an iterable of those, or an object with a
                ``register(tasks)`` method that adds its own.

        Raises:
            InvalidArgument: It is nothing of that kind, a name is taken, or a class cannot be a job.
        """
        register = getattr(other, "register", None)
        if isinstance(other, Tasks):
            if other is self or other._parent is not None or other._producer is not None:
                raise InvalidArgument("include", "these tasks are included already")
            for definition in other._definitions.values():
                self._add(definition)
            self._classes.update(other._classes)
            other._parent = self
        elif isinstance(other, type) and issubclass(other, BaseJob):
            definition = define_class(other)
            self._add(definition)
            self._classes[other] = Enqueuer(definition, self, {})
        elif callable(register) and not isinstance(other, type):
            register(self)
        elif isinstance(other, Iterable) and not isinstance(other, str | bytes | type):
            for item in other:
                self.include(item)
        else:
            raise InvalidArgument(
                "include", f"expected tasks or BaseJob classes, or a collection of them, got {shown(other)}"
            )

    def of(self, job: BaseJob[R] | type[BaseJob[R]]) -> Enqueuer[..., R]:
        """What enqueues instances of a job class.

        Raises:
            InvalidArgument: It is no job class, or the class was not included.
        """
        cls = job if isinstance(job, type) else type(job)
        if not issubclass(cls, BaseJob):
            raise InvalidArgument(
                "job",
                f"expected an instance of a BaseJob class, got {shown(job)}; tasks have an enqueue of their own",
            )
        found = self._classes.get(cls)
        if found is None:
            remedy = cls.included_by or f"call jobs.include([{cls.__name__}]) first"
            raise InvalidArgument("job", f"{cls.__name__} is not included: {remedy}")
        return found

    def __iter__(self) -> Iterator[Definition]:
        return iter(list(self._definitions.values()))

    def _add(self, definition: Definition) -> None:
        collections = list(self._upwards())
        if any(definition.name in tasks._definitions for tasks in collections):
            raise InvalidArgument("name", f"there is a task named {definition.name} already")
        for tasks in collections:
            tasks._definitions[definition.name] = definition
            tasks.on_added()

    def on_added(self) -> None:
        """A task was added."""

    def _upwards(self) -> Iterator[Tasks]:
        """This collection and those that include it."""
        found: Tasks | None = self
        while found is not None:
            yield found
            found = found._parent

    def _define(self, function: Any, options: Mapping[str, Any], names: Mapping[str, Any]) -> Task[..., Any]:
        if isinstance(function, Task):
            function = function.func
        if not callable(function) or isinstance(function, type):
            raise InvalidArgument(
                "task", f"expected a function, got {shown(function)}; job classes go to include()"
            )
        check_names(options, TASK_NAMES)
        name = options.get("name") or getattr(function, "__name__", "")
        if not name or name == "<lambda>":
            raise InvalidArgument("name", "this handler has no name of its own: give one with task(name=…)")
        text(name, "name")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InvalidArgument("task", f"{name} yields: a handler returns one result, when it is done")
        way = way_of(function, name, process=bool(options.get("process")))
        kept = kept_options(name, options)
        takes_context = _takes_context(function)
        nested = "<locals>" in getattr(function, "__qualname__", "")
        scope = dict(names) if nested else {}
        definition = Definition(
            name=name,
            function=function,
            takes_context=takes_context,
            way=way,
            arguments=ArgumentCodec(function, name, takes_context=takes_context, names=scope),
            results=ResultCodec(function, name, scope),
            options=kept,
            code=code_of(function),
            target=process_target(function, name) if way is Way.PROCESS else "",
        )
        self._add(definition)
        return (AsyncTask if way is Way.ASYNC else SyncTask)(definition, self, function)


def _takes_context(function: Callable[..., Any]) -> bool:
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is None or first.kind in (first.VAR_POSITIONAL, first.VAR_KEYWORD, first.KEYWORD_ONLY):
        return False
    annotation = first.annotation
    written = annotation if isinstance(annotation, str) else ""
    return first.name == "ctx" or annotation is Context or written.split(".")[-1] == "Context"
