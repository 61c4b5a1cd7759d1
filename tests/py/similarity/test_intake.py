from __future__ import annotations

import array
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument
from khala_jobs.similarity import RowFault, read_vectors

floats = np.random.default_rng(1).normal(size=(6, 5))


class Lent:
    """An array known only by DLPack, as those of other libraries are."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Elsewhere:
    """An array on a device that cannot be read."""

    def __dlpack__(self, **_):
        raise BufferError("on a GPU")

    def __dlpack_device__(self):
        return (2, 0)


@pytest.mark.parametrize(
    "vectors",
    [
        floats,
        floats.astype(np.float32),
        floats.astype(">f4"),
        np.asfortranarray(floats),
        floats[::-1][::-1],
        Lent(floats),
        memoryview(floats),
        floats.tolist(),
        tuple(map(tuple, floats.tolist())),
        list(floats),
        list(floats.astype(np.float32)),
        [floats[0].tolist(), *floats[1:]],
        [array.array("d", row) for row in floats.tolist()],
        (row for row in floats.tolist()),
        json.dumps(floats.tolist()),
        json.dumps(floats.tolist()).encode(),
        bytearray(json.dumps(floats.tolist()).encode()),
        [json.dumps(row) for row in floats.tolist()],
        [json.dumps(row).encode() for row in floats.tolist()],
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_same_numbers_come_out_of_every_kind(vectors):
    read = read_vectors(vectors)
    assert read.matrix.dtype == np.float32
    assert read.matrix.flags.c_contiguous
    assert read.faults == ()
    assert read.matrix.tobytes() == floats.astype(np.float32).tobytes()


def test_contiguous_float32_is_not_copied():
    matrix = floats.astype(np.float32)
    assert np.shares_memory(read_vectors(matrix).matrix, matrix)
    assert np.shares_memory(read_vectors(memoryview(matrix)).matrix, matrix)
    assert np.shares_memory(read_vectors(Lent(matrix)).matrix, matrix)


def test_half_precision_is_exact():
    half = floats.astype(np.float16)
    assert (read_vectors(half).matrix == half).all()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.none()
        | st.lists(
            st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**40), 2**40) | st.just("x"),
            max_size=3,
        ),
        max_size=8,
    )
)
def test_lists_and_json_agree(rows):
    """One rule for the first row, lengths, missing rows and what is no number, wherever rows come from."""
    text = json.dumps(rows)
    read = read_vectors(rows, faulty="quarantine")
    assert all(
        other.matrix.tobytes() == read.matrix.tobytes() and other.faults == read.faults
        for other in (
            read_vectors(text, faulty="quarantine"),
            read_vectors(text.encode(), faulty="quarantine"),
            read_vectors([None if r is None else json.dumps(r) for r in rows], faulty="quarantine"),
        )
    )
    fits = [row for row, _ in enumerate(rows) if row not in {fault.row for fault in read.faults}]
    with np.errstate(over="ignore"):
        expected = [np.array(rows[row], np.float64).astype(np.float32).tolist() for row in fits]
    assert read.matrix[fits].tolist() == expected


def test_vectors_keep_their_places():
    vectors = [[1, 2], None, (3.0, 4.0, 5.0), [1e-3, 2], [0, 0], [1e300, 1], 7.0, ["a", 1], np.ones((2, 2))]
    with pytest.raises(
        InvalidArgument,
        match=r"vectors: 5 of 9 rows cannot be read as 2 numbers: row 1 \(missing\), row 2 \(wrong_length\)",
    ):
        read_vectors(vectors)
    faults = (
        RowFault(1, "missing"),
        RowFault(2, "wrong_length"),
        RowFault(6, "not_numbers"),
        RowFault(7, "not_numbers"),
        RowFault(8, "not_numbers"),
    )
    assert read_vectors(vectors, faulty="quarantine").faults == faults
    found = similarity.find_pairs([*vectors, [2, 4]], 0.99, faulty="quarantine")
    assert found.named() == [(0, 9, pytest.approx(1.0))]
    assert found.faults == tuple(
        sorted((*faults, RowFault(4, "zero_norm"), RowFault(5, "infinite")), key=lambda fault: fault.row)
    )


def test_a_stated_length_holds():
    assert read_vectors([[1, 2], [1, 2, 3]], dim=3, faulty="quarantine").faults == (
        RowFault(0, "wrong_length"),
    )
    assert read_vectors([np.ones(2), np.ones(2)], dim=3, faulty="quarantine").matrix.shape == (2, 3)
    assert read_vectors([], dim=5).matrix.shape == (0, 5)
    assert read_vectors([None], faulty="quarantine").matrix.shape == (1, 0)
    assert read_vectors(b"[]").matrix.shape == (0, 0)
    with pytest.raises(InvalidArgument, match="has 5 numbers a row; 4 are needed"):
        read_vectors(floats, dim=4)


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.ones((2, 2), np.int64), "got int64 of shape"),
        (np.ones(3), r"got float64 of shape \(3,\)"),
        (Elsewhere(), "cannot be read through DLPack: on a GPU"),
        (b"[[1, 2], [3", "is not a JSON array of arrays"),
        ("{}", "is not a JSON array of arrays"),
        (7, "expected an array or a sequence of vectors, got int"),
        (None, "got NoneType"),
        ([b"[1]", "[1, 2]"], r"row 1 \(wrong_length\)"),
        (["\ud800"], "lone surrogates"),
    ],
)
def test_what_is_no_vectors_is_refused_by_name(vectors, words):
    with pytest.raises(InvalidArgument, match=words) as caught:
        read_vectors(vectors, "queries")
    assert caught.value.field == "queries"


def test_faulty_is_one_of_two_words():
    with pytest.raises(InvalidArgument, match="'drop' is none of refuse, quarantine"):
        read_vectors(floats, faulty="drop")


def test_groups_may_be_anything_hashable():
    matrix = np.ones((6, 2), np.float32)
    as_text = similarity.find_pairs(matrix, 0.9, groups=["a", "a", None, "b", None, "b"])
    assert [pair[:2] for pair in as_text.named()] == [(0, 1), (2, 4), (3, 5)]
    for groups in (
        [(1, "x"), (1, "x"), 2, 3, 2, 3],
        np.array([9, 9, 2**40, -1, 2**40, -1]),
        np.array([1, 1, 0, 3, 0, 3], np.uint8),
        np.array(["a", "a", "", "b", "", "b"]),
    ):
        assert similarity.find_pairs(matrix, 0.9, groups=groups).i.tolist() == as_text.i.tolist()
    matches = similarity.match(
        matrix[:2], matrix[:3], 0.9, query_groups=["b", "a"], corpus_groups=["a", "b", "b"]
    )
    assert matches.query.tolist() == [0, 0, 1]
    assert matches.row.tolist() == [1, 2, 0]


def test_the_best_k_however_dissimilar():
    matrix = np.eye(4, dtype=np.float32)
    found = similarity.top_k(-matrix[:2], matrix, 2)
    assert found.query.tolist() == [0, 0, 1, 1]
    assert found.score.tolist() == [0.0, 0.0, 0.0, 0.0]
    assert len(similarity.top_k(matrix, matrix, 9)) == 16
