"""Policies evaluated over columns.

One pass computes each fact that a policy mentions (age, decayed score, promotion score) as an array, and each
rule as a mask; only for memories that a rule hits is a reason put into words. Ages of memories from the
future are clamped to zero and counted, never negative: a wrong clock must not make a memory younger than new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .frame import TIERS, BoolColumn, FloatColumn, Frame, IntColumn
from .kernels import Kernels
from .model import Tier
from .policy import Condition, DecayPolicy, Rule, RulePolicy

__all__ = ["Facts", "decayed_scores", "explain", "first_rule", "half_lives"]

_SECOND_US: Final = 1e6
_OPERATORS: Final[Mapping[str, Callable[[FloatColumn, float], BoolColumn]]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
}


@dataclass(slots=True)
class Facts:
    """The facts of a frame at one moment, each computed when first asked for.

    Args:
        frame: The memories.
        as_of_us: The moment.
        kernels: For decayed scores.
        decay_policy: Which decay the fact ``decay_score`` means.
        promotion_score: Computes the fact of that name instead of KHALA's formula (a memory service of the
            user's).
    """

    frame: Frame
    as_of_us: int
    kernels: Kernels
    decay_policy: DecayPolicy
    promotion_score: Callable[[Frame], FloatColumn] | None = None
    _columns: dict[str, FloatColumn] = field(default_factory=dict)

    def __getitem__(self, fact: str) -> FloatColumn:
        if fact not in self._columns:
            self._columns[fact] = self._compute(fact)
        return self._columns[fact]

    def age_us(self) -> IntColumn:
        """Microseconds since creation, never negative."""
        return np.maximum(self.as_of_us - self.frame.created_us, 0)

    def _compute(self, fact: str) -> FloatColumn:
        # KHALA takes timedelta.total_seconds() and divides by 3600 or 86400: the same two roundings here.
        seconds = self.age_us() / _SECOND_US
        if fact == "age_hours":
            return seconds / 3600.0
        if fact == "age_days":
            return seconds / 86400.0
        if fact == "decay_score":
            return decayed_scores(self)
        if fact == "promotion_score":
            return self._promotion_score()
        return np.asarray(getattr(self.frame, fact), dtype=np.float64)

    def _promotion_score(self) -> FloatColumn:
        """As MemoryService.calculate_promotion_score of KHALA."""
        if self.promotion_score is not None:
            return self.promotion_score(self.frame)
        hours, access, tier = self["age_hours"], self.frame.access_count, self.frame.tier
        working, short = TIERS.index(Tier.WORKING), TIERS.index(Tier.SHORT_TERM)
        score = np.where((tier == working) & (hours > 0.5), 0.3, 0.0)
        score = score + np.where((tier == short) & (hours > 15 * 24), 0.4, 0.0)
        score = score + np.where(access > 5, 0.3, np.where(access > 2, 0.2, 0.0))
        return np.minimum(score + self.frame.importance * 0.4, 1.0)


def half_lives(policy: DecayPolicy, frame: Frame) -> FloatColumn:
    """The divisor of the decay formula by memory, in days.

    ``math.log`` is called once for each distinct access count instead of NumPy's vectorised logarithm, whose
    last bit depends on the CPU.
    """
    by_tier = np.array([policy.half_life_days[t] for t in TIERS])
    counts, where = np.unique(frame.access_count, return_inverse=True)
    stretch = np.array(
        [1.0 + math.log(count + 1) * policy.access_boost for count in counts.tolist()], dtype=np.float64
    )
    return by_tier[frame.tier] * stretch[where]


def decayed_scores(facts: Facts) -> FloatColumn:
    """Scores of all memories under ``facts.decay_policy``, at most 1."""
    policy = facts.decay_policy
    days = facts["age_hours"] / 24.0 if policy.age_through_hours else facts["age_days"]
    return facts.kernels.decay_scores(
        facts.frame.importance, days, half_lives(policy, facts.frame), policy.formula
    ).score


def _holds(condition: Condition, facts: Facts) -> BoolColumn:
    return _OPERATORS[condition.op](facts[condition.fact], condition.value)


def first_rule(policy: RulePolicy, facts: Facts) -> IntColumn:
    """Which rule decides for each memory.

    Returns:
        Position in ``policy.rules``, -1 where none holds or the memory is exempt.
    """
    chosen = np.full(len(facts.frame), -1, dtype=np.int64)
    exempt = np.zeros(len(facts.frame), dtype=np.bool_)
    for condition in policy.unless:
        exempt |= _holds(condition, facts)
    for position, rule in enumerate(policy.rules):
        hit = ~exempt & (chosen < 0)
        if rule.tier is not None:
            hit &= facts.frame.tier == TIERS.index(rule.tier)
        for condition in rule.when:
            hit &= _holds(condition, facts)
        chosen[hit] = position
    return chosen


def explain(rule: Rule, facts: Facts, row: int) -> str:
    """The reason of a decision in words, for example ``old: age_days 412.5 > 365``."""
    clauses = [f"{c.fact} {facts[c.fact][row]:.6g} {c.op} {c.value:g}" for c in rule.when]
    return f"{rule.name}: {', '.join(clauses)}"
