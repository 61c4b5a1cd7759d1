"""One registered handler: what worker and producer need to know of it, whichever way it was written."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import CodeType
from typing import Any, Protocol

from .errors import InvalidArgument
from .results import ResultCodec


class Way(Enum):
    """How a handler is run."""

    ASYNC = "async"  # in the event loop
    THREAD = "thread"  # sync, in a thread of ours
    PROCESS = "process"  # sync, in a child process that can be killed


class Arguments(Protocol):
    """Turns calls into payloads and back (arguments.py, base_job.py)."""

    def prepare(self) -> None:
        """Check now what can be checked without a call."""

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """The payload of a call."""

    def decode(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call that a payload stands for."""


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A task as it was registered.

    Attributes:
        name: Under which it is stored with jobs.
        function: Called with the context (if it takes one) and the decoded arguments.
        takes_context: Whether the context comes first.
        way: How it is run.
        arguments: Codec of its payloads.
        results: Codec of its results.
        options: `TaskOptions` as given.
        code: Of the function that the user wrote, to find it on stacks; ``None`` when it is no Python
            function.
        target: ``module:qualified.name`` for a child process to import; empty unless `way` is PROCESS.
    """

    name: str
    function: Callable[..., Any]
    takes_context: bool
    way: Way
    arguments: Arguments
    results: ResultCodec
    options: Mapping[str, Any] = field(default_factory=dict)
    code: CodeType | None = None
    target: str = ""

    def prepare(self) -> None:
        """Check what can be checked before the first job.

        Raises:
            InvalidArgument: An annotation cannot be stored, or a child process could not import the handler.
        """
        self.arguments.prepare()
        if self.way is Way.PROCESS:
            resolve_target(self.target, self.name)


def code_of(function: Callable[..., Any]) -> CodeType | None:
    """Code object of the function under wrappers and partials."""
    unwrapped = inspect.unwrap(function)
    while isinstance(unwrapped, functools.partial):
        unwrapped = unwrapped.func
    return getattr(unwrapped, "__code__", None)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(type(function).__call__)


def way_of(function: Callable[..., Any], task: str, *, process: bool) -> Way:
    """How a handler is run.

    Raises:
        InvalidArgument: It should be in a child process, and is no sync one.
    """
    if is_async(function):
        if process:
            raise InvalidArgument("process", f"task {task}: process=True is for sync handlers")
        return Way.ASYNC
    return Way.PROCESS if process else Way.THREAD


def process_target(function: Callable[..., Any], task: str) -> str:
    """``module:qualified.name`` under which a child process can import a handler.

    Raises:
        InvalidArgument: It cannot: a lambda, a nested function, or one of the script that was started.
    """
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not module or not name or "<" in name:
        raise InvalidArgument(
            "process",
            f"task {task}: a child process imports its handler, so it must stand at the top of a module",
        )
    if module == "__main__":
        raise InvalidArgument(
            "process",
            f"task {task}: its handler {name} is in the script that was started (__main__), which a child "
            "cannot import: move it to a module of its own",
        )
    return f"{module}:{name}"


def resolve_target(target: str, task: str) -> Any:
    """The object that a child process will find under `target`.

    Raises:
        InvalidArgument: There is none of that name.
    """
    module, _, path = target.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise InvalidArgument("process", f"task {task}: a child process could not import {target}")
    return found
