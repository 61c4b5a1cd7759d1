from __future__ import annotations

from typing import Any

import pytest

from khala_jobs.memory.frame import frame_of
from khala_jobs.memory.planners import plan_cleanup
from khala_jobs.memory.policy import CleanupPolicy

HOUR_US = 3_600_000_000


def deleted(lab: Any, policy: CleanupPolicy, *memories: Any, limit: int | None = None) -> list[str]:
    return [op.memory_id for op in plan_cleanup(frame_of(memories), policy, lab.now_us, limit)]


@pytest.mark.parametrize(
    ("hours_ago", "grace", "gone"),
    [(25, 24, True), (24, 24, True), (23.99, 24, False), (-1, 0, False), (0, 0, True)],
)
def test_expiry_with_grace(lab: Any, hours_ago: float, grace: float, gone: bool) -> None:
    memory = lab.memory("a", expires_us=lab.now_us - int(hours_ago * HOUR_US))
    assert deleted(lab, CleanupPolicy(grace_hours=grace), memory) == (["a"] if gone else [])


def test_nothing_expires_by_itself(lab: Any) -> None:
    assert deleted(lab, CleanupPolicy(), lab.memory("a", tier="working", age_days=9999)) == []


def test_lifetimes_by_tier_are_opt_in_and_an_own_expiry_wins(lab: Any) -> None:
    policy = CleanupPolicy(grace_hours=0, tier_ttl_hours={"scratchpad": 1})
    old = lab.memory("old", tier="scratchpad", age_days=1)
    kept = lab.memory("kept", tier="scratchpad", age_days=1, expires_us=lab.now_us + 1)
    other = lab.memory("other", tier="working", age_days=1)
    assert deleted(lab, policy, old, kept, other) == ["old"]


def test_archived_long_ago(lab: Any) -> None:
    policy = CleanupPolicy(grace_hours=0, purge_archived_after_days=30)
    day = lab.day_us
    memories = [
        lab.memory("long", archived=True, updated_us=lab.now_us - 31 * day),
        lab.memory("lately", archived=True, updated_us=lab.now_us - 29 * day),
        lab.memory("live", updated_us=lab.now_us - 31 * day),
    ]
    assert deleted(lab, policy, *memories) == ["long"]
    assert deleted(lab, CleanupPolicy(), *memories) == []


def test_pinned_stay_and_are_counted(lab: Any) -> None:
    memory = lab.memory("a", pinned=True, expires_us=0)
    plan = plan_cleanup(frame_of([memory]), CleanupPolicy(), lab.now_us)
    assert not plan
    assert plan.notes["skipped_pinned"] == 1


def test_the_quota_is_kept_and_said(lab: Any) -> None:
    memories = [lab.memory(str(n), expires_us=0) for n in range(5)]
    plan = plan_cleanup(frame_of(memories), CleanupPolicy(max_deletes=3), lab.now_us)
    assert (len(plan.operations), plan.notes["due"], plan.notes["over_quota"]) == (3, 3, 2)
    assert deleted(lab, CleanupPolicy(), *memories, limit=0) == []
    assert deleted(lab, CleanupPolicy(), *memories, limit=-4) == []


def test_a_deletion_says_why_and_what_it_rests_on(lab: Any) -> None:
    (gone,) = plan_cleanup(frame_of([lab.memory("a", expires_us=0)]), CleanupPolicy(), lab.now_us)
    assert gone.reason == "expired 1970-01-01T00:00:00Z"
    assert gone.edits[0].action == "delete"
    assert gone.edits[0].expect["expires_us"] == 0
    policy = CleanupPolicy(purge_archived_after_days=1)
    (forgotten,) = plan_cleanup(frame_of([lab.memory("a", archived=True, updated_us=0)]), policy, lab.now_us)
    assert forgotten.reason == "archived and untouched since 1970-01-01T00:00:00Z"
    assert forgotten.edits[0].expect["expires_us"] is None
