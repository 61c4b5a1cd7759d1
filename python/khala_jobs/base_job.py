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

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from .arguments import adapter_for, encode_rich, payload_error
from .context import Context
from .definition import Definition, Way, code_of, is_async
from .errors import InvalidArgument
from .options import TaskOptions
from .results import ResultCodec

R = TypeVar("R")
Result_co = TypeVar("Result_co", covariant=True)


class BaseJob(ABC, Generic[Result_co]):
    """Base of jobs written as dataclasses; the type argument is what `run` returns.

    Class attributes:
        task_name: Under which it is stored; default: the class's name.
        options: `TaskOptions` of all its jobs.
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
        """Do the work; ``async def`` runs in the event loop, ``def`` in a thread."""

    @classmethod
    def name(cls) -> str:
        """Name under which its jobs are stored."""
        return cls.task_name or cls.__name__


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
            raise InvalidArgument("job", f"expected a {self._cls.__name__}, got {type(instance).__name__}")
        return encode_rich(self._get(), instance, self._cls.__name__)

    def decode(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The instance that a payload stands for.

        Raises:
            PayloadMismatch: It has other fields.
            InvalidArgument: A value does not fit its field.
        """
        try:
            return (self._get().validate_json(payload),), {}
        except ValidationError as error:
            raise payload_error(error, self._cls.name()) from None

    def _get(self) -> TypeAdapter[Any]:
        if self._adapter is None:
            self._adapter = adapter_for(self._cls, self._cls.__name__, self._cls.name())
        return self._adapter


def define_class(cls: type[BaseJob[Any]], names: Mapping[str, Any] | None = None) -> Definition:
    """The definition of a job class.

    Raises:
        InvalidArgument: It is abstract or no dataclass.
    """
    if "__dataclass_fields__" not in cls.__dict__ or cls.__abstractmethods__:
        raise InvalidArgument("include", f"{cls.__name__} must be a @dataclass with a run method of its own")

    def run(ctx: Context, instance: BaseJob[Any]) -> Any:
        return instance.run(ctx)

    return Definition(
        name=cls.name(),
        function=run,
        takes_context=True,
        way=Way.ASYNC if is_async(cls.run) else Way.THREAD,
        arguments=ClassCodec(cls),
        results=ResultCodec(cls.run, cls.name(), names or {}),
        options=cls.options,
        code=code_of(cls.run),
    )
