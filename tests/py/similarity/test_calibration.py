from __future__ import annotations

import json
import math
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs.errors import InvalidArgument, SchemaMismatch, StoreCorrupt, StoreIO
from khala_jobs.similarity import (
    Calibration,
    CalibrationStore,
    LabelledPairs,
    calibrate,
    clopper_pearson,
    find_drift,
    pair_scores,
    random_pair_quantiles,
)
from khala_jobs.similarity.interval import binomial_tail, upper_bound


def slow_tail(successes: int, trials: int, share: float) -> float:
    """P(X >= successes) by summing what it is the sum of."""
    return math.fsum(
        math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(successes, trials + 1)
    )


@settings(max_examples=200, deadline=None)
@given(trials=st.integers(0, 60), part=st.floats(0, 1), share=st.floats(0, 1))
def test_the_tail_is_the_sum_of_its_terms(trials, part, share):
    successes = round(part * trials)
    expected = slow_tail(successes, trials, share)
    assert binomial_tail(successes, trials, share) == pytest.approx(expected, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize(
    ("successes", "trials", "confidence", "low", "high"),
    [  # of closed form: 1 - (alpha/2)^(1/n), and tables of Clopper and Pearson
        (0, 10, 0.95, 0.0, 1 - 0.025 ** (1 / 10)),
        (10, 10, 0.95, 0.025 ** (1 / 10), 1.0),
        (0, 0, 0.95, 0.0, 1.0),
        (1, 10, 0.95, 0.002529, 0.445016),
        (5, 10, 0.95, 0.187086, 0.812914),
    ],
)
def test_intervals(successes, trials, confidence, low, high):
    assert clopper_pearson(successes, trials, confidence) == pytest.approx((low, high), abs=2e-5)


@settings(max_examples=50, deadline=None)
@given(trials=st.integers(1, 40), share=st.floats(0.01, 0.99), confidence=st.sampled_from([0.8, 0.95]))
def test_intervals_hold_the_true_share_as_often_as_they_say(trials, share, confidence):
    inside = one_sided = 0.0
    for successes in range(trials + 1):
        chance = math.comb(trials, successes) * share**successes * (1 - share) ** (trials - successes)
        low, high = clopper_pearson(successes, trials, confidence)
        inside += chance * (low <= share <= high)
        one_sided += chance * (share <= upper_bound(successes, trials, confidence))
    assert inside >= confidence - 1e-9
    assert one_sided >= confidence - 1e-9


@pytest.mark.parametrize(
    ("successes", "trials", "confidence"), [(-1, 3, 0.9), (4, 3, 0.9), (1, 3, 1.0), (1, 3, 0.0)]
)
def test_no_interval_of_what_is_no_count(successes, trials, confidence):
    with pytest.raises(InvalidArgument):
        clopper_pearson(successes, trials, confidence)


def sample(rng: np.random.Generator, count: int = 4000) -> LabelledPairs:
    """Scores whose true false-merge rate at t is 1 - t for different pairs."""
    duplicate = rng.random(count) < 0.3
    score = np.where(duplicate, rng.beta(8, 2, count), rng.random(count))
    return LabelledPairs(score, duplicate)


@pytest.mark.timeout(600)  # 18 s, and many times that where lines are traced
def test_the_true_rate_is_within_the_stated_one_as_often_as_stated():
    """Different pairs score uniformly on 0..1, so the true rate at t is 1 - t: hold 400 calibrations to it."""
    rng = np.random.default_rng(1)
    kept = [
        1 - calibrate(sample(rng, 800), "m", false_merge_rate=0.05, confidence=0.9).threshold <= 0.05
        for _ in range(400)
    ]
    low, high = clopper_pearson(sum(kept), len(kept), 0.999)
    assert high >= 0.9
    assert sum(kept) / len(kept) <= 0.99, "a bound that is never broken says less than it could"
    assert low > 0.8


def test_what_a_calibration_says_is_so():
    pairs = sample(np.random.default_rng(2))
    found = calibrate(pairs, "mini", false_merge_rate=0.02, confidence=0.95)
    merged = pairs.score >= found.threshold
    assert found.false_merges == (merged & ~pairs.duplicate).sum()
    assert found.different == (~pairs.duplicate).sum()
    assert found.found == (merged & pairs.duplicate).sum()
    assert upper_bound(found.false_merges, found.different, 0.95) <= 0.02
    assert upper_bound(found.false_merges + 1, found.different, 0.95) > 0.02, "the lowest such threshold"
    assert found.false_merge_interval == clopper_pearson(found.false_merges, found.different, 0.95)
    assert found.found_interval == clopper_pearson(found.found, found.duplicates, 0.95)
    assert [point.threshold for point in found.roc] == sorted({point.threshold for point in found.roc})
    at = next(point for point in found.roc if point.threshold == found.threshold)
    assert at.false_merge_rate == found.false_merges / found.different
    assert at.found == found.found / found.duplicates
    assert at.precision == found.found / (found.found + found.false_merges)
    rates = [point.false_merge_rate for point in found.roc]
    assert rates == sorted(rates, reverse=True)
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))).to_json() == found.to_json()


def test_what_a_guard_stops_is_no_false_merge():
    pairs = sample(np.random.default_rng(3))
    stopped = pairs.score > 0.9
    guarded = LabelledPairs(pairs.score, pairs.duplicate, pairs.duplicate | ~stopped)
    assert calibrate(guarded, "m").threshold < calibrate(pairs, "m").threshold
    everything = LabelledPairs(pairs.score, pairs.duplicate, pairs.duplicate)
    found = calibrate(everything, "m")
    assert found.false_merges == 0
    assert found.found == (pairs.duplicate & (pairs.score >= 0.5)).sum()
    assert found.threshold == 0.5
    assert calibrate(everything, "m", lowest=0.7).threshold == 0.7


def labelled(score: object, duplicate: object, **options: object) -> Calibration:
    return calibrate(LabelledPairs(np.asarray(score, float), np.asarray(duplicate, bool)), "m", **options)


@pytest.mark.parametrize(
    ("field", "words", "call"),
    [
        ("labelled_pairs", "takes 299", lambda: labelled(np.zeros(298), np.zeros(298, bool))),
        ("labelled_pairs", "0 pairs labelled different", lambda: labelled(np.ones(9), np.ones(9, bool))),
        ("labelled_pairs", "no threshold", lambda: labelled(np.ones(400), np.zeros(400, bool))),
        ("labelled_pairs", "shapes", lambda: labelled(np.ones(400), np.zeros(399, bool))),
        ("labelled_pairs", "score 1 is not", lambda: labelled(np.array([0, np.nan]), np.zeros(2, bool))),
        ("false_merge_rate", "is not between", lambda: labelled([0], [0], false_merge_rate=0)),
        ("lowest", "is no cosine", lambda: labelled([0], [0], lowest=2.0)),
        ("confidence", "is not between", lambda: labelled([0], [0], confidence=1.0)),
        ("right", "shape", lambda: LabelledPairs.of(np.ones((2, 3)), np.ones((2, 4)), [True, False])),
        ("vectors", "100 are needed", lambda: random_pair_quantiles(np.ones((99, 3)))),
    ],
)  # fmt: skip
def test_what_cannot_be_calibrated_is_refused_by_name(field, words, call):
    with pytest.raises(InvalidArgument, match=words) as caught:
        call()
    assert caught.value.field == field


def test_pairs_of_vectors_have_the_scores_of_joins():
    rng = np.random.default_rng(5)
    left, right = rng.normal(size=(2, 20, 7)).astype(np.float32)
    pairs = LabelledPairs.of(left, right, [True] * 20, [False] * 20)
    both = np.concatenate([left, right])
    assert pairs.score.tolist() == pair_scores(both, np.arange(20), np.arange(20, 40)).tolist()
    assert pairs.duplicate.all()
    assert not pairs.eligible.any()


def cone(rng: np.random.Generator, count: int, lean: float) -> np.ndarray:
    return (lean + rng.normal(size=(count, 64))).astype(np.float32)


def test_drift_is_told_from_chance():
    rng = np.random.default_rng(6)
    baseline = random_pair_quantiles(cone(rng, 5000, 0.3))
    alarms = [find_drift(baseline, cone(rng, 600, 0.3)).alarm for _ in range(60)]
    assert not any(alarms)
    moved = find_drift(baseline, cone(rng, 5000, 0.8))
    assert moved.alarm
    assert moved.now > moved.before + 0.1
    narrower = find_drift(baseline, np.repeat(cone(rng, 5000, 0.3)[:, :8], 8, axis=1))
    assert narrower.alarm
    with_faults = cone(rng, 600, 0.3)
    with_faults[:50] = np.nan
    with_faults[50:80] = 0
    assert not find_drift(baseline, with_faults).alarm


def test_quantiles_hold_the_true_ones():
    rng = np.random.default_rng(7)
    truth = np.quantile(
        pair_scores(cone(rng, 40_000, 0.3), np.arange(20_000), np.arange(20_000, 40_000)), 0.95
    )
    for _ in range(20):
        (found,) = (q for q in random_pair_quantiles(cone(rng, 2000, 0.3)) if q.level == 0.95)
        assert found.low <= truth <= found.high


def test_a_store_keeps_one_a_model(tmp_path):
    store = CalibrationStore(tmp_path / "calibration.json")
    assert store.get("m") is None
    assert store.get(None) is None
    assert store.models() == []
    rng = np.random.default_rng(8)
    first = calibrate(sample(rng), "m", vectors=cone(rng, 300, 0.3))
    second = calibrate(sample(rng), "m")
    other = calibrate(sample(rng), "n")
    for calibration in (first, other, second):
        store.put(calibration)
    again = CalibrationStore(store.path)
    assert again.models() == ["m", "n"]
    assert again.get("m").to_json() == second.to_json()
    store.put(first)
    assert again.get("m").baseline == first.baseline
    assert {path.name for path in tmp_path.iterdir()} == {"calibration.json", "calibration.json-lock"}


def put(path: Path, number: int) -> None:
    store = CalibrationStore(path)
    for turn in range(5):
        store.put(calibrate(sample(np.random.default_rng(number)), f"m{number}-{turn}"))


def test_two_processes_lose_nothing(tmp_path):
    path = tmp_path / "calibration.json"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=put, args=(path, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(CalibrationStore(path).models()) == 10


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("{", StoreCorrupt, "is no JSON"),
        ("[]", SchemaMismatch, "is not a file of calibrations"),
        ('{"format": "khala_jobs calibration", "version": 2}', SchemaMismatch, "has version 2"),
        (
            '{"format": "khala_jobs calibration", "version": 1, "models": {"m": {}}}',
            StoreCorrupt,
            "is damaged",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, text, error, words):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(error, match=words):
        CalibrationStore(path).get("m")


def test_what_the_system_refuses_is_told(tmp_path):
    with pytest.raises(StoreIO):
        CalibrationStore(tmp_path).get("m")
    with pytest.raises(StoreIO):
        CalibrationStore(tmp_path / "none" / "c.json").put(calibrate(sample(np.random.default_rng(1)), "m"))
