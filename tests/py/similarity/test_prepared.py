from __future__ import annotations

import numpy as np
import pytest

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument


def rows(seed: int, count: int, dim: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count // 10 + 1, dim))
    return (centres[rng.integers(len(centres), size=count)] + 0.2 * rng.normal(size=(count, dim))).astype(
        "f4"
    )


def test_a_rotation_that_was_kept_changes_no_answer():
    matrix = rows(1, 10_000)
    fitted = similarity.fit_rotation(matrix)
    assert fitted.directions.shape == (96, 96)
    assert fitted.centre.shape == (96,)
    kept = similarity.Rotation(fitted.directions.copy(), fitted.centre.copy())
    expected = similarity.find_pairs(matrix, 0.9)
    for rotation in (fitted, kept, similarity.fit_rotation(rows(2, 500))):
        found = similarity.find_pairs(matrix, 0.9, rotation=rotation)
        assert found.certificate.set_hash == expected.certificate.set_hash
        assert found.certificate.plan["method"] == "codes"
    assert expected.certificate.pairs > 100


def test_rotations_that_are_none_are_refused():
    matrix = rows(1, 200)
    fitted = similarity.fit_rotation(matrix)
    for directions, centre in (
        (fitted.directions * 2, fitted.centre),
        (fitted.directions[:, :5], fitted.centre),
        (fitted.directions, fitted.centre + np.float32(9)),
    ):
        broken = similarity.Rotation(np.ascontiguousarray(directions), centre)
        with pytest.raises(InvalidArgument) as caught:
            similarity.find_pairs(matrix, 0.9, rotation=broken)
        assert caught.value.field == "rotation"
    with pytest.raises(InvalidArgument, match="made for 96 columns, and these rows have 4"):
        similarity.find_pairs(rows(1, 50, 4), 0.9, rotation=fitted)
    with pytest.raises(InvalidArgument) as caught:
        similarity.fit_rotation(np.empty((0, 3), np.float32))
    assert caught.value.field == "vectors"


def test_a_corpus_answers_as_its_vectors_do():
    matrix, queries = rows(1, 3000), rows(1, 3000)[::60] + np.float32(0.01)
    corpus = similarity.Corpus(matrix, rotation=similarity.fit_rotation(matrix))
    assert len(corpus) == 3000
    assert corpus.vectors is matrix
    for k in (None, 3):
        expected = similarity.match(queries, matrix, 0.8, k=k)
        found = similarity.match(queries, corpus, 0.8, k=k)
        assert found.query.tolist() == expected.query.tolist()
        assert found.row.tolist() == expected.row.tolist()
        assert found.score.tobytes() == expected.score.tobytes()
        assert len(found) > 0


def test_a_corpus_lists_its_faults_and_has_no_groups():
    matrix = rows(1, 30)
    matrix[7] = 0
    with pytest.raises(InvalidArgument) as caught:
        similarity.Corpus(matrix)
    assert caught.value.field == "corpus"
    corpus = similarity.Corpus(matrix, faulty="quarantine")
    assert [fault.row for fault in corpus.faults] == [7]
    assert [fault.row for fault in similarity.match(matrix[:2], corpus, 0.9).corpus_faults] == [7]
    for name in ("query_groups", "corpus_groups"):
        with pytest.raises(InvalidArgument) as caught:
            similarity.match(matrix[:2], corpus, 0.9, **{name: [1, 1]})
        assert caught.value.field == name


@pytest.mark.parametrize("copies", ["expand", "collapse"])
def test_pieces_hold_every_pair_once(copies):
    matrix = rows(3, 40_000, 8)
    matrix[-500:] = matrix[:500]
    groups = np.random.default_rng(1).integers(0, 20, len(matrix))
    expected = similarity.find_pairs(matrix, 0.97, groups=groups, copies=copies)
    pieces = list(similarity.iter_pairs(matrix, 0.97, groups=groups, copies=copies))
    assert len(pieces) > 1
    assert sum(len(piece) for piece in pieces) == len(expected) > 100
    i, j = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in "ij")
    assert similarity.pair_set_hash(i, j) == expected.certificate.set_hash
    assert sum(piece.certificate.pairs_evaluated for piece in pieces) == expected.certificate.pairs_evaluated


def test_the_limit_of_pieces_is_one_piece():
    matrix = np.ones((40, 2), np.float32) + np.arange(40, dtype=np.float32)[:, None] * np.float32([0, 1e-4])
    assert sum(len(piece) for piece in similarity.iter_pairs(matrix, 0.5, max_pairs=780)) == 780
    with pytest.raises(InvalidArgument, match="more than 779 pairs"):
        list(similarity.iter_pairs(matrix, 0.5, max_pairs=779))
    assert [len(piece) for piece in similarity.iter_pairs(matrix[:0], 0.5)] == [0]
