from __future__ import annotations

import dataclasses
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import BaseModel

from khala_jobs import InvalidArgument, Snooze
from khala_jobs.results import ResultCodec

if TYPE_CHECKING:
    from decimal import Decimal


class Report(BaseModel):
    day: date
    count: int


@dataclasses.dataclass
class Pair:
    left: int
    right: int


def there_and_back(function: Any, value: Any) -> Any:
    codec = ResultCodec(function, "t", {})
    return codec.decode(codec.encode(value))


def test_annotated_results_come_back_as_their_type() -> None:
    def model() -> Report: ...  # type: ignore[empty-body]
    def several() -> dict[str, list[Pair]]: ...  # type: ignore[empty-body]
    def tags() -> set[str]: ...  # type: ignore[empty-body]
    def maybe() -> Report | Snooze | None: ...

    report = Report(day=date(2030, 1, 1), count=3)
    assert there_and_back(model, report) == report
    assert there_and_back(several, {"a": [Pair(1, 2)]}) == {"a": [Pair(1, 2)]}
    assert there_and_back(tags, {"x", "y"}) == {"x", "y"}
    assert there_and_back(maybe, report) == report
    assert there_and_back(maybe, None) is None


def test_unannotated_results_come_back_as_json_values() -> None:
    def f(): ...  # type: ignore[no-untyped-def]
    def hidden() -> Decimal: ...  # type: ignore[empty-body]

    assert there_and_back(f, Pair(1, 2)) == {"left": 1, "right": 2}
    assert there_and_back(hidden, {"a": (1, 2)}) == {"a": [1, 2]}


def test_results_without_json_form_name_the_place() -> None:
    def f() -> Any: ...

    with pytest.raises(InvalidArgument) as caught:
        ResultCodec(f, "t", {}).encode({"a": [object()]})
    assert caught.value.field == "result.a[0]"


def test_a_result_of_the_wrong_type_is_refused() -> None:
    def f() -> Report: ...  # type: ignore[empty-body]

    with pytest.raises(InvalidArgument) as caught:
        ResultCodec(f, "t", {}).encode({"day": 1})
    assert caught.value.field.startswith("result")


def test_a_stored_result_that_does_not_fit_is_a_clear_error() -> None:
    def f() -> Report: ...  # type: ignore[empty-body]

    with pytest.raises(InvalidArgument, match="annotation"):
        ResultCodec(f, "t", {}).decode(b'{"other":1}')


class Measure(BaseModel):
    x: float
    more: dict = {}  # type: ignore[type-arg]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (np.array([1.0, np.nan]), "result[1]"),
        ({"a": np.array([[1.0], [np.inf]])}, "result.a[1][0]"),
        (np.float32("nan"), "result"),
        (Measure(x=float("nan")), "result.x"),
        ([Measure(x=1.0, more={"y": float("inf")})], "result[0].more.y"),
        (dataclasses.make_dataclass("Of", ["model"])(Measure(x=float("-inf"))), "result.model.x"),
    ],
)
def test_what_is_not_finite_is_found_in_models_and_arrays(value: Any, field: str) -> None:
    def f() -> Any: ...

    with pytest.raises(InvalidArgument, match="is not a JSON number") as caught:
        ResultCodec(f, "t", {}).encode(value)
    assert caught.value.field == field
    assert there_and_back(f, {"none": None, "array": np.array([1.0])}) == {"none": None, "array": [1.0]}
