from __future__ import annotations

import numpy as np
import pytest

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    """Clusters so loose that cosines spread over the threshold, in a space that codes cannot hold whole."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(600, 300))
    rows = centres[rng.integers(len(centres), size=9000)] + 0.33 * rng.normal(size=(9000, 300))
    return rows.astype("f4")


def keys(pairs: similarity.Pairs) -> set[tuple[int, int]]:
    return set(zip(pairs.i.tolist(), pairs.j.tolist(), strict=True))


@pytest.mark.parametrize("recall", [0.9, 0.99])
def test_the_audit_holds_and_nothing_wrong_is_found(matrix, recall):
    exact = similarity.find_pairs(matrix, 0.9)
    found = similarity.find_pairs(matrix, 0.9, mode="approximate", recall=recall)
    assert exact.audit is None
    assert keys(found) <= keys(exact)
    true_recall = len(found) / len(exact)
    assert len(exact) > 10_000
    assert true_recall >= recall
    assert found.audit.low <= true_recall <= found.audit.high
    assert found.audit.low <= found.audit.recall <= found.audit.high
    assert found.audit.rows == 500
    assert found.audit.found <= found.audit.pairs
    assert found.audit.slack == found.certificate.plan["slack"] < 1


def test_less_recall_is_less_work(matrix):
    exact, found = (
        similarity.find_pairs(matrix, 0.9, mode=mode, recall=0.9) for mode in ("exact", "approximate")
    )
    assert found.certificate.candidates < exact.certificate.candidates


def test_groups_copies_and_faults_are_as_ever(matrix):
    rows = matrix[:6000].copy()
    rows[5000:] = rows[:1000]
    rows[7] = 0
    groups = np.random.default_rng(2).integers(0, 2, len(rows))
    for copies in ("expand", "collapse"):
        options = {"groups": groups, "copies": copies, "faulty": "quarantine"}
        exact = similarity.find_pairs(rows, 0.9, **options)
        found = similarity.find_pairs(rows, 0.9, mode="approximate", recall=0.95, **options)
        assert keys(found) <= keys(exact)
        assert [fault.row for fault in found.faults] == [7]
        assert found.audit.recall > 0.9
    with pytest.raises(InvalidArgument) as caught:
        similarity.find_pairs(rows, 0.9, mode="approximate")
    assert caught.value.field == "vectors"


@pytest.mark.parametrize("copies", ["collapse", "expand"])
def test_copies_of_a_row_prove_nothing(matrix, copies):
    """Pairs of copies are found with any slack: if they were counted, the rest could be missed."""
    rows = np.concatenate([matrix[:4000], np.repeat(matrix[:1], 1000, axis=0)])
    rows = rows[np.random.default_rng(4).permutation(len(rows))]
    exact, found = (
        similarity.find_pairs(rows, 0.9, copies=copies, mode=mode) for mode in ("exact", "approximate")
    )

    def of_distinct_rows(pairs: similarity.Pairs) -> set[tuple[int, int]]:
        own = exact.representative == np.arange(len(rows))
        both = own[pairs.i] & own[pairs.j]
        return set(zip(pairs.i[both].tolist(), pairs.j[both].tolist(), strict=True))

    wanted = of_distinct_rows(exact)
    true_recall = len(of_distinct_rows(found) & wanted) / len(wanted)
    assert len(wanted) > 5_000
    assert true_recall >= 0.99
    assert found.audit.rows == 500
    assert found.audit.pairs <= len(wanted)
    assert found.audit.low <= true_recall <= found.audit.high


def test_copies_cost_the_sample_nothing():
    rows = np.ones((50_000, 32), np.float32)
    rows[:50] = np.random.default_rng(5).normal(size=(50, 32))
    found = similarity.find_pairs(rows, 0.99, copies="collapse", mode="approximate", max_pairs=10)
    assert len(found) == 0
    assert found.audit.rows == 25


def test_more_pairs_than_allowed_end_in_the_sample(matrix):
    with pytest.raises(InvalidArgument, match=r"more than 100 pairs reach the threshold 0\.0") as caught:
        similarity.find_pairs(matrix, 0.0, mode="approximate", max_pairs=100)
    assert caught.value.field == "max_pairs"


def test_few_pairs_are_joined_exactly():
    rows = np.random.default_rng(3).normal(size=(300, 64)).astype("f4")
    found = similarity.find_pairs(rows, 0.9, mode="approximate")
    assert found.audit == similarity.Audit(150, 0, 0, 1.0, 0.0, 1.0, 1.0)
    assert len(similarity.find_pairs(rows[:0], 0.9, mode="approximate")) == 0


def test_what_is_asked_for_must_make_sense(matrix):
    for recall in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(InvalidArgument) as caught:
            similarity.find_pairs(matrix, 0.9, mode="approximate", recall=recall)
        assert caught.value.field == "recall"
    with pytest.raises(InvalidArgument) as caught:
        similarity.find_pairs(matrix, 0.9, mode="fast")
    assert caught.value.field == "mode"
    with pytest.raises(InvalidArgument) as caught:
        similarity.find_pairs(matrix, 9, mode="approximate")
    assert caught.value.field == "threshold"
