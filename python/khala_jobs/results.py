"""A handler's return value as the result of a job, and back.

The return annotation says what a reader gets: with a model, dataclass, set, date, … the result is turned
back into it; without one, readers get plain JSON values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from . import hints, values
from .arguments import adapter_for, encode_rich, read_rich
from .errors import InvalidArgument
from .retry import Outcome


class ResultCodec:
    """Stores and reads the results of one task.

    Args:
        function: The handler.
        task: Its name, for errors.
        names: Local names where the function was defined, for annotations.
    """

    def __init__(self, function: Callable[..., Any], task: str, names: Mapping[str, Any]) -> None:
        self._function, self._task, self._names = function, task, names
        self._adapter: TypeAdapter[Any] | None = None
        self._planned = False

    def encode(self, value: Any) -> bytes:
        """The result as JSON.

        Raises:
            InvalidArgument: It has no JSON form; the field is the path to the offending part.
        """
        if value is None:
            return b"null"
        adapter = self._adapter if self._planned else self._plan()
        if adapter is not None:
            return encode_rich(adapter, value, "result")
        return values.encode_loose(value, "result")

    def decode(self, text: bytes) -> Any:
        """The value that the handler returned, as far as its annotation tells.

        Raises:
            InvalidArgument: The stored result does not fit the annotation (other code wrote it).
        """
        if text in (b"", b"null"):
            return None
        adapter = self._adapter if self._planned else self._plan()
        if adapter is None:
            return values.decode(text)
        try:
            return read_rich(adapter, text)
        except ValidationError as error:
            raise InvalidArgument(
                "result", f"what task {self._task} left is not what its annotation says: {error}"
            ) from None

    def _plan(self) -> TypeAdapter[Any] | None:
        annotation = inspect.signature(self._function).return_annotation
        try:
            kind = hints.resolve(annotation, self._function, self._names, parameter="return", task=self._task)
        except InvalidArgument:
            kind = Any  # a name for the type checker alone: plain values are all that can be promised
        kind = hints.without(kind, (Outcome,))
        if kind is not None and not hints.is_plain(kind):
            self._adapter = adapter_for(kind, "return", self._task)
        self._planned = True
        return self._adapter
