"""Deduplication of all of a user's memories.

Equal texts -> every pair of texts with cosine >= t -> guard -> star clusters -> operations and a review list,
all within a partition: (user, scope, model, dimension).

**Which memory stays.** Of a cluster the first in this total order: pinned; itself a summary; expires latest;
highest tier; then greatest verification score, confidence, importance, number of load-bearing tokens
(`facts.py`), access count; then the oldest; then the lowest id. Expiry and tier come before merit, because a
fact must not fade earlier by being merged.

**Equal texts** (`model.normalise_content`) count as one text, whose vector is that of the first of them; the
others go wherever that one goes. A fact stored a thousand times is one row of the join.

**Stars.** Every text reaches the threshold with its *canonical*, directly. Connected components would not do:
on sentence embeddings they hold pairs far below the threshold. Canonicals are never neighbours of each other,
so a second run over what is left finds nothing.

**Guard.** A cosine cannot tell "always" from "never". Each pair that reaches the threshold is judged, and
what is not judged a duplicate goes to the review list instead. A pair on which the guard fails is an issue; it is
neither merged nor loses its flag. Two protected memories (pinned, or summaries)
are never merged into each other; they are listed as well.

**Nothing is lost.** A guard may find that a duplicate says more than the memory that would stay. Such a pair is listed
for review: the order above decides who stays, and it never costs a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from khala_jobs.errors import InvalidArgument

from .asked import Unanswered
from .facts import facts_of
from .frame import Frame
from .judging import Judge, Verdict, extras_of, unjudged_pair, verdicts_of
from .kernels import Kernels, columns
from .model import Json, Tier
from .plan import Issue, Operation, OperationKind, Plan, ReviewPair, update
from .policy import DeduplicationPolicy

__all__ = [
    "canonical_order",
    "near_pairs",
    "partition_of",
    "plan_deduplication",
]

_TIER_RANK: Final = {Tier.LONG_TERM: 0, Tier.SHORT_TERM: 1, Tier.WORKING: 2, Tier.SCRATCHPAD: 3}

Partition = tuple[str, str | None, str | None, int]


def partition_of(frame: Frame, row: int) -> Partition:
    """What a memory may be compared within: (user, scope, model, dimension)."""
    return frame.users[row], frame.scopes[row], frame.models[row], int(frame.dim[row])


def canonical_order(frame: Frame, rows: Sequence[int]) -> list[int]:
    """Rows in the total order in which they may become canonical (see the module's first comment)."""

    def key(row: int) -> tuple[object, ...]:
        return (
            not frame.pinned[row],
            not frame.consolidated[row],
            -int(frame.expires_us[row]),
            _TIER_RANK[frame.tier_of(row)],
            -float(frame.verification_score[row]),
            -float(frame.confidence[row]),
            -float(frame.importance[row]),
            -len(facts_of(frame.contents[row])),
            -int(frame.access_count[row]),
            int(frame.created_us[row]),
            frame.ids[row],
        )

    return sorted(rows, key=key)


def near_pairs(
    frame: Frame, rows: Sequence[int], threshold: float | Mapping[str | None, float], kernels: Kernels
) -> Iterator[tuple[int, int, float]]:
    """All pairs of rows of one partition whose cosine reaches the threshold (by model, or one for all).

    One kernel call a dimension, however many partitions share it. Rows without a vector have no pairs.

    Yields:
        (row, row, cosine), the earlier row first.
    """
    numbers: dict[Partition, int] = {}
    by_dim: dict[int, list[int]] = {}
    for row in sorted(rows):
        if frame.vector_row[row] >= 0:
            by_dim.setdefault(int(frame.dim[row]), []).append(row)
    for members in by_dim.values():
        at = np.array(members, dtype=np.int64)
        groups = [numbers.setdefault(partition_of(frame, row), len(numbers)) for row in members]
        least = [
            threshold[frame.models[row]] if isinstance(threshold, Mapping) else threshold for row in members
        ]
        pairs = kernels.find_pairs(frame.matrix(at), min(least), np.array(groups, dtype=np.int32))
        enough = pairs.score >= np.array(least)[pairs.i]
        i, j, score = pairs.i[enough], pairs.j[enough], pairs.score[enough]
        yield from zip(at[i].tolist(), at[j].tolist(), score.tolist(), strict=True)


def plan_deduplication(
    frame: Frame,
    policy: DeduplicationPolicy,
    as_of_us: int,
    kernels: Kernels,
    judge: Judge,
    thresholds: Mapping[str | None, float] | None = None,
) -> Plan:
    """Which memories duplicate which.

    Args:
        frame: All memories of a user (of several users, nothing is compared across them).
        policy: Threshold and action.
        as_of_us: The moment, written as the time of the change.
        kernels: Join and clustering.
        judge: The contradiction guard.
        thresholds: By embedding model, from `thresholds.thresholds_of`; None for that of the policy.

    Raises:
        InvalidArgument: The policy asks for calibrated thresholds, and none were given.

    Returns:
        ``merge`` (or ``flag``, ``unflag``) operations, the review list, and notes ``considered``, ``pinned``
        (canonical at most), ``skipped_archived``, ``skipped_blank``, ``without_embedding``, ``texts``,
        ``pairs`` (that reached the threshold), ``clusters``. Pairs on which the judge failed are issues.
    """
    usable = ~frame.archived & ~frame.blank
    followers, review = _equal_texts(frame, np.flatnonzero(usable).tolist(), policy)
    texts = list(followers)
    least = _least(policy, thresholds) if policy.semantic else 1.0
    near = list(near_pairs(frame, texts, least, kernels)) if policy.semantic else []
    judged = _judge_all(frame, near, judge)
    canonical = _stars(frame, judged.edges, kernels)
    merges: list[_Merge] = []
    for text, others in followers.items():
        target, cosine = canonical.get(text, (text, None))
        if target == text:
            merges += [_Merge(row, text, _cosine(frame, row, text), "exact") for row in others]
        else:
            merges += [_Merge(row, target, cosine, "semantic") for row in (text, *others)]
    merges.sort(key=lambda merge: frame.ids[merge.duplicate])
    operations = (
        _flags(frame, merges, judged.unjudged)
        if policy.action == "flag"
        else [_merge(frame, m, as_of_us) for m in merges]
    )
    notes = {
        "considered": int(usable.sum()),
        "pinned": int((frame.pinned & usable).sum()),
        "skipped_archived": int(frame.archived.sum()),
        "skipped_blank": int((frame.blank & ~frame.archived).sum()),
        "without_embedding": int((usable & (frame.vector_row < 0)).sum()),
        "texts": len(texts),
        "pairs": len(near),
        "clusters": len({merge.canonical for merge in merges}),
    }
    listed = {
        (pair.a, pair.b): pair for pair in (*judged.review, *review)
    }  # equal texts are near pairs as well
    pairs = tuple(listed[key] for key in sorted(listed))
    issues = tuple(judged.issues)
    return Plan("deduplication", as_of_us, tuple(operations), pairs, notes, issues, frame.digest())


@dataclass(frozen=True, slots=True)
class _Merge:
    duplicate: int
    canonical: int
    cosine: float | None
    kind: str


def _least(
    policy: DeduplicationPolicy, thresholds: Mapping[str | None, float] | None
) -> float | Mapping[str | None, float]:
    if thresholds is not None:
        return thresholds
    if isinstance(policy.threshold, str):
        raise InvalidArgument("thresholds", "are needed: the policy asks for calibrated ones")
    return policy.threshold


def _protected(frame: Frame, row: int) -> bool:
    return bool(frame.pinned[row] or frame.consolidated[row])


def _equal_texts(
    frame: Frame, rows: Sequence[int], policy: DeduplicationPolicy
) -> tuple[dict[int, list[int]], list[ReviewPair]]:
    """The row that stands for each text -> the rows of the same text that follow it.

    A protected row follows nobody: it stands for itself and the pair is listed for review.
    """
    if policy.exact == "off":
        return {row: [] for row in rows}, []
    same: dict[tuple[object, ...], list[int]] = {}
    for row in rows:
        where = partition_of(frame, row) if policy.exact == "partition" else frame.users[row]
        same.setdefault((where, frame.hashes[row]), []).append(row)
    followers: dict[int, list[int]] = {}
    review: list[ReviewPair] = []
    for group in same.values():
        first, *others = canonical_order(frame, group) if len(group) > 1 else group
        followers[first] = []
        for row in others:
            if _protected(frame, row):
                followers[row] = []
                review.append(_protected_pair(frame, first, row, _cosine(frame, first, row)))
            else:
                followers[first].append(row)
    return followers, review


@dataclass(slots=True)
class _Judged:
    """Near pairs by what the guard made of them; in each the better row comes first.

    Args:
        edges: Judged duplicates, with their cosine.
        review: Pairs for a person.
        issues: Pairs on which the guard failed.
        unjudged: Rows of those.
    """

    edges: list[tuple[int, int, float]] = field(default_factory=list)
    review: list[ReviewPair] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    unjudged: set[int] = field(default_factory=set)


def _judge_all(frame: Frame, near: Sequence[tuple[int, int, float]], judge: Judge) -> _Judged:
    order = canonical_order(frame, list({row for pair in near for row in pair[:2]}))
    rank = {row: position for position, row in enumerate(order)}
    judged = _Judged()
    pairs = [(i, j) if rank[i] < rank[j] else (j, i) for i, j, _ in near]
    cosines = [cosine for _, _, cosine in near]
    verdicts = verdicts_of([(frame.contents[i], frame.contents[j]) for i, j in pairs], cosines, judge)
    for (first, second), cosine, verdict in zip(pairs, cosines, verdicts, strict=True):
        if isinstance(verdict, Unanswered):
            judged.issues.append(unjudged_pair(frame, first, second, verdict))
            judged.unjudged |= {first, second}
        elif (refused := _refused(frame, first, second, cosine, verdict)) is not None:
            judged.review.append(refused)
        else:
            judged.edges.append((first, second, cosine))
    return judged


def _refused(frame: Frame, first: int, second: int, cosine: float, verdict: Verdict) -> ReviewPair | None:
    """Why two near memories may not be merged, if so."""
    ids = frame.ids[first], frame.ids[second]
    if verdict.kind != "duplicate":
        return ReviewPair(*ids, cosine, str(verdict.kind), tuple(verdict.reasons))
    if said_more := extras_of(verdict):
        reason = "only the memory that would go says: " + ", ".join(map(repr, said_more))
        return ReviewPair(*ids, cosine, "longer", (reason,))
    if _protected(frame, first) and _protected(frame, second):
        return _protected_pair(frame, first, second, cosine)
    return None


def _protected_pair(frame: Frame, first: int, second: int, cosine: float | None) -> ReviewPair:
    why = "both are pinned or summaries, and those are never merged into each other"
    return ReviewPair(frame.ids[first], frame.ids[second], cosine, "protected", (why,))


def _stars(
    frame: Frame, edges: Sequence[tuple[int, int, float]], kernels: Kernels
) -> dict[int, tuple[int, float]]:
    """The canonical of each row that is not its own, and their cosine."""
    nodes = canonical_order(frame, list({row for edge in edges for row in edge[:2]}))
    number = {row: position for position, row in enumerate(nodes)}
    pairs = columns((number[i], number[j], cosine) for i, j, cosine in edges)
    leader = kernels.star_clusters(pairs, np.arange(len(nodes), dtype=np.int64)).canonical.tolist()
    cosine_of = {(min(i, j), max(i, j)): cosine for i, j, cosine in edges}
    found: dict[int, tuple[int, float]] = {}
    for position, row in enumerate(nodes):
        target = nodes[leader[position]]
        if target != row:
            found[row] = target, cosine_of[min(row, target), max(row, target)]
    return found


def _cosine(frame: Frame, i: int, j: int) -> float | None:
    """Cosine in float64, or None unless both have vectors of one model and dimension."""
    a, b = frame.vector(i), frame.vector(j)
    if a is None or b is None or a.shape != b.shape or frame.models[i] != frame.models[j]:
        return None
    if a.tobytes() == b.tobytes():
        return 1.0
    x, y = a.astype(np.float64), b.astype(np.float64)
    return float(np.clip(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)), -1.0, 1.0))


def _details(frame: Frame, merge: _Merge) -> dict[str, Json]:
    return {
        "canonical": frame.ids[merge.canonical],
        "duplicate": frame.ids[merge.duplicate],
        "cosine": merge.cosine,
        "kind": merge.kind,
    }


def _why(frame: Frame, merge: _Merge) -> str:
    if merge.kind == "exact":
        return f"same text as {frame.ids[merge.canonical]}"
    return f"cosine {merge.cosine:.6f} to {frame.ids[merge.canonical]}, judged a duplicate"


def _merge(frame: Frame, merge: _Merge, as_of_us: int) -> Operation:
    canonical, duplicate = merge.canonical, merge.duplicate
    edit = update(
        frame.ids[duplicate],
        {"archived": True, "updated_us": as_of_us, "duplicate_of": frame.ids[canonical]},
        {"archived": False, "pinned": False, "content_hash": frame.hashes[duplicate]},
    )
    survivor: dict[str, Json] = {"archived": False, "content_hash": frame.hashes[canonical]}
    require = {frame.ids[canonical]: survivor}
    return Operation(OperationKind.MERGE, (edit,), _why(frame, merge), _details(frame, merge), require)


def _flags(frame: Frame, merges: Sequence[_Merge], unjudged: set[int]) -> list[Operation]:
    """Flags where they are missing or differ, and the removal of flags that are known to hold no longer."""
    operations: list[Operation] = []
    for merge in merges:
        flag: dict[str, Json] = {"of": frame.ids[merge.canonical], "cosine": merge.cosine, "kind": merge.kind}
        if frame.flags[merge.duplicate] != flag:
            expect: dict[str, Json] = {
                "archived": False,
                "pinned": False,
                "content_hash": frame.hashes[merge.duplicate],
            }
            edit = update(frame.ids[merge.duplicate], {"duplicate_flag": flag}, expect)
            operations.append(
                Operation(OperationKind.FLAG, (edit,), _why(frame, merge), _details(frame, merge))
            )
    current = unjudged | {merge.duplicate for merge in merges}
    for row, flag_now in enumerate(frame.flags):
        if flag_now is not None and row not in current and not frame.pinned[row] and not frame.archived[row]:
            edit = update(frame.ids[row], {"duplicate_flag": None}, {"archived": False, "pinned": False})
            operations.append(Operation(OperationKind.UNFLAG, (edit,), "no longer looks like a duplicate"))
    return operations
