"""Round trip exact, or refused with the path to the trouble."""

from __future__ import annotations

import dataclasses
import enum
import math
import uuid
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from khala_jobs import InvalidArgument
from khala_jobs.values import decode, encode, encode_loose

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=30,
)


@given(plain)
def test_plain_values_come_back_exactly(value: Any) -> None:
    assert decode(encode(value, "x")) == value


anything = st.recursive(
    scalars
    | st.floats()
    | st.integers()
    | st.text(st.characters())
    | st.binary()
    | st.sets(st.integers())
    | st.datetimes()
    | st.dates()
    | st.decimals()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.booleans() | st.none(), inner)
    ),
    max_leaves=10,
)


@given(anything)
def test_whatever_it_is_it_comes_back_exactly_or_is_refused(value: Any) -> None:
    try:
        text = encode(value, "x")
    except InvalidArgument as error:
        if not error.field.startswith("x"):
            raise
    else:
        assert decode(text) == value


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (math.nan, "x", "not a JSON number"),
        ({"a": [1, math.inf]}, "x.a[1]", "not a JSON number"),
        ({"a": {1: 2}}, "x.a", "key 1 is no string"),
        ({True: 2}, "x", "key True is no string"),
        ({"a": {None: 2}}, "x.a", "no string"),
        ([{1, 2}], "x[0]", "set"),
        (b"raw", "x", "bytes"),
        (2**64, "x", "64 bits"),
        ([-(2**63) - 1], "x[0]", "64 bits"),
        pytest.param(10**5000, "x", "64 bits", id="5000 digits"),
        ("\ud800", "x", "surrogate"),
        ({"\udfff": 1}, "x", "surrogate"),
        (datetime(2030, 1, 1, tzinfo=UTC), "x", "annotate"),
        (date(2030, 1, 1), "x", "annotate"),
        (object(), "x", "object"),
        (1j, "x", "complex"),
    ],
)
def test_refusals_name_the_place(value: Any, path: str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason) as caught:
        encode(value, "x")
    assert caught.value.field == path


def test_deep_nesting_is_refused_and_does_not_crash() -> None:
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(InvalidArgument):
        encode(value, "x")


def test_a_cycle_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidArgument):
        encode(value, "x")


def test_none_is_not_taken_for_nan() -> None:
    assert decode(encode({"a": None, "b": "null"}, "x")) == {"a": None, "b": "null"}


@dataclasses.dataclass
class Point:
    x: float
    name: str


class Model(BaseModel):
    when: date


def test_loose_encoding_also_writes_models_dataclasses_and_times() -> None:
    value = {"p": Point(1.5, "a"), "m": Model(when=date(2030, 1, 2)), "t": datetime(2030, 1, 1, tzinfo=UTC)}
    assert decode(encode_loose(value, "result")) == {
        "p": {"x": 1.5, "name": "a"},
        "m": {"when": "2030-01-02"},
        "t": "2030-01-01T00:00:00+00:00",
    }
    assert decode(encode_loose(uuid.UUID(int=1), "result")) == str(uuid.UUID(int=1))
    assert decode(encode_loose(Colour.RED, "result")) == "red"


def test_loose_encoding_writes_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    assert decode(encode_loose({"a": numpy.arange(3), "b": numpy.float32(0.5)}, "result")) == {
        "a": [0, 1, 2],
        "b": 0.5,
    }


@pytest.mark.parametrize("value", [{1, 2}, object(), Point(math.nan, "a"), {"a": math.inf}, b"x"])
def test_loose_encoding_refuses_what_has_no_json_form(value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        encode_loose(value, "result")
    assert caught.value.field.startswith("result")


def test_a_cyclic_value_is_refused_in_a_line() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    for value in (cyclic, {"k" * 5000: float("nan")}):
        with pytest.raises(InvalidArgument) as caught:
            encode(value, "a")
        assert len(str(caught.value)) < 160


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    YES = "yes"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Colour.RED, "x"),
        (uuid.uuid4(), "x"),
        ([1, {"a": (Colour.RED,)}], "x[1].a[0]"),
        ({"a": [uuid.uuid4()]}, "x.a[0]"),
        (np.float64(1.5), "x"),
        ([type("Own", (float,), {})(4.5)], "x[0]"),
    ],
)
def test_what_would_come_back_as_another_type_is_refused_by_name(value: Any, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        encode(value, "x")
    assert caught.value.field == field


@pytest.mark.parametrize(
    "value", [Level.LOW, Word.YES, type("Own", (str,), {})("s"), [Level.LOW, {"a": Word.YES}]]
)
def test_what_comes_back_equal_is_taken(value: Any) -> None:
    assert decode(encode(value, "x")) == value
