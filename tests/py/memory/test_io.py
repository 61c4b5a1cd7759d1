from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from khala_jobs.errors import InvalidArgument, NotFound, Unsupported
from khala_jobs.memory import BadRecord, MemoryInput, SqliteMemoryRepository, import_memories, io
from khala_jobs.memory.model import Tier
from khala_jobs.memory.plan import Operation, OperationKind, delete
from khala_jobs.memory.times import time_to_us

NOW = 1_000_000


def lines(path: Path, *records: Any) -> MemoryInput:
    text = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return MemoryInput(path, NOW)


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


def test_every_field(jsonl: Path) -> None:
    source = lines(
        jsonl,
        {
            "id": "a",
            "user_id": "ada",
            "content": "tea",
            "embedding": [0.5, 1],
            "model": "m",
            "scope": "work",
            "tier": "Short-Term",
            "importance": 1,
            "access_count": 3,
            "verification_score": 0.2,
            "confidence": 0.3,
            "is_archived": True,
            "pinned": True,
            "created_at": "1970-01-01T00:00:01Z",
            "updated_at": "1970-01-01T00:00:02Z",
            "accessed_at": "1970-01-01T00:00:03Z",
            "expires_at": "1970-01-01T00:00:04Z",
            "metadata": {"k": 1},
            "tags": ["x"],
            "source": None,
        },
    )
    (memory,) = source
    assert source.errors == []
    assert (memory.id, memory.user_id, memory.content, memory.model_id, memory.scope) == (
        "a",
        "ada",
        "tea",
        "m",
        "work",
    )
    assert (memory.tier, memory.importance, memory.access_count) == (Tier.SHORT_TERM, 1.0, 3)
    assert (memory.verification_score, memory.confidence, memory.archived, memory.pinned) == (
        0.2,
        0.3,
        True,
        True,
    )
    assert (memory.created_us, memory.updated_us, memory.accessed_us, memory.expires_us) == (
        1e6,
        2e6,
        3e6,
        4e6,
    )
    assert memory.embedding.tolist() == [0.5, 1]
    assert memory.metadata == {"tags": ["x"], "k": 1}


def test_defaults(jsonl: Path) -> None:
    (memory,) = lines(jsonl, {"id": 7, "user_id": 8, "content": ""})
    assert (memory.id, memory.user_id, memory.tier, memory.importance) == ("7", "8", Tier.WORKING, 0.5)
    assert (memory.created_us, memory.updated_us, memory.accessed_us, memory.expires_us) == (
        NOW,
        NOW,
        NOW,
        None,
    )


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ("{oops", "line", "is not JSON: unexpected character, expected a string key in column 2"),
        ('{"id": NaN}', "line", "in column 8"),
        ('{"id": "a",', "line", "is not JSON: unexpected end of data in column 12"),
        ("[1, 2]", "line", "is not a JSON object"),
        ({"user_id": "u", "content": "c"}, "id", "is missing"),
        ({"id": "a", "content": "c"}, "user_id", "is missing"),
        ({"id": "a", "user_id": "u"}, "content", "is missing"),
        ({"id": "", "user_id": "u", "content": "c"}, "id", "empty"),
        ({"id": True, "user_id": "u", "content": "c"}, "id", "not a text"),
        ({"content": 5}, "content", "not a text"),
        ({"tier": "attic"}, "tier", "'attic' is none of working"),
        ({"tier": 3}, "tier", "3 is none of working"),
        ({"importance": 1.5}, "importance", "outside 0..1"),
        ({"importance": "high"}, "importance", "not a finite number"),
        ({"access_count": -1}, "access_count", "negative"),
        ({"access_count": 1.5}, "access_count", "not an integer"),
        ({"created_at": "2024-05-01"}, "created_at", "RFC 3339"),
        ({"created_at": 12345}, "created_at", "RFC 3339"),
        ({"expires_at": "2024-02-30T00:00:00Z"}, "expires_at", "day"),
        ({"embedding": []}, "embedding", "empty"),
        ({"embedding": [0, 0]}, "embedding", "zero vector"),
        ({"embedding": ["a"]}, "embedding", "not a list of numbers"),
        ({"archived": "yes"}, "archived", "neither true nor false"),
        ({"pinned": 1}, "pinned", "neither true nor false"),
        ({"metadata": [1]}, "metadata", "is not an object"),
    ],
)
def test_a_bad_line_is_named_and_the_good_ones_run(jsonl: Path, record: Any, field: str, reason: str) -> None:
    good = {"id": "g", "user_id": "u", "content": "c"}
    bad = (
        record
        if isinstance(record, str) or {"user_id", "content", "id"} & set(record) - {"content"}
        else {"id": "b", "user_id": "u", "content": "c", **record}
    )
    source = lines(jsonl, good, "", bad, {**good, "id": "h"})
    assert [memory.id for memory in source] == ["g", "h"]
    (error,) = source.errors
    assert (error.line, error.field) == (3, field)
    assert reason in error.reason
    assert set(error.to_json()) == {"line", "field", "reason"}
    assert source.count == 3


LONG = 12345678901234567890123


@pytest.mark.parametrize(
    "fields",
    [
        {"account": LONG},
        {"account": -LONG},
        {"account": 2**64},
        {"account": {"numbers": [1, LONG]}},
        {"account": int("9" * 308)},
        {"account": LONG, "embedding": [0.5, LONG]},
        {"account": json.loads("[" * 90 + str(LONG) + "]" * 90)},
        {"account": json.loads("[" * 500 + str(LONG) + "]" * 500)},
    ],
)
def test_a_whole_number_that_cannot_be_kept_exactly_is_named(jsonl: Path, fields: dict[str, Any]) -> None:
    source = lines(jsonl, {"id": "a", "user_id": "u", "content": "", **fields})
    assert list(source) == []
    assert [(bad.field, bad.line) for bad in source.errors] == [("account", 1)]
    assert "cannot be kept as JSON" in source.errors[0].reason


def test_a_number_without_end_is_a_bad_line(jsonl: Path) -> None:
    source = lines(jsonl, '{"id": "a", "user_id": "u", "content": "", "account": ' + "9" * 5_000 + "}")
    assert (list(source), [bad.field for bad in source.errors]) == ([], ["line"])


def test_long_numbers_that_can_be_kept_are(jsonl: Path) -> None:
    kept = {"most": 2**64 - 1, "least": -(2**63), "float": 1.5e300, "digits": str(LONG)}
    (memory,) = lines(jsonl, {"id": LONG, "user_id": "u", "content": "", "embedding": [0.5, LONG], **kept})
    assert (memory.id, memory.metadata) == (str(LONG), kept)
    assert memory.embedding is not None
    assert memory.embedding.tolist() == [0.5, float(np.float32(LONG))]


def test_an_id_counts_once(jsonl: Path) -> None:
    record = {"id": "a", "user_id": "u", "content": "c"}
    source = lines(jsonl, record, {**record, "content": "d"})
    assert len(list(source)) == 1
    assert source.errors == [BadRecord(2, "id", "'a' was in line 1 already")]
    assert source.line_of("a") == 1


def test_bytes_that_are_no_text(jsonl: Path) -> None:
    jsonl.write_bytes(b'\xef\xbb\xbf{"id": "a", "user_id": "u", "content": "c"}\n{"id": "\xff"}\n')
    source = MemoryInput(jsonl, NOW)
    assert [memory.id for memory in source] == ["a"]
    assert source.errors[0].line == 2


def test_a_line_without_end(jsonl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io, "LINE_BYTES_MAX", 200)
    record = {"id": "a", "user_id": "u", "content": "c"}
    source = lines(jsonl, record, {**record, "id": "b", "content": "x" * 5000}, {**record, "id": "c"})
    assert [memory.id for memory in source] == ["a", "c"]
    assert source.errors == [BadRecord(2, "line", "is longer than 200 bytes")]
    jsonl.write_text("y" * 1000)
    source = MemoryInput(jsonl, NOW)
    assert list(source) == []
    assert len(source.errors) == 1


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        MemoryInput(tmp_path / "nothing.jsonl", NOW)
    (tmp_path / "in.csv").write_text("")
    with pytest.raises(InvalidArgument, match=r"must end in \.jsonl"):
        MemoryInput(tmp_path / "in.csv", NOW)
    (tmp_path / "in.npz").write_bytes(b"not a zip")
    with pytest.raises(InvalidArgument, match="no archive of plain arrays"):
        list(MemoryInput(tmp_path / "in.npz", NOW))
    np.savez(tmp_path / "whole.npz", id=np.arange(100))
    (tmp_path / "in.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:100])  # cut off by a full disk
    with pytest.raises(InvalidArgument, match="no archive of plain arrays"):
        list(MemoryInput(tmp_path / "in.npz", NOW))
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(NotFound, match="a folder"):
        MemoryInput(tmp_path / "folder.npz", NOW)
    (tmp_path / "in.parquet").write_bytes(b"nor this")
    with pytest.raises(InvalidArgument, match="no Parquet file"):
        list(MemoryInput(tmp_path / "in.parquet", NOW))


class TestNumpy:
    def write(self, tmp_path: Path, **arrays: Any) -> MemoryInput:
        base = {
            "id": np.array(["a", "b"]),
            "user_id": np.array(["u", "u"]),
            "content": np.array(["tea", "milk"]),
        }
        np.savez(tmp_path / "in.npz", **{**base, **arrays})
        return MemoryInput(tmp_path / "in.npz", NOW)

    def test_columns(self, tmp_path: Path) -> None:
        source = self.write(
            tmp_path,
            embedding=np.array([[1, 2], [np.nan, 1]], dtype=np.float64),
            importance=np.array([0.25, np.nan], dtype=np.float32),
            access_count=np.array([3, 4]),
            created_at=np.array(["1970-01-01T00:00:02", "NaT"], dtype="datetime64[s]"),
            tier=np.array(["long_term", "working"]),
            archived=np.array([True, False]),
        )
        (memory,) = source
        assert (memory.id, memory.content, memory.tier, memory.importance, memory.access_count) == (
            "a",
            "tea",
            "long_term",
            0.25,
            3,
        )
        assert (memory.created_us, memory.archived, memory.embedding.tolist()) == (2_000_000, True, [1, 2])
        assert source.errors == [BadRecord(2, "embedding", "holds NaN or infinity")]

    def test_times_as_text(self, tmp_path: Path) -> None:
        first, _ = self.write(tmp_path, created_at=np.array(["1970-01-01T00:00:02Z"] * 2))
        assert first.created_us == 2_000_000

    def test_shapes(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "in.npz", id=np.array(["a"]), user_id=np.array(["u"]))
        with pytest.raises(InvalidArgument, match="has no array 'content'"):
            list(MemoryInput(tmp_path / "in.npz", NOW))
        with pytest.raises(InvalidArgument, match=r"'tier' of in\.npz has not 2 rows"):
            list(self.write(tmp_path, tier=np.array(["working"])))
        with pytest.raises(InvalidArgument, match=r"'scope' of in\.npz is a single value"):
            list(self.write(tmp_path, scope=np.array("x")))
        with pytest.raises(InvalidArgument, match="no archive of plain arrays"):
            list(self.write(tmp_path, metadata=np.array([{"a": 1}, {}], dtype=object)))


class TestParquet:
    def write(self, tmp_path: Path, columns: dict[str, Any]) -> MemoryInput:
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table(columns), tmp_path / "in.parquet")
        return MemoryInput(tmp_path / "in.parquet", NOW)

    def test_columns(self, tmp_path: Path) -> None:
        moment = datetime(2024, 5, 1, tzinfo=UTC)
        source = self.write(
            tmp_path,
            {
                "id": ["a", "b"],
                "user_id": ["u", "u"],
                "content": ["tea", None],
                "embedding": [[1.0, 2.0], None],
                "created_at": [moment, moment],
                "importance": [0.5, 0.5],
            },
        )
        (memory,) = source
        assert memory.created_us == time_to_us(moment)
        assert memory.embedding.tolist() == [1, 2]
        assert source.errors == [BadRecord(2, "content", "is missing")]

    def test_a_missing_column(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument, match="has no column 'user_id'"):
            list(self.write(tmp_path, {"id": ["a"], "content": ["c"]}))

    def test_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        (tmp_path / "in.parquet").write_bytes(b"PAR1")
        with pytest.raises(Unsupported, match=r"pip install 'khala-jobs\[parquet\]'"):
            MemoryInput(tmp_path / "in.parquet", NOW)


async def test_importing_twice_imports_once(repository: SqliteMemoryRepository, jsonl: Path) -> None:
    records = [{"id": f"{n}", "user_id": "u", "content": f"c{n}"} for n in range(25)]
    first = await import_memories(repository, lines(jsonl, *records, "oops"), batch_size=10)
    assert (first.added, first.existing, [error.line for error in first.errors]) == (25, 0, [26])
    records[3]["content"] = "changed"
    second = await import_memories(
        repository, lines(jsonl, *records, {**records[0], "id": "new"}), batch_size=10
    )
    assert (second.added, second.existing) == (1, 24)
    assert second.errors == [BadRecord(4, "id", "'3' belongs to another memory already")]
    assert (await repository.get_by_id("3")).content == "c3"
    assert await repository.count_memories() == 26


async def test_a_deleted_memory_does_not_come_back_by_importing_again(
    repository: SqliteMemoryRepository, jsonl: Path
) -> None:
    record = {"id": "a", "user_id": "ada", "content": "tea", "expires_at": "1970-01-02T00:00:00Z"}
    await import_memories(repository, lines(jsonl, record))
    await repository.begin_run("r", "cleanup", 5)
    await repository.apply_operations("r", [Operation(OperationKind.DELETE, (delete("a", {}),), "expired")])
    again = await import_memories(repository, lines(jsonl, record))
    assert (again.added, again.existing, again.deleted) == (0, 0, 1)
    later = await import_memories(repository, lines(jsonl, {**record, "expires_at": "2070-01-02T00:00:00Z"}))
    assert (later.added, later.deleted) == (1, 0)
    await repository.delete("a")
    await repository.undo_operations("r", 6)
    restored = await import_memories(repository, lines(jsonl, record))
    assert (restored.added, restored.existing, restored.deleted) == (0, 1, 0)
