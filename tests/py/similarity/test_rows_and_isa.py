from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from khala_jobs import errors, similarity
from khala_jobs._core import Error as CoreError
from khala_jobs.errors import InvalidArgument


def test_pair_scores_are_sim64(sim64):
    matrix = np.random.default_rng(1).normal(size=(50, 37)).astype(np.float32)
    left, right = np.arange(50), np.arange(50)[::-1].copy()
    assert similarity.pair_scores(matrix, left, right).tolist() == sim64(matrix[left], matrix[right]).tolist()
    with pytest.raises(InvalidArgument, match="pair 0 names row 50"):
        similarity.pair_scores(matrix, np.array([50]), np.array([0]))


def isa_of_a_new_process(value: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from khala_jobs import similarity; print(similarity.isa())"],
        env={**os.environ, "KHALA_JOBS_ISA": value},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("value", "expected"), [("baseline", {"baseline"}), ("auto", {"baseline", "v3", "v4"})]
)
def test_the_environment_chooses_the_kernels(value, expected):
    process = isa_of_a_new_process(value)
    assert process.stdout.strip() in expected
    assert process.returncode == 0


def test_a_typo_in_the_environment_is_told():
    process = isa_of_a_new_process("avx3")
    assert process.returncode != 0
    assert "InvalidArgument: KHALA_JOBS_ISA: 'avx3' is none of auto, baseline, v3, v4" in process.stderr


def test_errors_are_one_tree_with_field_and_message():
    assert CoreError is errors.Error
    with pytest.raises(ValueError, match=r"^threshold: ") as caught:
        similarity.find_pairs(np.ones((2, 2), np.float32), 3.0)
    error = caught.value
    assert isinstance(error, InvalidArgument)
    assert error.code == "invalid_argument"
    assert error.field == "threshold"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.field, again.message) == (InvalidArgument, error.field, error.message)
