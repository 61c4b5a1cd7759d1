"""Jobs as classes: a dataclass whose fields are the arguments, with a ``run`` method that does the work.

    @dataclass(frozen=True, slots=True)
    class Reindex(BaseJob[int]):
        collection: str
        full: bool = False

        options: ClassVar[TaskOptions] = {"queue": "search", "timeout": "10m"}

        async def run(self, ctx: Context) -> int: ...

    jobs.include([Reindex])
    job = await jobs.enqueue(Reindex("notes"))

Dependencies come from ``ctx.resources``; an instance carries nothing but its arguments, so it can be made and
tested anywhere.
"""

from __future__ import annotations

import dataclasses
import inspect
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from .arguments import adapter_for, encode_rich, field_error, payload_error, read_rich
from .context import Context
from .definition import Definition, Way, code_of, process_target, way_of
from .errors import InvalidArgument
from .options import TASK_NAMES, TaskOptions, check_names, kept_options, text
from .results import ResultCodec
from .shown import shown

_CLASS_ATTRIBUTES: Final = ("run", "task_name", "options", "included_by")

R = TypeVar("R")
Result_co = TypeVar("Result_co", covariant=True)


class BaseJob(ABC, Generic[Result_co]):
    """Base of jobs written as dataclasses; the type argument is what `run` returns.

    Class attributes:
        task_name: Under which it is stored; default: ``name`` of the options, else the class's name.
        options: `TaskOptions` of all its jobs; ``process=True`` is for a class whose `run` is a plain ``def``.
        included_by: What to do when it is not included, for the error; default: ``call jobs.include([Class]) first``.
    """

    __slots__ = ()

    task_name: ClassVar[str] = ""
    options: ClassVar[TaskOptions] = {}
    included_by: ClassVar[str] = ""
    # A payload with fields that the class does not have is another version's: refused, not half understood.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    @abstractmethod
    def run(self, ctx: Context) -> Coroutine[Any, Any, Result_co] | Result_co:
        """Do the work; ``async def`` runs in the event loop, ``def`` in a thread or a child process."""


def job_name(cls: type[BaseJob[Any]]) -> str:
    """Name under which the jobs of a class are stored; no method of it, since a field may be called ``name``."""
    return cls.task_name or cls.options.get("name") or cls.__name__


class ClassCodec:
    """The fields of a job class as payload."""

    def __init__(self, cls: type[BaseJob[Any]]) -> None:
        self._cls = cls
        self._adapter: TypeAdapter[Any] | None = None

    def prepare(self) -> None:
        """Resolve the field types.

        Raises:
            InvalidArgument: One has no JSON form.
        """
        self._get()

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """The payload of an instance.

        Raises:
            InvalidArgument: A field's value is not of its type, or cannot be stored exactly.
        """
        (instance,) = args
        if kwargs or type(instance) is not self._cls:
            got = "the class" if instance is self._cls else type(instance).__name__
            raise InvalidArgument("job", f"expected an instance of {self._cls.__name__}, got {got}")
        adapter, cls = self._get(), self._cls.__name__
        fields = dataclasses.fields(instance)  # type: ignore[arg-type]  # it is a dataclass
        given = {f.name: getattr(instance, f.name) for f in fields if f.init}
        try:
            checked = adapter.validator.validate_python(given)
        except ValidationError as error:
            raise field_error(error, cls, job_name(self._cls)) from None
        return encode_rich(adapter, checked, cls)

    def decode(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The instance that a payload stands for.

        Raises:
            PayloadMismatch: It has other fields.
            InvalidArgument: A value does not fit its field.
        """
        try:
            return (read_rich(self._get(), payload),), {}
        except ValidationError as error:
            raise payload_error(error, job_name(self._cls)) from None

    def _get(self) -> TypeAdapter[Any]:
        if self._adapter is None:
            self._adapter = adapter_for(self._cls, self._cls.__name__, job_name(self._cls))
        return self._adapter


def define_class(cls: type[BaseJob[Any]], names: Mapping[str, Any] | None = None) -> Definition:
    """The definition of a job class.

    Raises:
        InvalidArgument: It is abstract or no dataclass, an argument of it could not be stored, or a wrong option.
    """
    if "__dataclass_fields__" not in cls.__dict__ or cls.__abstractmethods__:
        raise InvalidArgument("include", f"{cls.__name__} must be a @dataclass with a run method of its own")

    _refuse_class_attributes(cls)
    _refuse_required_init_vars(cls)
    try:
        name, way, options = _read_options(cls)
    except InvalidArgument as error:
        raise InvalidArgument(error.field, f"{error.message} (in the options of {cls.__name__})") from None

    def run(ctx: Context, instance: BaseJob[Any]) -> Any:
        return instance.run(ctx)

    return Definition(
        name=name,
        function=run,
        takes_context=True,
        way=way,
        arguments=ClassCodec(cls),
        results=ResultCodec(cls.run, name, names or {}),
        options=options,
        code=code_of(cls.run),
        target=process_target(cls, name) if way is Way.PROCESS else "",
    )


def _refuse_class_attributes(cls: type[BaseJob[Any]]) -> None:
    """A field of such a name is one whose ``ClassVar`` was forgotten, or would hide what the class needs."""
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # it is a dataclass
        if field.name in _CLASS_ATTRIBUTES:
            raise InvalidArgument(
                "include",
                f"{cls.__name__}.{field.name} is an attribute of the class: annotate it as ClassVar, "
                "or call the field something else",
            )


def _refuse_required_init_vars(cls: type[BaseJob[Any]]) -> None:
    """What is passed to ``__post_init__`` alone is in no instance, and so in no payload."""
    kept = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # it is a dataclass
    for name, parameter in inspect.signature(cls).parameters.items():
        declared = name in cls.__dataclass_fields__ and name not in kept  # type: ignore[attr-defined]
        if declared and parameter.default is parameter.empty:
            raise InvalidArgument(
                "include",
                f"{cls.__name__}.{name} is an InitVar, which is not stored with a job: make it a field, "
                "or give it a default for when the job runs",
            )


def _read_options(cls: type[BaseJob[Any]]) -> tuple[str, Way, dict[str, Any]]:
    """Name, way, and what its jobs get.

    Raises:
        InvalidArgument: An option does not exist, is of the wrong kind, or contradicts another.
    """
    options: object = cls.options
    if not isinstance(options, Mapping):
        raise InvalidArgument("options", f"expected a dict of TaskOptions, got {shown(options)}")
    check_names(options, TASK_NAMES)
    name = text(job_name(cls), "name")
    if options.get("name") and options["name"] != name:
        raise InvalidArgument("name", f"{shown(options['name'])} and task_name {name} are two: give one")
    way = way_of(cls.run, name, process=bool(options.get("process")))
    return name, way, kept_options(name, options)
