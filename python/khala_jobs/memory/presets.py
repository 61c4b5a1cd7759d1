"""KHALA's rules as named presets, and policies from a preset's name or from JSON.

Which of KHALA's classes each preset restates is said beside it. KHALA has two sets that contradict each
other: `Memory.should_promote_to_next_tier` and `Memory.should_archive`, which its `MemoryLifecycleService`
runs (conditions joined by *and*), and those of `TemporalAnalysisService` (joined by *or*). The first set is
the default here because the service that KHALA schedules uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final, TypeVar

from khala_jobs.errors import InvalidArgument

from .model import Tier
from .policy import KHALA_FLAT, Condition, DecayPolicy, Fact, Operator, Rule, RulePolicy, checked_tier

__all__ = [
    "ARCHIVAL_PRESETS",
    "DECAY_PRESETS",
    "PROMOTION_PRESETS",
    "archival_policy",
    "decay_policy",
    "promotion_policy",
]

P = TypeVar("P", DecayPolicy, RulePolicy)

_TIER_DAYS: Final = {Tier.WORKING: 0.5, Tier.SHORT_TERM: 7.0, Tier.LONG_TERM: 90.0, Tier.SCRATCHPAD: 90.0}


def _by_name(*presets: P) -> dict[str, P]:
    return {preset.name: preset for preset in presets}


DECAY_PRESETS: Final[Mapping[str, DecayPolicy]] = _by_name(
    # TemporalAnalysisService.calculate_decay_score: by tier (what is neither working nor short_term counts as
    # long_term) and stretched by access.
    DecayPolicy("khala_compat", "khala_compat", _TIER_DAYS, access_boost=0.5),
    KHALA_FLAT,
    DecayPolicy("half_life", "half_life", _TIER_DAYS, access_boost=0.5),
)


def _rule(name: str, tier: Tier | None, *conditions: tuple[Fact, Operator, float]) -> Rule:
    return Rule(name, tuple(Condition(*c) for c in conditions), tier)


_W, _S, _L = Tier.WORKING, Tier.SHORT_TERM, Tier.LONG_TERM
_UNUSED: Final[tuple[tuple[Fact, Operator, float], ...]] = (
    ("access_count", "==", 0),
    ("importance", "<", 0.3),
)

PROMOTION_PRESETS: Final[Mapping[str, RulePolicy]] = _by_name(
    # Memory.should_promote_to_next_tier, which MemoryLifecycleService.promote_memories runs.
    RulePolicy(
        "khala_lifecycle",
        (
            _rule("in use", _W, ("age_hours", ">", 0.5), ("access_count", ">", 5), ("importance", ">", 0.8)),
            _rule("very important", _S, ("importance", ">", 0.9)),
        ),
    ),
    # TemporalAnalysisService.should_promote.
    RulePolicy(
        "khala_temporal",
        (
            _rule("important", _W, ("importance", ">", 0.7)),
            _rule("used often", _W, ("access_count", ">", 5)),
            _rule("verified", _W, ("verification_score", ">", 0.8)),
            _rule("very important", _S, ("importance", ">", 0.85)),
            _rule("used for long", _S, ("access_count", ">", 20), ("age_hours", ">", 24)),
        ),
    ),
    # MemoryService.calculate_promotion_score; the cut is ours, KHALA only shows the score.
    RulePolicy(
        "khala_score",
        (
            _rule("promotion score", _W, ("promotion_score", ">=", 0.8)),
            _rule("promotion score", _S, ("promotion_score", ">=", 0.8)),
        ),
    ),
)

ARCHIVAL_PRESETS: Final[Mapping[str, RulePolicy]] = _by_name(
    # Memory.should_archive or DecayService.should_archive_based_on_decay, as in
    # MemoryLifecycleService.decay_and_archive_memories.
    RulePolicy(
        "khala_lifecycle",
        (
            _rule("old and unused", None, ("age_hours", ">", 90 * 24), *_UNUSED),
            _rule("faded and unused", None, ("decay_score", "<", 0.1), *_UNUSED),
        ),
    ),
    # TemporalAnalysisService.should_archive.
    RulePolicy(
        "khala_temporal",
        (
            _rule("working memory over a day old", _W, ("age_days", ">", 1.0)),
            _rule("short-term memory little used", _S, ("age_days", ">", 30.0), ("access_count", "<", 5)),
            _rule("long-term memory of no weight", _L, ("age_days", ">", 365.0), ("importance", "<", 0.2)),
        ),
        unless=(Condition("importance", ">", 0.9),),
    ),
)


def decay_policy(spec: str | Mapping[str, Any] | DecayPolicy) -> DecayPolicy:
    """A decay policy from a preset's name or its JSON form.

    Args:
        spec: ``"khala_compat"``, or ``{"preset": "half_life", "half_life_days": {"working": 2}, ...}`` where
            fields given override those of the preset (tiers that are not named keep the preset's days).

    Raises:
        InvalidArgument: No such preset or field, or a wrong value.
    """
    if isinstance(spec, DecayPolicy):
        return spec
    if isinstance(spec, str):
        return _preset("decay", DECAY_PRESETS, spec)
    _mapping("decay", spec)
    values = dict(spec)
    base = asdict(_preset("decay", DECAY_PRESETS, values.pop("preset", "khala_compat")))
    _known("decay policy", values, base)
    with _shape("decay"):
        days = {**base["half_life_days"], **values.pop("half_life_days", {})}
        return DecayPolicy(**{**base, **values, "half_life_days": days})


def promotion_policy(spec: str | Mapping[str, Any] | RulePolicy) -> RulePolicy:
    """A promotion policy from a preset's name or its JSON form.

    Args:
        spec: ``"khala_lifecycle"``, or an object with the fields that `archival_policy` tells; a rule here says that
            a memory goes one tier up.

    Raises:
        InvalidArgument: No such preset or field, or a wrong value.
    """
    return _rule_policy("promotion", PROMOTION_PRESETS, spec)


def archival_policy(spec: str | Mapping[str, Any] | RulePolicy) -> RulePolicy:
    """An archival policy from a preset's name or its JSON form.

    Args:
        spec: ``"khala_lifecycle"``, or ``{"name": ..., "rules": [{"name": ..., "tier": "working", "when":
            [["age_days", ">", 2]]}], "unless": [["importance", ">", 0.9]], "decay": "half_life"}``.

    Raises:
        InvalidArgument: No such preset or field, or a wrong value.
    """
    return _rule_policy("archival", ARCHIVAL_PRESETS, spec)


def _preset(what: str, presets: Mapping[str, P], name: object) -> P:
    if name not in presets:
        raise InvalidArgument(
            "policy", f"no {what} policy is called {name!r}; there are {', '.join(presets)}"
        )
    return presets[str(name)]


def _mapping(what: str, spec: object) -> None:
    if not isinstance(spec, Mapping):
        raise InvalidArgument("policy", f"{what} policy must be a name or an object, not {spec!r}")


def _known(what: str, values: Mapping[str, Any], allowed: Mapping[str, Any] | tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise InvalidArgument("policy", f"{what} has no field {unknown[0]!r}; there are {', '.join(allowed)}")


def _rule_policy(
    what: str, presets: Mapping[str, RulePolicy], spec: str | Mapping[str, Any] | RulePolicy
) -> RulePolicy:
    if isinstance(spec, RulePolicy):
        return spec
    if isinstance(spec, str):
        return _preset(what, presets, spec)
    _mapping(what, spec)
    _known(f"{what} policy", spec, ("name", "rules", "unless", "decay"))
    with _shape(what):
        rules = tuple(_rule_of(what, rule) for rule in spec.get("rules", ()))
        if not rules:
            raise InvalidArgument("policy", f"{what} policy has no rules")
        return RulePolicy(
            name=str(spec.get("name", "custom")),
            rules=rules,
            unless=tuple(Condition(*c) for c in spec.get("unless", ())),
            decay=decay_policy(spec.get("decay", "khala_flat")),
        )


@contextmanager
def _shape(what: str) -> Iterator[None]:
    """A list where an object belongs, a condition of two parts, and the like, as one sentence."""
    try:
        yield
    except TypeError as error:
        raise InvalidArgument("policy", f"{what} policy is not of the documented form: {error}") from None


def _rule_of(what: str, spec: Mapping[str, Any]) -> Rule:
    _known(f"rule of the {what} policy", spec, ("name", "tier", "when"))
    tier = spec.get("tier")
    return Rule(
        name=str(spec.get("name", "custom")),
        when=tuple(Condition(*c) for c in spec.get("when", ())),
        tier=None if tier is None else checked_tier("tier", tier),
    )
