"""Typed values: what would come back as something else is refused where it is given."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, field_serializer

from khala_jobs import BaseJob, Context, InvalidArgument, JobProcessor
from khala_jobs.arguments import ArgumentCodec
from khala_jobs.results import ResultCodec
from khala_jobs.round_trip import difference


class Event(BaseModel):
    id: int = 0
    at: datetime | None = None


class PaidEvent(Event):
    amount: int = 0


class Box(BaseModel):
    content: Any = None


class Kept(BaseModel):
    shown: int = 1
    left_out: int = Field(0, exclude=True)


class Rounded(BaseModel):
    value: float

    @field_serializer("value")
    def rounded(self, value: float) -> float:
        return round(value, 1)


class Private(BaseModel):
    id: int = 0
    _seen: int = PrivateAttr(default=0)
    _lock: object = PrivateAttr(default_factory=object)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int = 0


class Aliased(BaseModel):
    user_id: int = Field(alias="userId")


class ReadAliased(BaseModel):
    user_id: int = Field(validation_alias=AliasChoices("userId", "uid"))


@dataclasses.dataclass
class Point:
    x: int
    note: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass
class Point3(Point):
    z: int = 0


class Identity:
    """Cannot be compared."""


class Raises:
    def __eq__(self, other: object) -> bool:
        raise ValueError("no truth")

    __hash__ = None  # type: ignore[assignment]


def seen() -> Private:
    value = Private()
    value._seen = 3
    return value


REFUSED = [
    pytest.param(Event, PaidEvent(amount=5), "", "Event instead of PaidEvent", id="model"),
    pytest.param(
        Event, PaidEvent(at=datetime(2030, 1, 1, tzinfo=UTC)), "", "instead of PaidEvent", id="null"
    ),
    pytest.param(list[Event], [Event(), PaidEvent()], "[1]", "Event instead of PaidEvent", id="list"),
    pytest.param(dict[str, Event], {"a": PaidEvent()}, ".a", "Event instead of PaidEvent", id="dict"),
    pytest.param(Event | int, PaidEvent(), "", "Event instead of PaidEvent", id="union"),
    pytest.param(Point, Point3(1, z=9), "", "Point instead of Point3", id="dataclass"),
    pytest.param(SecretStr, SecretStr("s3cret"), "", "another SecretStr", id="secret"),
    pytest.param(Kept, Kept(left_out=5), ".left_out", "0 instead of 5", id="excluded"),
    pytest.param(Rounded, Rounded(value=1.23), ".value", "1.2 instead of 1.23", id="serializer"),
    pytest.param(Private, seen(), "._seen", "0 instead of 3", id="private"),
    pytest.param(Box, Box(content={1, 2}), ".content", "list instead of set", id="set"),
    pytest.param(
        Box, Box(content=[datetime(2030, 1, 1, tzinfo=UTC)]), ".content[0]", "str instead", id="date"
    ),
    pytest.param(Box, Box(content=b"ab"), ".content", "str instead of bytes", id="bytes"),
    pytest.param(Box, Box(content={"e": Event()}), ".content.e", "dict instead of Event", id="model in any"),
    pytest.param(Box, Box(content=[1.5, math.inf]), ".content[1]", "not finite", id="infinite"),
]


@pytest.mark.parametrize(("kind", "value", "path", "how"), REFUSED)
def test_what_would_come_back_as_something_else_is_refused_by_its_place(
    kind: Any, value: Any, path: str, how: str
) -> None:
    def handler(it):  # type: ignore[no-untyped-def]
        return it

    handler.__annotations__ = {"it": kind, "return": kind}
    with pytest.raises(InvalidArgument, match=how) as caught:
        ArgumentCodec(handler, "t", takes_context=False, names={}).encode((value,), {})
    assert caught.value.field == f"it{path}"
    assert "s3cret" not in str(caught.value)
    with pytest.raises(InvalidArgument, match=how):
        ResultCodec(handler, "t", {}).encode(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Event, Event(id=3, at=datetime(2030, 1, 1, tzinfo=UTC))),
        (Event, Event()),
        (list[Event | PaidEvent], [Event(), PaidEvent(amount=3)]),
        (Aliased, Aliased(userId=3)),
        (ReadAliased, ReadAliased(uid=3)),  # type: ignore[call-arg]  # what the plugin knows of is the first
        (Private, Private()),
        (Open, Open(id=3, more="x")),  # type: ignore[call-arg]  # extra="allow"
        (Box, Box(content={"a": [1, None, 2.5, "x", True]})),
        (Point, Point(1)),
        (Sequence[Event], (Event(id=1), Event(id=2))),
    ],
)
def test_what_comes_back_as_it_was_is_taken(kind: Any, value: Any) -> None:
    def handler(it):  # type: ignore[no-untyped-def]
        return it

    handler.__annotations__ = {"it": kind, "return": kind}
    codec = ArgumentCodec(handler, "t", takes_context=False, names={})
    _, found = codec.decode(codec.encode((value,), {}))
    assert difference(value, found["it"]) is None
    results = ResultCodec(handler, "t", {})
    assert difference(value, results.decode(results.encode(value))) is None


@pytest.mark.parametrize(
    ("given", "back", "same"),
    [
        (1, 1.0, True),
        ([True], [1], True),
        ([True, {1}], [1, {1, 2}], False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, 5, False),
        ([1], "1", False),
        ([1], [1, 2], False),
        (math.nan, math.nan, True),
        ([math.inf], [math.inf], True),
        ([math.nan], [None], False),
        (Identity(), Identity(), True),
        (Identity(), 5, False),
        (Raises(), Raises(), True),
        (Raises(), 5, False),
        ([frozenset({1}), Raises()], [{1}, Raises()], True),
    ],
)
def test_differences_of_single_values(given: Any, back: Any, same: bool) -> None:
    assert (difference(given, back) is None) is same


@dataclasses.dataclass(frozen=True, slots=True)
class Charge(BaseJob[int]):
    event: Event

    async def run(self, ctx: Context) -> int:
        return self.event.id


async def test_a_field_of_a_job_class_too() -> None:
    jobs = JobProcessor("memory://")
    jobs.include(Charge)
    with pytest.raises(InvalidArgument, match=r"Charge\.event: .* Event instead of PaidEvent"):
        await jobs.enqueue(Charge(PaidEvent(amount=5)))
    await jobs.close()
