"""A task's arguments as the payload of a job, and back.

A payload is one JSON object, ``{parameter: value}``: readable in the store, independent of how the call was
written, and without the defaults, so that a changed default also holds for jobs that wait already. Values are
checked against the parameters' annotations twice: in the caller's stack at enqueue, and again when the job
runs, straight from the bytes, because the code may have changed between the two.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NotRequired

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, SchemaValidator
from typing_extensions import TypedDict

from . import hints, values
from .errors import InvalidArgument, PayloadMismatch
from .round_trip import difference
from .shown import shown

_Kind = inspect._ParameterKind  # noqa: SLF001 - the type of Parameter.POSITIONAL_ONLY and its siblings

# Parts of pydantic's errors that say that the shape of the call is wrong, not a value.
_SHAPE_ERRORS: Final = {"missing", "extra_forbidden", "unexpected_keyword_argument"}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is worked out once a task, from resolved annotations."""

    validator: SchemaValidator
    rich: Mapping[str, TypeAdapter[Any]]  # parameters whose values plain JSON cannot carry
    typed: bool  # no parameter takes values of any type


class ArgumentCodec:
    """Binds, checks and stores the arguments of one function.

    Args:
        function: The handler.
        task: Its name, for errors.
        takes_context: Whether its first parameter is the context, which is no argument.
        names: Local names where the function was defined, for annotations.
    """

    def __init__(
        self, function: Callable[..., Any], task: str, *, takes_context: bool, names: Mapping[str, Any]
    ) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        self._function, self._task, self._names = function, task, names
        self._parameters = {p.name: p for p in (parameters[1:] if takes_context else parameters)}
        kinds = {p.kind for p in self._parameters.values()}
        self._simple = kinds <= {_Kind.POSITIONAL_OR_KEYWORD, _Kind.KEYWORD_ONLY}
        self._positional = tuple(
            p.name for p in self._parameters.values() if p.kind is _Kind.POSITIONAL_OR_KEYWORD
        )
        self._plan: _Plan | None = None

    def prepare(self) -> None:
        """Resolve the annotations now instead of at the first use.

        Raises:
            InvalidArgument: One cannot be resolved, or its type has no JSON form.
        """
        self._planned()

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """The payload of a call.

        Raises:
            InvalidArgument: The call does not fit the signature, a value does not fit its annotation, or it
            cannot
                be stored exactly. The field is the path to the value.
        """
        plan = self._plan or self._planned()
        data = self._bind(args, kwargs)
        try:
            data = plan.validator.validate_python(data)
        except ValidationError as error:
            raise InvalidArgument(*_first_error(error, self._task)) from None
        if not plan.rich:
            try:
                return values.encode(data, "", typed=plan.typed)
            except InvalidArgument as error:
                raise InvalidArgument(error.field.removeprefix("."), error.message) from None
        parts = []
        for name, value in data.items():
            adapter = plan.rich.get(name)
            if adapter is None:
                text = values.encode(value, name, typed=plan.typed)
            else:
                text = encode_rich(adapter, value, name)
            parts.append(b'"%s":%s' % (name.encode(), text))
        return b"{%s}" % b",".join(parts)

    def decode(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call that a payload stands for.

        Raises:
            PayloadMismatch: The names of its arguments are not those of the signature (older or newer code).
            InvalidArgument: A value does not fit its annotation.
        """
        plan = self._plan or self._planned()
        try:
            data: dict[str, Any] = plan.validator.validate_json(payload, by_alias=True, by_name=True)
        except ValidationError as error:
            raise payload_error(error, self._task) from None
        return ((), data) if self._simple else self._spread(data)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments by parameter name; what is missing or unknown is found by the validator."""
        if not self._simple:
            return self._bind_any(args, kwargs)
        if not args:
            return kwargs
        if len(args) > len(self._positional):
            raise InvalidArgument(
                "arguments",
                f"task {self._task} takes {len(self._positional)} positional arguments, not {len(args)}",
            )
        data = dict(zip(self._positional, args))  # noqa: B905 - fewer arguments than parameters are usual
        if not kwargs:
            return data
        for name in kwargs:
            if name in data:
                raise InvalidArgument(name, f"given twice to task {self._task}")
        data.update(kwargs)
        return data

    def _bind_any(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            bound = inspect.Signature(list(self._parameters.values())).bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidArgument("arguments", f"task {self._task}: {error}") from None
        return dict(bound.arguments)

    def _spread(self, data: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call for a signature with positional-only or variadic parameters."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        by_position = any(p.kind is _Kind.VAR_POSITIONAL for p in self._parameters.values())
        for name, parameter in self._parameters.items():
            match parameter.kind:
                case _Kind.VAR_POSITIONAL:
                    args.extend(data.get(name, ()))
                case _Kind.VAR_KEYWORD:
                    kwargs.update(data.get(name, {}))
                case _Kind.POSITIONAL_ONLY:
                    args.append(data.get(name, parameter.default))
                case _Kind.POSITIONAL_OR_KEYWORD if by_position:
                    args.append(data.get(name, parameter.default))
                case _:
                    if name in data:
                        kwargs[name] = data[name]
        return tuple(args), kwargs

    def _planned(self) -> _Plan:
        fields: dict[str, Any] = {}
        rich: dict[str, TypeAdapter[Any]] = {}
        typed = True
        for name, parameter in self._parameters.items():
            kind: Any = hints.resolve(
                parameter.annotation, self._function, self._names, parameter=name, task=self._task
            )
            if parameter.kind is _Kind.VAR_POSITIONAL:
                kind = list[kind]
            elif parameter.kind is _Kind.VAR_KEYWORD:
                kind = dict[str, kind]
            typed = typed and not hints.is_open(kind)
            if not hints.is_plain(kind):
                rich[name] = adapter_for(kind, name, self._task)
            optional = parameter.default is not parameter.empty or parameter.kind in (
                _Kind.VAR_POSITIONAL,
                _Kind.VAR_KEYWORD,
            )
            fields[name] = NotRequired[kind] if optional else kind
        shape = TypedDict("Arguments", fields)  # type: ignore[misc]  # a type made at run time
        shape.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=False)  # type: ignore[attr-defined]
        validator = adapter_for(shape, "arguments", self._task).validator
        assert isinstance(validator, SchemaValidator)
        self._plan = _Plan(validator, rich, typed)
        return self._plan


def adapter_for(kind: Any, field: str, task: str) -> TypeAdapter[Any]:
    """The adapter of a type.

    Raises:
        InvalidArgument: The type has no JSON form.
    """
    try:
        return TypeAdapter(kind)
    except PydanticUserError as error:
        reason = str(error).split("\n", 1)[0]
        raise InvalidArgument(
            field,
            f"its type in task {task} cannot be stored as JSON ({reason}): pass an id or plain data, "
            "and take services from ctx.resources",
        ) from None


def encode_rich(adapter: TypeAdapter[Any], value: Any, field: str) -> bytes:
    """A typed value as JSON that is known to give the same value when it is read.

    Raises:
        InvalidArgument: It cannot be written, or something else would come back.
    """
    try:
        text = adapter.dump_json(value, warnings=False)
        found = difference(value, read_rich(adapter, text))
        doubt = found and _doubt(adapter, value)
    except ValidationError as error:
        raise field_error(error, field) from None
    except (PydanticSerializationError, UnicodeEncodeError, RecursionError, ValueError) as error:
        raise InvalidArgument(field, f"cannot be stored as JSON: {error}") from None
    if found:
        path, how = found
        raise InvalidArgument(f"{field}{path}", f"cannot be stored as JSON: {doubt or how}")
    return text


def read_rich(adapter: TypeAdapter[Any], text: bytes) -> Any:
    """A value that `encode_rich` wrote: with the names of fields, whatever aliases they have.

    Raises:
        ValidationError: It is none of the type.
    """
    return adapter.validate_json(text, by_alias=True, by_name=True)


def _doubt(adapter: TypeAdapter[Any], value: Any) -> str:
    """What pydantic finds odd about a value of this type, as one line; empty when it is what the type says."""
    try:
        adapter.dump_json(value, warnings="error")
    except PydanticSerializationError as error:
        return str(error).strip().splitlines()[-1].strip()
    return ""


def payload_error(error: ValidationError, task: str) -> InvalidArgument | PayloadMismatch:
    """What a payload that a validator refused means: another signature, or a bad value."""
    field, reason = _first_error(error, task)
    if any(
        item["type"] in _SHAPE_ERRORS and len(item["loc"]) == 1 for item in error.errors(include_url=False)
    ):
        return PayloadMismatch(field, f"the payload is not for this signature: {reason}")
    return InvalidArgument(field, reason)


def field_error(error: ValidationError, field: str, task: str = "") -> InvalidArgument:
    """What a validator refused in the value of a field.

    Args:
        error: Of the validator.
        field: Where the value is.
        task: That the parts of the value are the arguments of; empty when the value was read back.
    """
    where, reason = _first_error(error, task)
    return InvalidArgument(f"{field}.{where}" if where else field, reason)


def _first_error(error: ValidationError, task: str) -> tuple[str, str]:
    first = error.errors(include_url=False)[0]
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    match first["type"]:
        case "missing" if not task:
            return path, "is not stored, and would be missing when it is read"
        case "extra_forbidden" | "unexpected_keyword_argument" if not task:
            return path, "is stored, and would be refused when it is read"
        case "missing":
            return path, f"this argument of task {task} is missing"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return path, f"task {task} has no such argument"
    return path, f"{first['msg']} (got {shown(first['input'])})"
