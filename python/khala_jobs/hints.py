"""Reading the annotations of handlers: what they mean, and whether plain JSON can carry their values.

An annotation is resolved when it is first needed, one parameter at a time, so that a name that only the type
checker imports matters only where its values have to be stored.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import JsonValue

from .errors import InvalidArgument

_SCALARS = (type(None), bool, int, float, str)
_ARRAYS = (list, collections.abc.Sequence)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def resolve(
    annotation: Any, function: Callable[..., Any], names: Mapping[str, Any], *, parameter: str, task: str
) -> Any:
    """The type that an annotation means; ``Any`` where there is none.

    Args:
        annotation: As written: a type, or its text.
        function: Whose annotation it is, for the names of its module.
        names: Local names at the place where the function was defined.
        parameter: For the error.
        task: For the error.

    Raises:
        InvalidArgument: A name in it is not defined at run time.
    """
    if annotation is inspect.Parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(holder, {**scope, **names}, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise InvalidArgument(
            parameter,
            f"its annotation {annotation!r} in task {task} cannot be resolved ({error}): "
            "import the name at run time, at the top of the module",
        ) from None


def is_plain(kind: Any) -> bool:
    """Whether JSON alone carries every value of this type there and back; tuples would be lists."""
    if kind in (Any, object, JsonValue) or kind in _SCALARS or kind in (list, dict):
        return True
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return all(is_plain(argument) for argument in arguments)
    if origin is Literal:
        return all(isinstance(argument, _SCALARS) for argument in arguments)
    if origin in _ARRAYS:
        return all(argument is Ellipsis or is_plain(argument) for argument in arguments)
    if origin in _OBJECTS:
        return arguments[0] is str and is_plain(arguments[1])
    return False


def is_open(kind: Any) -> bool:
    """Whether some of its values, or of what they hold, may be of any type."""
    origin, arguments = get_origin(kind), get_args(kind)
    bare = origin in (*_ARRAYS, *_OBJECTS) and not arguments  # typing.List
    return bare or kind in (Any, object, list, dict) or any(map(is_open, arguments))


def without(kind: Any, dropped: tuple[type, ...]) -> Any:
    """`kind` without the members of a union that are among `dropped` or their subclasses."""
    if isinstance(kind, type) and issubclass(kind, dropped):
        return None
    if get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    kept = [
        argument
        for argument in get_args(kind)
        if not (isinstance(argument, type) and issubclass(argument, dropped))
    ]
    return typing.Union[tuple(kept)] if kept else None  # noqa: UP007 - built from a list
