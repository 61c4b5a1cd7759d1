"""Columns out of memories: what the rules and the kernels compute on.

Planners never loop over memory objects: they get a `Frame`, one array a field, row i of each being memory i.
A frame of one page serves the rules that judge each memory alone; a frame of all memories of a user serves
deduplication and consolidation. Vectors of one dimension lie in one dense float32 matrix, so that a join
needs no copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .model import Memory, Tier, Vector

__all__ = [
    "NO_TIME_US",
    "TIERS",
    "BoolColumn",
    "FloatColumn",
    "Frame",
    "FrameBuilder",
    "IntColumn",
    "frame_of",
]

FloatColumn = npt.NDArray[np.float64]
IntColumn = npt.NDArray[np.int64]
BoolColumn = npt.NDArray[np.bool_]

TIERS: Final[tuple[Tier, ...]] = tuple(Tier)
"""Column ``tier`` holds positions in this tuple."""

_TIER_CODE: Final = {tier: code for code, tier in enumerate(TIERS)}
NO_TIME_US: Final = np.iinfo(np.int64).max
"""Stands for "never" in column ``expires_us``."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Memories as columns; every column has one entry a memory.

    Args:
        ids: Memory ids.
        users: User ids.
        scopes: Scopes or None.
        models: Model ids or None.
        contents: Texts.
        hashes: Content hashes.
        blank: Whether nothing is left of the content once normalised.
        tier: Position in `TIERS`.
        importance: 0..1.
        access_count: Reads.
        created_us: Creation times.
        expires_us: Expiry times, `NO_TIME_US` for never.
        updated_us: Times of the last change.
        decay_score: 0..1, NaN where none was computed.
        verification_score: 0..1.
        confidence: 0..1.
        archived: Archive flags.
        pinned: Pin flags.
        consolidated: Whether the memory summarises others.
        flags: What a flagging deduplication left, or None.
        dim: Dimension of the vector, 0 for none.
        vector_row: Row in ``matrices[dim]``, -1 for none.
        matrices: By dimension, float32 [n, dim] in the order of appearance.
    """

    ids: tuple[str, ...]
    users: tuple[str, ...]
    scopes: tuple[str | None, ...]
    models: tuple[str | None, ...]
    contents: tuple[str, ...]
    hashes: tuple[str, ...]
    flags: tuple[dict[str, object] | None, ...]
    blank: BoolColumn
    tier: npt.NDArray[np.int8]
    importance: FloatColumn
    access_count: IntColumn
    created_us: IntColumn
    expires_us: IntColumn
    updated_us: IntColumn
    decay_score: FloatColumn
    verification_score: FloatColumn
    confidence: FloatColumn
    archived: BoolColumn
    pinned: BoolColumn
    consolidated: BoolColumn
    dim: IntColumn
    vector_row: IntColumn
    matrices: dict[int, npt.NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.ids)

    def vector(self, row: int) -> Vector | None:
        """The embedding of one memory, or None."""
        at = int(self.vector_row[row])
        return None if at < 0 else self.matrices[int(self.dim[row])][at]

    def tier_of(self, row: int) -> Tier:
        """The tier of one memory."""
        return TIERS[int(self.tier[row])]

    def matrix(self, rows: IntColumn) -> npt.NDArray[np.float32]:
        """The vectors of some rows, all of one dimension.

        Args:
            rows: Row numbers, each with a vector.

        Returns:
            C-contiguous float32 [len(rows), dim]; the stored matrix itself when the rows are all of it.
        """
        whole = self.matrices[int(self.dim[rows[0]])]
        at = self.vector_row[rows]
        if len(at) == len(whole) and bool((at == np.arange(len(whole))).all()):
            return whole
        return np.ascontiguousarray(whole[at])

    def digest(self) -> str:
        """SHA-256 (hex) over everything a planner reads: equal frames give equal plans."""
        state = hashlib.sha256()
        for texts in (self.ids, self.users, self.scopes, self.models, self.hashes, self.flags):
            state.update(repr(texts).encode())
        for column in (
            self.tier,
            self.importance,
            self.access_count,
            self.created_us,
            self.expires_us,
            self.decay_score,
            self.verification_score,
            self.confidence,
            self.archived,
            self.pinned,
            self.consolidated,
            self.vector_row,
        ):
            state.update(np.ascontiguousarray(column).tobytes())
        for dim in sorted(self.matrices):
            state.update(self.matrices[dim].tobytes())
        return state.hexdigest()


_TEXTS: Final = ("ids", "users", "scopes", "models", "contents", "hashes", "flags")
_NUMBERS: Final[dict[str, Any]] = {
    "blank": np.bool_,
    "tier": np.int8,
    "importance": np.float64,
    "access_count": np.int64,
    "created_us": np.int64,
    "expires_us": np.int64,
    "updated_us": np.int64,
    "decay_score": np.float64,
    "verification_score": np.float64,
    "confidence": np.float64,
    "archived": np.bool_,
    "pinned": np.bool_,
    "consolidated": np.bool_,
    "dim": np.int64,
    "vector_row": np.int64,
}


class FrameBuilder:
    """Collects pages of memories; the objects themselves are let go.

    The vectors of a dimension grow in one byte buffer, which becomes the matrix without a copy: a million
    vectors of 384 dimensions need their 1.5 GB once.
    """

    def __init__(self) -> None:
        self._memories: list[tuple[object, ...]] = []
        self._vectors: dict[int, bytearray] = {}
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._memories)

    def add(self, memories: Iterable[Memory]) -> None:
        """Append memories in order."""
        for m in memories:
            dim, row = 0, -1
            if m.embedding is not None:
                dim = m.embedding.shape[0]
                row = self._rows.get(dim, 0)
                self._rows[dim] = row + 1
                self._vectors.setdefault(dim, bytearray()).extend(m.embedding.tobytes())
            self._memories.append(
                (
                    m.id,
                    m.user_id,
                    m.scope,
                    m.model_id,
                    m.content,
                    m.content_hash,
                    None if m.duplicate_flag is None else dict(m.duplicate_flag),
                    not m.content.strip(),
                    _TIER_CODE[m.tier],
                    m.importance,
                    m.access_count,
                    m.created_us,
                    NO_TIME_US if m.expires_us is None else m.expires_us,
                    m.updated_us,
                    np.nan if m.decay_score is None else m.decay_score,
                    m.verification_score,
                    m.confidence,
                    m.archived,
                    m.pinned,
                    bool(m.consolidated_from),
                    dim,
                    row,
                )
            )

    def build(self) -> Frame:
        """The frame; the builder must not be used again."""
        columns = (
            list(zip(*self._memories, strict=True))
            if self._memories
            else [()] * (len(_TEXTS) + len(_NUMBERS))
        )
        self._memories = []
        matrices: dict[int, npt.NDArray[np.float32]] = {}
        for dim in list(self._vectors):
            flat = np.frombuffer(self._vectors.pop(dim), dtype=np.float32)
            matrices[dim] = flat.reshape(-1, dim)
        numbers = dict(zip(_NUMBERS, columns[len(_TEXTS) :], strict=True))
        arrays: dict[str, Any] = {
            name: np.array(numbers[name], dtype=kind) for name, kind in _NUMBERS.items()
        }
        texts: dict[str, Any] = dict(zip(_TEXTS, columns, strict=False))
        return Frame(**texts, **arrays, matrices=matrices)


def frame_of(memories: Iterable[Memory]) -> Frame:
    """The frame of some memories, in their order."""
    builder = FrameBuilder()
    builder.add(memories)
    return builder.build()
