"""Whatever a handler raises becomes bounded, valid text."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs import failure
from khala_jobs.failure import ERROR_BYTES


class HostileText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class Endless(Exception):
    def __str__(self) -> str:
        return "x" * 100_000_000


class KillsOnText(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def stored(error: BaseException) -> dict[str, Any]:
    names, text = failure.from_exception(raised(error))
    assert len(text) <= ERROR_BYTES
    data: dict[str, Any] = orjson.loads(text)
    assert data["type"] == names[0]
    return data


def test_type_bases_text_and_traceback() -> None:
    data = stored(ConnectionResetError("gone"))
    assert data["type"] == "ConnectionResetError"
    assert data["mro"] == ["ConnectionResetError", "ConnectionError", "OSError", "Exception", "BaseException"]
    assert data["message"] == "gone"
    assert "raise error" in data["traceback"]
    info = failure.parse(orjson.dumps(data))
    assert info is not None
    assert str(info) == "ConnectionResetError: gone"


def test_own_classes_are_found_by_short_and_by_full_name() -> None:
    names, _ = failure.from_exception(HostileText())
    assert names[:2] == ["HostileText", f"{__name__}.HostileText"]


@pytest.mark.parametrize("error", [HostileText(), KillsOnText()])
def test_text_that_cannot_be_had(error: BaseException) -> None:
    assert "str() raised" in stored(error)["message"]


def test_endless_text_is_cut_and_says_so() -> None:
    message = stored(Endless())["message"]
    assert "100000000 characters" in message
    assert len(message) < 5000


def test_text_that_is_no_unicode() -> None:
    assert stored(ValueError("a\ud800b"))["message"] == "a?b"


def test_recursion_and_chains_stay_bounded() -> None:
    def deep(n: int) -> None:
        deep(n + 1)

    with pytest.raises(RecursionError) as caught:
        deep(0)
    assert len(failure.from_exception(caught.value)[1]) <= ERROR_BYTES
    error: BaseException = ValueError("first")
    for index in range(500):
        following = ValueError(f"{index}" * 50)
        following.__cause__ = error
        error = following
    stored(error)


@settings(max_examples=50)
@given(st.text(st.characters(), max_size=3000), st.integers(0, 20))
def test_any_text_any_size(text: str, times: int) -> None:
    stored(ValueError(text * times))


def test_class_names_may_be_long() -> None:
    kind = type("N" * 100_000, (Exception,), {})
    names, text = failure.from_exception(kind("x"))
    assert len(text) <= ERROR_BYTES
    assert names


def test_a_stored_error_may_be_absent() -> None:
    assert failure.parse(b"") is None
