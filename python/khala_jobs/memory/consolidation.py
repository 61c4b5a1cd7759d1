"""Consolidation: similar memories summarised by one.

Clusters are stars as in deduplication, at a lower threshold and among memories of the policy's tiers (KHALA
consolidates short-term ones). Pairs judged to contradict each other are never put into one summary: they go
to the review list, and a cluster leaves out whatever contradicts one of its members. Clustering repeats on
what was left out until nothing new comes of it, so a second run finds nothing. Memories of a pair on which the guard
fails wait for the next run: summarised without each other now, they could not be summarised together then.

A summary is a memory like any other with ``consolidated_from``; it is never a source again (depth one, no
treadmill of re-summarising summaries). Its id is computed from its sources, its content holds every number,
date, URL, identifier and name of theirs (`facts.complete`), and its sources are archived with
``consolidated_into`` in the same operation that creates it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from .asked import Unanswered
from .deduplication import canonical_order, near_pairs
from .facts import complete
from .frame import NO_TIME_US, TIERS, Frame
from .judging import Judge, ask_judge, unjudged_pair
from .kernels import Kernels, columns
from .model import Json, Memory, Vector, content_digest
from .plan import Issue, Operation, OperationKind, Plan, ReviewPair, create, update
from .policy import ConsolidationPolicy

__all__ = [
    "Cluster",
    "Clusters",
    "Summary",
    "find_clusters",
    "list_unasked",
    "plan_consolidation",
    "summary_id",
]

_NAMESPACE: Final = uuid.UUID("6b68616c-612d-6a6f-6273-2d6d656d6f72")
_COMPATIBLE: Final = frozenset({"duplicate", "distinct"})


@dataclass(frozen=True, slots=True)
class Cluster:
    """Memories to be summarised by one.

    Args:
        id: Id of the summary, see `summary_id`.
        centre: Row that all members are near to; not a member itself when a large star was split.
        rows: Rows of the frame.
        cosine: Least cosine of a member and the centre.
    """

    id: str
    centre: int
    rows: tuple[int, ...]
    cosine: float


@dataclass(frozen=True, slots=True)
class Clusters:
    """What a frame falls into.

    Args:
        clusters: In the order of their centres.
        review: Pairs near enough, but contradicting.
        notes: Counts ``considered``, ``skipped_*`` (pinned, archived, blank, summaries, tier),
            ``without_embedding``, ``pairs``.
        issues: Pairs on which the guard failed.
    """

    clusters: tuple[Cluster, ...]
    review: tuple[ReviewPair, ...]
    notes: Mapping[str, int]
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The text for a cluster, or why there is none.

    Args:
        text: As the summarizer gave it.
        embedding: Of the completed text, float32 [d], or None for the mean of the sources' vectors.
        error: Set when the summarizer failed; the cluster is left alone.
    """

    text: str = ""
    embedding: Vector | None = None
    error: str | None = None


def summary_id(user_id: str, sources: Sequence[str]) -> str:
    """The id of the memory that summarises these, a UUID of version 5: the same for them in any order."""
    digest = hashlib.sha256("\0".join([user_id, *sorted(sources)]).encode()).hexdigest()
    return str(uuid.uuid5(_NAMESPACE, digest))


def find_clusters(frame: Frame, policy: ConsolidationPolicy, kernels: Kernels, judge: Judge) -> Clusters:
    """Which memories belong together.

    Args:
        frame: All memories of a user.
        policy: Threshold, tiers and sizes.
        kernels: Join and clustering.
        judge: The contradiction guard.
    """
    active = ~frame.archived
    in_tier = np.isin(frame.tier, [TIERS.index(tier) for tier in policy.tiers])
    usable = active & ~frame.pinned & ~frame.blank & ~frame.consolidated & (frame.vector_row >= 0) & in_tier
    near = list(near_pairs(frame, np.flatnonzero(usable).tolist(), policy.threshold, kernels))
    order = canonical_order(frame, list({row for pair in near for row in pair[:2]}))
    graph = _Graph(frame, near, order, judge)
    clusters = [
        Cluster(
            summary_id(frame.users[centre], [frame.ids[row] for row in rows]),
            centre,
            rows,
            graph.least_cosine(centre, rows),
        )
        for centre, rows in _all_stars(graph, order, policy, kernels)
    ]
    notes = {
        "considered": int(usable.sum()),
        "skipped_pinned": int((frame.pinned & active).sum()),
        "skipped_archived": int(frame.archived.sum()),
        "skipped_blank": int((frame.blank & active).sum()),
        "without_embedding": int((active & (frame.vector_row < 0)).sum()),
        "skipped_summaries": int((frame.consolidated & active).sum()),
        "skipped_tier": int((~in_tier & active).sum()),
        "pairs": len(near),
    }
    return Clusters(tuple(clusters), graph.review(), notes, tuple(graph.issues))


class _Graph:
    """Near pairs, and other pairs when first asked for: members of a star need not be near each other."""

    def __init__(
        self, frame: Frame, near: Sequence[tuple[int, int, float]], order: Sequence[int], judge: Judge
    ) -> None:
        self._frame, self._judge = frame, judge
        self._rank = {row: position for position, row in enumerate(order)}
        self._cosine = {(i, j): cosine for i, j, cosine in near}
        self._refused: dict[tuple[int, int], ReviewPair] = {}
        self._accepted: set[tuple[int, int]] = set()
        self.issues: list[Issue] = []
        self.waiting: set[int] = set()  # rows of pairs on which the guard failed
        self.edges = [(i, j) for i, j, _ in near if self.compatible(i, j)]

    def compatible(self, i: int, j: int) -> bool:
        """Whether two memories may share a summary."""
        pair = (min(i, j), max(i, j))
        if pair not in self._accepted and pair not in self._refused and not self.waiting.issuperset(pair):
            first, second = pair if self._rank[pair[0]] < self._rank[pair[1]] else pair[::-1]
            cosine = self.cosine(i, j)
            contents = self._frame.contents
            verdict = ask_judge(self._judge, contents[first], contents[second], cosine)
            if isinstance(verdict, Unanswered):
                self.issues.append(unjudged_pair(self._frame, first, second, verdict))
                self.waiting.update(pair)
            elif verdict.kind in _COMPATIBLE:
                self._accepted.add(pair)
            else:
                ids = self._frame.ids[first], self._frame.ids[second]
                self._refused[pair] = ReviewPair(*ids, cosine, str(verdict.kind), tuple(verdict.reasons))
        return pair in self._accepted

    def cosine(self, i: int, j: int) -> float:
        """Cosine of two rows of one partition."""
        known = self._cosine.get((min(i, j), max(i, j)))
        if known is None:
            a, b = (np.asarray(self._frame.vector(row), dtype=np.float64) for row in (i, j))
            known = float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1.0, 1.0))
        return known

    def least_cosine(self, centre: int, rows: Sequence[int]) -> float:
        """The lowest cosine of the centre and the rows (two at least)."""
        return min(self.cosine(centre, row) for row in rows if row != centre)

    def review(self) -> tuple[ReviewPair, ...]:
        """The refused pairs, by id."""
        return tuple(sorted(self._refused.values(), key=lambda pair: (pair.a, pair.b)))


def _all_stars(
    graph: _Graph, order: Sequence[int], policy: ConsolidationPolicy, kernels: Kernels
) -> list[tuple[int, tuple[int, ...]]]:
    """Centres and members of stars without contradictions; rounds go on until one finds nothing.

    A round in which the guard failed begins anew without the memories that have to wait.
    """
    number = {row: position for position, row in enumerate(order)}
    rank = np.arange(len(order), dtype=np.int64)
    left, found = set(order), list[tuple[int, tuple[int, ...]]]()
    while True:
        left -= graph.waiting
        edges = (
            (number[i], number[j], graph.cosine(i, j)) for i, j in graph.edges if i in left and j in left
        )
        leader = kernels.star_clusters(columns(edges), rank).canonical.tolist()
        stars: dict[int, list[int]] = {}
        for position, row in enumerate(order):
            if row in left:
                star = stars.setdefault(order[leader[position]], [])
                if all(graph.compatible(row, other) for other in star):
                    star.append(row)
        if not left.isdisjoint(graph.waiting):
            continue
        parts = [
            (centre, part)
            for centre, star in stars.items()
            for part in _split(star, policy.max_size)
            if len(part) >= policy.min_size
        ]
        if not parts:
            return sorted(found, key=lambda star: (number[star[0]], star[1]))
        found += parts
        left.difference_update(row for _, part in parts for row in part)


def _split(star: Sequence[int], max_size: int) -> list[tuple[int, ...]]:
    """Parts of nearly equal size, none above the limit."""
    count = -(-len(star) // max_size)
    cuts = [len(star) * k // count for k in range(count + 1)]
    return [tuple(star[a:b]) for a, b in pairwise(cuts)]


def plan_consolidation(
    frame: Frame,
    clusters: Clusters,
    summaries: Mapping[str, Summary],
    policy: ConsolidationPolicy,
    as_of_us: int,
) -> Plan:
    """Operations for clusters whose text is known.

    Args:
        frame: The frame the clusters came from.
        clusters: Of `find_clusters`.
        summaries: By cluster id; a cluster without one is left out (a dry run asks no language model).
        policy: For the tier of the summaries.
        as_of_us: The moment.

    Returns:
        One ``consolidate`` operation a cluster; clusters whose summarizer failed, and pairs whose judge failed, are
        issues.
    """
    operations: list[Operation] = []
    issues = list(clusters.issues)
    for cluster in clusters.clusters:
        summary = summaries.get(cluster.id)
        if summary is None:
            continue
        if summary.error is not None:
            where = frame.ids[cluster.rows[0]]
            issues.append(
                Issue(where, "summarizer", f"{summary.error} ({len(cluster.rows)} memories left as they are)")
            )
            continue
        operations.append(_operation(frame, cluster, summary, policy, as_of_us))
    notes = {**clusters.notes, "clusters": len(clusters.clusters)}
    return Plan(
        "consolidation",
        as_of_us,
        tuple(operations),
        clusters.review,
        notes,
        tuple(issues),
        inputs_digest=frame.digest(),
    )


def _operation(
    frame: Frame, cluster: Cluster, summary: Summary, policy: ConsolidationPolicy, as_of_us: int
) -> Operation:
    rows = cluster.rows
    text, appended = complete(summary.text, [frame.contents[row] for row in rows])
    memory = _summary_memory(frame, cluster, summary, text, policy, as_of_us)
    sources = tuple(
        update(
            frame.ids[row],
            {"archived": True, "updated_us": as_of_us, "consolidated_into": cluster.id},
            {"archived": False, "pinned": False, "content_hash": frame.hashes[row]},
        )
        for row in rows
    )
    details = _details(frame, cluster, text, list(appended))
    return Operation(OperationKind.CONSOLIDATE, (create(memory), *sources), _reason(frame, cluster), details)


def list_unasked(frame: Frame, clusters: Clusters, summaries: Mapping[str, Summary]) -> list[dict[str, Json]]:
    """Clusters without a summary as a dry run reports them: as what they would become, whose text nobody knows.

    Args:
        frame: The frame the clusters came from.
        clusters: Of `find_clusters`.
        summaries: By cluster id.
    """
    return [
        {**_details(frame, cluster, None, None), "reason": _reason(frame, cluster)}
        for cluster in clusters.clusters
        if cluster.id not in summaries
    ]


def _details(
    frame: Frame, cluster: Cluster, text: str | None, appended: list[Json] | None
) -> dict[str, Json]:
    return {
        "id": cluster.id,
        "sources": [frame.ids[row] for row in cluster.rows],
        "cosine": cluster.cosine,
        "content": text,
        "appended": appended,
    }


def _reason(frame: Frame, cluster: Cluster) -> str:
    count, centre = len(cluster.rows), frame.ids[cluster.centre]
    return f"{count} memories with cosine >= {cluster.cosine:.6f} to {centre}"


def _summary_memory(
    frame: Frame, cluster: Cluster, summary: Summary, text: str, policy: ConsolidationPolicy, as_of_us: int
) -> Memory:
    rows = np.array(cluster.rows, dtype=np.int64)
    first = cluster.rows[0]
    expires = int(frame.expires_us[rows].max())
    embedding = summary.embedding if summary.embedding is not None else _centroid(frame, rows)
    source = "model" if summary.embedding is not None else "mean of the sources"
    importance = float(frame.importance[rows].max())
    return Memory(
        id=cluster.id,
        user_id=frame.users[first],
        content=text,
        scope=frame.scopes[first],
        model_id=frame.models[first],
        tier=policy.target_tier,
        importance=importance,
        decay_score=importance,  # what every formula gives at age 0: the next run has nothing to score
        access_count=int(frame.access_count[rows].sum()),
        created_us=as_of_us,
        updated_us=as_of_us,
        accessed_us=as_of_us,
        expires_us=None if expires == NO_TIME_US else expires,
        consolidated_from=tuple(frame.ids[row] for row in cluster.rows),
        verification_score=float(frame.verification_score[rows].min()),
        confidence=float(frame.confidence[rows].min()),
        embedding=embedding,
        metadata={"embedding_source": source},
        content_hash=content_digest(text),
    )


def _centroid(frame: Frame, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Vector | None:
    """The normalised mean of unit vectors, or None if they cancel out."""
    unit = frame.matrix(rows).astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return None if length < 1e-6 else (mean / length).astype(np.float32)
