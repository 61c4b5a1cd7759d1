"""What a lifecycle run did, measured against the truth about a corpus.

Three questions, in the order of how much a wrong answer costs: was anything merged that says something else
(precision), how many true duplicates are gone (recall), and did people get asked about the right pairs (the
review list).

Precision and recall are given twice. By *pair*: every two memories that ended up in one cluster, against
every two of one truth group; large groups weigh more. By *copy*: of the memories merged away, how many were
copies; of the copies there were (a group of n has n - 1), how many were merged away. The second is what a
user sees.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final

from .corpus_truth import Truth

__all__ = ["Decisions", "Evaluation", "FalseMerge", "evaluate"]

_NO_GROUP: Final = -1


@dataclass(frozen=True, slots=True)
class FalseMerge:
    """Two memories merged that say different things.

    Attributes:
        canonical: The one that stayed.
        duplicate: The one that went.
        family: Family of the forbidden pair, or "other".
    """

    canonical: str
    duplicate: str
    family: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """How a set decided by rule compares with the expected one."""

    expected_count: int
    found_count: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether both are equal."""
        return not self.missing and not self.unexpected


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures.

    Attributes:
        merged_count: Memories merged away.
        correct_count: Those whose canonical says the same.
        copy_count: Copies that the corpus holds.
        precision: correct_count / merged_count; 1 if nothing was merged.
        recall: Copies merged away within their own group / copy_count; 1 if there are none.
        pair_precision: By pair.
        pair_recall: By pair.
        groups: Truth groups "whole" (one memory left), "partly" (some merged) and "untouched".
        impure_clusters: Clusters that hold memories of more than one fact.
        false_merges: Every wrong merge.
        forbidden_count: Hard pairs in the truth.
        forbidden_merged: Those that ended in one cluster.
        forbidden_reviewed: Those that people are asked about.
        review_count: Pairs on the review list.
        review_duplicates: Pairs on it that were true duplicates: questions asked in vain.
        review_precision: Share of the list that are not duplicates; 1 if it is empty.
        promoted: Promotions against the truth, if given.
        archived: Archivals against the truth, if given.
        expired: Deletions against the truth, if given.
    """

    merged_count: int
    correct_count: int
    copy_count: int
    precision: float
    recall: float
    pair_precision: float
    pair_recall: float
    groups: Mapping[str, int]
    impure_clusters: int
    false_merges: tuple[FalseMerge, ...]
    forbidden_count: int
    forbidden_merged: int
    forbidden_reviewed: int
    review_count: int
    review_duplicates: int
    review_precision: float
    promoted: Decisions | None = None
    archived: Decisions | None = None
    expired: Decisions | None = None

    def to_json(self) -> dict[str, Any]:
        """For the report; lists are tuples of plain values."""
        return asdict(self)


def evaluate(
    truth: Truth,
    merges: Iterable[tuple[str, str]],
    review: Iterable[tuple[str, str]] = (),
    *,
    promoted: Mapping[str, str] | None = None,
    archived: Collection[str] | None = None,
    expired: Collection[str] | None = None,
) -> Evaluation:
    """Measure a run.

    Args:
        truth: Of the corpus it ran on.
        merges: (canonical, duplicate) of every merge.
        review: (a, b) of every pair put to people.
        promoted: Id -> final tier of every promotion, or None to leave out.
        archived: Ids archived by rule (not by merging), or None.
        expired: Ids deleted, or None.

    Returns:
        The figures.
    """
    merges = list(merges)
    group_of = {member: number for number, group in enumerate(truth.duplicate_groups) for member in group}
    clusters = _clusters(merges)
    forbidden = {_pair(pair.a, pair.b): pair.family for pair in truth.forbidden}
    reviewed = {_pair(a, b) for a, b in review}
    wrong = tuple(
        FalseMerge(canonical, duplicate, forbidden.get(_pair(canonical, duplicate), "other"))
        for canonical, duplicate in merges
        if not _same(group_of, canonical, duplicate)
    )
    together = {_pair(a, b) for members in clusters for a, b in combinations(members, 2)}
    true_pairs = {_pair(a, b) for group in truth.duplicate_groups for a, b in combinations(group, 2)}
    gone, groups = _progress(truth.duplicate_groups, clusters)
    copies = sum(len(group) - 1 for group in truth.duplicate_groups)
    in_vain = sum(1 for a, b in reviewed if _same(group_of, a, b))
    return Evaluation(
        merged_count=len(merges),
        correct_count=len(merges) - len(wrong),
        copy_count=copies,
        precision=_share(len(merges) - len(wrong), len(merges)),
        recall=_share(gone, copies),
        pair_precision=_share(len(together & true_pairs), len(together)),
        pair_recall=_share(len(together & true_pairs), len(true_pairs)),
        groups=groups,
        impure_clusters=sum(1 for members in clusters if not _pure(group_of, members)),
        false_merges=wrong,
        forbidden_count=len(forbidden),
        forbidden_merged=len(together & forbidden.keys()),
        forbidden_reviewed=len(reviewed & forbidden.keys()),
        review_count=len(reviewed),
        review_duplicates=in_vain,
        review_precision=_share(len(reviewed) - in_vain, len(reviewed)),
        promoted=None if promoted is None else _decisions(truth.promoted.items(), promoted.items()),
        archived=None if archived is None else _decisions(truth.archived, archived),
        expired=None if expired is None else _decisions(truth.expired, expired),
    )


def _clusters(merges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Who ended up together; chains of merges count as one cluster."""
    leader: dict[str, str] = {}

    def find(member: str) -> str:
        while leader.setdefault(member, member) != member:
            leader[member] = leader[leader[member]]
            member = leader[member]
        return member

    for canonical, duplicate in merges:
        leader[find(duplicate)] = find(canonical)
    found: dict[str, list[str]] = {}
    for member in list(leader):
        found.setdefault(find(member), []).append(member)
    return list(found.values())


def _progress(
    groups: Sequence[Sequence[str]], clusters: Sequence[Sequence[str]]
) -> tuple[int, dict[str, int]]:
    """Copies gone, and how far each group is merged."""
    cluster_of = {member: number for number, members in enumerate(clusters) for member in members}
    gone = 0
    counts = {"whole": 0, "partly": 0, "untouched": 0}
    for group in groups:
        # A member that no merge names stands alone.
        left = len({cluster_of.get(member, member) for member in group})
        gone += len(group) - left
        counts["whole" if left == 1 else "untouched" if left == len(group) else "partly"] += 1
    return gone, counts


def _decisions(expected: Iterable[Any], found: Iterable[Any]) -> Decisions:
    want, have = set(expected), set(found)
    return Decisions(
        expected_count=len(want),
        found_count=len(have),
        missing=tuple(sorted(map(_id_of, want - have))),
        unexpected=tuple(sorted(map(_id_of, have - want))),
    )


def _id_of(entry: object) -> str:
    return str(entry[0]) if isinstance(entry, tuple) else str(entry)


def _same(group_of: Mapping[str, int], a: str, b: str) -> bool:
    return group_of.get(a, _NO_GROUP) == group_of.get(b, _NO_GROUP) != _NO_GROUP


def _pure(group_of: Mapping[str, int], members: Sequence[str]) -> bool:
    return all(_same(group_of, members[0], member) for member in members[1:])


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a <= b else (b, a)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
