"""The rows of a `SimilarityIndex`: vectors, ids and groups by slot.

A row lives in a *slot* and keeps it. A deleted row leaves its slot empty until `IndexRows.compact`. Vectors are in two
parts, the base (a mapped file, or what was compacted) and the tail, which grows in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

import numpy as np
import orjson

from khala_jobs.errors import InvalidArgument, NotFound
from khala_jobs.shown import shown

from .arguments import counted
from .index_parts import Group, Id, Ids
from .values import Float32Matrix, Int32Column, Int64Column

__all__ = ["GONE", "IndexRows", "check_savable"]

GONE: Final = -1
"""Group number of empty slots: no query has it."""

_BLOCK_ROWS: Final = 8192


class IndexRows:
    """Vectors with an id and a group each.

    Args:
        dim: Length of a vector.

    Attributes:
        base: float32 [b, dim], the vectors of the first b slots.
        ids: Id of every slot.
        slot_of: id -> slot of the rows that are there.
        groups: int32, group number of every slot, with room to grow; ``GONE`` for an empty one.
        group_numbers: group -> its number.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.base: Float32Matrix = np.empty((0, dim), np.float32)
        self._tail: Float32Matrix = np.empty((0, dim), np.float32)  # with room to grow
        self.ids: list[Id] = []
        self.slot_of: dict[Id, int] = {}
        self.groups: Int32Column = np.empty(0, np.int32)
        self.group_numbers: dict[Group, int] = {}

    @classmethod
    def of(
        cls, base: Float32Matrix, ids: list[Id], groups: Int32Column, group_numbers: dict[Group, int]
    ) -> IndexRows:
        """Rows of which no slot is empty; nothing is copied."""
        rows = cls(base.shape[1])
        rows.base, rows.ids, rows.groups, rows.group_numbers = base, ids, groups, group_numbers
        rows.slot_of = {row_id: slot for slot, row_id in enumerate(ids)}
        return rows

    def __len__(self) -> int:
        return len(self.slot_of)

    @property
    def tail(self) -> Float32Matrix:
        """float32 [t, dim], the vectors of all slots behind the base."""
        return self._tail[: len(self.ids) - len(self.base)]

    @property
    def empty_slots(self) -> int:
        """How many slots hold no row."""
        return len(self.ids) - len(self.slot_of)

    def slots(self) -> Int64Column:
        """The slot of each row."""
        return np.flatnonzero(self.groups[: len(self.ids)] != GONE)

    def rank(self) -> Int64Column:
        """The row of each slot; meaningless for empty ones."""
        return np.cumsum(self.groups[: len(self.ids)] != GONE, dtype=np.int64) - 1

    def row_ids(self) -> Ids:
        """The id of each row."""
        return Ids(self.ids, self.slots())

    def row_groups(self) -> list[Group]:
        """The group of each row."""
        names = list(self.group_numbers)
        return [names[number] for number in self.groups[self.slots()].tolist()]

    def parts(self) -> tuple[tuple[Float32Matrix, int], ...]:
        """The base and the tail, each with its first slot."""
        return (self.base, 0), (self.tail, len(self.base))

    def blocks(self) -> Iterator[Float32Matrix]:
        """The vectors of rows that are there, block by block."""
        for part, start in self.parts():
            for begin in range(0, len(part), _BLOCK_ROWS):
                block = part[begin : begin + _BLOCK_ROWS]
                there = self.groups[start + begin : start + begin + len(block)] != GONE
                yield block if there.all() else block[there]

    def vectors(self) -> Float32Matrix:
        """A copy of the vectors, float32 [n, dim], row by row."""
        return np.concatenate([*self.blocks(), np.empty((0, self.dim), np.float32)])

    def check_new(
        self, rows: int, ids: Sequence[Id], groups: Sequence[Group] | None
    ) -> tuple[Int32Column, dict[Group, int]]:
        """The group numbers of new rows, and those of them that are new, for `add`. Nothing is changed.

        Raises:
            InvalidArgument: What is wrong with their ids or groups.
        """
        counted("ids", ids, rows)
        seen: set[Id] = set()
        for row_id in ids:
            _check_id(row_id)
            if row_id in self.slot_of or row_id in seen:
                raise InvalidArgument("ids", f"{row_id!r} is there already; delete it first to replace it")
            seen.add(row_id)
        check_savable("ids", ids)
        wanted = [None] * rows if groups is None else groups
        counted("groups", wanted, rows)
        if bad := [
            group
            for group in cast("Sequence[Any]", wanted)
            if not (group is None or isinstance(group, str | int))
        ]:
            raise InvalidArgument("groups", f"{bad[0]!r} is neither a str, an int nor None")
        known, new = self.group_numbers, dict[Group, int]()
        for group in wanted:
            if group not in known:
                new.setdefault(group, len(known) + len(new))
        check_savable("groups", list(new))
        return np.array([known[group] if group in known else new[group] for group in wanted], np.int32), new

    def add(self, fresh: Float32Matrix, ids: list[Id], numbers: Int32Column, new: dict[Group, int]) -> None:
        """Put rows into new slots behind the last one; numbers and new groups as of `check_new`."""
        self.group_numbers.update(new)
        first = len(self.ids)
        used = first - len(self.base)
        if used + len(fresh) > len(self._tail):
            room = np.empty((max(2 * len(self._tail), used + len(fresh)), self.dim), np.float32)
            room[:used] = self._tail[:used]
            self._tail = room
        if first + len(ids) > len(self.groups):
            more = np.full(max(2 * len(self.groups), first + len(ids)), GONE, np.int32)
            more[:first] = self.groups[:first]
            self.groups = more
        self._tail[used : used + len(fresh)] = fresh
        self.groups[first : first + len(ids)] = numbers
        self.slot_of.update((row_id, first + place) for place, row_id in enumerate(ids))
        self.ids += ids

    def remove(self, ids: Iterable[Id]) -> None:
        """Empty the slots of rows; all of them, or none when this raises.

        Raises:
            InvalidArgument: `ids` is no iterable of ids, or one text.
            NotFound: An id is not there.
        """
        if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
            raise InvalidArgument("ids", f"expected an iterable of ids, got {shown(ids)}")
        doomed = list(ids)
        for row_id in doomed:
            _check_id(row_id)
        doomed = list(dict.fromkeys(doomed))
        missing = [row_id for row_id in doomed if row_id not in self.slot_of]
        if missing:
            raise NotFound(
                "ids", f"{len(missing)} of {len(doomed)} are not in the index, first {missing[0]!r}"
            )
        for row_id in doomed:
            self.groups[self.slot_of.pop(row_id)] = GONE

    def compacted(self) -> IndexRows:
        """The same rows without empty slots, all in the base."""
        slots = self.slots()
        ids = [self.ids[slot] for slot in slots.tolist()]
        return IndexRows.of(self.vectors(), ids, self.groups[slots].copy(), self.group_numbers)


def _check_id(row_id: object) -> None:
    if not isinstance(row_id, str | int) or isinstance(row_id, bool):
        raise InvalidArgument("ids", f"{shown(row_id)} is neither a str nor an int")


def check_savable(field: str, values: Sequence[object]) -> None:
    """Refuse, before they are taken, texts and numbers that no file of an index could hold.

    Raises:
        InvalidArgument: The first of them.
    """
    try:
        orjson.dumps(list(values))
    except TypeError:
        for value in values:
            try:
                orjson.dumps(value)
            except TypeError:
                raise InvalidArgument(
                    field,
                    f"{shown(value)} could not be saved: a str must be Unicode without lone surrogates, an int "
                    "in -2^63..2^64-1",
                ) from None
