from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from khala_jobs.errors import Error, InvalidArgument
from khala_jobs.memory.model import BadMemory, Memory, Tier, check_vector, content_digest, normalise_content
from khala_jobs.memory.times import format_time, parse_time, time_to_us, us_to_time

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  b", "a b"),
        ("  a b \n", "a b"),
        ("a\tb", "a b"),
        ("a b", "a b"),
        ("line one  \r\nline two", "line one\nline two"),
        ("caf\u0065\u0301", "café"),
        ("\n\na\n\n", "a"),
    ],
)
def test_equal_but_for_blanks_and_unicode_form(one: str, other: str) -> None:
    assert normalise_content(one) == normalise_content(other)
    assert content_digest(one) == content_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("us", "US"),
        ("a b", "b a"),
        ("ab", "a b"),
        ("key:\n  x: 1", "key:\nx: 1"),
        ("a.", "a"),
        ("a\nb", "a b"),
    ],
)
def test_what_can_carry_meaning_stays_different(one: str, other: str) -> None:
    assert content_digest(one) != content_digest(other)


@given(TEXTS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise_content(normalise_content(text)) == normalise_content(text)


def test_digest_is_sha256_of_the_normalised_text() -> None:
    assert content_digest("  hello   world ") == hashlib.sha256(b"hello world").hexdigest()


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("2024-05-01t12:00:00z", 1_714_564_800_000_000),
        ("2024-05-01 12:00:00.1234567Z", 1_714_564_800_123_456),
    ],
)
def test_rfc3339(text: str, us: int) -> None:
    assert parse_time(text) == us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-05-01",
        "2024-05-01T12:00:00",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "yesterday",
        "20240501T120000Z",
    ],
)
def test_what_is_no_rfc3339_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@given(moment=st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000).map(us_to_time))
def test_times_survive_to_the_microsecond(moment: datetime) -> None:
    assert us_to_time(time_to_us(moment)) == moment
    assert parse_time(format_time(time_to_us(moment))) == time_to_us(moment)


def test_a_time_without_zone_is_utc_and_zones_are_converted() -> None:
    assert time_to_us(datetime(1970, 1, 2)) == 86_400_000_000  # noqa: DTZ001 - that is the point
    assert time_to_us(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.500Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
    ],
)
def test_format_time(us: int, text: str) -> None:
    assert format_time(us) == text


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([float("nan"), 1.0], "NaN or infinity"),
        ([1e39, 1.0], "NaN or infinity"),
        ([0.0, 0.0], "zero vector"),
        ([], "empty"),
        ([[1.0]], "one-dimensional"),
        (3.0, "one-dimensional"),
        (["x"], "not a list of numbers"),
        ([[1.0], [1.0, 2.0]], "not a list of numbers"),
        ({"a": 1}, "not a list of numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_bad_vectors_say_why(values: object, reason: str) -> None:
    with pytest.raises(BadMemory, match=reason) as caught:
        check_vector(values)
    assert caught.value.field == "embedding"


def test_a_vector_is_read_only_float32() -> None:
    vector = check_vector([1, 2, 3])
    assert vector.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", 3),
        ("user_id", "  "),
        ("content", None),
        ("content", "\ud800"),
        ("scope", 3),
        ("model_id", b"x"),
        ("tier", "attic"),
        ("importance", 1.5),
        ("importance", float("nan")),
        ("importance", "high"),
        ("importance", True),
        ("verification_score", -0.1),
        ("confidence", None),
        ("decay_score", 2.0),
        ("access_count", -1),
        ("access_count", 1.0),
        ("access_count", 2**60),
        ("created_us", 2**62),
        ("created_us", None),
        ("expires_us", "soon"),
        ("embedding", [0.0]),
        ("embedding", "!!!"),
        ("embedding", "AAA="),
        ("archived", 1),
        ("pinned", "no"),
        ("consolidated_from", "abc"),
        ("consolidated_from", [1]),
        ("metadata", [1]),
        ("duplicate_flag", "x"),
    ],
)
def test_each_wrong_field_is_named(field: str, value: object) -> None:
    values = {"id": "m", "user_id": "u", "content": "c", field: value}
    with pytest.raises(BadMemory) as caught:
        Memory(**values)
    assert caught.value.field == field
    assert isinstance(caught.value, InvalidArgument)
    assert isinstance(caught.value, Error)


@given(
    content=TEXTS,
    tier=st.sampled_from(Tier),
    importance=st.floats(0, 1),
    score=st.none() | st.floats(0, 1),
    vector=st.none() | st.lists(st.floats(-1, 1, width=32), min_size=1).filter(any),
    sources=st.lists(st.text("abc", min_size=1)),
    flag=st.none() | st.fixed_dictionaries({"of": TEXTS, "cosine": st.floats(0, 1)}),
)
def test_json_round_trip(
    content: str,
    tier: Tier,
    importance: float,
    score: float | None,
    vector: list[float] | None,
    sources: list[str],
    flag: dict | None,
) -> None:
    memory = Memory(
        id="m",
        user_id="u",
        content=content,
        tier=tier,
        importance=importance,
        decay_score=score,
        embedding=None if vector is None else np.array(vector, dtype=np.float32),
        consolidated_from=tuple(sources),
        duplicate_flag=flag,
        metadata={"a": [1, None]},
    )
    again = Memory.from_json(memory.to_json())
    assert again == memory
    assert hash(again) == hash(memory)
    assert again.to_json() == memory.to_json()


def test_changes_make_a_checked_copy() -> None:
    memory = Memory(id="m", user_id="u", content="old")
    changed = memory.with_changes({"content": "new", "tier": "long_term", "archived": True})
    assert (changed.content, changed.tier, changed.archived) == ("new", Tier.LONG_TERM, True)
    assert changed.content_hash == content_digest("new")
    assert memory.content == "old"
    with pytest.raises(BadMemory, match="no such field"):
        memory.with_changes({"colour": "red"})
    with pytest.raises(BadMemory, match="importance"):
        memory.with_changes({"importance": 7})
    encoded = Memory(id="x", user_id="u", content="", embedding=check_vector([1.0, 2.0])).field_json(
        "embedding"
    )
    assert memory.with_changes({"embedding": encoded}).embedding.tolist() == [1.0, 2.0]
    with pytest.raises(BadMemory, match=r"not base64|not a list|one-dimensional"):
        memory.with_changes({"embedding": 5})


def test_from_json_refuses_unknown_fields() -> None:
    with pytest.raises(BadMemory, match="no such field"):
        Memory.from_json({"id": "m", "user_id": "u", "content": "c", "colour": "red"})


def test_a_memory_is_not_equal_to_something_else() -> None:
    assert Memory(id="m", user_id="u", content="c") != "m"
    assert Memory(id="m", user_id="u", content="c") != Memory(id="m", user_id="u", content="d")
