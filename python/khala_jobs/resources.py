"""Dependencies of handlers: repositories, clients, models, kept by type or by name.

Values are given once (`provide`) or opened when a worker starts and closed when it stops (`open`). Handlers
take them from ``ctx.resources``: ``repo = ctx.resources[MemoryRepository]``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar, overload

from .errors import InvalidArgument, NotFound

T = TypeVar("T")


class Resources:
    """A typed registry. Filled before the worker starts; read by handlers."""

    def __init__(self) -> None:
        self._values: dict[type | str, Any] = {}
        self._openers: dict[type | str, Callable[[], AbstractAsyncContextManager[Any]]] = {}
        self._stack: AsyncExitStack | None = None

    def provide(self, key: type[T] | str, value: T) -> None:
        """Give handlers a value.

        Args:
            key: Its type, a protocol it satisfies, or a name.
            value: The same object for every handler.

        Raises:
            InvalidArgument: The key is neither a type nor a string.
        """
        self._values[_checked(key)] = value

    def open(self, key: type[T] | str, opener: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        """Give handlers a value that is opened when the worker starts and closed after its last job.

        Args:
            key: As in `provide`.
            opener: Called without arguments at start; returns an async context manager that gives the value.
        """
        self._openers[_checked(key)] = opener

    @overload
    def __getitem__(self, key: type[T]) -> T: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...
    def __getitem__(self, key: type[Any] | str) -> Any:
        """The value under `key`.

        Raises:
            NotFound: There is none.
        """
        try:
            return self._values[key]
        except KeyError:
            name = key if isinstance(key, str) else key.__qualname__
            later = " (it is opened when the worker starts)" if key in self._openers else ""
            raise NotFound("resources", f"nothing was provided for {name}{later}") from None

    @overload
    def get(self, key: type[T]) -> T | None: ...
    @overload
    def get(self, key: str) -> Any: ...
    def get(self, key: type[Any] | str) -> Any:
        """The value under `key`, or ``None``."""
        return self._values.get(key)

    def __contains__(self, key: type | str) -> bool:
        return key in self._values

    async def start(self) -> None:
        """Open what is to be opened, in the order in which it was named; all or nothing."""
        if self._stack is not None:
            return
        async with AsyncExitStack() as stack:
            opened = {key: await stack.enter_async_context(make()) for key, make in self._openers.items()}
            self._values.update(opened)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Close what `start` opened, in reverse order."""
        stack, self._stack = self._stack, None
        if stack is None:
            return
        for key in self._openers:
            self._values.pop(key, None)
        await stack.aclose()


def _checked(key: type | str) -> type | str:
    if not isinstance(key, type | str):
        raise InvalidArgument("resources", f"expected a type or a name, got {key!r}")
    return key
