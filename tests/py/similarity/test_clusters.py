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
    stars = similarity.star_clusters(edges(rows), rank)
    assert stars.canonical.tolist() == slow_stars(rows, rank)
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


LINKAGES = ("star", "complete", "components")


def crowd(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    """Loose groups of rows, some of them copies."""
    centres = rng.normal(size=(max(1, rows // 12), dim))
    rows_ = centres[rng.integers(len(centres), size=rows)] + 0.4 * rng.normal(size=(rows, dim))
    distinct = rows_.astype(np.float32)
    return distinct[rng.integers(max(1, rows * 3 // 4), size=rows)]


@pytest.mark.parametrize("linkage", LINKAGES)
def test_copies_follow_their_row_whether_expanded_or_collapsed(linkage):
    rng = np.random.default_rng(4)
    matrix = crowd(rng, 400, 5)
    priority = rng.permutation(400)
    found = [
        similarity.cluster(
            similarity.find_pairs(matrix, 0.93, copies=copies), linkage, priority=priority, vectors=vectors
        )
        for copies in ("expand", "collapse")
        for vectors in (None, matrix)
    ]
    for other in found[1:]:
        assert other.canonical.tolist() == found[0].canonical.tolist()
        assert other.root.tolist() == found[0].root.tolist()
        assert other.size.tolist() == found[0].size.tolist()
        assert other.below.tolist() == found[0].below.tolist()
    for measured, counted in ((found[1], found[0]), (found[3], found[2])):
        known = ~np.isnan(counted.score)
        assert counted.score[known].tolist() == measured.score[known].tolist()
        whole = counted.below == 0
        assert whole.any()
        assert np.isnan(counted.min_score[~whole]).all()
        assert counted.min_score[whole].tolist() == measured.min_score[whole].tolist()
        assert not np.isnan(measured.score).any()
        assert not np.isnan(measured.min_score).any()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), linkage=st.sampled_from(LINKAGES))
def test_clusters_do_not_depend_on_the_order_of_rows(seed, linkage):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 80))
    matrix = crowd(rng, rows, 4)
    ids = [f"m{number}" for number in range(rows)]
    ages = rng.integers(0, 5, size=rows)  # many ties, decided by the ids
    reference = similarity.cluster(
        similarity.find_pairs(matrix, 0.7, ids=ids), linkage, priority=ages, vectors=matrix
    )
    order = rng.permutation(rows)
    moved = similarity.cluster(
        similarity.find_pairs(matrix[order], 0.7, ids=[ids[row] for row in order]),
        linkage,
        priority=ages[order],
        vectors=matrix[order],
    )
    assert order[moved.canonical].tolist() == reference.canonical[order].tolist()
    assert moved.score.tolist() == reference.score[order].tolist()
    facts = zip(reference.root, reference.size, reference.below, reference.min_score, strict=True)
    again = zip(order[moved.root], moved.size, moved.below, moved.min_score, strict=True)
    assert sorted(facts) == sorted(again)


def test_what_each_linkage_promises():
    matrix = crowd(np.random.default_rng(9), 300, 4)
    pairs = similarity.find_pairs(matrix, 0.8)
    near = {*zip(pairs.i.tolist(), pairs.j.tolist(), strict=True)}
    found = {linkage: similarity.cluster(pairs, linkage, vectors=matrix) for linkage in LINKAGES}
    assert all(clusters.certificate is pairs.certificate for clusters in found.values())
    assert (found["star"].score >= 0.8).all()
    assert found["complete"].below.sum() == 0
    assert (found["complete"].min_score >= 0.8).all()
    assert found["components"].below.max() > 0
    assert found["components"].min_score.min() < 0.5
    for linkage, clusters in found.items():
        assert len(clusters) == len(clusters.root) > 0
        for place, root in enumerate(clusters.root.tolist()):
            members = clusters.members(root)
            assert len(members) == clusters.size[place]
            if linkage != "star":  # a row may join a star that is later in line, but more similar
                assert members.min() == root
            inside = [(a, b) for a in members.tolist() for b in members.tolist() if a < b]
            assert clusters.below[place] == sum(pair not in near for pair in inside), linkage
    stars = set(found["star"].canonical.tolist())
    assert not any(i in stars and j in stars for i, j in near)


def test_a_chain_is_told_by_its_lowest_score():
    angles = np.arange(10) * 0.2
    matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pairs = similarity.find_pairs(matrix, 0.98)
    chain = similarity.cluster(pairs, "components")
    assert chain.size.tolist() == [10]
    assert chain.below.tolist() == [45 - 9]
    assert np.isnan(chain.min_score[0])
    assert np.isnan(chain.score[9])
    measured = similarity.cluster(pairs, "components", vectors=matrix)
    assert measured.min_score[0] == similarity.pair_scores(matrix, np.array([0]), np.array([9]))[0] < 0
    stars = similarity.cluster(pairs, priority=[abs(n - 4) + n / 10 for n in range(10)])
    assert stars.canonical.tolist() == [0, 1, 1, 4, 4, 4, 6, 6, 8, 8] or (stars.score >= 0.98).all()
    assert stars.size.max() == 3


def test_real_embeddings_chain_far_below_the_threshold(minilm):
    matrix = np.ascontiguousarray(minilm[:8000])
    pairs = similarity.find_pairs(matrix, 0.85)
    found = similarity.cluster(pairs, "components", vectors=matrix)
    assert found.min_score.min() < 0.85
    worst = int(np.argmin(found.min_score))
    members = found.members(found.root[worst])
    left, right = np.triu_indices(len(members), 1)
    assert similarity.pair_scores(matrix, members[left], members[right]).min() == found.min_score[worst]


pair = edges([(0, 1, 0.9)])
rank = np.arange(3)
eye = similarity.find_pairs(np.eye(2, dtype="f4"), 0.5)
named_twice = similarity.find_pairs(np.eye(2, dtype="f4"), 0.5, ids=["a", "a"])


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("rank", lambda: similarity.star_clusters(pair, np.zeros(3, np.int64))),
        ("rank", lambda: similarity.star_clusters(pair, rank.astype(np.int32))),
        ("pairs", lambda: similarity.star_clusters(edges([(0, 3, 0.9)]), rank)),
        ("pairs", lambda: similarity.star_clusters(edges([(-1, 1, 0.9)]), rank)),
        ("pairs", lambda: similarity.star_clusters(edges([(1, 1, 0.9)]), rank)),
        (
            "representative",
            lambda: similarity.star_clusters(pair, rank, representative=np.zeros(0, np.int64)),
        ),
        ("representative", lambda: similarity.star_clusters(pair, rank, representative=np.array([0, 0, 1]))),
        ("representative", lambda: similarity.star_clusters(eye, rank)),
        ("linkage", lambda: similarity.cluster(eye, "average")),
        ("priority", lambda: similarity.cluster(eye, priority=[1, 1])),
        ("priority", lambda: similarity.cluster(named_twice)),
        ("priority", lambda: similarity.cluster(eye, priority=[1, "a"])),
        ("priority", lambda: similarity.cluster(eye, priority=[1, 2, 3])),
        ("vectors", lambda: similarity.cluster(eye, vectors=np.eye(3, dtype="f4"))),
    ],
)
def test_what_has_no_answer_is_refused_by_name(field, call):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert caught.value.field == field
