"""Embedders: the port, our lexical one, MiniLM where it can be had, and the cache on disk."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from khala_jobs.memory import embed_minilm
from khala_jobs.memory.embed import Embedder, EmbedderUnavailable, embed_distinct
from khala_jobs.memory.embed_best import best_embedder
from khala_jobs.memory.embed_cache import CachedEmbedder
from khala_jobs.memory.embed_lexical import LexicalEmbedder
from khala_jobs.memory.embed_minilm import MAX_PIECES, MiniLmEmbedder, tokenizer_path

SENTENCES = [
    "I love hiking with my dog",
    "Hiking with my dog is something I love",
    "Quarterly tax forms are due",
    "",
]


class Counting:
    """An embedder that counts what it is asked and whose rows depend on the text alone."""

    model_id = "counting"
    dim = 8

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str], progress: object = None) -> np.ndarray:
        self.asked += texts
        if callable(progress) and texts:
            progress(len(texts), len(texts))
        rows = np.array(
            [np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint8)[:8] for text in texts],
            dtype=np.float32,
        ).reshape(len(texts), 8)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@pytest.fixture(scope="module")
def minilm() -> MiniLmEmbedder:
    try:
        return MiniLmEmbedder(threads=1)
    except EmbedderUnavailable as reason:
        pytest.skip(f"sentence model: {reason}")


# The lexical embedder


def test_rows_are_unit_float32_for_every_text() -> None:
    rows = LexicalEmbedder().embed([*SENTENCES, "\ud800", "\U0001f600", "東京", "a" * 50_000])
    assert rows.dtype == np.float32
    assert rows.shape == (8, 384)
    assert rows.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)


def test_no_texts_give_no_rows() -> None:
    assert LexicalEmbedder().embed([]).shape == (0, 384)


def test_shared_words_make_neighbours() -> None:
    rows = LexicalEmbedder().embed(SENTENCES)
    assert rows[0] @ rows[1] > 0.7
    assert abs(rows[0] @ rows[2]) < 0.3


def test_a_row_depends_on_its_text_alone() -> None:
    embedder = LexicalEmbedder()
    together = embedder.embed(SENTENCES)
    alone = np.concatenate([embedder.embed([text]) for text in SENTENCES])
    assert together.tobytes() == alone.tobytes()


def test_rows_are_the_same_in_every_process() -> None:
    code = (
        "import sys, hashlib; from khala_jobs.memory.embed_lexical import LexicalEmbedder as L;"
        "print(hashlib.sha256(L().embed(sys.argv[1:]).tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, *SENTENCES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(LexicalEmbedder().embed(SENTENCES).tobytes()).hexdigest() + "\n"}


def test_the_width_is_part_of_the_model_id() -> None:
    assert LexicalEmbedder(64).model_id != LexicalEmbedder().model_id
    assert LexicalEmbedder(64).embed(["a"]).shape == (1, 64)


@pytest.mark.parametrize("dim", [0, 31, 65_537])
def test_a_width_out_of_range_is_refused(dim: int) -> None:
    with pytest.raises(ValueError, match=r"dim must be 32\.\.65536"):
        LexicalEmbedder(dim)


def test_progress_ends_at_the_number_of_texts() -> None:
    seen: list[tuple[int, int]] = []
    LexicalEmbedder().embed(["text"] * 1100, lambda done, total: seen.append((done, total)))
    assert seen == [(512, 1100), (1024, 1100), (1100, 1100)]


def test_our_embedders_satisfy_the_port(tmp_path: Path) -> None:
    assert isinstance(LexicalEmbedder(), Embedder)
    assert isinstance(Counting(), Embedder)
    assert isinstance(CachedEmbedder(LexicalEmbedder(), tmp_path), Embedder)


def test_repeats_are_embedded_once() -> None:
    counting = Counting()
    rows = embed_distinct(counting, ["a", "b", "a", "a"])
    assert counting.asked == ["a", "b"]
    assert rows[0].tobytes() == rows[2].tobytes() == rows[3].tobytes()
    assert rows.shape == (4, 8)
    assert embed_distinct(counting, []).shape == (0, 8)


# MiniLM


def test_minilm_knows_what_the_words_do_not_say(minilm: MiniLmEmbedder) -> None:
    rows = minilm.embed([*SENTENCES[:3], "Alice manages Bob", "Bob manages Alice"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] == pytest.approx(0.954, abs=0.01)
    assert rows[3] @ rows[4] == pytest.approx(0.988, abs=0.005)
    assert rows[0] @ rows[2] < 0.3


def test_minilm_rows_hardly_depend_on_their_batch(minilm: MiniLmEmbedder) -> None:
    texts = [f"memory number {n} about " + "tea " * (n % 17) for n in range(60)]
    together = minilm.embed(texts)
    alone = np.concatenate([minilm.embed([text]) for text in texts])
    assert (together * alone).sum(axis=1).min() > 0.9999


def test_minilm_counts_what_it_cuts_and_reports_progress(minilm: MiniLmEmbedder) -> None:
    before = minilm.truncated_count
    seen: list[tuple[int, int]] = []
    minilm.embed(["word " * (MAX_PIECES * 3), "short", ""], lambda done, total: seen.append((done, total)))
    assert minilm.truncated_count == before + 1
    assert seen[-1] == (3, 3)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_minilm_agrees_with_vectors_computed_elsewhere(minilm: MiniLmEmbedder) -> None:
    folder = os.environ.get("KHALA_JOBS_TEST_DATA")
    if folder is None:
        pytest.skip("KHALA_JOBS_TEST_DATA names no directory with embeddings/minilm_f16.npy")
    matrix = np.load(Path(folder) / "embeddings" / "minilm_f16.npy", mmap_mode="r")
    with gzip.open(Path(folder) / "embeddings" / "texts.tsv.gz", "rt", encoding="utf-8") as lines:
        entries = [line.rstrip("\n").split("\t", 2) for _, line in zip(range(200), lines, strict=False)]
    expected = np.array([matrix[int(row)] for row, _, _ in entries], dtype=np.float32)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    cosines = (minilm.embed([text for _, _, text in entries]) * expected).sum(axis=1)
    assert cosines.min() > 0.99


@pytest.mark.parametrize("threads", [0, -1])
def test_minilm_needs_a_thread(threads: int) -> None:
    with pytest.raises(ValueError, match="threads must be >= 1"):
        MiniLmEmbedder(threads=threads)


# Choosing


def test_without_a_tokenizer_the_lexical_embedder_is_taken_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed_minilm, "tokenizer_path", lambda: None)
    said: list[str] = []
    assert isinstance(best_embedder(said.append), LexicalEmbedder)
    (line,) = said
    assert "fetch_model.py" in line or "not installed" in line
    assert "\n" not in line


def test_by_default_the_line_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embed_minilm, "tokenizer_path", lambda: None)
    best_embedder()
    assert len(caplog.records) == 1


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = embed_minilm.importlib.util.find_spec
    monkeypatch.setattr(
        embed_minilm.importlib.util, "find_spec", lambda name: None if name == "tokenizers" else real(name)
    )
    with pytest.raises(EmbedderUnavailable, match="tokenizers"):
        MiniLmEmbedder()


def test_an_unreadable_tokenizer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, minilm: MiniLmEmbedder
) -> None:
    assert minilm.dim == 384  # the packages are there
    broken = tmp_path / "khala_jobs" / "minilm" / "tokenizer.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tokenizer_path() == broken
    with pytest.raises(EmbedderUnavailable, match=r"tokenizer\.json cannot be read"):
        MiniLmEmbedder()


# The cache


def test_a_second_run_computes_nothing(tmp_path: Path) -> None:
    first = Counting()
    rows = CachedEmbedder(first, tmp_path).embed(["a", "b", "a"])
    assert sorted(first.asked) == ["a", "b"]
    second = Counting()
    cached = CachedEmbedder(second, tmp_path)
    again = cached.embed(["b", "c", "a"])
    assert second.asked == ["c"]
    assert (cached.hit_count, cached.miss_count) == (2, 1)
    assert again[[2, 0]].tobytes() == rows[[0, 1]].tobytes()
    assert again.tobytes() == Counting().embed(["b", "c", "a"]).tobytes()


def test_nothing_to_embed(tmp_path: Path) -> None:
    cached = CachedEmbedder(Counting(), tmp_path)
    assert cached.embed([]).shape == (0, 8)
    assert list(tmp_path.rglob("*.seg")) == []


def test_models_do_not_share_vectors(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path).embed(["a"])
    other = Counting()
    other.model_id = "counting/2"  # type: ignore[misc]
    CachedEmbedder(other, tmp_path).embed(["a"])
    assert other.asked == ["a"]


def test_progress_includes_what_was_known(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path).embed(["a", "b"])
    cached = CachedEmbedder(Counting(), tmp_path)
    seen: list[tuple[int, int]] = []
    cached.embed(["a", "b", "c"], lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]
    seen.clear()
    cached.embed(["a", "b", "c"], lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]


@pytest.mark.parametrize("damage", ["cut", "flip", "magic", "empty"])
def test_a_damaged_segment_is_dropped_and_computed_again(tmp_path: Path, damage: str) -> None:
    expected = CachedEmbedder(Counting(), tmp_path).embed(["a", "b"])
    (segment,) = tmp_path.rglob("*.seg")
    data = bytearray(segment.read_bytes())
    if damage == "cut":
        del data[-40:]
    elif damage == "flip":
        data[60] ^= 1
    elif damage == "magic":
        data[0] ^= 1
    else:
        data.clear()
    segment.write_bytes(data)
    counting = Counting()
    cached = CachedEmbedder(counting, tmp_path)
    assert cached.damaged_count == 1
    assert not segment.exists()
    assert cached.embed(["a", "b"]).tobytes() == expected.tobytes()
    assert sorted(counting.asked) == ["a", "b"]


def test_many_segments_become_one(tmp_path: Path) -> None:
    writer = CachedEmbedder(Counting(), tmp_path)
    texts = [f"text {n}" for n in range(20)]
    for text in texts:
        writer.embed([text])
    assert len(list(tmp_path.rglob("*.seg"))) == 20
    counting = Counting()
    merged = CachedEmbedder(counting, tmp_path)
    assert len(list(tmp_path.rglob("*.seg"))) == 1
    assert merged.embed(texts).tobytes() == Counting().embed(texts).tobytes()
    assert CachedEmbedder(Counting(), tmp_path).embed(texts).tobytes() == Counting().embed(texts).tobytes()
    assert counting.asked == []


def test_the_oldest_segments_go_when_there_is_too_much(tmp_path: Path) -> None:
    writer = CachedEmbedder(Counting(), tmp_path)
    for number, text in enumerate(("old", "new")):
        writer.embed([text])
        newest = max(tmp_path.rglob("*.seg"), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (number, number))
    one_vector = 8 * 4 + 16
    counting = Counting()
    cached = CachedEmbedder(counting, tmp_path, max_bytes=one_vector)
    cached.embed(["old", "new"])
    assert counting.asked == ["old"]
    with pytest.raises(ValueError, match="max_bytes must be >= 0"):
        CachedEmbedder(Counting(), tmp_path, max_bytes=-1)


def test_several_processes_share_a_directory(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from khala_jobs.memory.embed_cache import CachedEmbedder as C;"
        "from khala_jobs.memory.embed_lexical import LexicalEmbedder as L;"
        "c = C(L(), Path(sys.argv[1]));"
        "[c.embed([f'text {n}', f'{sys.argv[2]} {n}']) for n in range(25)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name])
        for name in ("one", "two", "three")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    texts = [f"{name} {n}" for name in ("text", "one", "two", "three") for n in range(25)]
    cached = CachedEmbedder(LexicalEmbedder(), tmp_path)
    assert cached.embed(texts).tobytes() == LexicalEmbedder().embed(texts).tobytes()
    assert cached.miss_count == 0
    assert not list(tmp_path.rglob("*.part"))
