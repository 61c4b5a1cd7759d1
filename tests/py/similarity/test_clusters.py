from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument


def edges(rows: list[tuple[int, int, float]]) -> SimpleNamespace:
    return SimpleNamespace(
        i=np.array([left for left, _, _ in rows], np.int64),
        j=np.array([right for _, right, _ in rows], np.int64),
        score=np.array([cosine for _, _, cosine in rows], np.float64),
    )


def slow_stars(rows: list[tuple[int, int, float]], rank: np.ndarray) -> list[int]:
    """The definition: walk in order of rank; whoever has no canonical neighbour becomes canonical."""
    near = {(a, b): c for left, right, c in rows for a, b in ((left, right), (right, left))}
    canonical: list[int] = []
    for row in np.argsort(rank).tolist():
        if not any((row, other) in near for other in canonical):
            canonical.append(row)
    return [
        row
        if row in canonical
        else max((c for c in canonical if (row, c) in near), key=lambda c: (near[row, c], -rank[c]))
        for row in range(len(rank))
    ]


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 14))
    pairs = draw(
        st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1]))
    )
    cosines = [draw(st.sampled_from([0.9, 0.95, 1.0])) for _ in pairs]
    rank = np.array(draw(st.permutations(range(n))), np.int64)
    return [(left, right, c) for (left, right), c in zip(pairs, cosines, strict=True)], rank


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_stars_equal_their_definition(graph):
    rows, rank = graph
    stars = similarity.star_clusters(edges(rows), rank, len(rank))
    assert stars.canonical.tolist() == slow_stars(rows, rank)
    assert stars.cluster_count == len(set(stars.canonical.tolist()))
    near = {(a, b): c for left, right, c in rows for a, b in ((left, right), (right, left))}
    for row, (star, cosine) in enumerate(zip(stars.canonical.tolist(), stars.score.tolist(), strict=True)):
        assert cosine == (1.0 if row == star else near[row, star])


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_stars_do_not_depend_on_the_numbering(graph, random):
    rows, rank = graph
    stars = similarity.star_clusters(edges(rows), rank)
    place = list(range(len(rank)))
    random.shuffle(place)
    moved = [(place[right], place[left], c) for left, right, c in rows]
    random.shuffle(moved)
    moved_rank = np.empty_like(rank)
    moved_rank[place] = rank
    again = similarity.star_clusters(edges(moved), moved_rank)
    assert again.canonical[place].tolist() == [place[star] for star in stars.canonical.tolist()]


def test_copies_follow_their_row_whether_expanded_or_collapsed():
    rng = np.random.default_rng(4)
    distinct = rng.normal(size=(60, 4)).astype(np.float32)
    matrix = distinct[rng.integers(60, size=500)]
    rank = rng.permutation(500).astype(np.int64)
    expanded = similarity.star_clusters(similarity.find_pairs(matrix, 0.8), rank)
    collapsed = similarity.star_clusters(similarity.find_pairs(matrix, 0.8, copies="collapse"), rank)
    assert expanded.canonical.tolist() == collapsed.canonical.tolist()
    assert expanded.score.tolist() == collapsed.score.tolist()
    assert expanded.cluster_count == collapsed.cluster_count < 60


def test_chains_are_cut_by_stars_and_shown_by_components():
    """Unit vectors ten degrees apart: each is near its neighbours only, all are one component."""
    angles = np.deg2rad(np.arange(0, 100, 10))
    matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pairs = similarity.find_pairs(matrix, 0.98)
    assert len(pairs) == 9
    stars = similarity.star_clusters(pairs, np.arange(10))
    assert stars.canonical.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
    assert stars.score.min() >= 0.98
    found = similarity.components(matrix, pairs, threads=2)
    assert found.label.tolist() == [0] * 10
    assert found.size.tolist() == [10]
    assert found.min_score[0] == pytest.approx(0.0, abs=1e-6)
    assert found.min_score[0] == similarity.pair_scores(matrix, np.array([0]), np.array([9]))[0]


def test_components_of_real_embeddings_chain(minilm):
    matrix = np.ascontiguousarray(minilm[:6000])
    pairs = similarity.find_pairs(matrix, 0.85)
    found = similarity.components(matrix, pairs)
    assert found.min_score.min() < 0.85
    worst = int(np.argmin(found.min_score))
    members = np.flatnonzero(found.label == found.root[worst])
    left, right = np.triu_indices(len(members), 1)
    assert similarity.pair_scores(matrix, members[left], members[right]).min() == found.min_score[worst]


pair = edges([(0, 1, 0.9)])
pairs_of_two = similarity.find_pairs(np.eye(2, dtype="f4"), 0.5)
rank = np.arange(3)


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("priority", lambda: similarity.star_clusters(pair, np.zeros(3, np.int64))),
        ("priority", lambda: similarity.star_clusters(pair, rank.astype(np.int32))),
        ("priority", lambda: similarity.star_clusters(pair, rank, 4)),
        ("pairs", lambda: similarity.star_clusters(edges([(0, 3, 0.9)]), rank)),
        ("pairs", lambda: similarity.star_clusters(edges([(-1, 1, 0.9)]), rank)),
        ("pairs", lambda: similarity.star_clusters(edges([(1, 1, 0.9)]), rank)),
        (
            "representative",
            lambda: similarity.star_clusters(pair, rank, representative=np.zeros(0, np.int64)),
        ),
        ("representative", lambda: similarity.star_clusters(pair, rank, representative=np.array([0, 0, 1]))),
        ("representative", lambda: similarity.star_clusters(pairs_of_two, rank)),
    ],
)
def test_what_has_no_answer_is_refused_by_name(field, call):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert caught.value.field == field
