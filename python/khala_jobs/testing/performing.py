"""`perform`: a task's handler run here and now, by the test that calls it."""

from __future__ import annotations

import inspect
from typing import Any, Final, TypeVar

from khala_jobs.base_job import BaseJob, define_class
from khala_jobs.context import detached
from khala_jobs.definition import Definition
from khala_jobs.enqueuer import Enqueuer
from khala_jobs.errors import InvalidArgument
from khala_jobs.outcomes import outcome_of
from khala_jobs.resources import Resources
from khala_jobs.shown import shown

R = TypeVar("R")
AnyTask = Enqueuer[..., R] | type[BaseJob[R]]


class Perform:
    """Runs handlers without a store. Options never share a namespace with arguments, as with `Task.options`.

    Args:
        resources: What the handlers depend on.
    """

    def __init__(self, resources: Resources | None = None) -> None:
        self._resources = resources

    def options(self, *, resources: Resources | None = None) -> Perform:
        """``await perform.options(resources=r)(task, …)``: with what the handler depends on."""
        return Perform(resources)

    async def __call__(self, task: AnyTask[R], /, *args: Any, **kwargs: Any) -> R:
        """Run a task's handler now; arguments and result go through JSON as they would.

        Args:
            task: The task, or the `BaseJob` class.
            *args: Its arguments.
            **kwargs: Further arguments. ``resources=`` with a `Resources`, which no argument can be, is the option.

        Raises:
            InvalidArgument: Arguments or result cannot be stored, or do not fit the annotations.
            Exception: Whatever the handler raises; also `Retry`, `Snooze` and `Cancel` that it returns.
        """
        resources = self._resources
        if isinstance(kwargs.get("resources"), Resources):
            resources = kwargs.pop("resources")
        definition = definition_of(task)
        given, named = definition.arguments.decode(_payload_of(task, definition, args, kwargs))
        context = (detached(definition.name, resources),) if definition.takes_context else ()
        value = definition.function(*context, *given, **named)
        if inspect.isawaitable(value):
            value = await value
        answer = outcome_of(value)
        if answer is not None:
            raise answer
        result: R = definition.results.decode(definition.results.encode(value))
        return result


perform: Final = Perform()


def definition_of(task: AnyTask[Any]) -> Definition:
    """The definition of a task or a job class.

    Raises:
        InvalidArgument: It is neither.
    """
    given: object = task
    if isinstance(given, Enqueuer):
        return given.definition
    if isinstance(given, type) and issubclass(given, BaseJob):
        return define_class(given)
    raise InvalidArgument("task", f"expected a task or a BaseJob class, got {shown(task)}")


def _payload_of(
    task: AnyTask[Any], definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bytes:
    if not isinstance(task, type):
        return definition.arguments.encode(args, kwargs)
    try:
        inspect.signature(task).bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidArgument("arguments", f"task {definition.name}: {error}") from None
    return definition.arguments.encode((task(*args, **kwargs),), {})
