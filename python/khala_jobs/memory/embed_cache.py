"""Embeddings kept on disk, so that a second run over the same texts computes nothing.

A vector is known by (model id, SHA-256 of the text, cut to 128 bits). Vectors live in *segments*: files that
are written once, under a name of their own, and renamed into place, so that several processes may share a
directory without a lock; the worst that can happen is that two of them compute the same vector. A segment:

    magic b"KHEMB001" | dim uint32 | count uint32 | keys count x 16 bytes | rows count x dim float32 |
    SHA-256 of all before

all little-endian. A segment that does not check out is deleted and counted: its texts are embedded again.
When a directory grows past its limit, the oldest segments go. Many small segments are merged into one at
opening.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from .embed import Embedder, FloatMatrix, Progress
from .embed_minilm import cache_dir

__all__ = ["CachedEmbedder"]

_MAGIC: Final = b"KHEMB001"
_HEAD: Final = struct.Struct("<8sII")
_KEY_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_MERGE_ABOVE: Final = 16  # segments
_CHUNK: Final = 2048  # texts embedded before a segment is written: what a killed run can lose


class CachedEmbedder:
    """An embedder in front of which a directory remembers.

    Holds every vector of its model that is on disk in memory (1.5 KB each at 384 dimensions).
    Use from one thread at a time; any number of processes may use one directory.

    Args:
        inner: Computes what is not known.
        directory: Where segments live; a subdirectory per model id is made. Default: ``embeddings`` in
            ``cache_dir()``.
        max_bytes: Segments of this model above which the oldest are dropped at opening.

    Raises:
        ValueError: ``max_bytes`` is negative.
        OSError: The directory cannot be made or read.
    """

    def __init__(self, inner: Embedder, directory: Path | None = None, *, max_bytes: int = 1 << 30) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes must be >= 0, got {max_bytes}")
        self._inner = inner
        self._directory = (directory or cache_dir() / "embeddings") / _safe_name(inner.model_id)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._position: dict[bytes, int] = {}
        self._blocks: list[FloatMatrix] = []
        self._rows: FloatMatrix = np.empty((0, inner.dim), dtype=np.float32)
        self.hit_count = 0
        self.miss_count = 0
        self.damaged_count = 0
        self._open(max_bytes)

    @property
    def model_id(self) -> str:
        """The inner embedder's."""
        return self._inner.model_id

    @property
    def dim(self) -> int:
        """The inner embedder's."""
        return self._inner.dim

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> FloatMatrix:
        """Embed texts; see ``Embedder.embed``. ``progress`` starts at what was already known."""
        keys = [_key(text) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._position}
        known = len(texts) - sum(key in missing for key in keys)
        self.hit_count += known
        self.miss_count += len(missing)
        total = known + len(missing)
        if progress is not None and missing and known:
            progress(known, total)
        new_keys, new_texts = list(missing), list(missing.values())
        # By length, so that a chunk's batches are padded little; the order of rows does not matter here.
        order = sorted(range(len(new_texts)), key=lambda at: (len(new_texts[at]), new_keys[at]))
        for start in range(0, len(order), _CHUNK):
            chunk = order[start : start + _CHUNK]
            base = known + start
            step = None if progress is None else (lambda done, _, base=base: progress(base + done, total))
            rows = self._inner.embed([new_texts[at] for at in chunk], step)
            chunk_keys = [new_keys[at] for at in chunk]
            self._add(chunk_keys, rows)
            _write(self._directory, chunk_keys, rows)
        if progress is not None and not missing and texts:
            progress(total, total)
        index = np.fromiter((self._position[key] for key in keys), dtype=np.intp, count=len(keys))
        return self._matrix()[index]

    def _add(self, keys: Sequence[bytes], rows: FloatMatrix) -> None:
        base = len(self._rows) + sum(map(len, self._blocks))
        self._blocks.append(rows)
        for offset, key in enumerate(keys):
            self._position.setdefault(key, base + offset)

    def _matrix(self) -> FloatMatrix:
        if self._blocks:
            self._rows = np.concatenate([self._rows, *self._blocks])
            self._blocks = []
        return self._rows

    def _open(self, max_bytes: int) -> None:
        files = sorted(
            self._directory.glob("*.seg"), key=lambda path: (_mtime(path), path.name), reverse=True
        )
        budget = max_bytes
        loaded: list[Path] = []
        for path in files:  # newest first, so that the oldest fall outside the limit
            found = _read(path, self.dim)
            if found is None:
                self.damaged_count += path.exists()
                path.unlink(missing_ok=True)
                continue
            keys, rows = found
            budget -= rows.nbytes + _KEY_BYTES * len(keys)
            if budget < 0:
                path.unlink(missing_ok=True)
                continue
            self._add(keys, rows)
            loaded.append(path)
        if len(loaded) > _MERGE_ABOVE:
            matrix = self._matrix()
            ordered = list(self._position)
            _write(self._directory, ordered, matrix[[self._position[key] for key in ordered]])
            for path in loaded:
                path.unlink(missing_ok=True)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]


def _safe_name(model_id: str) -> str:
    """A directory name; ids that differ only in characters we replace still get directories of their own."""
    digest = hashlib.sha256(model_id.encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9._-]", "_", model_id)[:80] + "-" + digest


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process merged it away
        return 0.0


def _write(directory: Path, keys: Sequence[bytes], rows: FloatMatrix) -> None:
    if not keys:
        return
    body = (
        _HEAD.pack(_MAGIC, rows.shape[1], len(keys))
        + b"".join(keys)
        + rows.astype("<f4", copy=False).tobytes()
    )
    handle, name = tempfile.mkstemp(suffix=".part", dir=directory)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.write(hashlib.sha256(body).digest())
        part.replace(part.with_suffix(".seg"))
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _read(path: Path, dim: int) -> tuple[list[bytes], FloatMatrix] | None:
    """Keys and rows of a segment, or None when it is not whole, not ours, or gone."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < _HEAD.size + _DIGEST_BYTES:
        return None
    magic, width, count = _HEAD.unpack_from(data)
    keys_end = _HEAD.size + count * _KEY_BYTES
    rows_end = keys_end + count * width * 4
    if magic != _MAGIC or width != dim or len(data) != rows_end + _DIGEST_BYTES:
        return None
    if hashlib.sha256(memoryview(data)[:rows_end]).digest() != data[rows_end:]:
        return None
    keys = [data[at : at + _KEY_BYTES] for at in range(_HEAD.size, keys_end, _KEY_BYTES)]
    rows = np.frombuffer(data, dtype="<f4", count=count * width, offset=keys_end).reshape(count, width)
    return keys, rows.astype(np.float32)
