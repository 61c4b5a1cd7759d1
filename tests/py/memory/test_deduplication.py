from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs.memory.deduplication import canonical_order, plan_deduplication
from khala_jobs.memory.frame import frame_of
from khala_jobs.memory.guard import judge as real_judge
from khala_jobs.memory.model import Memory
from khala_jobs.memory.plan import Plan
from khala_jobs.memory.policy import DeduplicationPolicy

POLICY = DeduplicationPolicy()


def plan_of(
    lab: Any, kernels: Any, *memories: Memory, policy: DeduplicationPolicy = POLICY, judge: Any = None
) -> Plan:
    return plan_deduplication(frame_of(memories), policy, lab.now_us, kernels, judge or lab.agree)


def merges(plan: Plan) -> dict[str, str]:
    return {op.memory_id: op.details["canonical"] for op in plan if op.kind == "merge"}


def applied(plan: Plan, memories: list[Memory]) -> list[Memory]:
    changes = {op.memory_id: op.edits[0].values for op in plan}
    return [memory.with_changes(changes.get(memory.id, {})) for memory in memories]


def test_equal_texts_merge_without_vectors(lab: Any, kernels: Any) -> None:
    plan = plan_of(
        lab,
        kernels,
        lab.memory("a", "I like  tea"),
        lab.memory("b", "I like tea", age_days=9),
        lab.memory("c", "I like Tea"),
    )
    assert merges(plan) == {"a": "b"}
    assert plan.operations[0].details == {"canonical": "b", "duplicate": "a", "cosine": None, "kind": "exact"}
    assert plan.operations[0].reason == "same text as b"


def test_near_vectors_merge_from_the_threshold_on(lab: Any, kernels: Any) -> None:
    vectors = {"a": 0.0, "b": math.acos(0.9501), "c": -math.acos(0.9499)}
    memories = [
        lab.memory(name, embedding=lab.unit(angle), age_days=9 if name == "a" else 1)
        for name, angle in vectors.items()
    ]
    plan = plan_of(lab, kernels, *memories)
    assert merges(plan) == {"b": "a"}
    details = plan.operations[0].details
    assert details["cosine"] == pytest.approx(0.9501, abs=1e-6)
    assert details["kind"] == "semantic"
    assert merges(plan_of(lab, kernels, *memories, policy=DeduplicationPolicy(threshold=0.949))) == {
        "b": "a",
        "c": "a",
    }


def test_what_a_merge_does_and_rests_on(lab: Any, kernels: Any) -> None:
    (operation,) = plan_of(lab, kernels, lab.memory("a", "x"), lab.memory("b", "x"))
    (edit,) = operation.edits
    assert (edit.memory_id, edit.action) == ("b", "update")
    assert edit.values == {"archived": True, "updated_us": lab.now_us, "duplicate_of": "a"}
    digest = lab.memory("a", "x").content_hash
    assert edit.expect == {"archived": False, "pinned": False, "content_hash": digest}
    assert operation.require == {"a": {"archived": False, "content_hash": digest}}


def test_stars_not_chains(lab: Any, kernels: Any) -> None:
    """b is near a and near c, but a and c are not near each other: c stays."""
    angles = {"a": 0.0, "b": 0.25, "c": 0.53}  # cosines .969, .961 and .863
    memories = [
        lab.memory(n, embedding=lab.unit(angle), importance=0.9 - angle) for n, angle in angles.items()
    ]
    assert merges(plan_of(lab, kernels, *memories)) == {"b": "a"}
    middle_first = [
        memory.with_changes({"importance": 1.0}) if memory.id == "b" else memory for memory in memories
    ]
    assert merges(plan_of(lab, kernels, *middle_first)) == {"a": "b", "c": "b"}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"pinned": True}, {"consolidated_from": ("x",)}),
        ({"consolidated_from": ("x",)}, {"importance": 1.0}),
        ({}, {"expires_us": 2**50}),
        ({"expires_us": 2**51}, {"expires_us": 2**50, "tier": "long_term"}),
        ({"tier": "long_term"}, {"tier": "short_term", "verification_score": 1.0}),
        ({"tier": "short_term"}, {"tier": "working"}),
        ({"tier": "working"}, {"tier": "scratchpad"}),
        ({"verification_score": 0.5}, {"confidence": 1.0}),
        ({"confidence": 1.0}, {"confidence": 0.5, "importance": 1.0}),
        ({"importance": 0.6}, {"access_count": 99}),
        ({"content": "port 8080"}, {"content": "a port", "access_count": 5}),
        ({"access_count": 2}, {"age_days": 99}),
        ({"age_days": 9}, {"age_days": 8}),
        ({"memory_id": "a"}, {"memory_id": "b"}),
    ],
)
def test_the_total_order_of_canonicals(lab: Any, better: dict[str, Any], worse: dict[str, Any]) -> None:
    pair = [
        lab.memory(**{"memory_id": name, "content": "word", **fields})
        for name, fields in (("y", better), ("z", worse))
    ]
    assert canonical_order(frame_of(pair), [0, 1]) == [0, 1]
    assert canonical_order(frame_of(pair[::-1]), [0, 1]) == [1, 0]


def test_a_guard_sends_pairs_to_review(lab: Any, kernels: Any) -> None:
    a = lab.memory("a", "Always rebase before merging", embedding=lab.unit(0), age_days=9)
    b = lab.memory("b", "Never rebase before merging", embedding=lab.unit(0.1))
    plan = plan_of(lab, kernels, b, a, judge=real_judge)
    assert not plan
    (pair,) = plan.review
    assert (pair.a, pair.b, pair.kind) == ("a", "b", "conflict")
    assert pair.cosine == pytest.approx(math.cos(0.1), abs=1e-6)
    assert set(pair.to_json()) == {"a", "b", "cosine", "kind", "reason"}
    assert "always" in pair.to_json()["reason"].lower() or "never" in pair.to_json()["reason"].lower()
    assert plan.notes["pairs"] == 1


def test_a_refused_pair_does_not_join_through_a_third(lab: Any, kernels: Any) -> None:
    """The guard refuses a-b; c is like both. c merges into one, b and a both stay."""
    memories = [
        lab.memory(n, n, embedding=lab.unit(0.01 * k), importance=1 - k / 10)
        for k, n in enumerate(["a", "b", "c"])
    ]

    def refuse(a: str, b: str, cosine: float) -> Any:
        return lab.Verdict("conflict" if {a, b} == {"a", "b"} else "duplicate", ("no",))

    plan = plan_of(lab, kernels, *memories, judge=refuse)
    assert merges(plan) == {"c": "b"}
    assert [(pair.a, pair.b) for pair in plan.review] == [("a", "b")]


def test_a_thousand_copies_are_one_text(lab: Any, kernels: Any) -> None:
    copies = [lab.memory(f"c{n:04}", "the same fact", embedding=lab.unit(0), age_days=n) for n in range(1000)]
    near = lab.memory("near", "nearly the same fact", embedding=lab.unit(0.01), importance=0.9)
    plan = plan_of(lab, kernels, *copies, near)
    assert plan.notes["pairs"] == 1
    assert plan.notes["texts"] == 2
    assert set(merges(plan).values()) == {"near"}
    assert len(plan.operations) == 1000
    assert {op.details["kind"] for op in plan} == {"semantic"}


def test_protected_memories_are_canonical_or_listed(lab: Any, kernels: Any) -> None:
    pinned = [lab.memory(n, "same", pinned=True, embedding=lab.unit(0)) for n in ("p1", "p2")]
    summary = lab.memory("s", "alike", consolidated_from=("x",), embedding=lab.unit(0.01))
    plain = lab.memory("x", "plain", embedding=lab.unit(0.02), importance=1.0)
    plan = plan_of(lab, kernels, *pinned, summary, plain)
    assert merges(plan) == {"x": "s"}
    assert {(pair.a, pair.b, pair.kind) for pair in plan.review} == {
        ("p1", "p2", "protected"),
        ("p1", "s", "protected"),
        ("p2", "s", "protected"),
    }
    assert len(plan.review) == 3


def test_a_duplicate_that_says_more_than_what_would_stay_is_listed(lab: Any, kernels: Any) -> None:
    whole = "The board approved the annual budget of the city museum after a long debate on Thursday"
    part = "After a long debate the board approved the annual budget of the city museum"
    shorter = lab.memory("part", part, embedding=lab.unit(0), importance=0.9)
    longer = lab.memory("whole", whole, embedding=lab.unit(0.01), importance=0.1)
    plan = plan_of(lab, kernels, shorter, longer, judge=real_judge)
    assert not plan
    (pair,) = plan.review
    assert (pair.a, pair.b, pair.kind) == ("part", "whole", "longer")
    assert pair.reasons == ("only the memory that would go says: 'Thursday'",)
    better = lab.memory("whole", whole, embedding=lab.unit(0.01), importance=1.0)
    assert merges(plan_of(lab, kernels, shorter, better, judge=real_judge)) == {"part": "whole"}


def test_blank_and_archived_memories_take_no_part(lab: Any, kernels: Any) -> None:
    memories = [lab.memory("a", " ", embedding=lab.unit(0)), lab.memory("b", "", embedding=lab.unit(0))]
    memories += [lab.memory("c", "x", archived=True), lab.memory("d", "x")]
    plan = plan_of(lab, kernels, *memories)
    assert not plan
    assert plan.notes["skipped_blank"] == 2
    assert plan.notes["skipped_archived"] == 1
    assert plan.notes["without_embedding"] == 1


@pytest.mark.parametrize(
    "difference", [{"user_id": "bob"}, {"scope": "work"}, {"model_id": "other"}, {"embedding": [1.0, 0, 0]}]
)
def test_nothing_is_merged_across_partitions(lab: Any, kernels: Any, difference: dict[str, Any]) -> None:
    base = {"content": "same", "embedding": lab.unit(0), "model_id": "m"}
    assert merges(plan_of(lab, kernels, lab.memory("a", **base), lab.memory("b", **base))) == {"b": "a"}
    pair = lab.memory("a", **base), lab.memory("b", **{**base, **difference})
    assert not plan_of(lab, kernels, *pair)
    across = plan_of(lab, kernels, *pair, policy=DeduplicationPolicy(exact="user"))
    assert merges(across) == ({} if "user_id" in difference else {"b": "a"})


def test_exact_across_models_has_no_cosine(lab: Any, kernels: Any) -> None:
    one = lab.memory("a", "same", embedding=lab.unit(0), model_id="m")
    other = lab.memory("b", "same", embedding=lab.unit(0.3), model_id="n")
    (operation,) = plan_of(lab, kernels, one, other, policy=DeduplicationPolicy(exact="user"))
    assert operation.details["cosine"] is None
    again = lab.memory("c", "same", embedding=lab.unit(0.3), model_id="m")
    (operation,) = plan_of(lab, kernels, one, again)
    assert operation.details["cosine"] == pytest.approx(math.cos(0.3), abs=1e-6)


def test_stages_can_be_switched_off(lab: Any, kernels: Any) -> None:
    memories = [lab.memory("a", "x", embedding=lab.unit(0)), lab.memory("b", "x", embedding=lab.unit(0.0))]
    memories.append(lab.memory("c", "y", embedding=lab.unit(0)))
    assert merges(plan_of(lab, kernels, *memories, policy=DeduplicationPolicy(semantic=False))) == {"b": "a"}

    def refuse(a: str, b: str, cosine: float) -> Any:
        return lab.Verdict("duplicate" if a == b else "distinct", ("no",))

    plan = plan_of(lab, kernels, *memories, policy=DeduplicationPolicy(exact="off"), judge=refuse)
    assert merges(plan) == {"b": "a"}
    assert plan.operations[0].details["kind"] == "semantic"
    assert len(plan.review) == 2


class TestFlag:
    policy = DeduplicationPolicy(action="flag")

    def test_flags_and_touches_nothing_else(self, lab: Any, kernels: Any) -> None:
        memories = [
            lab.memory("a", "x", embedding=lab.unit(0)),
            lab.memory("b", "y", embedding=lab.unit(0.1)),
        ]
        plan = plan_of(lab, kernels, *memories, policy=self.policy)
        (operation,) = plan
        assert operation.kind == "flag"
        assert operation.edits[0].values == {
            "duplicate_flag": {
                "of": "a",
                "cosine": pytest.approx(math.cos(0.1), abs=1e-6),
                "kind": "semantic",
            }
        }
        after = applied(plan, memories)
        assert after[0] == memories[0]
        assert after[1].with_changes({"duplicate_flag": None}) == memories[1]

    def test_a_second_run_changes_nothing(self, lab: Any, kernels: Any) -> None:
        memories = [
            lab.memory("a", "x", embedding=lab.unit(0)),
            lab.memory("b", "y", embedding=lab.unit(0.1)),
        ]
        after = applied(plan_of(lab, kernels, *memories, policy=self.policy), memories)
        assert not plan_of(lab, kernels, *after, policy=self.policy)

    def test_a_flag_that_no_longer_holds_is_removed(self, lab: Any, kernels: Any) -> None:
        flagged = [lab.memory(n, n, duplicate_flag={"of": "z"}, pinned=n == "p") for n in ("b", "p")]
        (operation,) = plan_of(lab, kernels, *flagged, policy=self.policy)
        assert (operation.kind, operation.memory_id) == ("unflag", "b")
        assert operation.edits[0].values == {"duplicate_flag": None}
        assert not plan_of(lab, kernels, *flagged)


ROW = st.fixed_dictionaries(
    {
        "content": st.sampled_from(["tea", "tea ", "coffee", "cake", "milk", ""]),
        "user_id": st.sampled_from(["ada", "bob"]),
        "scope": st.sampled_from([None, "work"]),
        "model_id": st.sampled_from(["m", "n"]),
        "pinned": st.booleans(),
        "archived": st.sampled_from([False, False, False, True]),
        "consolidated_from": st.sampled_from([(), (), ("q",)]),
        "importance": st.sampled_from([0.2, 0.5, 0.8]),
        "embedding": st.none() | st.tuples(st.integers(0, 40), st.sampled_from([3, 4])),
    }
)


def build(lab: Any, rows: list[dict[str, Any]]) -> list[Memory]:
    memories = []
    for n, row in enumerate(rows):
        angle = row["embedding"]
        vector = None if angle is None else lab.unit(angle[0] * 0.05, angle[1])
        memories.append(lab.memory(f"{n:02}", **{**row, "embedding": vector}))
    return memories


def moody(seed: int) -> Any:
    """A symmetric guard that refuses some pairs of unequal texts."""

    def judge(a: str, b: str, cosine: float) -> Any:
        from types import SimpleNamespace

        if a.strip() == b.strip():
            return SimpleNamespace(kind="duplicate", reasons=())
        kinds = ["duplicate", "duplicate", "conflict", "update", "distinct"]
        first, second = sorted([a.strip(), b.strip()])
        return SimpleNamespace(
            kind=kinds[(seed + sum(map(ord, first)) * 7 + sum(map(ord, second))) % 5], reasons=("why",)
        )

    return judge


@settings(max_examples=200)
@given(rows=st.lists(ROW, max_size=14), seed=st.integers(0, 4), exact=st.sampled_from(["partition", "off"]))
def test_properties_of_every_plan(
    lab: Any, kernels: Any, rows: list[dict[str, Any]], seed: int, exact: str
) -> None:
    memories = build(lab, rows)
    policy, judge = DeduplicationPolicy(threshold=0.95, exact=exact), moody(seed)
    plan = plan_of(lab, kernels, *memories, policy=policy, judge=judge)
    by_id = {memory.id: memory for memory in memories}
    found = merges(plan)
    for duplicate, canonical in found.items():
        one, other = by_id[duplicate], by_id[canonical]
        assert canonical not in found
        assert (one.user_id, one.scope, one.model_id) == (other.user_id, other.scope, other.model_id)
        assert not one.pinned
        assert not one.consolidated_from
        assert not one.archived
        assert not other.archived
        if one.content.strip() != other.content.strip():
            assert judge(one.content, other.content, 1).kind == "duplicate"
            near = [m for m in memories if m.content_hash == one.content_hash and m.embedding is not None]
            cosine = max(
                float(m.embedding @ other.embedding)
                for m in near
                if m.embedding.shape == other.embedding.shape
            )
            assert cosine >= 0.95 - 1e-6
    # Converges: what is left holds no further duplicate.
    assert not plan_of(lab, kernels, *applied(plan, memories), policy=policy, judge=judge)


@settings(max_examples=60)
@given(rows=st.lists(ROW, max_size=12), order=st.randoms(use_true_random=False))
def test_the_order_of_memories_does_not_matter(
    lab: Any, kernels: Any, rows: list[dict[str, Any]], order: Any
) -> None:
    memories = build(lab, rows)
    shuffled = memories[:]
    order.shuffle(shuffled)
    one, other = (plan_of(lab, kernels, *each, judge=moody(1)) for each in (memories, shuffled))
    assert one.hash() == other.hash()
    assert one.review == other.review


@settings(max_examples=60)
@given(rows=st.lists(ROW, max_size=12))
def test_users_scopes_and_models_do_not_see_each_other(
    lab: Any, kernels: Any, rows: list[dict[str, Any]]
) -> None:
    """The plan for all is the union of the plans for each partition alone."""
    memories = build(lab, rows)
    whole = plan_of(lab, kernels, *memories, judge=moody(2))

    def key(m: Memory) -> tuple[Any, ...]:
        return m.user_id, m.scope or "", m.model_id, 0 if m.embedding is None else len(m.embedding)

    parts = [
        plan_of(lab, kernels, *group, judge=moody(2))
        for _, group in itertools.groupby(sorted(memories, key=key), key=key)
    ]
    assert sorted(op.memory_id for op in whole) == sorted(op.memory_id for part in parts for op in part)
    assert merges(whole) == {k: v for part in parts for k, v in merges(part).items()}
    assert sorted((p.a, p.b) for p in whole.review) == sorted(
        (p.a, p.b) for part in parts for p in part.review
    )


@settings(max_examples=40)
@given(rows=st.lists(ROW, max_size=12))
def test_compiled_kernels_and_plain_numpy_agree(lab: Any, kernels: Any, rows: list[dict[str, Any]]) -> None:
    memories = build(lab, rows)
    assert merges(plan_of(lab, kernels, *memories)) == merges(plan_of(lab, lab.oracle, *memories))


def test_a_thousand_random_vectors_against_numpy(lab: Any, kernels: Any) -> None:
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(60, 32))
    rows = centres[rng.integers(0, 60, 300)] + rng.normal(size=(300, 32)) * 0.12
    memories = [
        lab.memory(f"{n:03}", embedding=row.astype(np.float32), access_count=n % 7)
        for n, row in enumerate(rows)
    ]
    found = merges(plan_of(lab, kernels, *memories))
    assert found == merges(plan_of(lab, lab.oracle, *memories))
    assert len(found) > 50
