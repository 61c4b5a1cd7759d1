r"""The file of a `SimilarityIndex`: columns, each checksummed in blocks, behind a directory.

    0    magic b"KHSIMIX\\n" | version uint32 | 0 uint32 | directory offset, bytes and checksum, uint64 each
    ..   columns, each from a multiple of 4,096 bytes on, so that the vectors can be mapped
    ..   directory: JSON {"meta": {...}, "columns": {name: {dtype, shape, offset, checksums}}}

all little-endian. A checksum is XXH3-64; a column has one for every 16 MiB. The directory comes last because
the checksums are known only then; the header is written over zeros at the very end, so that a file without its
directory has no magic either.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import orjson

from khala_jobs._core import similarity as _core
from khala_jobs.errors import NotFound, SchemaMismatch, StoreCorrupt, StoreIO

from .files import write_atomically

__all__ = ["Column", "read_columns", "write_columns"]

_MAGIC: Final = b"KHSIMIX\n"
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<8sIIQQQ")
_ALIGN: Final = 4096
_BLOCK_BYTES: Final = 1 << 24
_WHAT: Final = "a similarity index"

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be written.

    Args:
        dtype: Of its elements.
        shape: Of the whole.
        blocks: C-contiguous arrays that make it up in order; any sizes.
    """

    dtype: str
    shape: tuple[int, ...]
    blocks: Iterable[Array]

    @classmethod
    def of(cls, array: Array) -> Column:
        """An array that is there as a whole."""
        return cls(array.dtype.newbyteorder("<").str, array.shape, [np.ascontiguousarray(array)])


def write_columns(
    path: str | os.PathLike[str], meta: Mapping[str, Any], columns: Mapping[str, Column]
) -> None:
    """Write a file atomically.

    Args:
        path: The file.
        meta: JSON values, given back by `read_columns`.
        columns: By name.

    Raises:
        StoreFull: The disk is full; the old file is untouched.
        StoreIO: The operating system refused; the old file is untouched.
    """

    def write(file: BinaryIO) -> None:
        file.write(bytes(_HEAD.size))
        entries = {name: _write_column(file, column) for name, column in columns.items()}
        directory = orjson.dumps({"meta": meta, "columns": entries})
        offset = file.tell()
        file.write(directory)
        file.seek(0)
        checksum = _core.checksum(directory)
        file.write(_HEAD.pack(_MAGIC, _VERSION, 0, offset, len(directory), checksum))

    write_atomically(path, write)


def _write_column(file: BinaryIO, column: Column) -> dict[str, Any]:
    offset = -(-file.tell() // _ALIGN) * _ALIGN
    file.write(bytes(offset - file.tell()))
    checksums: list[int] = []
    pending = bytearray()
    for block in column.blocks:
        view = np.ascontiguousarray(block).view(np.uint8).reshape(-1).data
        file.write(view)
        for start in range(0, len(view), _BLOCK_BYTES):
            pending += view[start : start + _BLOCK_BYTES]
            while len(pending) >= _BLOCK_BYTES:
                checksums.append(_core.checksum(bytes(pending[:_BLOCK_BYTES])))
                del pending[:_BLOCK_BYTES]
    if pending:
        checksums.append(_core.checksum(bytes(pending)))
    return {"dtype": column.dtype, "shape": list(column.shape), "offset": offset, "checksums": checksums}


def read_columns(
    path: str | os.PathLike[str], *, verify: bool = True
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Map a file.

    Args:
        path: The file.
        verify: Whether to compare the checksum of every column, which reads the whole file once.

    Returns:
        Its meta values, and its columns as read-only arrays that stay mapped while they are in use.

    Raises:
        NotFound: No such file.
        SchemaMismatch: It is another kind of file, or a newer version's.
        StoreCorrupt: It is damaged or cut short.
        StoreIO: The operating system refused.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD.size)
            _check_magic(path, head)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotFound("path", f"{path} does not exist") from None
    except OSError as error:
        raise StoreIO("path", f"{path} cannot be read: {error.strerror}") from error
    directory = _directory(path, head, mapped)
    columns = {
        name: _column(path, mapped, name, entry, verify) for name, entry in directory["columns"].items()
    }
    return directory["meta"], columns


def _check_magic(path: object, head: bytes) -> None:
    if len(head) < _HEAD.size or not any(head):
        raise StoreCorrupt("path", f"{path} is cut short: it is no whole header of {_WHAT}")
    magic, version, *_ = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise SchemaMismatch("path", f"{path} is not {_WHAT}")
    if version != _VERSION:
        raise SchemaMismatch(
            "path", f"{path} has format {version}; this version of khala_jobs knows {_VERSION}"
        )


def _directory(path: object, head: bytes, mapped: mmap.mmap) -> Any:
    *_, offset, size, checksum = _HEAD.unpack(head)
    if offset + size > len(mapped):
        raise StoreCorrupt("path", f"{path} is cut short: {len(mapped)} bytes of {offset + size}")
    text = mapped[offset : offset + size]
    if _core.checksum(text) != checksum:
        raise StoreCorrupt("path", f"{path} is damaged: its directory fails its checksum")
    return orjson.loads(text)


def _column(path: object, mapped: mmap.mmap, name: str, entry: Mapping[str, Any], verify: bool) -> Array:
    dtype, shape, offset = np.dtype(entry["dtype"]), tuple(entry["shape"]), entry["offset"]
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size == 0:
        return np.empty(shape, dtype)
    if offset + size > len(mapped):
        raise StoreCorrupt("path", f"{path} is cut short: column {name} is not whole")
    if verify:
        view = memoryview(mapped)
        starts = range(offset, offset + size, _BLOCK_BYTES)
        found = [_core.checksum(view[start : min(start + _BLOCK_BYTES, offset + size)]) for start in starts]
        if found != entry["checksums"]:
            raise StoreCorrupt("path", f"{path} is damaged: column {name} fails its checksum")
    return np.frombuffer(mapped, dtype, size // dtype.itemsize, offset).reshape(shape)
