"""`SimilarityIndex`: whatever is done to it, its answers are those of a join from scratch."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument, NotFound, SchemaMismatch, StoreCorrupt, StoreFull, StoreIO
from khala_jobs.similarity import SimilarityIndex, index_file
from khala_jobs.similarity import index as index_module

DIM = 5
THRESHOLD = 0.6


def rows(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rows on a coarse grid: copies, parallel rows and exact ties."""
    grid = rng.integers(-2, 3, size=(count, DIM)).astype(np.float32) / 2
    grid[~grid.any(axis=1), 0] = 1
    return grid


class Grown(RuleBasedStateMachine):
    """Random appends, deletions, compactions and reloads against brute force over what should be there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.index = SimilarityIndex(DIM, THRESHOLD, model_id="m", threads=1)
        self.model: dict[object, tuple[np.ndarray, object]] = {}
        self.made = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 9), grouped=st.booleans())
    def append(self, seed: int, count: int, grouped: bool) -> None:
        rng = np.random.default_rng(seed)
        fresh = rows(rng, count)
        ids = [self.made + n if n % 2 else f"m{self.made + n}" for n in range(count)]
        groups = [[None, "a", 7][number] for number in rng.integers(0, 3, size=count)] if grouped else None
        empty = self.index.empty_slots  # of deleted rows: they are compared as well
        there = len(self.index) + empty
        found = self.index.append(fresh, ids, groups)
        self.made += count
        self.model.update(zip(ids, zip(fresh, groups or [None] * count, strict=True), strict=True))
        assert len(found) == len({*self.named(found)})
        assert all(i in ids or j in ids for i, j, _ in found.named())
        compared = found.certificate.pairs_evaluated
        assert compared <= count * there + count * (count - 1) // 2, "only new rows cost anything"
        assert empty == self.index.empty_slots

    @precondition(lambda self: self.model)
    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 5))
    def delete(self, seed: int, count: int) -> None:
        rng = np.random.default_rng(seed)
        known = list(self.model)
        doomed = [known[place] for place in rng.integers(len(known), size=count)]
        self.index.delete(doomed)
        for row_id in doomed:
            self.model.pop(row_id, None)

    @rule()
    def compact(self) -> None:
        self.index.compact()
        assert self.index.empty_slots == 0

    @rule(verify=st.booleans())
    def reload(self, verify: bool) -> None:
        path = self.folder / "index"
        self.index.save(path)
        self.index = SimilarityIndex.load(path, model_id="m", verify=verify, threads=1)
        assert [file.name for file in self.folder.iterdir()] == ["index"]
        assert self.index.empty_slots == 0

    @staticmethod
    def named(pairs: similarity.Pairs) -> list[tuple[object, object, float]]:
        return pairs.named()

    @rule(seed=st.integers(0, 2**32 - 1), k=st.none() | st.integers(1, 4), threshold=st.floats(-1, 1))
    def match(self, seed: int, k: int | None, threshold: float) -> None:
        queries = rows(np.random.default_rng(seed), 3)
        asked = ["a", 7, "nobody"]
        found = self.index.match(queries, threshold, k=k, groups=asked)
        expected = similarity.match(
            queries,
            self.index.vectors(),
            threshold,
            k=k,
            query_groups=asked,
            corpus_groups=self.index.groups,
        )
        assert found.query.tolist() == expected.query.tolist()
        assert found.row.tolist() == expected.row.tolist()
        assert found.score.tolist() == expected.score.tolist()
        assert found.certificate.set_hash == expected.certificate.set_hash

    @invariant()
    def equals_a_join_from_scratch(self) -> None:
        assert list(self.index.ids) == list(self.model)
        assert len(self.index) == len(self.model)
        matrix = np.array([vector for vector, _ in self.model.values()], np.float32).reshape(-1, DIM)
        groups = [group for _, group in self.model.values()]
        assert self.index.vectors().tobytes() == matrix.tobytes()
        assert self.index.groups == groups
        for threshold in (None, 0.6, 0.85, 1.0):
            found = self.index.pairs(threshold)
            expected = similarity.find_pairs(matrix, threshold or THRESHOLD, groups=groups, threads=1)
            assert found.i.tolist() == expected.i.tolist()
            assert found.j.tolist() == expected.j.tolist()
            assert found.score.tobytes() == expected.score.tobytes()
            assert found.certificate.set_hash == expected.certificate.set_hash


class Encoded(Grown):
    """The same, with a base that is encoded once however small it is."""

    def __init__(self) -> None:
        self.before = index_module._ENCODE_ROWS
        index_module._ENCODE_ROWS = 1
        super().__init__()

    def teardown(self) -> None:
        index_module._ENCODE_ROWS = self.before
        super().teardown()


Encoded.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestEncoded = Encoded.TestCase
Grown.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestGrown = Grown.TestCase


@pytest.fixture
def index() -> SimilarityIndex:
    made = SimilarityIndex(DIM, THRESHOLD, model_id="m")
    made.append(rows(np.random.default_rng(1), 40), [f"m{n}" for n in range(40)])
    return made


def test_a_clustering_needs_no_vectors(index):
    matrix = index.vectors()
    for linkage in ("star", "complete", "components"):
        clusters = similarity.cluster(index.pairs(0.8), linkage)
        again = similarity.cluster(similarity.find_pairs(matrix, 0.8, ids=index.ids), linkage)
        assert clusters.canonical.tolist() == again.canonical.tolist()
    assert index.ids[:2] == ["m0", "m1"]
    assert index.ids[-1] == "m39"
    assert "m3" in index
    assert "m40" not in index


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("ids", lambda index: index.append(np.ones((2, DIM)), ["x"])),
        ("ids", lambda index: index.append(np.ones((2, DIM)), ["x", "x"])),
        ("ids", lambda index: index.append(np.ones((1, DIM)), ["m3"])),
        ("ids", lambda index: index.append(np.ones((1, DIM)), [1.5])),
        ("ids", lambda index: index.append(np.ones((1, DIM)), [True])),
        ("groups", lambda index: index.append(np.ones((1, DIM)), ["x"], [])),
        ("groups", lambda index: index.append(np.ones((1, DIM)), ["x"], [(1, 2)])),
        ("groups", lambda index: index.match(np.ones((1, DIM)), 0.9, groups=[])),
        ("vectors", lambda index: index.append(np.ones((1, DIM + 1)), ["x"])),
        ("vectors", lambda index: index.append(np.zeros((1, DIM)), ["x"])),
        ("vectors", lambda index: index.append([[1.0, 2.0]], ["x"])),
        ("threshold", lambda index: index.pairs(0.5)),
        ("threshold", lambda index: index.pairs(1.1)),
        ("threshold", lambda _: SimilarityIndex(3, 2.0)),
        ("threshold", lambda _: SimilarityIndex(3, "0.5")),
        ("dim", lambda _: SimilarityIndex(0)),
        ("dim", lambda _: SimilarityIndex("3")),
        ("dim", lambda _: SimilarityIndex(3.5)),
        ("model_id", lambda _: SimilarityIndex(3, model_id=object())),
        ("model_id", lambda _: SimilarityIndex(3, model_id="\ud800")),
        ("threads", lambda _: SimilarityIndex(3, threads=0)),
        ("max_pairs", lambda _: SimilarityIndex(3, max_pairs=-1)),
        ("ids", lambda index: index.append(np.ones((1, DIM)), (name for name in "x"))),
        ("ids", lambda index: index.append(np.ones((1, DIM)), [2**70])),
        ("ids", lambda index: index.append(np.ones((2, DIM)), ["x", "\ud800"])),
        ("groups", lambda index: index.append(np.ones((1, DIM)), ["x"], [2**70])),
        ("groups", lambda index: index.append(np.ones((1, DIM)), ["x"], ["\ud800"])),
        ("groups", lambda index: index.append(np.ones((1, DIM)), ["x"], (group for group in "a"))),
        ("vectors", lambda index: index.append(np.zeros((1, DIM)), ["x"], ["new group"])),
        ("max_pairs", lambda index: index.append(np.ones((200, DIM)), [f"x{n}" for n in range(200)])),
    ],
)
def test_what_is_refused_changes_nothing(index, field, call):
    index.max_pairs = 5000
    before = index.pairs().named(), list(index.ids), dict(index._rows.group_numbers)
    with pytest.raises(InvalidArgument) as caught:
        call(index)
    assert caught.value.field == field
    assert (index.pairs().named(), list(index.ids), index._rows.group_numbers) == before


def test_the_largest_ids_are_saved(index, tmp_path):
    ids = [-(2**63), 2**64 - 1, "", "\0", "\U0001f600"]
    index.append(np.ones((5, DIM)), ids, [2**64 - 1, -(2**63), "", None, "\0"])
    index.save(tmp_path / "i")
    loaded = SimilarityIndex.load(tmp_path / "i")
    assert list(loaded.ids)[-5:] == ids
    assert loaded.groups == index.groups


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("threshold", {"threshold": 2.0}),
        ("threshold", {"threshold": None}),
        ("k", {"k": 0}),
        ("k", {"k": 1.5}),
        ("queries", {"queries": np.zeros((1, DIM))}),
        ("queries", {"queries": np.ones((1, DIM + 1))}),
        ("groups", {"groups": (group for group in "a")}),
    ],
)
def test_an_empty_index_refuses_what_a_filled_one_does(index, field, arguments):
    emptied = SimilarityIndex(DIM)
    emptied.append(np.ones((1, DIM)), ["x"])
    emptied.delete(["x"])
    for asked in (index, SimilarityIndex(DIM), emptied):
        with pytest.raises(InvalidArgument) as caught:
            asked.match(**{"queries": np.ones((1, DIM)), "threshold": 0.5, **arguments})
        assert caught.value.field == field
    assert len(SimilarityIndex(DIM).match(np.ones((1, DIM)), 0.5)) == 0


def test_all_or_none_are_deleted(index):
    with pytest.raises(NotFound, match="1 of 2 are not in the index, first 'nobody'"):
        index.delete(["m1", "nobody"])
    assert "m1" in index
    for wrong in ([["m1"]], "m1", 1, [None], [True]):
        with pytest.raises(InvalidArgument) as caught:
            index.delete(wrong)
        assert caught.value.field == "ids"
    index.delete(["m1", "m1"])
    assert len(index) == 39
    index.append(np.ones((1, DIM)), ["m1"])
    assert index.ids[-1] == "m1"


def test_a_certificate_has_the_work_of_every_part(index, tmp_path):
    index.compact()  # 40 rows in the base
    fresh = rows(np.random.default_rng(3), 30)
    index.append(fresh[:10], list(range(10)))
    found = index.append(fresh[10:], list(range(10, 30))).certificate
    assert found.pairs_evaluated == 20 * 19 // 2 + 20 * 40 + 20 * 10
    assert [plan["method"] for plan in found.plans] == ["products"] * 3  # within, base, tail
    assert found.seconds > 0
    asked = index.match(fresh, THRESHOLD).certificate
    assert asked.pairs_evaluated == 30 * 70
    assert len(asked.plans) == 2
    before = index.pairs().certificate
    assert before.plans == ()
    assert before.pairs_evaluated >= found.pairs_evaluated + 10 * 9 // 2 + 10 * 40
    index.save(tmp_path / "i")
    assert SimilarityIndex.load(tmp_path / "i").pairs().certificate == before


def test_faulty_rows_are_left_out_on_request(index):
    found = index.append([[1] * DIM, None, [0] * DIM, [1, 2], [1] * DIM], list("abcde"), faulty="quarantine")
    assert [(fault.row, fault.fault) for fault in found.faults] == [
        (1, "missing"),
        (2, "zero_norm"),
        (3, "wrong_length"),
    ]
    assert list(index.ids)[-2:] == ["a", "e"]
    assert ("a", "e", 1.0) in found.named()
    matrix = index.vectors()
    assert index.pairs().certificate.set_hash == similarity.find_pairs(matrix, THRESHOLD).certificate.set_hash


def test_a_loaded_index_maps_its_vectors_and_grows(index, tmp_path):
    index.save(tmp_path / "i")
    loaded = SimilarityIndex.load(tmp_path / "i")
    assert not loaded._rows.base.flags.writeable
    loaded.append(rows(np.random.default_rng(2), 10), list(range(10)))
    index.save(tmp_path / "i")  # replaces the file under the mapping
    assert len(loaded) == 50
    assert (
        loaded.pairs().certificate.set_hash
        == similarity.find_pairs(loaded.vectors(), THRESHOLD).certificate.set_hash
    )
    with pytest.raises(InvalidArgument, match="is of 'm', not of 'other'"):
        SimilarityIndex.load(tmp_path / "i", model_id="other")


def test_every_damaged_byte_is_found(index, tmp_path, monkeypatch):
    """Flip one bit of each byte that means anything, and cut the file at every length."""
    monkeypatch.setattr(index_file, "_ALIGN", 8)
    path = tmp_path / "i"
    index.save(path)
    whole = path.read_bytes()
    expected = SimilarityIndex.load(path).pairs().certificate.set_hash
    survived = []
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            loaded = SimilarityIndex.load(path)
        except (StoreCorrupt, SchemaMismatch):
            continue
        survived.append(place)
        assert loaded.pairs().certificate.set_hash == expected
    assert len(survived) <= 4 + 4 * 8  # the unused word of the header, and the gaps between columns
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises((StoreCorrupt, SchemaMismatch)):
            SimilarityIndex.load(path)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", StoreCorrupt, "is cut short"),
        (bytes(4096), StoreCorrupt, "is cut short"),
        (b"SQLite format 3\0" + bytes(100), SchemaMismatch, "is not a similarity index"),
        (
            b"KHSIMIX\n\x02\0\0\0" + bytes(100),
            SchemaMismatch,
            "has format 2; this version of khala_jobs knows 1",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, content, error, words):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(error, match=words):
        SimilarityIndex.load(path)


def test_what_the_system_refuses_is_told(index, tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        SimilarityIndex.load(tmp_path / "none")
    with pytest.raises(StoreIO, match="cannot be read"):
        SimilarityIndex.load(tmp_path)
    with pytest.raises(StoreIO, match="cannot be written"):
        index.save(tmp_path / "none" / "i")
    with pytest.raises(StoreFull, match="no room on the disk"):
        similarity.files.write_atomically(tmp_path / "full", lambda _: Path("/dev/full").write_bytes(b"x"))
    assert list(tmp_path.iterdir()) == []


SAVER = """
import sys, numpy as np
from khala_jobs.similarity import SimilarityIndex, index_file
from khala_jobs.similarity import index as index_module
path, step = sys.argv[1], int(sys.argv[2])
index = SimilarityIndex(4, 0.5)
index.append(np.eye(4), [1, 2, 3, 4])
import os, signal
steps = 0
def trace(frame, event, arg):
    global steps
    if frame.f_code.co_filename.endswith(("similarity/index_file.py", "similarity/files.py")):
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    return None
sys.settrace(trace)
index.save(path)
"""


def test_killed_while_saving_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "i"
    old = SimilarityIndex(4, 0.5)
    old.append(np.ones((2, 4)), ["a", "b"])
    seen = set()
    for step in range(1, 400, 9):
        old.save(path)
        done = subprocess.run([sys.executable, "-c", SAVER, str(path), str(step)], check=False, timeout=60)
        seen.add((done.returncode, tuple(SimilarityIndex.load(path).ids)))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert (-signal.SIGKILL, ("a", "b")) in seen
    assert (0, (1, 2, 3, 4)) in seen
    assert seen <= {(code, ids) for code in (0, -signal.SIGKILL) for ids in (("a", "b"), (1, 2, 3, 4))}
