from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khala_jobs.memory.frame import frame_of
from khala_jobs.memory.model import Memory, Tier
from khala_jobs.memory.planners import plan_decay
from khala_jobs.memory.presets import decay_policy
from khala_jobs.memory.rules import Facts, decayed_scores
from khala_jobs.memory.times import time_to_us

COMPAT = decay_policy("khala_compat")


def scores(lab: Any, kernels: Any, policy: str, *memories: Memory) -> list[float]:
    return decayed_scores(Facts(frame_of(memories), lab.now_us, kernels, decay_policy(policy))).tolist()


@pytest.mark.parametrize(
    ("policy", "tier", "access", "age_days", "importance", "expected"),
    [
        # importance * exp(-age / half_life): after one "half-life" 1/e is left, not a half.
        ("khala_compat", "working", 0, 0.5, 1.0, 0.36787944117144233),
        ("khala_compat", "short_term", 0, 7, 1.0, 0.36787944117144233),
        ("khala_compat", "long_term", 0, 90, 1.0, 0.36787944117144233),
        ("khala_compat", "scratchpad", 0, 90, 1.0, 0.36787944117144233),
        # exp(-1 / (1 + 0.5 * ln 8)) with ln 8 = 2.0794415416798357
        ("khala_compat", "short_term", 7, 7, 1.0, 0.6124651818094236),
        ("khala_flat", "working", 9, 30, 0.5, 0.18393972058572117),
        ("half_life", "short_term", 0, 7, 0.8, 0.4),
        ("half_life", "long_term", 0, 180, 1.0, 0.25),
        ("khala_compat", "working", 0, 0, 0.7, 0.7),
        ("khala_compat", "working", 0, 1000, 1.0, 0.0),
    ],
)
def test_known_values(
    lab: Any,
    kernels: Any,
    policy: str,
    tier: str,
    access: int,
    age_days: float,
    importance: float,
    expected: float,
) -> None:
    memory = lab.memory(tier=tier, access_count=access, age_days=age_days, importance=importance)
    for each in (kernels, lab.oracle):
        assert scores(lab, each, policy, memory) == [pytest.approx(expected, rel=1e-12, abs=1e-300)]


def test_known_value_with_access_by_hand(lab: Any, kernels: Any) -> None:
    scale = 7.0 * (1.0 + math.log(8) * 0.5)
    assert scores(
        lab,
        kernels,
        "khala_compat",
        lab.memory(tier="short_term", access_count=7, age_days=7, importance=1.0),
    ) == [math.exp(-7.0 / scale)]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(Tier), st.integers(0, 10_000), st.floats(0, 1), st.integers(0, 10**15)),
        min_size=1,
        max_size=20,
    )
)
def test_bit_for_bit_what_khala_computes(
    lab: Any, kernels: Any, rows: list[tuple[Tier, int, float, int]]
) -> None:
    base = {Tier.WORKING: 0.5, Tier.SHORT_TERM: 7.0}
    memories = [
        lab.memory(str(n), tier=tier, access_count=access, importance=importance, created_us=lab.now_us - age)
        for n, (tier, access, importance, age) in enumerate(rows)
    ]
    expected = []
    for tier, access, importance, age in rows:
        days = timedelta(microseconds=age).total_seconds() / 86400.0
        scale = base.get(tier, 90.0) * (1.0 + math.log(access + 1) * 0.5)
        expected.append(min(importance * math.exp(-days / scale), 1.0))
    assert scores(lab, kernels, "khala_compat", *memories) == expected


def test_the_future_is_clamped_and_counted(lab: Any, kernels: Any) -> None:
    frame = frame_of([lab.memory("f", age_days=-400, importance=0.4), lab.memory("p", age_days=1)])
    plan = plan_decay(frame, COMPAT, lab.now_us, kernels)
    assert plan.notes["future_created"] == 1
    assert plan.operations[0].edits[0].values == {"decay_score": 0.4}


def test_a_plan_says_what_changes_and_what_it_rests_on(lab: Any, kernels: Any) -> None:
    frame = frame_of([lab.memory("a", age_days=0.5, importance=1.0, decay_score=0.9)])
    (operation,) = plan_decay(frame, COMPAT, lab.now_us, kernels)
    (edit,) = operation.edits
    assert operation.kind == "score"
    assert edit.values == {"decay_score": math.exp(-1)}
    assert edit.expect == {
        "archived": False,
        "pinned": False,
        "tier": "working",
        "importance": 1.0,
        "access_count": 0,
        "created_us": lab.now_us - lab.day_us // 2,
    }
    assert operation.reason == "khala_compat: 0.5 days old"
    assert operation.details == {"score": math.exp(-1), "previous": 0.9}


def test_pinned_and_archived_keep_their_scores(lab: Any, kernels: Any) -> None:
    frame = frame_of([lab.memory("p", pinned=True), lab.memory("a", archived=True), lab.memory("x")])
    plan = plan_decay(frame, COMPAT, lab.now_us, kernels)
    assert [op.memory_id for op in plan] == ["x"]
    assert plan.notes == {"considered": 1, "skipped_pinned": 1, "skipped_archived": 1, "future_created": 0}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 400), st.integers(0, 50)), max_size=10))
def test_a_second_plan_is_empty_and_scores_never_compound(
    lab: Any, kernels: Any, rows: list[tuple[float, float, int]]
) -> None:
    memories = [
        lab.memory(str(n), importance=i, age_days=age, access_count=c) for n, (i, age, c) in enumerate(rows)
    ]
    plan = plan_decay(frame_of(memories), COMPAT, lab.now_us, kernels)
    changes = {op.memory_id: op.edits[0].values for op in plan}
    scored = [memory.with_changes(changes[memory.id]) for memory in memories]
    assert not plan_decay(frame_of(scored), COMPAT, lab.now_us, kernels)
    later = plan_decay(frame_of(scored), COMPAT, lab.now_us + lab.day_us, kernels)
    fresh = plan_decay(frame_of(memories), COMPAT, lab.now_us + lab.day_us, kernels)
    now = {m.id: m.decay_score for m in scored}
    after = {**now, **{op.memory_id: op.edits[0].values["decay_score"] for op in later}}
    assert {op.memory_id: op.edits[0].values["decay_score"] for op in fresh} == after


def test_equal_frames_give_equal_plans(lab: Any, kernels: Any) -> None:
    memories = [lab.memory(str(n), age_days=n) for n in range(5)]
    plans = [plan_decay(frame_of(memories), COMPAT, lab.now_us, kernels) for _ in range(2)]
    assert plans[0].hash() == plans[1].hash()
    assert plans[0].hash() != plan_decay(frame_of(memories), COMPAT, lab.now_us + 1, kernels).hash()


class TestAgainstKhala:
    @given(data=st.data())
    def test_temporal_analysis_service(self, lab: Any, kernels: Any, khala: Any, data: st.DataObject) -> None:
        now = datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
        khala.at(now)
        service = khala.temporal.TemporalAnalysisService(db_client=object())
        age = data.draw(st.timedeltas(timedelta(0), timedelta(days=4000)))
        tier = data.draw(st.sampled_from(["working", "short_term", "long_term", "scratchpad"]))
        access, importance = data.draw(st.integers(0, 10**6)), data.draw(st.floats(0, 1))
        theirs = khala.entities.Memory(
            user_id="u",
            content="c",
            tier=khala.values.MemoryTier(tier),
            importance=khala.values.ImportanceScore(importance),
            created_at=now - age,
            access_count=access,
        )
        ours = lab.memory(
            tier=tier, importance=importance, access_count=access, created_us=time_to_us(now - age)
        )
        facts = Facts(frame_of([ours]), time_to_us(now), kernels, COMPAT)
        assert decayed_scores(facts).tolist() == [service.calculate_decay_score(theirs).value]
        flat = Facts(frame_of([ours]), time_to_us(now), kernels, decay_policy("khala_flat"))
        assert decayed_scores(flat).tolist() == [theirs.calculate_decay_score().value]
