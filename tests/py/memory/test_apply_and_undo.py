from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khala_jobs.errors import InvalidArgument, NotFound
from khala_jobs.memory import SqliteMemoryRepository, apply_plan, undo_run
from khala_jobs.memory.model import Memory
from khala_jobs.memory.plan import Issue, Operation, OperationKind, Plan, ReviewPair, create, delete, update


def plan_of(*operations: Operation) -> Plan:
    return Plan("test", 5, tuple(operations))


def archive(name: str, expect: dict[str, Any] | None = None) -> Operation:
    return Operation(
        OperationKind.ARCHIVE,
        (update(name, {"archived": True, "updated_us": 7}, expect or {"archived": False}),),
        "why",
    )


def merge(name: str, canonical: str) -> Operation:
    edit = update(name, {"archived": True, "duplicate_of": canonical}, {"archived": False})
    return Operation(
        OperationKind.MERGE, (edit,), "same", {"canonical": canonical}, {canonical: {"archived": False}}
    )


def summarise(lab: Any, name: str, *sources: str) -> Operation:
    edits = [
        update(source, {"archived": True, "consolidated_into": name}, {"archived": False})
        for source in sources
    ]
    return Operation(
        OperationKind.CONSOLIDATE, (create(lab.memory(name, consolidated_from=sources)), *edits), "alike"
    )


async def applied(repository: SqliteMemoryRepository, plan: Plan, run_id: str = "r", **options: Any) -> Any:
    await repository.begin_run(run_id, "test", 5)
    return await apply_plan(plan, repository, run_id, **options)


async def test_each_kind_of_edit(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many([lab.memory(n) for n in "abcdef"])
    plan = plan_of(
        archive("a"),
        merge("b", "c"),
        summarise(lab, "s", "d", "e"),
        Operation(OperationKind.DELETE, (delete("f", {}),), "old"),
    )
    result = await applied(repository, plan)
    assert result.counts == {"applied": 4, "already": 0, "stale": 0, "failed": 0}
    state = {m.id: m for m in await repository.list_page()}
    assert state["a"].archived
    assert state["a"].updated_us == 7
    assert (state["b"].archived, state["b"].duplicate_of) == (True, "c")
    assert (state["d"].consolidated_into, state["e"].consolidated_into) == ("s", "s")
    assert state["s"].consolidated_from == ("d", "e")
    assert "f" not in state
    assert not state["c"].archived
    assert await repository.count_edits("r") == {"archive": 1, "merge": 1, "consolidate": 1, "delete": 1}
    assert [edit.memory_id for edit in await repository.list_edits("r")] == ["a", "b", "d", "e", "f", "s"]


async def test_applying_twice_is_applying_once(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many([lab.memory(n) for n in "abc"])
    plan = plan_of(archive("a"), summarise(lab, "s", "b", "c"))
    await applied(repository, plan)
    before = await lab.everything(repository)
    assert (await applied(repository, plan)).counts == {"applied": 0, "already": 2, "stale": 0, "failed": 0}
    assert await lab.everything(repository) == before


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (lambda lab: archive("gone"), "gone is gone"),
        (lambda lab: archive("a", {"importance": 0.9}), "importance of a is 0.5, not 0.9"),
        (lambda lab: merge("a", "hidden"), "archived of hidden is True, not False"),
        (lambda lab: merge("a", "gone"), "gone, which it refers to, is gone"),
        (lambda lab: summarise(lab, "hidden", "a"), "hidden exists already"),
        (lambda lab: archive("a", {"content": "x" * 80}), "content of a is 'content of a', not 'xxx"),
    ],
)
async def test_what_has_changed_since_is_left_alone(
    repository: SqliteMemoryRepository, lab: Any, operation: Any, reason: str
) -> None:
    await repository.create_many([lab.memory("a"), lab.memory("b"), lab.memory("hidden", archived=True)])
    before = (await repository.get_by_id("a"), await repository.get_by_id("hidden"))
    result = await applied(repository, plan_of(operation(lab), archive("b")))
    assert result.counts == {"applied": 1, "already": 0, "stale": 1, "failed": 0}
    assert result.stale[0].reason.startswith(reason)
    assert (await repository.get_by_id("a"), await repository.get_by_id("hidden")) == before


async def test_one_bad_operation_does_not_stop_the_others(
    repository: SqliteMemoryRepository, lab: Any
) -> None:
    await repository.create_many([lab.memory(n) for n in "abcd"])
    bad = [
        Operation(OperationKind.SCORE, (update("a", {"decay_score": 7.0}, {}),), "too much"),
        Operation(OperationKind.SCORE, (update("a", {"colour": "red"}, {}),), "what?"),
        Operation(
            OperationKind.CONSOLIDATE,
            (update("b", {"archived": True}, {}), update("b", {"importance": 9}, {})),
            "half",
        ),
    ]
    result = await applied(repository, plan_of(archive("c"), *bad, archive("d")))
    assert result.counts == {"applied": 2, "already": 0, "stale": 0, "failed": 3}
    assert [issue.where for issue in result.errors] == ["a", "a", "b"]
    assert "decay_score: 7.0 is outside 0..1" in result.errors[0].reason
    assert "no such field" in result.errors[1].reason
    assert not (await repository.get_by_id("b")).archived
    assert await repository.count_edits("r") == {"archive": 2}


async def test_an_operation_sees_what_the_one_before_it_did(
    repository: SqliteMemoryRepository, lab: Any
) -> None:
    await repository.create_many([lab.memory(n) for n in "abc"])
    result = await applied(repository, plan_of(archive("a"), merge("b", "a"), archive("a")))
    assert [issue.reason for issue in result.stale] == ["archived of a is True, not False"]
    assert result.counts["already"] == 1
    plan = plan_of(Operation(OperationKind.DELETE, (delete("b", {}),), "x"), merge("c", "b"))
    assert (await applied(repository, plan, "r2")).stale[0].reason == "b, which it refers to, is gone"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_batches_never_split_an_operation(
    repository: SqliteMemoryRepository, lab: Any, size: int
) -> None:
    await repository.create_many([lab.memory(n) for n in "abcdef"])
    plan = plan_of(archive("a"), summarise(lab, "s", "b", "c"), archive("d"), archive("e"))
    sizes: list[int] = []
    original = repository.apply_operations

    async def spy(run_id: str, operations: Any) -> Any:
        sizes.append(sum(len(op.edits) for op in operations))
        return await original(run_id, operations)

    repository.apply_operations = spy
    assert (await applied(repository, plan, batch_size=size)).counts["applied"] == 4
    assert sum(sizes) == 6
    assert max(sizes) <= max(size, 3)


class TestUndo:
    async def test_everything_is_as_before(self, repository: SqliteMemoryRepository, lab: Any) -> None:
        await repository.create_many([lab.memory(n, embedding=[1, 2], metadata={"k": n}) for n in "abcdef"])
        before = await lab.everything(repository)
        plan = plan_of(
            archive("a"),
            merge("b", "c"),
            summarise(lab, "s", "d", "e"),
            Operation(OperationKind.DELETE, (delete("f", {}),), "old"),
        )
        await applied(repository, plan)
        assert await lab.everything(repository) != before
        report = await undo_run(repository, repository, "r", 99)
        assert (report.restored, report.memories, report.conflicts) == (4, 6, ())
        assert await lab.everything(repository) == before

    async def test_undoing_twice_changes_nothing(self, repository: SqliteMemoryRepository, lab: Any) -> None:
        await repository.create(lab.memory("a"))
        await applied(repository, plan_of(archive("a")))
        await undo_run(repository, repository, "r", 99)
        await applied(repository, plan_of(archive("a")), "later")
        report = await undo_run(repository, repository, "r", 99)
        assert report.to_json() == {"run_id": "r", "restored": 0, "memories": 0, "conflicts": []}
        assert (await repository.get_by_id("a")).archived

    async def test_an_undone_run_is_not_done_again_by_its_own_id(
        self, repository: SqliteMemoryRepository, lab: Any
    ) -> None:
        await repository.create(lab.memory("a"))
        await applied(repository, plan_of(archive("a")))
        await undo_run(repository, repository, "r", 99)
        assert (await applied(repository, plan_of(archive("a")))).counts["already"] == 1
        assert not (await repository.get_by_id("a")).archived

    async def test_what_was_touched_since_is_a_conflict_and_the_rest_is_undone(
        self, repository: SqliteMemoryRepository, lab: Any
    ) -> None:
        await repository.create_many([lab.memory(n) for n in "abcdefgh"])
        plan = plan_of(
            archive("a"),
            archive("b"),
            summarise(lab, "s", "c", "d"),
            archive("e"),
            Operation(OperationKind.DELETE, (delete("f", {}),), "x"),
        )
        await applied(repository, plan)
        await repository.update((await repository.get_by_id("a")).with_changes({"archived": False}))
        await repository.update((await repository.get_by_id("s")).with_changes({"content": "edited"}))
        await repository.delete("e")
        await repository.create(lab.memory("f", "a new one"))
        report = await undo_run(repository, repository, "r", 99)
        assert report.restored == 1
        assert {issue.where: issue.reason for issue in report.conflicts} == {
            "a": "archived of a is False, not True",
            "s": "content of s is 'edited', not 'content of s'",
            "e": "e is gone",
            "f": "f exists again",
        }
        assert not (await repository.get_by_id("b")).archived
        assert (await repository.get_by_id("c")).archived
        assert (await repository.get_by_id("f")).content == "a new one"

    async def test_reads_and_scores_of_a_new_memory_are_no_conflict(
        self, repository: SqliteMemoryRepository, lab: Any
    ) -> None:
        await repository.create_many([lab.memory("a"), lab.memory("b")])
        await applied(repository, plan_of(summarise(lab, "s", "a", "b")))
        await repository.update(
            (await repository.get_by_id("s")).with_changes(
                {"access_count": 3, "accessed_us": 9, "decay_score": 0.1}
            )
        )
        assert (await undo_run(repository, repository, "r", 99)).restored == 1
        assert await repository.get_by_id("s") is None

    async def test_later_scores_of_an_archived_memory_survive(
        self, repository: SqliteMemoryRepository, lab: Any
    ) -> None:
        await repository.create(lab.memory("a"))
        await applied(repository, plan_of(archive("a")))
        await repository.update((await repository.get_by_id("a")).with_changes({"decay_score": 0.25}))
        await undo_run(repository, repository, "r", 99)
        memory = await repository.get_by_id("a")
        assert (memory.archived, memory.decay_score) == (False, 0.25)

    async def test_many_operations_are_paged(self, repository: SqliteMemoryRepository, lab: Any) -> None:
        names = [f"{n:04}" for n in range(1203)]
        await repository.create_many([lab.memory(n) for n in names])
        await applied(repository, plan_of(*(archive(n) for n in names)))
        report = await undo_run(repository, repository, "r", 99)
        assert report.restored == 1203
        assert not any(m.archived for m in await repository.list_page(limit=5000))

    async def test_an_unknown_run(self, repository: SqliteMemoryRepository) -> None:
        with pytest.raises(NotFound, match="no run 'x'"):
            await undo_run(repository, repository, "x", 0)

    async def test_a_purged_run_cannot_be_undone(self, repository: SqliteMemoryRepository, lab: Any) -> None:
        await repository.create(lab.memory("a"))
        await applied(repository, plan_of(archive("a")))
        assert await repository.purge_runs(100) == 0  # not finished
        await repository.finish_run("r", {"truncated": []}, 50)
        assert (
            await repository.purge_runs(50) == 0
        )  # finished just then, whatever clock reading it decided by
        assert await repository.purge_runs(51, "ada") == 0  # not hers
        assert await repository.purge_runs(51) == 1
        assert await repository.list_edits("r") == []
        with pytest.raises(NotFound):
            await undo_run(repository, repository, "r", 0)

    async def test_a_user_s_clean_up_drops_the_logs_about_that_user(
        self, repository: SqliteMemoryRepository
    ) -> None:
        for run_id, user_id in (("a", "ada"), ("b", "bob"), ("all", None)):
            await repository.begin_run(run_id, "test", 5, user_id)
            await repository.finish_run(run_id, {}, 50)
        assert await repository.purge_runs(51, "ada") == 1
        assert sorted(run.run_id for run in await repository.list_runs()) == ["all", "b"]


class TestJournal:
    async def test_the_first_clock_reading_wins(self, repository: SqliteMemoryRepository) -> None:
        first = await repository.begin_run("r", "test", 5)
        again = await repository.begin_run("r", "test", 6)
        assert (first.as_of_us, first.resumed) == (5, False)
        assert (again.as_of_us, again.resumed) == (5, True)
        with pytest.raises(InvalidArgument, match="is a run of test, not of other"):
            await repository.begin_run("r", "other", 5)
        assert await repository.find_run("nobody") is None

    async def test_units_and_drafts_last_until_the_run_is_finished(
        self, repository: SqliteMemoryRepository
    ) -> None:
        await repository.begin_run("r", "test", 5)
        assert (await repository.load_unit("r", "u")).begun is None
        await repository.begin_unit("r", "u", {"n": 1})
        await repository.begin_unit("r", "u", {"n": 2})
        assert (await repository.load_unit("r", "u")).begun == {"n": 1}
        await repository.finish_unit("r", "u", {"done": True})
        unit = await repository.load_unit("r", "u")
        assert (unit.begun, unit.done) == (None, {"done": True})
        await repository.save_draft("r", "k", "one")
        await repository.save_draft("r", "k", "two")
        assert await repository.load_drafts("r") == {"k": "one"}
        await repository.finish_run("r", {"fine": True}, 50)
        assert (await repository.load_unit("r", "u")).done is None
        assert await repository.load_drafts("r") == {}
        assert (await repository.find_run("r")).report == {"fine": True}
        await repository.begin_run("s", "test", 9)
        assert [run.run_id for run in await repository.list_runs()] == ["s", "r"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab"),
    lambda c: st.lists(c, max_size=2),
    max_leaves=4,
)


@given(
    kind=st.sampled_from(OperationKind),
    reason=st.text("xyz"),
    details=st.dictionaries(st.text("ab"), JSON, max_size=3),
    review=st.lists(st.tuples(st.text("ab"), st.none() | st.floats(0, 1)), max_size=3),
)
def test_plans_survive_json(
    lab: Any, kind: OperationKind, reason: str, details: dict[str, Any], review: list[Any]
) -> None:
    operation = Operation(
        kind,
        (update("a", {"tier": "working"}, {"pinned": False}), create(lab.memory("n"))),
        reason,
        details,
        {"b": {"archived": False}},
    )
    pairs = tuple(ReviewPair(a, "z", cosine, "conflict", ("one", "two")) for a, cosine in review)
    plan = Plan("test", 9, (operation,), pairs, {"n": 1}, (Issue("w", "f", "r"),), "digest")
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.hash() == plan.hash()
    assert bool(plan)
    assert not Plan("test", 9, ())
    assert Memory.from_json(again.operations[0].edits[1].values) == lab.memory("n")
