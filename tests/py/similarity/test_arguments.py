"""What is of a wrong type is refused as what is out of its range is: by the argument's name, in one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument
from khala_jobs.similarity import LabelledPairs, SimilarityIndex, calibrate

ok = np.ones((4, 3), np.float32)
masked = np.ma.masked_array(ok, mask=np.eye(4, 3))
pairs = similarity.find_pairs(ok, 0.9)


def values():
    """A generator, which has no length."""
    return (name for name in "abcd")


def joins(**arguments):
    """Every join of one matrix that knows the arguments."""
    return [
        lambda: similarity.find_pairs(ok, **{"threshold": 0.9, **arguments}),
        lambda: similarity.iter_pairs(ok, **{"threshold": 0.9, **arguments}),
        *(
            []
            if arguments.keys() & {"rotation", "copies"}
            else [
                lambda: similarity.find_pairs_in_blocks(
                    ok, checkpoint=None, **{"threshold": 0.9, **arguments}
                )
            ]
        ),
    ]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("threshold", "0.9", "is no cosine; the limits are -1 and 1"),
        ("threshold", None, "None is no cosine"),
        ("threshold", True, "True is no cosine"),
        ("threshold", [0.9], "is no cosine"),
        ("threshold", np.ones(2), "is no cosine"),
        ("threshold", 10**400, "is no cosine"),
        ("max_pairs", 1.5, "1.5 is no whole number; the limits are 0 and 2^63 - 1"),
        ("max_pairs", "1", "is no whole number"),
        ("max_pairs", True, "is no whole number"),
        ("max_pairs", -1, "-1; the lower limit is 0"),
        ("max_pairs", 2**70, "the upper limit is 2^63 - 1"),
        ("threads", 1.5, "is no whole number; the limits are 1 and 64"),
        ("threads", 2**40, "the upper limit is 64"),
        ("groups", values(), "expected a sequence of 4 values, got generator"),
        ("groups", 5, "got int"),
        ("groups", {1, 2, 3, 4}, "got set"),
        ("groups", np.ma.masked_array([1, 1, 2, 2], mask=[0, 1, 0, 0]), "is a masked array"),
        ("copies", "merge", "'merge' is none of expand, collapse"),
        ("copies", ["expand"], "is none of expand, collapse"),
        ("rotation", 5, "expected Rotation, got int"),
    ],
)
def test_every_join_refuses_it_when_called(field, value, expected):
    for join in joins(**{field: value}):
        with pytest.raises(InvalidArgument) as caught:
            join()
        assert caught.value.field == field
        assert expected in caught.value.message


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("vectors", lambda: similarity.iter_pairs(np.zeros((2, 2)), 0.9)),
        ("threshold", lambda: similarity.iter_pairs(ok, 2.0)),
        ("block_pairs", lambda: similarity.find_pairs_in_blocks(ok, 0.9, None, block_pairs=1.5)),
        ("ids", lambda: similarity.find_pairs(ok, 0.9, ids=values())),
        ("ids", lambda: similarity.find_pairs(ok, 0.9, ids={"a", "b", "c", "d"})),
        ("recall", lambda: similarity.find_pairs(ok, 0.9, mode="approximate", recall="x")),
        ("mode", lambda: similarity.find_pairs(ok, 0.9, mode=None)),
        ("faulty", lambda: similarity.find_pairs(ok, 0.9, faulty=["refuse"])),
        ("rotation", lambda: similarity.Corpus(ok, rotation=5)),
        ("threads", lambda: similarity.Corpus(ok, threads=1.5)),
        ("threshold", lambda: similarity.match(ok, ok, "0.9")),
        ("max_pairs", lambda: similarity.match(ok, ok, 0.9, max_pairs=2**70)),
        ("k", lambda: similarity.match(ok, ok, 0.9, k="a")),
        ("k", lambda: similarity.match(ok, ok, 0.9, k=1.5)),
        ("k", lambda: similarity.match(ok, ok, 0.9, k=2**70)),
        ("k", lambda: similarity.top_k(ok, ok, None)),
        ("k", lambda: similarity.top_k(ok, ok, 0)),
        (
            "query_groups",
            lambda: similarity.match(ok, ok, 0.9, query_groups=values(), corpus_groups=list("abcd")),
        ),
        ("pairs", lambda: similarity.cluster(5)),
        ("pairs", lambda: similarity.star_clusters(5, np.arange(4))),
        ("linkage", lambda: similarity.cluster(pairs, ["star"])),
        ("priority", lambda: similarity.cluster(pairs, priority=values())),
        ("threads", lambda: similarity.cluster(pairs, vectors=ok, threads=1.5)),
        ("labelled_pairs", lambda: calibrate([(1, 2)], "m")),
        ("labelled_pairs", lambda: calibrate(LabelledPairs(0.5, True), "m")),
        ("labelled_pairs", lambda: calibrate(LabelledPairs([[0.5], [0.5, 1]], [True, False]), "m")),
        ("labelled_pairs", lambda: calibrate(LabelledPairs(["x"], [True]), "m")),
        ("labelled_pairs", lambda: calibrate(LabelledPairs(masked[0], [True] * 3), "m")),
        ("false_merge_rate", lambda: calibrate(LabelledPairs([0.5], [True]), "m", false_merge_rate="x")),
        ("confidence", lambda: calibrate(LabelledPairs([0.5], [True]), "m", confidence=None)),
        ("lowest", lambda: calibrate(LabelledPairs([0.5], [True]), "m", lowest="x")),
        ("model_id", lambda: calibrate(LabelledPairs([0.5], [True]), None)),
        ("duplicate", lambda: LabelledPairs.of(ok, ok, [[True], [True, False]])),
    ],
)
def test_what_is_of_no_use_is_refused_by_name(field, call):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("vectors", lambda: similarity.find_pairs(masked, 0.9)),
        ("vectors", lambda: similarity.find_pairs(list(masked), 0.9)),
        ("queries", lambda: similarity.match(masked, ok, 0.9)),
        ("corpus", lambda: similarity.match(ok, masked, 0.9)),
        ("corpus", lambda: similarity.Corpus(masked)),
        ("vectors", lambda: SimilarityIndex(3).append(masked, list("abcd"))),
    ],
)
def test_masks_are_not_ignored(field, call):
    with pytest.raises(InvalidArgument, match="fill or drop the masked rows first") as caught:
        call()
    assert caught.value.field == field


def test_numbers_of_numpy_are_numbers():
    for threshold in (np.float32(0.5), np.float64(0.5), np.int8(1), np.array(0.5), 1):
        assert len(similarity.find_pairs(ok, threshold, max_pairs=np.int64(6), threads=np.uint8(1))) == 6
    assert len(similarity.top_k(ok, ok, np.int16(2))) == 8
    columns = SimpleNamespace(i=pairs.i, j=pairs.j, score=pairs.score)
    assert similarity.star_clusters(columns, np.arange(4)).canonical.tolist() == [0] * 4
