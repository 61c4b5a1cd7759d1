from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, List, Literal, Optional  # noqa: UP035

import pytest
from annotated_types import Gt
from pydantic import BaseModel

from khala_jobs import Context, InvalidArgument
from khala_jobs.arguments import ArgumentCodec
from khala_jobs.errors import PayloadMismatch

if TYPE_CHECKING:
    from decimal import Decimal


def codec(function: Any, *, takes_context: bool = False, **names: Any) -> ArgumentCodec:
    return ArgumentCodec(function, "t", takes_context=takes_context, names=names)


def round_trip(function: Any, *args: Any, **kwargs: Any) -> Any:
    used = codec(function)
    given, named = used.decode(used.encode(args, kwargs))
    return function(*given, **named)


class User(BaseModel):
    name: str
    born: datetime | None = None


@dataclasses.dataclass(frozen=True)
class Span:
    start: timedelta
    tags: frozenset[str] = frozenset()


def test_payloads_are_objects_by_name_without_defaults() -> None:
    def f(a: int, b: str = "x", *, c: bool = False) -> None: ...

    assert codec(f).encode((1,), {"c": True}) == b'{"a":1,"c":true}'


def test_every_kind_of_parameter() -> None:
    def f(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> Any:
        return a, b, rest, c, more

    assert round_trip(f, 1, 2, 5, 6, c=7, d=8) == (1, 2, (5, 6), 7, {"d": 8})
    assert round_trip(f, 1, 2) == (1, 2, (), 3, {})

    def g(a: int = 1, /, *, b: int = 2) -> Any:
        return a, b

    assert round_trip(g) == (1, 2)
    assert round_trip(g, 5) == (5, 2)


def test_unannotated_parameters_take_plain_json() -> None:
    def f(a, b=None):  # type: ignore[no-untyped-def]
        return a, b

    assert round_trip(f, {"x": [1, 2.5, None]}, b="y") == ({"x": [1, 2.5, None]}, "y")


def test_rich_types_come_back_as_themselves() -> None:
    def f(
        user: User, span: Span, when: datetime, ids: set[int], by_id: dict[int, str], pair: tuple[int, str]
    ) -> Any:
        return user, span, when, ids, by_id, pair

    given = (
        User(name="Ada", born=datetime(1815, 12, 10, tzinfo=UTC)),
        Span(timedelta(minutes=5), frozenset({"a"})),
        datetime(2030, 1, 1, tzinfo=UTC),
        {1, 2},
        {1: "one"},
        (1, "x"),
    )
    assert round_trip(f, *given) == given


def test_the_context_is_no_argument() -> None:
    def f(ctx: Context, a: int) -> None: ...

    assert codec(f, takes_context=True).encode((1,), {}) == b'{"a":1}'


@pytest.mark.parametrize(
    ("args", "kwargs", "field", "reason"),
    [
        ((), {}, "a", "missing"),
        ((1, 2, 3), {}, "arguments", "2 positional"),
        ((1,), {"a": 2}, "a", "twice"),
        ((1,), {"z": 2}, "z", "no such argument"),
        (("one",), {}, "a", "valid integer"),
        ((None,), {}, "a", "valid integer"),
        ((1.5,), {}, "a", "valid integer"),
        ((1, {"k": {2: 3}}), {}, "b.k", "no string"),
        ((1, {"k": math.nan}), {}, "b.k", "JSON number"),
        ((1, [{1}]), {}, "b", "dictionary"),
        ((2**64,), {}, "a", "64 bits"),
    ],
)
def test_calls_that_do_not_fit_name_the_argument(args: Any, kwargs: Any, field: str, reason: str) -> None:
    def f(a: int, b: dict[str, Any] | None = None) -> None: ...

    with pytest.raises(InvalidArgument, match=reason) as caught:
        codec(f).encode(args, kwargs)
    assert caught.value.field == field


def test_plain_parts_beside_rich_ones_are_checked_as_strictly() -> None:
    def f(user: User, extra: dict[str, Any]) -> None: ...

    with pytest.raises(InvalidArgument, match="no string") as caught:
        codec(f).encode((User(name="a"), {"x": {1: 2}}), {})
    assert caught.value.field == "extra.x"


def test_nan_inside_a_model_is_refused() -> None:
    class Score(BaseModel):
        value: float | None

    def f(score: Score) -> None: ...

    with pytest.raises(InvalidArgument, match="finite"):
        codec(f, Score=Score).encode((Score(value=math.nan),), {})


def test_models_that_were_changed_into_something_wrong_are_refused_by_field() -> None:
    def f(user: User) -> None: ...

    user = User(name="a")
    user.name = 5  # type: ignore[assignment]
    with pytest.raises(InvalidArgument) as caught:
        codec(f).encode((user,), {})
    assert caught.value.field == "user.name"


def test_constraints_hold_at_enqueue_and_at_run() -> None:
    def f(n: Annotated[int, Gt(0)], mode: Literal["fast", "slow"] = "fast") -> None: ...

    used = codec(f)
    with pytest.raises(InvalidArgument, match="greater than 0"):
        used.encode((0,), {})
    with pytest.raises(InvalidArgument, match="'fast' or 'slow'"):
        used.encode((1, "medium"), {})
    with pytest.raises(InvalidArgument, match="greater than 0") as caught:
        used.decode(b'{"n":0}')
    assert not isinstance(caught.value, PayloadMismatch)


def test_a_number_that_is_equal_in_another_type_is_taken_and_nothing_else() -> None:
    def f(value: float | Literal["auto"]) -> None: ...

    used = codec(f)
    assert used.decode(used.encode((1,), {})) == ((), {"value": 1.0})
    with pytest.raises(InvalidArgument) as caught:
        used.encode(("manual",), {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("payload", [b"{}", b'{"a":1,"gone":2}', b'{"b":{}}'])
def test_a_payload_of_another_signature_is_told_from_a_bad_value(payload: bytes) -> None:
    def f(a: int, b: dict[str, int] | None = None) -> None: ...

    with pytest.raises(PayloadMismatch):
        codec(f).decode(payload)


@pytest.mark.parametrize("payload", [b"", b"[1]", b"nonsense", b'{"a":', b'"a"'])
def test_a_payload_that_is_no_object_is_a_clear_error(payload: bytes) -> None:
    def f(a: int) -> None: ...

    with pytest.raises(InvalidArgument):
        codec(f).decode(payload)


def test_types_without_a_json_form_are_refused_with_advice() -> None:
    class Service: ...

    def f(service: Service) -> None: ...

    with pytest.raises(InvalidArgument, match="resources") as caught:
        codec(f, Service=Service).prepare()
    assert caught.value.field == "service"


def test_names_for_the_type_checker_alone_are_refused_with_advice() -> None:
    def f(amount: Decimal) -> None: ...

    with pytest.raises(InvalidArgument, match="import the name at run time") as caught:
        codec(f).prepare()
    assert caught.value.field == "amount"


def test_optional_in_both_spellings() -> None:
    def f(a: Optional[int] = None, b: int | None = None) -> Any:  # noqa: UP045
        return a, b

    assert round_trip(f, None, 3) == (None, 3)


@pytest.mark.parametrize(
    "annotation",
    [Any, object, list, List, list[Any], dict[str, Any], int | Any, list[dict[str, object]]],  # noqa: UP006
)
def test_where_anything_is_taken_an_enum_member_is_refused(annotation: Any) -> None:
    def f(before: int, value: annotation) -> None: ...  # type: ignore[valid-type]

    class Colour(Enum):
        RED = "red"

    used = codec(f, annotation=annotation)
    holder: Any = {"a": Colour.RED}
    for value in (Colour.RED, [Colour.RED], holder, [holder]):
        with pytest.raises(InvalidArgument) as caught:
            used.encode((1, value), {})
        assert caught.value.field.startswith("value")
