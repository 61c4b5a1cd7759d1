"""A plan: what a lifecycle job wants changed, as a value.

load -> **plan** -> report (dry run) or apply -> report. Planners are pure functions from columns, a policy
and a clock reading to a `Plan`; apply.py carries plans out. Between the two a plan can be shown, hashed,
stored and resumed.

* An `Operation` is atomic: all its edits are made, or none. It says why.
* An `Edit` sets fields to *absolute* values, so making it twice is making it once.
* ``expect`` and ``require`` hold what the decision rested on. If a memory is no longer so when its turn
  comes, the operation is left out and reported as stale: the next run decides anew.
* In one run a memory is edited at most once. That makes (run id, memory id) the key of the operation log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self

import orjson

from .model import Json, Memory

__all__ = ["Edit", "Issue", "Operation", "OperationKind", "Plan", "ReviewPair", "create", "delete", "update"]


class OperationKind(StrEnum):
    """What an operation does, in the words of the report."""

    SCORE = "score"
    PROMOTE = "promote"
    ARCHIVE = "archive"
    MERGE = "merge"
    FLAG = "flag"
    UNFLAG = "unflag"
    CONSOLIDATE = "consolidate"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one memory.

    Args:
        memory_id: Which.
        action: What is done.
        values: ``update``: the fields to set; ``create``: the whole memory; ``delete``: empty. As
            `Memory.to_json`.
        expect: Fields of this memory that must still have these values.
    """

    memory_id: str
    action: Literal["create", "update", "delete"]
    values: Mapping[str, Json]
    expect: Mapping[str, Json]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "memory_id": self.memory_id,
            "action": self.action,
            "values": dict(self.values),
            "expect": dict(self.expect),
        }


def update(memory_id: str, values: Mapping[str, Json], expect: Mapping[str, Json]) -> Edit:
    """An edit that sets fields."""
    return Edit(memory_id, "update", values, expect)


def create(memory: Memory) -> Edit:
    """An edit that adds a memory."""
    return Edit(memory.id, "create", memory.to_json(), {})


def delete(memory_id: str, expect: Mapping[str, Json]) -> Edit:
    """An edit that removes a memory for good (its image stays in the operation log until that is purged)."""
    return Edit(memory_id, "delete", {}, expect)


@dataclass(frozen=True, slots=True)
class Operation:
    """Edits that belong together.

    Args:
        kind: What it is.
        edits: At least one; the first is the subject.
        reason: Why, for people.
        details: What the report shows beside it, as JSON values.
        require: Memories that are not edited but must still be there, with these fields.
    """

    kind: OperationKind
    edits: tuple[Edit, ...]
    reason: str
    details: Mapping[str, Json] = field(default_factory=dict)
    require: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def memory_id(self) -> str:
        """The subject."""
        return self.edits[0].memory_id

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": str(self.kind),
            "edits": [edit.to_json() for edit in self.edits],
            "reason": self.reason,
            "details": dict(self.details),
            "require": {key: dict(value) for key, value in self.require.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The operation that `to_json` described."""
        return cls(
            kind=OperationKind(values["kind"]),
            edits=tuple(Edit(**edit) for edit in values["edits"]),
            reason=values["reason"],
            details=values["details"],
            require=values["require"],
        )


@dataclass(frozen=True, slots=True)
class ReviewPair:
    """Two memories that are near enough to be merged but were not; a person should look.

    Args:
        a: The one that would have been kept.
        b: The one that would have gone.
        cosine: Of their vectors, or None when their contents are equal and one has no vector.
        kind: ``update``, ``conflict`` or ``distinct`` as judged, or ``protected``.
        reasons: Why not, for people.
    """

    a: str
    b: str
    cosine: float | None
    kind: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As in the report."""
        return {
            "a": self.a,
            "b": self.b,
            "cosine": self.cosine,
            "kind": self.kind,
            "reason": "; ".join(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about one item that a run could not use or do.

    Args:
        where: Memory id, or ``line 12``.
        field: Which field, or which stage.
        reason: What is wrong.
    """

    where: str
    field: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """As in the report."""
        return {"where": self.where, "field": self.field, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Plan:
    """What one job wants changed in one unit of its work (a page, or a user).

    Args:
        job: Name of the job.
        as_of_us: The clock reading that every decision used.
        operations: In order.
        review: Pairs for a person to look at.
        notes: Counts of what was seen and left alone, and why.
        issues: Items that could not be used.
        inputs_digest: Digest of the columns that the plan came from.
    """

    job: str
    as_of_us: int
    operations: tuple[Operation, ...]
    review: tuple[ReviewPair, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    inputs_digest: str = ""

    def __bool__(self) -> bool:
        return bool(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def hash(self) -> str:
        """SHA-256 (hex) over job, clock and operations: equal plans do equal things."""
        core = {
            "job": self.job,
            "as_of_us": self.as_of_us,
            "operations": [op.to_json() for op in self.operations],
        }
        return hashlib.sha256(orjson.dumps(core, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` restores an equal plan."""
        return {
            "job": self.job,
            "as_of_us": self.as_of_us,
            "operations": [op.to_json() for op in self.operations],
            "review": [[p.a, p.b, p.cosine, p.kind, list(p.reasons)] for p in self.review],
            "notes": dict(self.notes),
            "issues": [issue.to_json() for issue in self.issues],
            "inputs_digest": self.inputs_digest,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The plan that `to_json` described."""
        return cls(
            job=values["job"],
            as_of_us=values["as_of_us"],
            operations=tuple(Operation.from_json(op) for op in values["operations"]),
            review=tuple(ReviewPair(a, b, c, kind, tuple(why)) for a, b, c, kind, why in values["review"]),
            notes=values["notes"],
            issues=tuple(Issue(**issue) for issue in values["issues"]),
            inputs_digest=values["inputs_digest"],
        )
