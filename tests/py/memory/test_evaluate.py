"""Measuring a run against the truth, on examples small enough to count by hand."""

from __future__ import annotations

import json

import pytest

from khala_jobs.memory.corpus_truth import ForbiddenPair, Truth
from khala_jobs.memory.evaluate import evaluate

TRUTH = Truth(
    as_of="2025-06-01T12:00:00Z",
    duplicate_groups=(("a1", "a2", "a3"), ("b1", "b2")),
    forbidden=(ForbiddenPair("x", "y", "negation", "conflict"), ForbiddenPair("b1", "z", "number", "update")),
    promoted={"p": "long_term", "q": "short_term"},
    archived=("r", "s"),
    expired=("t",),
    pinned=(),
    counts={},
)


def test_nothing_done() -> None:
    found = evaluate(TRUTH, [])
    assert (found.precision, found.recall, found.pair_precision, found.pair_recall) == (1.0, 0.0, 1.0, 0.0)
    assert found.groups == {"whole": 0, "partly": 0, "untouched": 2}
    assert (found.review_count, found.review_precision) == (0, 1.0)
    assert found.promoted is None


def test_everything_right() -> None:
    found = evaluate(TRUTH, [("a1", "a2"), ("a1", "a3"), ("b2", "b1")], [("y", "x"), ("b1", "z")])
    assert (found.merged_count, found.correct_count, found.copy_count) == (3, 3, 3)
    assert (found.precision, found.recall, found.pair_precision, found.pair_recall) == (1.0, 1.0, 1.0, 1.0)
    assert found.groups == {"whole": 2, "partly": 0, "untouched": 0}
    assert found.impure_clusters == 0
    assert found.false_merges == ()
    assert (found.forbidden_count, found.forbidden_merged, found.forbidden_reviewed) == (2, 0, 2)
    assert found.review_precision == 1.0


def test_false_merges_are_named_with_their_family() -> None:
    found = evaluate(TRUTH, [("a1", "a2"), ("y", "x"), ("b1", "n")])
    assert [(m.canonical, m.duplicate, m.family) for m in found.false_merges] == [
        ("y", "x", "negation"),
        ("b1", "n", "other"),
    ]
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1 / 3)
    assert found.forbidden_merged == 1
    assert found.impure_clusters == 2
    assert found.groups == {"whole": 0, "partly": 1, "untouched": 1}


def test_chains_of_merges_are_one_cluster() -> None:
    found = evaluate(TRUTH, [("a1", "a2"), ("a2", "a3"), ("a3", "z"), ("z", "b1")])
    assert found.pair_precision == pytest.approx(3 / 10)
    assert found.pair_recall == pytest.approx(3 / 4)
    assert found.impure_clusters == 1
    # Two memories that say different things ended together although no single merge joined them.
    assert found.forbidden_merged == 1


def test_copies_merged_across_groups_do_not_count_as_recall() -> None:
    found = evaluate(TRUTH, [("b1", "a1"), ("b2", "a2")])
    assert (found.precision, found.recall) == (0.0, 0.0)


def test_questions_about_true_duplicates_are_counted() -> None:
    found = evaluate(TRUTH, [], [("a1", "a2"), ("a2", "a1"), ("x", "y"), ("n", "m")])
    assert (found.review_count, found.review_duplicates, found.forbidden_reviewed) == (3, 1, 1)
    assert found.review_precision == pytest.approx(2 / 3)


def test_rule_decisions_are_compared_as_sets() -> None:
    found = evaluate(
        TRUTH, [], promoted={"p": "long_term", "q": "long_term"}, archived={"r", "u"}, expired=["t"]
    )
    assert found.promoted is not None
    assert not found.promoted.exact
    assert (found.promoted.missing, found.promoted.unexpected) == (("q",), ("q",))
    assert found.archived is not None
    assert (found.archived.missing, found.archived.unexpected) == (("s",), ("u",))
    assert found.expired is not None
    assert found.expired.exact
    assert (found.expired.expected_count, found.expired.found_count) == (1, 1)


def test_the_figures_go_into_a_report() -> None:
    body = json.loads(json.dumps(evaluate(TRUTH, [("x", "y")], archived=["r"]).to_json()))
    assert body["false_merges"] == [{"canonical": "x", "duplicate": "y", "family": "negation"}]
    assert body["archived"]["missing"] == ["s"]
