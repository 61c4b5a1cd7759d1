"""Values that files have and memories cannot keep: errors of their records, under the name that the file gives them."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from khala_jobs.errors import InvalidArgument
from khala_jobs.memory import MemoryInput

NOW = 1_000_000


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


DEEP: Any = json.loads("[" * 300 + "]" * 300)


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ({"foo": DEEP}, "foo", "nested deeper"),
        ({"metadata": {"foo": DEEP}}, "metadata", "nested deeper"),
        ({"embedding": "AACAPwAAgD8="}, "embedding", "list of numbers"),
        ({"embedding": ["1", "2"]}, "embedding", "list of numbers"),
        ({"embedding": [True, 1.0]}, "embedding", "list of numbers"),
        ({"embedding": [1e300, 1]}, "embedding", "infinity"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "created_at", "years 1 to 9999"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at", "years 1 to 9999"),
    ],
)
def test_what_cannot_be_kept_is_one_bad_line(jsonl: Path, record: Any, field: str, reason: str) -> None:
    base = {"id": "a", "user_id": "ada", "content": "tea"}
    jsonl.write_text("".join(json.dumps(row) + "\n" for row in ({**base, **record}, {**base, "id": "b"})))
    source = MemoryInput(jsonl, NOW)
    assert [memory.id for memory in source] == ["b"]
    (bad,) = source.errors
    assert (bad.line, bad.field) == (1, field)
    assert reason in bad.reason


BASE: Any = {"id": ["a", "b"], "user_id": ["u", "u"], "content": ["x", "y"]}


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        (np.array([[1, 2], [3, 4]]), [1, 2]),
        (np.array([1.5, 2.5], np.longdouble), 1.5),
        (np.array(["2024-01-01", "NaT"], "M8[ns]"), "2024-01-01T00:00:00Z"),
        (np.array([b"x", b"y"]), None),
        (np.array([1j, 2j]), None),
        (np.array([1, 2], "m8[s]"), None),
        (np.array([np.inf, np.inf]), None),
    ],
)
def test_columns_of_other_kinds(tmp_path: Path, column: Any, kept: Any) -> None:
    np.savez(tmp_path / "in.npz", **BASE, foo=column)
    source = MemoryInput(tmp_path / "in.npz", NOW)
    found = list(source)
    if kept is None:
        assert found == []
        assert [(bad.line, bad.field) for bad in source.errors] == [(1, "foo"), (2, "foo")]
    else:
        assert source.errors == []
        assert found[0].metadata == {"foo": kept}


@pytest.mark.parametrize(
    "times",
    [
        np.array([10**17, 5], "M8[s]"), np.array([10**15, 5], "M8[Y]"), np.array([10**16, 5], "M8[M]"),
        np.array([-(10**12), 5], "M8[h]"), np.array([10**18, 5], "M8[us]"),
    ],
)  # fmt: skip
def test_numpy_times_that_no_calendar_has(tmp_path: Path, times: Any) -> None:
    np.savez(tmp_path / "in.npz", **BASE, created_at=times)
    source = MemoryInput(tmp_path / "in.npz", NOW)
    (memory,) = source
    assert memory.created_us == int(times[1].astype("M8[us]").astype(np.int64))
    assert [(bad.line, bad.field) for bad in source.errors] == [(1, "created_at")]


def test_a_single_value_is_no_column(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", id=np.array("a"), user_id=np.array("u"), content=np.array("x"))
    with pytest.raises(InvalidArgument, match="single value"):
        list(MemoryInput(tmp_path / "in.npz", NOW))


class TestOddParquet:
    """Columns that Python or JSON has no value for, and damage."""

    def test_columns(self, tmp_path: Path) -> None:
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        columns = {
            "binary": arrow.array([b"x", None]),
            "decimal": arrow.array([Decimal("1.5"), None]),
            "duration": arrow.array([timedelta(1), None]),
            "nanoseconds": arrow.array([1_000_000_001, None], arrow.duration("ns")),
            "metadata": arrow.array([{"a": Decimal("1.5")}, None]),
        }
        for name, column in columns.items():
            parquet.write_table(arrow.table({**BASE, name: column}), tmp_path / "in.parquet")
            source = MemoryInput(tmp_path / "in.parquet", NOW)
            assert [memory.id for memory in source] == ["b"], name
            assert [(bad.line, bad.field) for bad in source.errors] == [(1, name)]

    def test_nanoseconds_are_dropped(self, tmp_path: Path) -> None:
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        times = arrow.array([1_000_001, 2_000_999], arrow.timestamp("ns"))
        parquet.write_table(arrow.table({**BASE, "created_at": times}), tmp_path / "in.parquet")
        source = MemoryInput(tmp_path / "in.parquet", NOW)
        assert [memory.created_us for memory in source] == [1000, 2000]
        assert source.errors == []

    def test_a_damaged_page_is_an_error_of_its_row(self, tmp_path: Path) -> None:
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "in.parquet"
        parquet.write_table(arrow.table(BASE), path)
        damaged = bytearray(path.read_bytes())
        damaged[10:60] = bytes(byte ^ 0xFF for byte in damaged[10:60])
        path.write_bytes(damaged)
        source = MemoryInput(path, NOW)
        assert list(source) == []
        assert [(bad.line, bad.field) for bad in source.errors] == [(1, "line")]
