from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from khala_jobs.errors import InvalidArgument
from khala_jobs.memory.jobs import DeduplicationJob
from khala_jobs.memory.model import Tier
from khala_jobs.memory.policy import (
    CleanupPolicy,
    Condition,
    ConsolidationPolicy,
    DecayPolicy,
    DeduplicationPolicy,
    Rule,
)
from khala_jobs.memory.presets import (
    ARCHIVAL_PRESETS,
    DECAY_PRESETS,
    PROMOTION_PRESETS,
    archival_policy,
    decay_policy,
    promotion_policy,
)

DAYS = dict.fromkeys(Tier, 1.0)


def test_presets_are_found_by_name() -> None:
    assert {name: decay_policy(name).name for name in DECAY_PRESETS} == {
        n: n for n in ("khala_compat", "khala_flat", "half_life")
    }
    assert set(PROMOTION_PRESETS) == {"khala_lifecycle", "khala_temporal", "khala_score"}
    assert set(ARCHIVAL_PRESETS) == {"khala_lifecycle", "khala_temporal"}
    assert promotion_policy("khala_score") is PROMOTION_PRESETS["khala_score"]
    assert archival_policy(ARCHIVAL_PRESETS["khala_temporal"]) is ARCHIVAL_PRESETS["khala_temporal"]
    policy = decay_policy("half_life")
    assert decay_policy(policy) is policy


def test_khala_compat_has_its_half_lives() -> None:
    policy = decay_policy("khala_compat")
    assert policy.half_life_days == {"working": 0.5, "short_term": 7, "long_term": 90, "scratchpad": 90}
    assert (policy.access_boost, policy.formula) == (0.5, "khala_compat")


def test_json_overrides_a_preset() -> None:
    policy = decay_policy({"preset": "half_life", "half_life_days": {"working": 2}, "access_boost": 0})
    assert policy.formula == "half_life"
    assert policy.half_life_days[Tier.WORKING] == 2
    assert policy.half_life_days[Tier.SHORT_TERM] == 7
    assert policy.access_boost == 0


def test_rules_from_json() -> None:
    policy = archival_policy(
        {
            "name": "mine",
            "rules": [
                {"name": "old", "tier": "working", "when": [["age_days", ">", 2]]},
                {"when": [["importance", "<", 0.1]]},
            ],
            "unless": [["importance", ">", 0.9]],
            "decay": "half_life",
        }
    )
    assert policy.rules == (
        Rule("old", (Condition("age_days", ">", 2),), Tier.WORKING),
        Rule("custom", (Condition("importance", "<", 0.1),)),
    )
    assert policy.unless == (Condition("importance", ">", 0.9),)
    assert policy.decay is DECAY_PRESETS["half_life"]


@pytest.mark.parametrize(
    ("make", "field", "said"),
    [
        (lambda: decay_policy("exp"), "policy", "no decay policy is called 'exp'; there are khala_compat"),
        (lambda: decay_policy({"preset": "nope"}), "policy", "no decay policy"),
        (lambda: decay_policy({"halflife": 3}), "policy", "no field 'halflife'"),
        (lambda: DecayPolicy("x", "linear", DAYS), "formula", "khala_compat, half_life"),
        (
            lambda: DecayPolicy("x", "half_life", {Tier.WORKING: 1}),
            "half_life_days",
            "lacks the tier short_term",
        ),
        (lambda: DecayPolicy("x", "half_life", {**DAYS, "attic": 1}), "half_life_days", "attic"),
        (
            lambda: DecayPolicy("x", "half_life", {**DAYS, "working": 0}),
            "half_life_days[working]",
            "positive",
        ),
        (
            lambda: DecayPolicy("x", "half_life", {**DAYS, "working": float("inf")}),
            "half_life_days[working]",
            "positive",
        ),
        (lambda: DecayPolicy("x", "half_life", DAYS, access_boost=-1), "access_boost", ">= 0"),
        (lambda: DecayPolicy("x", "half_life", DAYS, access_boost="much"), "access_boost", ">= 0"),
        (lambda: Condition("colour", ">", 1), "fact", "age_hours"),
        (lambda: Condition("age_days", "~", 1), "op", ">="),
        (lambda: Condition("age_days", ">", "old"), "value", "number"),
        (lambda: Rule("empty", ()), "when", "no condition"),
        (lambda: Rule("r", (Condition("age_days", ">", 1),), "attic"), "tier", "attic"),
        (lambda: promotion_policy({"rules": []}), "policy", "no rules"),
        (lambda: promotion_policy({"rule": []}), "policy", "no field 'rule'"),
        (lambda: promotion_policy({"rules": [{"where": []}]}), "policy", "no field 'where'"),
        (lambda: promotion_policy("nope"), "policy", "no promotion policy"),
        (lambda: archival_policy("nope"), "policy", "no archival policy"),
        (lambda: DeduplicationPolicy(threshold=1.5), "threshold", "cosine"),
        (lambda: DeduplicationPolicy(threshold=float("nan")), "threshold", "cosine"),
        (lambda: DeduplicationPolicy(action="delete"), "action", "archive, flag"),
        (lambda: DeduplicationPolicy(exact="always"), "exact", "partition"),
        (lambda: ConsolidationPolicy(threshold=True), "threshold", "cosine"),
        (lambda: ConsolidationPolicy(tiers=()), "tiers", "empty"),
        (lambda: ConsolidationPolicy(tiers=("attic",)), "tiers", "attic"),
        (lambda: ConsolidationPolicy(target_tier="attic"), "target_tier", "attic"),
        (lambda: ConsolidationPolicy(min_size=1), "min_size", "at least 2"),
        (lambda: ConsolidationPolicy(min_size=5, max_size=4), "max_size", "below min_size"),
        (lambda: CleanupPolicy(grace_hours=-1), "grace_hours", ">= 0"),
        (lambda: CleanupPolicy(keep_undo_days=None), "keep_undo_days", ">= 0"),
        (lambda: CleanupPolicy(tier_ttl_hours={"attic": 1}), "tier_ttl_hours", "attic"),
        (lambda: CleanupPolicy(tier_ttl_hours={"working": 0}), "tier_ttl_hours[working]", "positive"),
        (lambda: CleanupPolicy(purge_archived_after_days=0), "purge_archived_after_days", "positive"),
        (lambda: CleanupPolicy(max_deletes=0), "max_deletes", "at least 1"),
        (lambda: CleanupPolicy(max_deletes="5"), "max_deletes", "whole number"),
        (lambda: CleanupPolicy(grace_hours=1e300), "grace_hours", "10,000 years"),
        (lambda: CleanupPolicy(keep_undo_days=1e300), "keep_undo_days", "10,000 years"),
        (lambda: CleanupPolicy(purge_archived_after_days=1e300), "purge_archived_after_days", "10,000 years"),
        (
            lambda: CleanupPolicy(tier_ttl_hours={"working": 1e300}),
            "tier_ttl_hours[working]",
            "10,000 years",
        ),
        (lambda: CleanupPolicy(tier_ttl_hours=None), "tier_ttl_hours", "hours by tier"),
        (lambda: ConsolidationPolicy(min_size="2"), "min_size", "whole number"),
        (lambda: ConsolidationPolicy(max_size=True), "max_size", "whole number"),
        (lambda: ConsolidationPolicy(tiers="short_term"), "tiers", "list of tiers"),
        (lambda: ConsolidationPolicy(tiers=None), "tiers", "list of tiers"),
        (lambda: decay_policy(None), "policy", "name or an object"),
        (lambda: archival_policy(3), "policy", "name or an object"),
        (lambda: decay_policy({"half_life_days": 5}), "policy", "documented form"),
        (lambda: promotion_policy({"rules": 5}), "policy", "documented form"),
        (lambda: promotion_policy({"rules": [{"when": [["a"]]}]}), "policy", "documented form"),
        (lambda: DeduplicationJob(as_of=datetime.now(UTC)), "as_of", "RFC 3339"),
        (lambda: DeduplicationJob(as_of="0001-01-01T00:00:00+14:00"), "as_of", "years 1 to 9999"),
        (lambda: DeduplicationJob(as_of="9999-12-31T23:59:59-14:00"), "as_of", "years 1 to 9999"),
        (lambda: DeduplicationJob(detail_limit="5"), "detail_limit", "whole number"),
    ],
)
def test_wrong_policies_name_the_field(make: Any, field: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.field == field
    assert said in caught.value.message
