"""Planners that judge each memory alone: decay, promotion, archival, cleanup.

All four work on any page of memories, in any order, and come to the same decisions: nothing in them depends
on which other memories share the page. Pinned memories are counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from .frame import NO_TIME_US, TIERS, BoolColumn, FloatColumn, Frame, IntColumn
from .kernels import Kernels
from .model import NEXT_TIER, Json
from .plan import Operation, OperationKind, Plan, delete, update
from .policy import CleanupPolicy, DecayPolicy, RulePolicy
from .rules import Facts, decayed_scores, explain, first_rule
from .times import format_time

__all__ = ["plan_archival", "plan_cleanup", "plan_decay", "plan_promotion", "promotable"]

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US


def plan_decay(frame: Frame, policy: DecayPolicy, as_of_us: int, kernels: Kernels) -> Plan:
    """New decay scores, computed from the stored importance (never from an earlier score).

    Archived memories keep the score they were archived with. A score that comes out equal is no operation, so
    that a second run at the same moment is empty.

    Args:
        frame: Any memories.
        policy: Formula and half-lives.
        as_of_us: The moment.
        kernels: For the decay formula.

    Returns:
        One ``score`` operation a changed memory; notes ``considered``, ``skipped_pinned``,
        ``skipped_archived``, ``future_created``.
    """
    facts = Facts(frame, as_of_us, kernels, policy)
    scores = decayed_scores(facts)
    active = ~frame.pinned & ~frame.archived
    changed = active & ~(scores == frame.decay_score)
    operations = tuple(
        Operation(
            OperationKind.SCORE,
            (update(frame.ids[row], {"decay_score": float(scores[row])}, _inputs_of_decay(frame, row)),),
            f"{policy.name}: {facts['age_days'][row]:.6g} days old",
            {"score": float(scores[row]), "previous": _score_before(frame, row)},
        )
        for row in np.flatnonzero(changed).tolist()
    )
    return Plan(
        "decay_scoring", as_of_us, operations, notes=_notes(frame, as_of_us), inputs_digest=frame.digest()
    )


def promotable(frame: Frame) -> BoolColumn:
    """Which memories a rule could promote: there is a tier above theirs, and they are not pinned or archived."""
    return ~frame.pinned & ~frame.archived & np.isin(frame.tier, [TIERS.index(tier) for tier in NEXT_TIER])


def plan_promotion(
    frame: Frame,
    policy: RulePolicy,
    as_of_us: int,
    kernels: Kernels,
    promotion_score: Callable[[Frame], FloatColumn] | None = None,
) -> Plan:
    """Promotions, each as far up as the rules carry it.

    A memory that earns two promotions gets both in one operation, as in KHALA, whose service looks at working
    memories first and at short-term ones after. Hence a second run at the same moment is empty.

    Args:
        frame: Any memories.
        policy: The rules.
        as_of_us: The moment.
        kernels: For the decay score, used when a rule asks for the decay score.
        promotion_score: Computes the fact ``promotion_score`` instead of KHALA's formula, at least where
            `promotable`.

    Returns:
        One ``promote`` operation a promoted memory; notes ``considered``, ``skipped_pinned``,
        ``skipped_archived``, ``future_created``.
    """
    reached, reasons = frame, dict[int, list[str]]()
    for _ in TIERS:
        facts = Facts(reached, as_of_us, kernels, policy.decay, promotion_score)
        chosen = first_rule(policy, facts)
        movable = promotable(reached) & (chosen >= 0)
        if not movable.any():
            break
        tier = reached.tier.copy()
        for row in np.flatnonzero(movable).tolist():
            reasons.setdefault(row, []).append(explain(policy.rules[int(chosen[row])], facts, row))
            tier[row] = TIERS.index(NEXT_TIER[reached.tier_of(row)])
        reached = replace(reached, tier=tier)
    operations = tuple(
        Operation(
            OperationKind.PROMOTE,
            (
                update(
                    frame.ids[row],
                    {"tier": str(reached.tier_of(row)), "updated_us": as_of_us},
                    _inputs_of_rules(frame, row),
                ),
            ),
            "; then ".join(why),
            {"from": str(frame.tier_of(row)), "to": str(reached.tier_of(row))},
        )
        for row, why in sorted(reasons.items())
    )
    return Plan(
        "promotion", as_of_us, operations, notes=_notes(frame, as_of_us), inputs_digest=frame.digest()
    )


def plan_archival(frame: Frame, policy: RulePolicy, as_of_us: int, kernels: Kernels) -> Plan:
    """Archivals.

    Args:
        frame: Any memories.
        policy: The rules.
        as_of_us: The moment.
        kernels: For the decay score, used when a rule asks for the decay score (computed afresh, as KHALA's
            service does).

    Returns:
        One ``archive`` operation an archived memory; notes as for `plan_promotion`.
    """
    facts = Facts(frame, as_of_us, kernels, policy.decay)
    chosen = first_rule(policy, facts)
    hit = (chosen >= 0) & ~frame.pinned & ~frame.archived
    operations = tuple(
        Operation(
            OperationKind.ARCHIVE,
            (
                update(
                    frame.ids[row], {"archived": True, "updated_us": as_of_us}, _inputs_of_rules(frame, row)
                ),
            ),
            explain(policy.rules[int(chosen[row])], facts, row),
            {"tier": str(frame.tier_of(row))},
        )
        for row in np.flatnonzero(hit).tolist()
    )
    return Plan("archival", as_of_us, operations, notes=_notes(frame, as_of_us), inputs_digest=frame.digest())


def plan_cleanup(frame: Frame, policy: CleanupPolicy, as_of_us: int, max_deletes: int | None = None) -> Plan:
    """Deletions of what has expired, or was archived long ago.

    Args:
        frame: Any memories, archived ones too.
        policy: Lifetimes and grace.
        as_of_us: The moment.
        max_deletes: Deletions still allowed in this run; ``policy.max_deletes`` when None.

    Returns:
        One ``delete`` operation a memory; notes ``considered``, ``skipped_pinned``, ``due``, ``over_quota``
        (due as well, but left for the next run), ``future_created``.
    """
    quota = policy.max_deletes if max_deletes is None else max_deletes
    expires = _expiry(frame, policy)
    grace = int(policy.grace_hours * _HOUR_US)
    expired = (expires != NO_TIME_US) & (expires <= as_of_us - grace)
    due, forgotten = expired, np.zeros(len(frame), dtype=np.bool_)
    if policy.purge_archived_after_days is not None:
        limit = as_of_us - int(policy.purge_archived_after_days * _DAY_US) - grace
        forgotten = frame.archived & (frame.updated_us <= limit)
        due = expired | forgotten
    rows = np.flatnonzero(due & ~frame.pinned).tolist()
    operations = tuple(_deletion(frame, row, expires, bool(expired[row])) for row in rows[: max(quota, 0)])
    notes = {
        "considered": len(frame),
        "skipped_pinned": int((due & frame.pinned).sum()),
        "due": len(operations),
        "over_quota": len(rows) - len(operations),
        "future_created": int((frame.created_us > as_of_us).sum()),
    }
    return Plan("cleanup", as_of_us, operations, notes=notes, inputs_digest=frame.digest())


def _expiry(frame: Frame, policy: CleanupPolicy) -> IntColumn:
    """A memory's own expiry, else its creation plus its tier's lifetime, else `NO_TIME_US`."""
    expires = frame.expires_us.copy()
    for tier, hours in policy.tier_ttl_hours.items():
        hit: BoolColumn = (frame.tier == TIERS.index(tier)) & (expires == NO_TIME_US)
        expires[hit] = frame.created_us[hit] + int(hours * _HOUR_US)
    return expires


def _deletion(frame: Frame, row: int, expires: IntColumn, expired: bool) -> Operation:
    own = int(frame.expires_us[row])
    expect: dict[str, Json] = {
        "pinned": False,
        "expires_us": None if own == NO_TIME_US else own,
        "tier": str(frame.tier_of(row)),
        "archived": bool(frame.archived[row]),
        "updated_us": int(frame.updated_us[row]),
    }
    since = int(expires[row]) if expired else int(frame.updated_us[row])
    reason = (
        f"expired {format_time(since)}" if expired else f"archived and untouched since {format_time(since)}"
    )
    return Operation(
        OperationKind.DELETE, (delete(frame.ids[row], expect),), reason, {"tier": str(frame.tier_of(row))}
    )


def _inputs_of_decay(frame: Frame, row: int) -> dict[str, Json]:
    return {
        "archived": False,
        "pinned": False,
        "tier": str(frame.tier_of(row)),
        "importance": float(frame.importance[row]),
        "access_count": int(frame.access_count[row]),
        "created_us": int(frame.created_us[row]),
    }


def _inputs_of_rules(frame: Frame, row: int) -> dict[str, Json]:
    inputs = _inputs_of_decay(frame, row)
    return {
        **inputs,
        "verification_score": float(frame.verification_score[row]),
        "confidence": float(frame.confidence[row]),
    }


def _score_before(frame: Frame, row: int) -> float | None:
    before = float(frame.decay_score[row])
    return None if np.isnan(before) else before


def _notes(frame: Frame, as_of_us: int) -> Mapping[str, int]:
    return {
        "considered": int((~frame.pinned & ~frame.archived).sum()),
        "skipped_pinned": int((frame.pinned & ~frame.archived).sum()),
        "skipped_archived": int(frame.archived.sum()),
        "future_created": int((frame.created_us > as_of_us).sum()),
    }
