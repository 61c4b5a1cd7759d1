from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs.errors import InvalidArgument
from khala_jobs.memory.decay import accessed_half_lives, decay_scores

importances = st.floats(0, 1)
ages = st.floats(0, 1e5)
half_lives = st.floats(1e-3, 1e4)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(importances, ages, half_lives), min_size=1, max_size=50))
def test_khala_compat_has_the_bits_of_khalas_own_python(rows):
    """KHALA: DecayScore.calculate = min(importance * math.exp(-age_days / half_life_days), 1.0)."""
    importance, age, half_life = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    scores = decay_scores(importance, age, half_life).score.tolist()
    assert scores == [min(i * math.exp(-a / h), 1.0) for i, a, h in rows]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(importances, ages, half_lives), min_size=1, max_size=50))
def test_half_life_has_the_bits_of_exp2(rows):
    importance, age, half_life = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    scores = decay_scores(importance, age, half_life, "half_life").score.tolist()
    assert scores == [min(i * math.exp2(-a / h), 1.0) for i, a, h in rows]


def test_what_is_left_after_one_half_life():
    one = np.array([1.0])
    month = np.array([30.0])
    assert decay_scores(one, month, month).score[0] == pytest.approx(0.3679, abs=1e-4)
    assert decay_scores(one, month, month, "half_life").score[0] == 0.5


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.5, 7.0, 30.0, 90.0]), st.integers(0, 10**9)), min_size=1))
def test_accessed_half_lives_have_the_bits_of_khalas_own_python(rows):
    """KHALA: TemporalAnalysisService.calculate_decay_score."""
    base = np.array([b for b, _ in rows], np.float64)
    count = np.array([n for _, n in rows], np.int64)
    expected = [b * (1.0 + math.log(n + 1) * 0.5) for b, n in rows]
    assert accessed_half_lives(base, count).tolist() == expected


def test_doubtful_ages_count_as_zero_and_are_counted():
    importance = np.full(4, 0.8)
    age = np.array([-3.0, np.nan, 0.0, -np.inf])
    decay = decay_scores(importance, age, np.ones(4))
    assert decay.score.tolist() == [0.8] * 4
    assert (decay.future_count, decay.unknown_count) == (2, 1)


def test_no_rows_have_no_scores():
    nothing = np.empty(0)
    decay = decay_scores(nothing, nothing, nothing)
    assert len(decay.score) == 0


ok = np.ones(3)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("importance", {"importance": np.array([0.5, np.nan, 1])}),
        ("importance", {"importance": np.array([0.5, -0.5, 1])}),
        ("importance", {"importance": ok.astype(np.float32)}),
        ("age", {"age": np.ones(2)}),
        ("age", {"age": np.ones(6)[::2]}),
        ("half_life", {"half_life": np.array([1, 0.0, 1])}),
        ("half_life", {"half_life": np.array([1, np.inf, 1])}),
        ("half_life", {"half_life": 30.0}),
        ("model", {"model": "linear"}),
    ],
)
def test_bad_columns_are_refused_by_name(field, arguments):
    with pytest.raises(InvalidArgument) as caught:
        decay_scores(**{"importance": ok, "age": ok, "half_life": ok, **arguments})
    assert caught.value.field == field
