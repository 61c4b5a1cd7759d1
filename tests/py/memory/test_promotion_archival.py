from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khala_jobs.memory.frame import frame_of
from khala_jobs.memory.model import Tier
from khala_jobs.memory.planners import plan_archival, plan_promotion
from khala_jobs.memory.presets import archival_policy, promotion_policy
from khala_jobs.memory.times import time_to_us

HOUR = 1 / 24
TIERS = st.sampled_from(["working", "short_term", "long_term", "scratchpad"])
# Values on and beside every limit of every rule, and a few others.
AGES = st.sampled_from(
    [0, 0.5 * HOUR, 0.51 * HOUR, 1, 1.01, 5, 15, 30, 30.01, 33, 90, 90.01, 365, 365.01, 1000]
)
IMPORTANCES = st.sampled_from(
    [0.0, 0.1, 0.19, 0.2, 0.29, 0.3, 0.5, 0.7, 0.71, 0.8, 0.81, 0.85, 0.86, 0.9, 0.91, 1.0]
)
ACCESSES = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 20, 21, 100])
MEMORY = st.fixed_dictionaries(
    {
        "tier": TIERS,
        "age_days": AGES,
        "importance": IMPORTANCES,
        "access_count": ACCESSES,
        "verification_score": st.sampled_from([0.0, 0.8, 0.81]),
    }
)


def promote(lab: Any, kernels: Any, policy: Any, **fields: Any) -> str | None:
    plan = plan_promotion(frame_of([lab.memory(**fields)]), promotion_policy(policy), lab.now_us, kernels)
    return plan.operations[0].details["to"] if plan else None


def archived(lab: Any, kernels: Any, policy: Any, **fields: Any) -> str | None:
    plan = plan_archival(frame_of([lab.memory(**fields)]), archival_policy(policy), lab.now_us, kernels)
    return plan.operations[0].reason.partition(":")[0] if plan else None


@pytest.mark.parametrize(
    ("policy", "fields", "to"),
    [
        (
            "khala_lifecycle",
            {"tier": "working", "age_days": 1, "access_count": 6, "importance": 0.85},
            "short_term",
        ),
        ("khala_lifecycle", {"tier": "working", "age_days": 1, "access_count": 5, "importance": 0.85}, None),
        ("khala_lifecycle", {"tier": "working", "age_days": 1, "access_count": 6, "importance": 0.8}, None),
        (
            "khala_lifecycle",
            {"tier": "working", "age_days": HOUR / 2, "access_count": 6, "importance": 0.85},
            None,
        ),
        ("khala_lifecycle", {"tier": "short_term", "importance": 0.91}, "long_term"),
        ("khala_lifecycle", {"tier": "short_term", "importance": 0.9}, None),
        ("khala_lifecycle", {"tier": "long_term", "importance": 1.0}, None),
        ("khala_lifecycle", {"tier": "scratchpad", "importance": 1.0, "access_count": 99}, None),
        # Both steps in one run, as KHALA's service takes them.
        (
            "khala_lifecycle",
            {"tier": "working", "age_days": 1, "access_count": 6, "importance": 0.95},
            "long_term",
        ),
        ("khala_temporal", {"tier": "working", "importance": 0.71}, "short_term"),
        ("khala_temporal", {"tier": "working", "importance": 0.7, "access_count": 6}, "short_term"),
        ("khala_temporal", {"tier": "working", "importance": 0.7, "verification_score": 0.81}, "short_term"),
        (
            "khala_temporal",
            {"tier": "working", "importance": 0.7, "access_count": 5, "verification_score": 0.8},
            None,
        ),
        ("khala_temporal", {"tier": "working", "importance": 0.86}, "long_term"),
        (
            "khala_temporal",
            {"tier": "short_term", "importance": 0.5, "access_count": 21, "age_days": 1.1},
            "long_term",
        ),
        (
            "khala_temporal",
            {"tier": "short_term", "importance": 0.5, "access_count": 21, "age_days": 1},
            None,
        ),
        (
            "khala_score",
            {"tier": "working", "importance": 0.5, "access_count": 6, "age_days": 1},
            "short_term",
        ),
        ("khala_score", {"tier": "working", "importance": 0.49, "access_count": 6, "age_days": 1}, None),
    ],
)
def test_promotion_rules(lab: Any, kernels: Any, policy: str, fields: dict[str, Any], to: str | None) -> None:
    assert promote(lab, kernels, policy, **fields) == to


@pytest.mark.parametrize(
    ("policy", "fields", "rule"),
    [
        ("khala_lifecycle", {"age_days": 90.01, "importance": 0.29}, "old and unused"),
        ("khala_lifecycle", {"age_days": 33, "importance": 0.29}, "faded and unused"),
        ("khala_lifecycle", {"age_days": 31, "importance": 0.29}, None),
        ("khala_lifecycle", {"age_days": 91, "importance": 0.3}, None),
        ("khala_lifecycle", {"age_days": 91, "importance": 0.29, "access_count": 1}, None),
        (
            "khala_temporal",
            {"tier": "working", "age_days": 1.01, "importance": 0.9},
            "working memory over a day old",
        ),
        ("khala_temporal", {"tier": "working", "age_days": 1.0}, None),
        ("khala_temporal", {"tier": "working", "age_days": 9, "importance": 0.91}, None),
        (
            "khala_temporal",
            {"tier": "short_term", "age_days": 30.01, "access_count": 4},
            "short-term memory little used",
        ),
        ("khala_temporal", {"tier": "short_term", "age_days": 30.01, "access_count": 5}, None),
        (
            "khala_temporal",
            {"tier": "long_term", "age_days": 365.01, "importance": 0.19},
            "long-term memory of no weight",
        ),
        ("khala_temporal", {"tier": "long_term", "age_days": 365.01, "importance": 0.2}, None),
        ("khala_temporal", {"tier": "scratchpad", "age_days": 999, "importance": 0.0}, None),
    ],
)
def test_archival_rules(
    lab: Any, kernels: Any, policy: str, fields: dict[str, Any], rule: str | None
) -> None:
    assert archived(lab, kernels, policy, **fields) == rule


def test_each_decision_says_why(lab: Any, kernels: Any) -> None:
    memory = lab.memory("a", tier="working", age_days=2, access_count=6, importance=0.95)
    (up,) = plan_promotion(frame_of([memory]), promotion_policy("khala_lifecycle"), lab.now_us, kernels)
    assert up.reason == (
        "in use: age_hours 48 > 0.5, access_count 6 > 5, importance 0.95 > 0.8; "
        "then very important: importance 0.95 > 0.9"
    )
    assert up.details == {"from": "working", "to": "long_term"}
    assert up.edits[0].values == {"tier": "long_term", "updated_us": lab.now_us}
    old = lab.memory("b", age_days=200, importance=0.1)
    (down,) = plan_archival(frame_of([old]), archival_policy("khala_lifecycle"), lab.now_us, kernels)
    assert down.reason == "old and unused: age_hours 4800 > 2160, access_count 0 == 0, importance 0.1 < 0.3"
    assert down.edits[0].values == {"archived": True, "updated_us": lab.now_us}


@pytest.mark.parametrize("fields", [{"pinned": True}, {"archived": True}])
def test_pinned_and_archived_are_left_alone(lab: Any, kernels: Any, fields: dict[str, Any]) -> None:
    assert promote(lab, kernels, "khala_temporal", tier="working", importance=1.0, **fields) is None
    assert archived(lab, kernels, "khala_lifecycle", age_days=900, importance=0.0, **fields) is None
    plan = plan_archival(
        frame_of([lab.memory(**fields)]), archival_policy("khala_lifecycle"), lab.now_us, kernels
    )
    assert plan.notes[f"skipped_{next(iter(fields))}"] == 1


def test_the_age_of_a_memory_from_the_future_is_zero(lab: Any, kernels: Any) -> None:
    frame = frame_of([lab.memory(age_days=-999, importance=0.2)])
    plan = plan_archival(frame, archival_policy("khala_lifecycle"), lab.now_us, kernels)
    assert not plan
    assert plan.notes["future_created"] == 1


def test_a_rule_about_young_memories_sees_the_clamped_age(lab: Any, kernels: Any) -> None:
    policy = {"rules": [{"name": "new", "when": [["age_days", ">=", 0], ["age_hours", "<", 1]]}]}
    assert archived(lab, kernels, policy, age_days=-5) == "new"


def test_a_rule_of_ones_own(lab: Any, kernels: Any) -> None:
    policy = {
        "rules": [{"name": "doubtful", "when": [["confidence", "<=", 0.2], ["decay_score", ">=", 0]]}],
        "decay": "half_life",
    }
    assert archived(lab, kernels, policy, confidence=0.2) == "doubtful"
    assert archived(lab, kernels, policy, confidence=0.3) is None


def test_scores_of_somebody_else(lab: Any, kernels: Any) -> None:
    asked = []

    def score(frame: Any) -> Any:
        asked.append([frame.tier_of(0)])
        return [0.9] if frame.tier_of(0) == Tier.WORKING else [0.1]

    plan = plan_promotion(
        frame_of([lab.memory()]), promotion_policy("khala_score"), lab.now_us, kernels, score
    )
    assert [op.details["to"] for op in plan] == ["short_term"]
    assert asked == [[Tier.WORKING], [Tier.SHORT_TERM]]


@given(
    policy=st.sampled_from(["khala_lifecycle", "khala_temporal", "khala_score"]),
    rows=st.lists(MEMORY, max_size=6),
)
def test_promotion_converges(lab: Any, kernels: Any, policy: str, rows: list[dict[str, Any]]) -> None:
    memories = [lab.memory(str(n), **row) for n, row in enumerate(rows)]
    plan = plan_promotion(frame_of(memories), promotion_policy(policy), lab.now_us, kernels)
    changes = {op.memory_id: op.edits[0].values for op in plan}
    after = [memory.with_changes(changes.get(memory.id, {})) for memory in memories]
    assert not plan_promotion(frame_of(after), promotion_policy(policy), lab.now_us, kernels)


@given(policy=st.sampled_from(["khala_lifecycle", "khala_temporal"]), rows=st.lists(MEMORY, max_size=6))
def test_archival_converges(lab: Any, kernels: Any, policy: str, rows: list[dict[str, Any]]) -> None:
    memories = [lab.memory(str(n), **row) for n, row in enumerate(rows)]
    plan = plan_archival(frame_of(memories), archival_policy(policy), lab.now_us, kernels)
    changes = {op.memory_id: op.edits[0].values for op in plan}
    after = [memory.with_changes(changes.get(memory.id, {})) for memory in memories]
    assert not plan_archival(frame_of(after), archival_policy(policy), lab.now_us, kernels)


@given(rows=st.lists(MEMORY, min_size=1, max_size=8), cut=st.integers(0, 8))
def test_pages_decide_as_the_whole_does(lab: Any, kernels: Any, rows: list[dict[str, Any]], cut: int) -> None:
    memories = [lab.memory(str(n), **row) for n, row in enumerate(rows)]
    for planner, policy in (
        (plan_promotion, promotion_policy("khala_temporal")),
        (plan_archival, archival_policy("khala_temporal")),
    ):
        whole = planner(frame_of(memories), policy, lab.now_us, kernels).operations
        parts = [
            planner(frame_of(part), policy, lab.now_us, kernels).operations
            for part in (memories[:cut], memories[cut:])
        ]
        assert whole == parts[0] + parts[1]


class TestAgainstKhala:
    NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)

    def theirs(self, khala: Any, row: dict[str, Any], tier: str | None = None) -> Any:
        return khala.entities.Memory(
            user_id="u",
            content="c",
            tier=khala.values.MemoryTier(tier or row["tier"]),
            importance=khala.values.ImportanceScore(row["importance"]),
            created_at=self.NOW - timedelta(days=row["age_days"]),
            access_count=row["access_count"],
            verification_score=row["verification_score"],
        )

    def ours(self, lab: Any, row: dict[str, Any]) -> Any:
        created = time_to_us(self.NOW - timedelta(days=row["age_days"]))
        return lab.memory(**{**row, "created_us": created})

    def as_often_as_it_lasts(self, khala: Any, row: dict[str, Any], promotes: Any) -> str | None:
        """KHALA's rule until it says no: its service takes the working tier, then the short-term one."""
        tier = row["tier"]
        while promotes(memory := self.theirs(khala, row, tier)) and memory.tier.next_tier() is not None:
            tier = memory.tier.next_tier().value
        return tier if tier != row["tier"] else None

    @given(row=MEMORY)
    def test_promotion(self, lab: Any, kernels: Any, khala: Any, row: dict[str, Any]) -> None:
        khala.at(self.NOW)
        service = khala.temporal.TemporalAnalysisService(db_client=object())
        rules = {
            "khala_lifecycle": lambda m: m.should_promote_to_next_tier(),
            "khala_temporal": service.should_promote,
        }
        for policy, promotes in rules.items():
            plan = plan_promotion(
                frame_of([self.ours(lab, row)]), promotion_policy(policy), time_to_us(self.NOW), kernels
            )
            assert (plan.operations[0].details["to"] if plan else None) == self.as_often_as_it_lasts(
                khala, row, promotes
            )

    @given(row=MEMORY)
    def test_archival(self, lab: Any, kernels: Any, khala: Any, row: dict[str, Any]) -> None:
        khala.at(self.NOW)
        memory = self.theirs(khala, row)
        decay = khala.services.DecayService()
        decay.update_decay_score(memory)
        by_lifecycle = memory.should_archive() or decay.should_archive_based_on_decay(memory)
        by_temporal = khala.temporal.TemporalAnalysisService(db_client=object()).should_archive(memory)
        for policy, expected in (("khala_lifecycle", by_lifecycle), ("khala_temporal", by_temporal)):
            plan = plan_archival(
                frame_of([self.ours(lab, row)]), archival_policy(policy), time_to_us(self.NOW), kernels
            )
            assert bool(plan) == expected

    @given(row=MEMORY)
    def test_promotion_score(self, lab: Any, kernels: Any, khala: Any, row: dict[str, Any]) -> None:
        from khala_jobs.memory.policy import KHALA_FLAT
        from khala_jobs.memory.rules import Facts

        khala.at(self.NOW)
        facts = Facts(frame_of([self.ours(lab, row)]), time_to_us(self.NOW), kernels, KHALA_FLAT)
        assert facts["promotion_score"].tolist() == [
            khala.services.MemoryService().calculate_promotion_score(self.theirs(khala, row))
        ]
