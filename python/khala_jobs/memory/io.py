"""Memories from files: JSON Lines, NumPy and Parquet.

Every record becomes a `Memory` or a `BadRecord` with its line (or row) number, the field and the reason; the
good ones are used all the same. Fields: ``id``, ``user_id`` and ``content`` are required; ``embedding`` (a
list of numbers), ``model_id``, ``scope``, ``tier``, ``importance``, ``access_count``, ``verification_score``,
``confidence``, ``archived``, ``pinned``, ``metadata`` and the RFC 3339 times ``created_at``, ``updated_at``,
``accessed_at`` and ``expires_at`` may be left out. A field of any other name is kept in the metadata, as JSON.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from khala_jobs.errors import InvalidArgument, NotFound, Unsupported

from .io_values import (
    checked_embedding,
    exact_record,
    json_value,
    maybe_rounded,
    moment,
    read_column,
    scalar,
)
from .model import BadMemory, Memory, Tier
from .repository_sqlite import SqliteMemoryRepository

__all__ = ["LINE_BYTES_MAX", "BadRecord", "Imported", "MemoryInput", "import_memories", "memory_of_record"]

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest line of a JSON Lines file."""

_TIMES: Final = {
    "created_at": "created_us",
    "updated_at": "updated_us",
    "accessed_at": "accessed_us",
    "expires_at": "expires_us",
}
_PLAIN: Final = (
    "id", "user_id", "content", "scope", "model_id", "tier", "importance", "access_count",
    "verification_score", "confidence", "archived", "pinned", "embedding", "metadata",
)  # fmt: skip
_ALIASES: Final = {"is_archived": "archived", "model": "model_id"}
_REQUIRED: Final = ("id", "user_id", "content")


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be used.

    Args:
        line: Line or row number, from 1.
        field: Which field; ``line`` when it is not even a record.
        reason: What is wrong, one clause.
    """

    line: int
    field: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As in the report."""
        return {"line": self.line, "field": self.field, "reason": self.reason}


class MemoryInput:
    """The memories in a file, read as they are asked for.

    Args:
        path: A ``.jsonl`` (or ``.ndjson``), ``.npz`` or ``.parquet`` file.
        now_us: Creation time of records that have none.

    Raises:
        NotFound: There is no such file.
        InvalidArgument: The name tells no format.
        Unsupported: Reading Parquet needs pyarrow, which is not installed.

    Attributes:
        errors: Bad records met so far.
        count: Records met so far, good and bad.
        now_us: As given; may be set before the first record is read.
    """

    def __init__(self, path: str | Path, now_us: int) -> None:
        self.path = Path(path)
        self.errors: list[BadRecord] = []
        self.count = 0
        self.now_us = now_us
        self._seen: dict[str, int] = {}
        if not self.path.is_file():
            what = (
                "a folder"
                if self.path.is_dir()
                else "missing"
                if not self.path.exists()
                else "no regular file"
            )
            raise NotFound("input", f"there is no file {self.path}: it is {what}")
        readers = {
            ".jsonl": _json_lines,
            ".ndjson": _json_lines,
            ".npz": _npz_rows,
            ".parquet": _parquet_rows,
        }
        suffix = self.path.suffix.lower()
        if suffix not in readers:
            raise InvalidArgument("input", f"{self.path.name} must end in {', '.join(readers)}")
        if suffix == ".parquet":
            _pyarrow()
        self._read = readers[suffix]

    def __iter__(self) -> Iterator[Memory]:
        for line, record in self._read(self.path):
            self.count += 1
            try:
                yield self._memory(line, record)
            except BadMemory as error:
                self.errors.append(BadRecord(line, error.field, error.message))

    def digest(self) -> str:
        """SHA-256 (hex) of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def line_of(self, memory_id: str) -> int:
        """The line that a memory was read from.

        Raises:
            KeyError: None was read with this id.
        """
        return self._seen[memory_id]

    def _memory(self, line: int, record: Mapping[str, Any] | BadMemory) -> Memory:
        if isinstance(record, BadMemory):
            raise record
        memory = memory_of_record(record, self.now_us)
        first = self._seen.setdefault(memory.id, line)
        if first != line:
            raise BadMemory("id", f"{memory.id!r} was in line {first} already")
        return memory


def memory_of_record(record: Mapping[str, Any], now_us: int) -> Memory:
    """One record as a memory.

    Args:
        record: Fields as in the module's first comment.
        now_us: Creation time if the record has none.

    Raises:
        BadMemory: A field is missing or wrong.
    """
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for given, value in record.items():
        name = _ALIASES.get(given, given)
        if value is None:
            continue
        if name in _TIMES:
            values[_TIMES[name]] = moment(given, value)
        elif name == "embedding":
            values[name] = checked_embedding(value)
        elif name in _PLAIN:
            values[name] = value
        else:
            extra[given] = json_value(given, value)
    _check_values(values)
    metadata = values.pop("metadata", {})
    created = values.setdefault("created_us", now_us)
    values.setdefault("updated_us", created)
    values.setdefault("accessed_us", created)
    return Memory(**values, metadata={**extra, **json_value("metadata", metadata)})


def _check_values(values: dict[str, Any]) -> None:
    """What `Memory` itself does not check, because it takes Python values and not those of a file."""
    for name in _REQUIRED:
        if name not in values:
            raise BadMemory(name, "is missing")
    for name in ("id", "user_id"):
        if isinstance(values[name], int) and not isinstance(values[name], bool):
            values[name] = str(values[name])
    for name in ("archived", "pinned"):
        if not isinstance(values.get(name, False), bool):
            raise BadMemory(name, f"{values[name]!r} is neither true nor false")
    if isinstance(values.get("tier"), str):
        values["tier"] = _tier(values["tier"])
    if not isinstance(values.get("metadata", {}), Mapping):
        raise BadMemory("metadata", "is not an object")


def _tier(text: str) -> Tier:
    folded = text.strip().lower().replace("-", "_").replace(" ", "_")
    if folded not in tuple(Tier):
        raise BadMemory("tier", f"{text!r} is none of {', '.join(Tier)}")
    return Tier(folded)


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadMemory]]:
    with path.open("rb") as file:
        line = 0
        while text := file.readline(LINE_BYTES_MAX + 1):
            line += 1
            if len(text) > LINE_BYTES_MAX:
                while text and not text.endswith(b"\n"):
                    text = file.readline(LINE_BYTES_MAX)
                yield line, BadMemory("line", f"is longer than {LINE_BYTES_MAX} bytes")
                continue
            text = text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text
            if text.strip():
                yield line, _json_record(text)


def _json_record(text: bytes) -> dict[str, Any] | BadMemory:
    try:
        record = orjson.loads(text.rstrip(b"\r\n"))
    except (
        orjson.JSONDecodeError
    ) as error:  # its own text counts lines too, and this one is always its line 1
        return BadMemory("line", f"is not JSON: {error.msg} in column {error.pos + 1}")
    if not isinstance(record, dict):
        return BadMemory("line", "is not a JSON object")
    if any(name != "embedding" and maybe_rounded(value) for name, value in record.items()):
        return exact_record(text, record)
    return record


def _npz_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadMemory]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidArgument("input", f"{path.name} is no archive of plain arrays: {error}") from error
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise InvalidArgument(
            "input", f"{path.name} has no array {missing[0]!r}; it has {', '.join(sorted(columns))}"
        )
    count = len(columns["id"]) if columns["id"].ndim else -1
    for name, column in columns.items():
        if column.ndim == 0:
            raise InvalidArgument("input", f"array {name!r} of {path.name} is a single value, not a column")
        if len(column) != count:
            raise InvalidArgument("input", f"array {name!r} of {path.name} has not {count} rows, as 'id' has")
    for row in range(count):
        yield row + 1, {name: scalar(column[row]) for name, column in columns.items()}


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise Unsupported(
            "input", "reading Parquet needs pyarrow: pip install 'khala-jobs[parquet]'"
        ) from None
    return pyarrow


def _parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadMemory]]:
    arrow = _pyarrow()
    try:
        file = arrow.parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise InvalidArgument("input", f"{path.name} is no Parquet file: {error}") from error
    with file:
        missing = [name for name in _REQUIRED if name not in file.schema_arrow.names]
        if missing:
            raise InvalidArgument("input", f"{path.name} has no column {missing[0]!r}")
        row = 0
        try:
            for batch in file.iter_batches():
                names = batch.schema.names
                columns = [read_column(name, batch.column(at), arrow) for at, name in enumerate(names)]
                for cells in zip(*columns, strict=True):
                    row += 1
                    bad = next((cell for cell in cells if isinstance(cell, BadMemory)), None)
                    yield row, bad or dict(zip(names, cells, strict=True))
        except (arrow.ArrowException, OSError) as error:
            yield row + 1, BadMemory("line", f"is damaged, and so is what follows: {error}")


@dataclass(slots=True)
class Imported:
    """What an import came to.

    Args:
        added: New memories.
        existing: Memories that were there already, with the same owner and text.
        deleted: Memories left out because a lifecycle job deleted them before.
        errors: Bad records, and ids that belong to another memory.
    """

    added: int = 0
    existing: int = 0
    deleted: int = 0
    errors: list[BadRecord] = field(default_factory=list)


async def import_memories(
    repository: SqliteMemoryRepository, source: MemoryInput, batch_size: int = 1000
) -> Imported:
    """Put the memories of a file into a repository.

    Safe to repeat: what is there already stays as it is, and what the cleanup job deleted does not come back, as long
    as the operation log remembers it and owner, text and expiry are the same.

    Args:
        repository: Where to.
        source: What.
        batch_size: Memories in one transaction.
    """
    result = Imported()
    memories = iter(source)
    while batch := list(islice(memories, batch_size)):
        known = await repository.get_many(memory.id for memory in batch)
        gone = await repository.deleted_memories(memory.id for memory in batch if memory.id not in known)
        fresh = [memory for memory in batch if memory.id not in known and not _same(memory, gone)]
        result.added += await repository.create_many(fresh)
        result.deleted += len(batch) - len(known) - len(fresh)
        for memory in batch:
            other = known.get(memory.id)
            if other is None:
                continue
            if (other.user_id, other.content_hash) == (memory.user_id, memory.content_hash):
                result.existing += 1
            else:
                line = source.line_of(memory.id)
                result.errors.append(
                    BadRecord(line, "id", f"{memory.id!r} belongs to another memory already")
                )
    result.errors = sorted([*source.errors, *result.errors], key=lambda bad: bad.line)
    return result


def _same(memory: Memory, gone: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a memory is one that was deleted."""
    was = gone.get(memory.id)
    return was is not None and all(
        was.get(name) == memory.field_json(name) for name in ("user_id", "content_hash", "expires_us")
    )
