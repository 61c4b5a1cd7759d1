"""The quality bench: what it counts, and the ways to cluster that it writes itself."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from khala_jobs import similarity
from similarity import quality
from similarity.quality_data import PairSet, TextSet


def crowd(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count // 6 + 1, 8))
    loose = centres[rng.integers(len(centres), size=count)] + 0.35 * rng.normal(size=(count, 8))
    return (loose / np.linalg.norm(loose, axis=1, keepdims=True)).astype(np.float32)


def pairs_of(*labels: np.ndarray) -> set[tuple[int, int]]:
    return {
        (i, j)
        for i, j in combinations(range(len(labels[0])), 2)
        if all(label[i] == label[j] for label in labels)
    }


def test_pairs_inside_are_counted():
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 5, size=(2, 40))
    assert quality._inner(one) == len(pairs_of(one))
    assert quality._inner(one, two) == len(pairs_of(one, two))
    assert (quality._canonical(one) == [np.argmax(one == label) for label in one]).all()


def test_greedy_follows_the_first_kept_one():
    rows = crowd(2, 60)
    label = quality._first_seen(rows, [], 0.8)
    expected: list[int] = []
    kept: list[int] = []
    for row in range(len(rows)):
        near = [k for k in kept if similarity.pair_scores(rows, np.array([k]), np.array([row]))[0] >= 0.8]
        expected.append(near[0] if near else row)
        kept += [] if near else [row]
    assert label.tolist() == expected


def test_communities_are_neighbourhoods_largest_first():
    rows = crowd(3, 60)
    label = quality._community(rows, [], 0.8)
    found = similarity.find_pairs(rows, 0.8)
    near = {*zip(found.i.tolist(), found.j.tolist(), strict=True)}
    size = [1 + sum(row in pair for pair in near) for row in range(len(rows))]
    largest = int(np.argmax(size))
    assert (label == largest).sum() == size[largest]
    for row, root in enumerate(label.tolist()):
        assert row == root or (min(row, root), max(row, root)) in near


@pytest.mark.parametrize("name", ["stars (ours, default)", "complete links (ours)", "connected components"])
def test_ours_are_the_same_in_any_order(name):
    rows = crowd(4, 80)
    data = TextSet("toy", [f"text {row}" for row in range(80)], rows, np.arange(80) % 7)
    (row,) = quality.cluster_rows(data, 0.8, {name: quality.METHODS[name][0]})
    assert row[8] == "1.0000"
    label = quality.METHODS[name][0](rows, data.texts, 0.8)
    inside = pairs_of(label)
    wrong = sum(data.label[i] != data.label[j] for i, j in inside)
    assert row[5] == f"{wrong / len(inside):.3f}"


def test_greedy_is_not():
    rows = crowd(4, 80)
    data = TextSet("toy", [f"text {row}" for row in range(80)], rows, np.arange(80) % 7)
    (row,) = quality.cluster_rows(data, 0.8, {"greedy": quality._first_seen})
    assert float(row[8]) < 1.0


def test_pairs_are_counted_with_the_guard_and_without():
    rng = np.random.default_rng(5)
    left = rng.normal(size=(800, 8)).astype(np.float32)
    duplicate = rng.random(800) < 0.5
    right = np.where(duplicate[:, None], left + 0.1, rng.normal(size=(800, 8))).astype(np.float32)
    texts = [f"I have {row} dogs." for row in range(800)]
    data = PairSet("toy", texts, texts[::-1], left, right, duplicate)
    rows = list(quality.pair_rows(data))
    assert [row[1] for row in rows] == ["no"] * 4 + ["yes"] * 4 + ["no", "yes"]
    by_hand = similarity.LabelledPairs.of(left, right, duplicate)
    merged = by_hand.score >= 0.9
    assert rows[1][3] == f"{(merged & duplicate).sum() / duplicate.sum():.3f}"
    assert rows[5][3] == "0.000", "texts that differ in a number are never merged"
