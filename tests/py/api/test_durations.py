from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khala_jobs import InvalidArgument
from khala_jobs.durations import DURATION_MAX_MS, instant_ms, to_datetime, to_ms, to_timedelta


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (0, 0),
        (1, 1000),
        (0.25, 250),
        (timedelta(minutes=2), 120_000),
        ("250ms", 250),
        ("90s", 90_000),
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("1.5h", 5_400_000),
        (" 2d 12h ", 216_000_000),
        ("1w", 604_800_000),
    ],
)
def test_durations_in_every_form(value: object, milliseconds: int) -> None:
    assert to_ms(value, "delay") == milliseconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "10",
        "10 minutes",
        "m10",
        "-5s",
        "--5s",
        "- 5s",
        "-",
        "1h-",
        None,
        True,
        [1],
        "1e3s",
        -1,
        -0.5,
        timedelta(-1),
        "10mm",
    ],
)
def test_what_is_no_duration_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        to_ms(value, "delay")
    assert caught.value.field == "delay"


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, 1e300, 10**30, "100000d", timedelta.max, pytest.param(10**5000, id="5000 digits")],
)
def test_durations_beyond_ten_years_are_refused(value: object) -> None:
    with pytest.raises(InvalidArgument):
        to_ms(value, "delay")


@given(st.integers(0, DURATION_MAX_MS))
def test_milliseconds_survive_a_timedelta(milliseconds: int) -> None:
    assert to_ms(timedelta(milliseconds=milliseconds), "delay") == milliseconds
    assert to_ms(f"{milliseconds}ms", "delay") == milliseconds


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_instants_there_and_back(instant: datetime) -> None:
    milliseconds = instant_ms(instant, "at")
    back = to_datetime(milliseconds) or datetime(1970, 1, 1, tzinfo=UTC)
    assert timedelta(0) <= instant - back < timedelta(milliseconds=1)


def test_an_instant_needs_a_time_zone() -> None:
    with pytest.raises(InvalidArgument, match="time zone"):
        instant_ms(datetime(2030, 1, 1), "at")  # noqa: DTZ001
    with pytest.raises(InvalidArgument, match="expected a datetime"):
        instant_ms("tomorrow", "at")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="before 1970"):
        instant_ms(datetime(1960, 1, 1, tzinfo=UTC), "at")


def test_time_zones_count() -> None:
    east = timezone(timedelta(hours=5))
    assert instant_ms(datetime(2030, 1, 1, 5, tzinfo=east), "at") == instant_ms(
        datetime(2030, 1, 1, tzinfo=UTC), "at"
    )


def test_zero_means_not_set() -> None:
    assert to_datetime(0) is None
    assert to_timedelta(0) is None
    assert to_timedelta(1500) == timedelta(seconds=1.5)
