from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from khala_jobs._core import Error as CoreError

from khala_jobs import errors, vec
from khala_jobs.errors import InvalidArgument


def test_check_rows_names_what_cannot_be_compared():
    matrix = np.array([[3, 4], [0, 0], [np.nan, np.inf], [np.inf, 0]], np.float32)
    check = vec.check_rows(matrix)
    assert check.norms.tolist() == [5.0, 0.0, 0.0, 0.0]
    assert check.faults == (
        vec.RowFault(1, "zero_norm"),
        vec.RowFault(2, "nan"),
        vec.RowFault(3, "infinite"),
    )


def test_pack_rows_keeps_the_places_of_what_fits():
    vectors = [
        [1, 2],
        None,
        (3.0, 4.0, 5.0),
        np.array([1e-3, 2], np.float64),
        [0, 0],
        [1e300, 1],
        7.0,
        [5, 6],
    ]
    packed = vec.pack_rows(vectors)
    assert packed.matrix.tolist() == [[1, 2], [np.float32(1e-3), 2], [5, 6]]
    assert packed.matrix.dtype == np.float32
    assert packed.matrix.flags.c_contiguous
    assert packed.rows.tolist() == [0, 3, 7]
    assert packed.faults == (
        vec.RowFault(1, "missing"),
        vec.RowFault(2, "wrong_length"),
        vec.RowFault(4, "zero_norm"),
        vec.RowFault(5, "infinite"),
        vec.RowFault(6, "wrong_length"),
    )


def test_pack_rows_with_a_stated_length():
    packed = vec.pack_rows([[1, 2], [1, 2, 3]], dim=3)
    assert packed.rows.tolist() == [1]
    assert packed.faults == (vec.RowFault(0, "wrong_length"),)
    assert vec.pack_rows([], dim=5).matrix.shape == (0, 5)
    assert vec.pack_rows([None]).matrix.shape == (0, 0)


def test_pair_cosines_are_sim64(sim64):
    matrix = np.random.default_rng(1).normal(size=(50, 37)).astype(np.float32)
    left, right = np.arange(50), np.arange(50)[::-1].copy()
    assert vec.pair_cosines(matrix, left, right).tolist() == sim64(matrix[left], matrix[right]).tolist()
    with pytest.raises(InvalidArgument, match="pair 0 names row 50"):
        vec.pair_cosines(matrix, np.array([50]), np.array([0]))


def isa_of_a_new_process(value: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from khala_jobs import vec; print(vec.isa())"],
        env={**os.environ, "KHALA_JOBS_ISA": value},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("value", "expected"), [("baseline", {"baseline"}), ("auto", {"baseline", "v3"})])
def test_the_environment_chooses_the_kernels(value, expected):
    process = isa_of_a_new_process(value)
    assert process.stdout.strip() in expected
    assert process.returncode == 0


def test_a_typo_in_the_environment_is_told():
    process = isa_of_a_new_process("avx3")
    assert process.returncode != 0
    assert "InvalidArgument: KHALA_JOBS_ISA: 'avx3' is none of auto, baseline, v3" in process.stderr


def test_errors_are_one_tree_with_field_and_message():
    assert CoreError is errors.Error
    with pytest.raises(ValueError, match=r"^threshold: ") as caught:
        vec.find_pairs(np.ones((2, 2), np.float32), 3.0)
    error = caught.value
    assert isinstance(error, InvalidArgument)
    assert error.code == "invalid_argument"
    assert error.field == "threshold"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.field, again.message) == (InvalidArgument, error.field, error.message)
