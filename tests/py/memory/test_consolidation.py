from __future__ import annotations

import math
import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs.memory.consolidation import Summary, find_clusters, plan_consolidation, summary_id
from khala_jobs.memory.facts import lost_sentences
from khala_jobs.memory.frame import Frame, frame_of
from khala_jobs.memory.guard import judge as real_judge
from khala_jobs.memory.model import Memory
from khala_jobs.memory.plan import Plan
from khala_jobs.memory.policy import ConsolidationPolicy
from khala_jobs.memory.summary import extract

POLICY = ConsolidationPolicy()


def short(
    lab: Any, name: str, content: str | None = None, angle: float | None = 0.0, **fields: Any
) -> Memory:
    vector = None if angle is None else lab.unit(angle)
    return lab.memory(name, content, **{"tier": "short_term", "embedding": vector, "model_id": "m", **fields})


def run(
    lab: Any, kernels: Any, memories: list[Memory], policy: Any = POLICY, judge: Any = None
) -> tuple[Frame, Plan]:
    frame = frame_of(memories)
    clusters = find_clusters(frame, policy, kernels, judge or lab.agree)
    texts = {c.id: Summary(extract([frame.contents[row] for row in c.rows])) for c in clusters.clusters}
    return frame, plan_consolidation(frame, clusters, texts, policy, lab.now_us)


def sources(plan: Plan) -> list[list[str]]:
    return sorted(sorted(op.details["sources"]) for op in plan)


def applied(plan: Plan, memories: list[Memory]) -> list[Memory]:
    changes = {edit.memory_id: edit.values for op in plan for edit in op.edits if edit.action == "update"}
    created = [Memory.from_json(edit.values) for op in plan for edit in op.edits if edit.action == "create"]
    return [memory.with_changes(changes.get(memory.id, {})) for memory in memories] + created


def test_a_summary_and_its_sources_are_one_operation(lab: Any, kernels: Any) -> None:
    memories = [
        short(lab, "a", "Ada plays chess on Mondays.", 0.0, importance=0.4, access_count=2, confidence=0.9),
        short(lab, "b", "Ada won 3 games.", 0.2, importance=0.6, access_count=5, verification_score=0.5),
        short(lab, "c", "She trains with Bob.", 0.3, importance=0.5, expires_us=lab.now_us),
    ]
    _, plan = run(lab, kernels, memories)
    (operation,) = plan
    create, *archive = operation.edits
    new = Memory.from_json(create.values)
    assert create.action == "create"
    assert new.id == operation.memory_id == summary_id("ada", ["c", "a", "b"])
    assert new.tier == "long_term"
    assert (new.importance, new.access_count, new.confidence, new.verification_score) == (0.6, 7, 0.9, 0.0)
    assert new.expires_us is None
    assert (new.user_id, new.scope, new.model_id) == ("ada", None, "m")
    assert sorted(new.consolidated_from) == ["a", "b", "c"]
    assert new.created_us == lab.now_us
    assert new.metadata == {"embedding_source": "mean of the sources"}
    assert np.linalg.norm(new.embedding) == pytest.approx(1, abs=1e-6)
    assert {edit.memory_id for edit in archive} == {"a", "b", "c"}
    for edit in archive:
        assert edit.values == {"archived": True, "updated_us": lab.now_us, "consolidated_into": new.id}
        assert edit.expect["archived"] is False
    assert lost_sentences(new.content, [memory.content for memory in memories]) == []
    assert operation.details["sources"][0] == "b"
    assert operation.details["cosine"] == pytest.approx(math.cos(0.2), abs=1e-6)


def test_the_id_depends_on_the_sources_alone() -> None:
    assert summary_id("u", ["a", "b"]) == summary_id("u", ["b", "a"])
    assert (
        len(
            {
                summary_id("u", ["a", "b"]),
                summary_id("v", ["a", "b"]),
                summary_id("u", ["a", "c"]),
                summary_id("u", ["ab"]),
            }
        )
        == 4
    )
    assert uuid.UUID(summary_id("u", ["a"])).version == 5


def test_a_model_s_summary_is_completed(lab: Any, kernels: Any) -> None:
    memories = [short(lab, "a", "The server has port 8080."), short(lab, "b", "Ada set it up on 2024-05-01.")]
    frame = frame_of(memories)
    clusters = find_clusters(frame, POLICY, kernels, lab.agree)
    (cluster,) = clusters.clusters
    vector = lab.unit(1.0)
    plan = plan_consolidation(
        frame, clusters, {cluster.id: Summary("A server was set up.", vector)}, POLICY, lab.now_us
    )
    new = Memory.from_json(plan.operations[0].edits[0].values)
    assert new.content == "A server was set up.\nAda set it up on 2024-05-01.\nThe server has port 8080."
    assert plan.operations[0].details["appended"] == [
        "Ada set it up on 2024-05-01.",
        "The server has port 8080.",
    ]
    assert new.embedding.tolist() == vector.tolist()
    assert new.metadata == {"embedding_source": "model"}


def test_failures_and_unasked_clusters_change_nothing(lab: Any, kernels: Any) -> None:
    memories = [short(lab, "a"), short(lab, "b")]
    frame = frame_of(memories)
    clusters = find_clusters(frame, POLICY, kernels, lab.agree)
    failed = plan_consolidation(
        frame, clusters, {clusters.clusters[0].id: Summary(error="no luck")}, POLICY, lab.now_us
    )
    assert not failed
    assert failed.issues[0].to_json() == {
        "where": "a",
        "field": "summarizer",
        "reason": "no luck (2 memories left as they are)",
    }
    unasked = plan_consolidation(frame, clusters, {}, POLICY, lab.now_us)
    assert not unasked
    assert unasked.notes["clusters"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"tier": "long_term"},
        {"pinned": True},
        {"archived": True},
        {"consolidated_from": ("x",)},
        {"content": "  "},
        {"angle": None},
        {"scope": "work"},
        {"user_id": "bob"},
        {"model_id": "n"},
    ],
)
def test_who_takes_no_part(lab: Any, kernels: Any, fields: dict[str, Any]) -> None:
    assert sources(run(lab, kernels, [short(lab, "a"), short(lab, "b")])[1]) == [["a", "b"]]
    assert not run(lab, kernels, [short(lab, "a"), short(lab, "b", **fields)])[1]


def test_contradictions_are_never_summarised_together(lab: Any, kernels: Any) -> None:
    memories = [
        short(lab, "a", "Always rebase before merging."),
        short(lab, "b", "Never rebase before merging."),
        short(lab, "c", "Rebasing keeps the history readable."),
    ]
    _, plan = run(lab, kernels, memories, judge=real_judge)
    assert ("a", "b", "conflict") in {(pair.a, pair.b, pair.kind) for pair in plan.review}
    assert all(not {"a", "b"} <= set(cluster) for cluster in sources(plan))


def test_members_that_are_not_near_each_other_are_judged_too(lab: Any, kernels: Any) -> None:
    """b and c are both near a, not near each other, and contradict: one of them stays out."""
    memories = [
        short(lab, "a", "a", 0.0, importance=0.9),
        short(lab, "b", "b", 0.5),
        short(lab, "c", "c", -0.5),
    ]

    def judge(x: str, y: str, cosine: float) -> Any:
        return lab.Verdict("conflict" if {x, y} == {"b", "c"} else "distinct", ("no",))

    _, plan = run(lab, kernels, memories, judge=judge)
    assert sources(plan) == [["a", "b"]]
    (pair,) = plan.review
    assert (pair.a, pair.b) == ("b", "c")
    assert pair.cosine == pytest.approx(math.cos(1.0), abs=1e-6)


def test_what_one_round_leaves_over_is_looked_at_again(lab: Any, kernels: Any) -> None:
    """c and d contradict b but not each other: they form a cluster of their own in the same plan."""
    memories = [short(lab, n, n, 0.01 * k, importance=0.9 - k / 10) for k, n in enumerate("abcd")]

    def judge(x: str, y: str, cosine: float) -> Any:
        return lab.Verdict("conflict" if {x, y} in ({"b", "c"}, {"b", "d"}) else "distinct", ("no",))

    _, plan = run(lab, kernels, memories, judge=judge)
    assert sources(plan) == [["a", "b"], ["c", "d"]]


def test_large_clusters_are_split_evenly_in_one_run(lab: Any, kernels: Any) -> None:
    memories = [short(lab, f"{n:02}", angle=0.001 * n) for n in range(21)]
    _, plan = run(lab, kernels, memories, ConsolidationPolicy(max_size=10))
    assert sorted(len(cluster) for cluster in sources(plan)) == [7, 7, 7]
    assert not run(lab, kernels, applied(plan, memories), ConsolidationPolicy(max_size=10))[1]


def test_no_part_of_a_split_is_a_single_memory(lab: Any, kernels: Any) -> None:
    memories = [short(lab, n, angle=0.001 * k) for k, n in enumerate("abc")]
    _, plan = run(lab, kernels, memories, ConsolidationPolicy(max_size=2))
    assert [len(cluster) for cluster in sources(plan)] == [2]


def test_min_size(lab: Any, kernels: Any) -> None:
    assert not run(lab, kernels, [short(lab, "a"), short(lab, "b")], ConsolidationPolicy(min_size=3))[1]


def test_vectors_that_cancel_out_leave_no_mean(lab: Any, kernels: Any) -> None:
    policy = ConsolidationPolicy(threshold=-1)
    _, plan = run(
        lab, kernels, [short(lab, "a", angle=0.0), short(lab, "b", embedding=[-1, 0, 0, 0])], policy
    )
    assert Memory.from_json(plan.operations[0].edits[0].values).embedding is None


ROW = st.fixed_dictionaries(
    {
        "content": st.sampled_from(
            ["tea", "Ada has 3 cats.", "Ada has 4 cats.", "See https://x.org/1", "", "in 2024"]
        ),
        "user_id": st.sampled_from(["ada", "bob"]),
        "scope": st.sampled_from([None, "work"]),
        "model_id": st.sampled_from(["m", "n"]),
        "pinned": st.sampled_from([False, False, True]),
        "tier": st.sampled_from(["short_term", "short_term", "long_term"]),
        "importance": st.sampled_from([0.2, 0.8]),
    }
)


def moody(lab: Any, seed: int) -> Any:
    def judge(a: str, b: str, cosine: float) -> Any:
        first, second = sorted([a, b])
        pick = (seed + len(first) * 7 + sum(map(ord, second))) % 4 if a != b else 0
        return lab.Verdict(["duplicate", "distinct", "conflict", "update"][pick], ("why",))

    return judge


@settings(max_examples=200)
@given(
    rows=st.lists(st.tuples(ROW, st.integers(0, 30)), max_size=14),
    seed=st.integers(0, 3),
    size=st.integers(2, 4),
)
def test_properties_of_every_plan(lab: Any, kernels: Any, rows: list[Any], seed: int, size: int) -> None:
    memories = [short(lab, f"{n:02}", angle=step * 0.1, **row) for n, (row, step) in enumerate(rows)]
    policy, judge = ConsolidationPolicy(threshold=0.9, min_size=2, max_size=size), moody(lab, seed)
    _frame, plan = run(lab, kernels, memories, policy, judge)
    by_id = {memory.id: memory for memory in memories}
    used: list[str] = []
    for operation in plan:
        members = [by_id[name] for name in operation.details["sources"]]
        used += [member.id for member in members]
        assert 2 <= len(members) <= size
        assert len({(m.user_id, m.scope, m.model_id) for m in members}) == 1
        assert all(m.tier == "short_term" and not m.pinned for m in members)
        for k, one in enumerate(members):
            assert all(
                judge(one.content, other.content, 1).kind in ("duplicate", "distinct")
                for other in members[:k]
            )
        new = Memory.from_json(operation.edits[0].values)
        assert lost_sentences(new.content, [member.content for member in members]) == []
    assert len(used) == len(set(used))
    # Converges: no summary is summarised again, and what is left forms no cluster.
    assert not run(lab, kernels, applied(plan, memories), policy, judge)[1]


@settings(max_examples=50)
@given(
    rows=st.lists(st.tuples(ROW, st.integers(0, 30)), max_size=10), order=st.randoms(use_true_random=False)
)
def test_the_order_of_memories_does_not_matter(lab: Any, kernels: Any, rows: list[Any], order: Any) -> None:
    memories = [short(lab, f"{n:02}", angle=step * 0.1, **row) for n, (row, step) in enumerate(rows)]
    shuffled = memories[:]
    order.shuffle(shuffled)
    assert sources(run(lab, kernels, memories)[1]) == sources(run(lab, kernels, shuffled)[1])
    assert sources(run(lab, kernels, memories)[1]) == sources(run(lab, lab.oracle, memories)[1])
