from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument, StoreCorrupt
from khala_jobs.similarity import blocks


class Kept:
    """A checkpoint in memory."""

    def __init__(self) -> None:
        self.blocks: dict[str, dict[int, bytes]] = {}
        self.saved: list[int] = []

    def load(self, key: str) -> dict[int, bytes]:
        return self.blocks.get(key, {})

    def save(self, key: str, block: int, pairs: bytes) -> None:
        self.saved.append(block)
        self.blocks.setdefault(key, {})[block] = pairs


def rows(seed: int, count: int, dim: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, count // 10), dim))
    loose = (centres[rng.integers(len(centres), size=count)] + 0.3 * rng.normal(size=(count, dim))).astype(
        "f4"
    )
    return loose[rng.integers(max(1, count * 2 // 3), size=count)] if count else loose


def same(found: similarity.Pairs, expected: similarity.Pairs) -> None:
    assert found.i.tolist() == expected.i.tolist()
    assert found.j.tolist() == expected.j.tolist()
    assert found.score.tobytes() == expected.score.tobytes()
    assert found.representative.tolist() == expected.representative.tolist()
    assert found.certificate.set_hash == expected.certificate.set_hash


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 90) | st.just(1100),
    block_pairs=st.integers(1, 2000),
    threshold=st.sampled_from([0.5, 0.9, 1.0]),
    grouped=st.booleans(),
)
def test_blocks_put_together_are_the_join(seed, count, block_pairs, threshold, grouped):
    matrix = rows(seed, count)
    groups = np.random.default_rng(seed).integers(0, 3, size=count) if grouped else None
    expected = similarity.find_pairs(matrix, threshold, groups=groups)
    kept = Kept()
    found = similarity.find_pairs_in_blocks(
        matrix, threshold, kept, groups=groups, block_pairs=block_pairs, threads=1
    )
    same(found, expected)
    certificate = found.certificate
    assert certificate.blocks == len(kept.saved)
    assert certificate.blocks > 1 or count < 1100
    assert certificate.pairs_evaluated == expected.certificate.pairs_evaluated
    assert certificate.pairs_evaluated >= certificate.pairs_coded >= certificate.first_stage
    assert certificate.plan["method"] in {"products", "codes"}
    again = similarity.find_pairs_in_blocks(matrix, threshold, kept, groups=groups, block_pairs=block_pairs)
    same(again, expected)
    assert again.certificate.blocks_reused == certificate.blocks
    assert again.certificate.pairs_evaluated == 0


def test_a_stopped_join_goes_on_at_its_last_block():
    matrix = rows(1, 6000)
    kept, told = Kept(), []

    def stop_after_three(done: int, total: int) -> None:
        told.append((done, total))
        if len(kept.saved) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        similarity.find_pairs_in_blocks(matrix, 0.9, kept, block_pairs=100_000, progress=stop_after_three)
    assert kept.saved == [0, 1, 2]
    told.clear()
    found = similarity.find_pairs_in_blocks(
        matrix, 0.9, kept, block_pairs=100_000, progress=lambda done, total: told.append((done, total))
    )
    same(found, similarity.find_pairs(matrix, 0.9))
    assert kept.saved == list(range(found.certificate.blocks))
    assert found.certificate.blocks_reused == 3
    assert told == sorted(told)
    assert told[-1] == (6000 * 5999 // 2,) * 2


@pytest.mark.parametrize("what", ["a vector", "a group", "the threshold", "the blocks"])
def test_blocks_of_another_join_are_not_taken(what):
    matrix, groups = rows(2, 3000), np.zeros(3000, np.int32)
    kept = Kept()
    similarity.find_pairs_in_blocks(matrix, 0.9, kept, groups=groups, block_pairs=100_000)
    matrix[7, 0] += 0.5 if what == "a vector" else 0
    groups[7] += what == "a group"
    threshold = 0.91 if what == "the threshold" else 0.9
    size = 2_000_000 if what == "the blocks" else 100_000
    found = similarity.find_pairs_in_blocks(matrix, threshold, kept, groups=groups, block_pairs=size)
    same(found, similarity.find_pairs(matrix, threshold, groups=groups))
    assert found.certificate.blocks_reused == 0


@pytest.mark.parametrize("damaged", [b"x", np.array([(5, 3, 1.0)], blocks._PAIR).tobytes(), b"\xff" * 16])
def test_damaged_blocks_are_refused(damaged):
    matrix, kept = rows(3, 100), Kept()
    similarity.find_pairs_in_blocks(matrix, 0.9, kept)
    (by_number,) = kept.blocks.values()
    by_number[0] = damaged
    with pytest.raises(StoreCorrupt):
        similarity.find_pairs_in_blocks(matrix, 0.9, kept)


def test_limits_hold_over_all_blocks():
    matrix = np.ones((40, 2), np.float32)
    with pytest.raises(InvalidArgument, match="more than 779 pairs") as caught:
        similarity.find_pairs_in_blocks(matrix, 0.9, None, block_pairs=100, max_pairs=779)
    assert caught.value.field == "max_pairs"
    assert len(similarity.find_pairs_in_blocks(matrix, 0.9, None, block_pairs=100, max_pairs=780)) == 780
    with pytest.raises(InvalidArgument, match="block_pairs"):
        similarity.find_pairs_in_blocks(matrix, 0.9, None, block_pairs=0)
    with pytest.raises(InvalidArgument, match="zero_norm"):
        similarity.find_pairs_in_blocks(np.zeros((2, 2)), 0.9, None)


def test_the_time_left():
    assert blocks.eta_seconds(10.0, 14.0, 100, 300, 500) == 4.0
    assert blocks.eta_seconds(10.0, 14.0, 100, 100, 500) is None
    assert blocks.eta_seconds(10.0, 14.0, 100, 100, 500, planned=20.0) == 16.0
    assert blocks.eta_seconds(10.0, 14.0, 100, 109, 500, planned=500.0) == 391.0
    assert blocks.eta_seconds(10.0, 14.0, 100, 300, 500, planned=20.0) == 4.0, "the rate is known by now"


def test_the_plan_is_told_before_the_first_block():
    matrix, told = rows(1, 6000), []
    found = similarity.find_pairs_in_blocks(
        matrix, 0.9, None, threads=2, planned=told.append, progress=lambda *_: told.append(None)
    )
    assert told[0] == found.certificate.plan["seconds"] / 2 > 0
    assert told.count(None) == len(told) - 1
