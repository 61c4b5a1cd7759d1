"""Rules of the lifecycle as data: how scores decay, what is promoted, archived, merged and deleted.

A policy is a value that travels in a job's payload (by preset name, or spelled out as JSON), so that every
attempt and every process decides alike. `rules.py` evaluates them over columns; nothing here computes.

Presets, KHALA's own rules among them, are in presets.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from khala_jobs.errors import InvalidArgument

from .model import Tier

__all__ = [
    "CALIBRATED",
    "KHALA_FLAT",
    "Action",
    "Calibrated",
    "CleanupPolicy",
    "Condition",
    "ConsolidationPolicy",
    "DecayPolicy",
    "DeduplicationPolicy",
    "Exact",
    "Fact",
    "Operator",
    "Rule",
    "RulePolicy",
    "checked_tier",
]

Formula = Literal["khala_compat", "half_life"]
Operator = Literal[">", ">=", "<", "<=", "=="]
Fact = Literal[
    "age_hours", "age_days", "access_count", "importance", "verification_score", "confidence", "decay_score",
    "promotion_score",
]  # fmt: skip
Action = Literal["archive", "flag"]
Calibrated = Literal["calibrated"]
_HOURS_MAX: Final = 10_000 * 366 * 24
CALIBRATED: Final[Calibrated] = "calibrated"
"""Stands for the threshold that each embedding model is calibrated to."""
Exact = Literal["partition", "user", "off"]


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidArgument(name, f"must be one of {', '.join(allowed)}, not {value!r}")


def checked_tier(name: str, value: object) -> Tier:
    """The tier of that name.

    Raises:
        InvalidArgument: There is none.
    """
    _one_of(name, value, tuple(Tier))
    return Tier(str(value))


def _number(value: object) -> float:
    """The number, or NaN for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _positive(name: str, value: object) -> None:
    if not 0 < _number(value) < math.inf:
        raise InvalidArgument(name, f"must be a positive number, not {value!r}")


def _not_negative(name: str, value: object) -> None:
    if not 0 <= _number(value) < math.inf:
        raise InvalidArgument(name, f"must be a number >= 0, not {value!r}")


def _span(name: str, value: object, unit_hours: float) -> None:
    """A length of time that the calendar has room for."""
    _not_negative(name, value)
    if _number(value) * unit_hours > _HOURS_MAX:
        raise InvalidArgument(name, f"{value!r} is longer than 10,000 years")


def _whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(name, f"must be a whole number, not {value!r}")


def _cosine(name: str, value: object) -> None:
    if not -1.0 <= _number(value) <= 1.0:
        raise InvalidArgument(name, f"must be a cosine between -1 and 1, not {value!r}")


@dataclass(frozen=True, slots=True)
class DecayPolicy:
    """How importance fades with age.

    With ``x = age_days / h`` and ``h = half_life_days[tier] * (1 + access_boost * ln(1 + access_count))``:
    ``khala_compat`` is ``importance * exp(-x)`` and ``half_life`` is ``importance * 2**-x``. KHALA calls the
    divisor of its exponential a half-life; what is left after that time is 36.8 %, hence the second formula.

    Args:
        name: Shown in reports.
        formula: See above.
        half_life_days: Days by tier, each > 0; every tier must be there.
        access_boost: >= 0.
        age_through_hours: Compute days as hours / 24 instead of seconds / 86400; the two differ in the last
            bit, and each is what one of KHALA's classes does.
    """

    name: str
    formula: Formula
    half_life_days: Mapping[Tier, float]
    access_boost: float = 0.0
    age_through_hours: bool = False

    def __post_init__(self) -> None:
        _one_of("formula", self.formula, get_args(Formula))
        by_tier = {checked_tier("half_life_days", tier): days for tier, days in self.half_life_days.items()}
        missing = [str(tier) for tier in Tier if tier not in by_tier]
        if missing:
            raise InvalidArgument("half_life_days", f"lacks the tier {missing[0]}")
        for tier, days in by_tier.items():
            _positive(f"half_life_days[{tier}]", days)
        _not_negative("access_boost", self.access_boost)
        object.__setattr__(self, "half_life_days", by_tier)


KHALA_FLAT: Final = DecayPolicy(
    "khala_flat", "khala_compat", dict.fromkeys(Tier, 30.0), age_through_hours=True
)
"""Memory.calculate_decay_score of KHALA, which its MemoryLifecycleService runs: 30 days for all."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``fact op value``, for example ``age_days > 90``."""

    fact: Fact
    op: Operator
    value: float

    def __post_init__(self) -> None:
        _one_of("fact", self.fact, get_args(Fact))
        _one_of("op", self.op, get_args(Operator))
        if math.isnan(_number(self.value)):
            raise InvalidArgument("value", f"must be a number, not {self.value!r}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds for a memory when its tier fits and every condition holds.

    Args:
        name: Given as the reason of the decision.
        when: At least one condition.
        tier: Only memories of this tier, or None for all.
    """

    name: str
    when: tuple[Condition, ...]
    tier: Tier | None = None

    def __post_init__(self) -> None:
        if not self.when:
            raise InvalidArgument("when", f"rule {self.name!r} has no condition")
        if self.tier is not None:
            object.__setattr__(self, "tier", checked_tier("tier", self.tier))


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """Any rule that holds decides; the first that does is the reason.

    Args:
        name: Shown in reports.
        rules: In order.
        unless: A memory for which one of these holds is exempt from all rules.
        decay: What the fact ``decay_score`` means.
    """

    name: str
    rules: tuple[Rule, ...]
    unless: tuple[Condition, ...] = ()
    decay: DecayPolicy = KHALA_FLAT


@dataclass(frozen=True, slots=True)
class DeduplicationPolicy:
    """What counts as a duplicate and what happens to it.

    Args:
        threshold: Least cosine of a duplicate and its canonical; or ``calibrated`` for what each embedding
            model is calibrated to (`khala_jobs.similarity.calibrate`).
        action: ``archive`` hides duplicates (with provenance, undoable); ``flag`` only notes on them whose
            duplicate they look like.
        exact: ``partition``: equal contents are merged within (user, scope, model, dimension) like everything
            else; ``user``: across all of a user's partitions; ``off``.
        semantic: Whether vectors are compared at all.
    """

    threshold: float | Calibrated = 0.95
    action: Action = "archive"
    exact: Exact = "partition"
    semantic: bool = True

    def __post_init__(self) -> None:
        if self.threshold != CALIBRATED:
            _cosine("threshold", self.threshold)
        _one_of("action", self.action, get_args(Action))
        _one_of("exact", self.exact, get_args(Exact))


@dataclass(frozen=True, slots=True)
class ConsolidationPolicy:
    """Which memories are summarised together, and what the summary is like.

    Args:
        threshold: Least cosine of a member and the centre of its cluster.
        tiers: Only memories of these tiers take part.
        min_size: Fewest memories worth a summary, >= 2.
        max_size: Most sources of one summary; larger clusters are split evenly.
        target_tier: Tier of the summary.
    """

    threshold: float = 0.85
    tiers: tuple[Tier, ...] = (Tier.SHORT_TERM,)
    min_size: int = 2
    max_size: int = 20
    target_tier: Tier = Tier.LONG_TERM

    def __post_init__(self) -> None:
        _cosine("threshold", self.threshold)
        if not isinstance(self.tiers, tuple | list):
            raise InvalidArgument("tiers", f"must be a list of tiers, not {self.tiers!r}")
        object.__setattr__(self, "tiers", tuple(checked_tier("tiers", tier) for tier in self.tiers))
        object.__setattr__(self, "target_tier", checked_tier("target_tier", self.target_tier))
        if not self.tiers:
            raise InvalidArgument("tiers", "is empty: nothing could ever be consolidated")
        _whole("min_size", self.min_size)
        _whole("max_size", self.max_size)
        if self.min_size < 2:
            raise InvalidArgument("min_size", f"must be at least 2, not {self.min_size}")
        if self.max_size < self.min_size:
            raise InvalidArgument("max_size", f"{self.max_size} is below min_size {self.min_size}")


@dataclass(frozen=True, slots=True)
class CleanupPolicy:
    """What is deleted for good.

    Args:
        grace_hours: How long past its expiry a memory or cache entry is still kept, >= 0.
        tier_ttl_hours: Lifetime by tier for memories without an expiry of their own; empty for none. (KHALA's
            `MemoryTier.ttl_hours` names 1 hour for working and scratchpad and 360 for short_term, and
            enforces none.)
        purge_archived_after_days: Also delete what has been archived and untouched for so long; None for
            never.
        keep_undo_days: How long deletions and all other changes can be undone; older log entries are dropped.
        max_deletes: Most memories that one run deletes; the rest is reported and left for the next run.
    """

    grace_hours: float = 24.0
    tier_ttl_hours: Mapping[Tier, float] = field(default_factory=dict)
    purge_archived_after_days: float | None = None
    keep_undo_days: float = 30.0
    max_deletes: int = 100_000

    def __post_init__(self) -> None:
        _span("grace_hours", self.grace_hours, 1)
        _span("keep_undo_days", self.keep_undo_days, 24)
        if not isinstance(self.tier_ttl_hours, Mapping):
            raise InvalidArgument("tier_ttl_hours", f"must be hours by tier, not {self.tier_ttl_hours!r}")
        ttl = {checked_tier("tier_ttl_hours", tier): hours for tier, hours in self.tier_ttl_hours.items()}
        for tier, hours in ttl.items():
            _positive(f"tier_ttl_hours[{tier}]", hours)
            _span(f"tier_ttl_hours[{tier}]", hours, 1)
        object.__setattr__(self, "tier_ttl_hours", ttl)
        if self.purge_archived_after_days is not None:
            _positive("purge_archived_after_days", self.purge_archived_after_days)
            _span("purge_archived_after_days", self.purge_archived_after_days, 24)
        _whole("max_deletes", self.max_deletes)
        if self.max_deletes < 1:
            raise InvalidArgument("max_deletes", f"must be at least 1, not {self.max_deletes}")
