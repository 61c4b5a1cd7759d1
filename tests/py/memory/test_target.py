"""Plans on a repository that knows nothing of plans, in KHALA's shape, killed in every place."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.memory import SqliteJournal, apply_plan, undo_run
from khala_jobs.memory.plan import Operation, OperationKind, Plan, create, delete, update
from khala_jobs.memory.target import PortTarget


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
async def journal(tmp_path: Path) -> Any:
    async with SqliteJournal(tmp_path / "journal.db") as opened:
        await opened.begin_run("r", "test", 5)
        yield opened


def archive(name: str) -> Operation:
    return Operation(
        OperationKind.ARCHIVE,
        (update(name, {"archived": True, "updated_us": 7}, {"archived": False}),),
        "why",
    )


def summarise(lab: Any, name: str, *sources: str) -> Operation:
    edits = [
        update(source, {"archived": True, "consolidated_into": name}, {"archived": False})
        for source in sources
    ]
    return Operation(
        OperationKind.CONSOLIDATE, (create(lab.memory(name, consolidated_from=sources)), *edits), "alike"
    )


def the_plan(lab: Any) -> Plan:
    gone = Operation(OperationKind.DELETE, (delete("x", {"archived": False}),), "expired")
    return Plan("test", 5, (archive("a"), archive("b"), summarise(lab, "s", "c", "d"), gone, archive("e")))


def fresh(lab: Any) -> Any:
    return lab.ForeignRepository([lab.foreign(name, tags=[name]) for name in "abcdex"])


async def apply(
    lab: Any,
    repository: Any,
    journal: SqliteJournal,
    batch: Any = None,
    plan: Plan | None = None,
    size: int = 500,
) -> Any:
    return await apply_plan(
        plan or the_plan(lab), PortTarget(repository, journal, batch), "r", batch_size=size
    )


async def test_what_is_done(lab: Any, journal: SqliteJournal) -> None:
    repository = fresh(lab)
    result = await apply(lab, repository, journal)
    assert result.counts == {"applied": 5, "already": 0, "stale": 0, "failed": 0}
    state = repository.memories
    assert sorted(state) == ["a", "b", "c", "d", "e", "s"]
    assert [name for name in sorted(state) if state[name].is_archived] == ["a", "b", "c", "d", "e"]
    assert state["a"].tags == ["a"]
    assert state["c"].metadata == {"consolidated_into": "s"}
    assert state["s"].metadata == {"consolidated_from": ["c", "d"]}
    assert state["s"].tier is lab.ForeignTier.WORKING
    assert await journal.count_edits("r") == {"archive": 3, "consolidate": 1, "delete": 1}


async def test_again_is_nothing(lab: Any, journal: SqliteJournal) -> None:
    repository = fresh(lab)
    await apply(lab, repository, journal)
    before = copy.deepcopy(repository.memories)
    assert (await apply(lab, repository, journal)).counts == {
        "applied": 0,
        "already": 5,
        "stale": 0,
        "failed": 0,
    }
    assert repository.memories == before


@pytest.mark.parametrize("size", [1, 500])
async def test_killed_at_any_call_and_run_again(lab: Any, tmp_path: Path, size: int) -> None:
    unkilled = fresh(lab)
    async with SqliteJournal(tmp_path / "unkilled.db") as log:
        await log.begin_run("r", "test", 5)
        await apply(lab, unkilled, log, size=size)
        undone = copy.deepcopy(unkilled)
        await undo_run(PortTarget(undone, log, None), log, "r", 9)
    calls = len([name for name, _ in unkilled.calls if name in ("create", "update", "delete")])
    assert calls == 7
    for last in range(calls):
        for after in (False, True):
            repository = fresh(lab)
            name = f"{last}-{after}.db"
            async with SqliteJournal(tmp_path / name) as log:
                await log.begin_run("r", "test", 5)
                with pytest.raises(Killed):
                    await apply(lab, dying(repository, last, after=after), log, size=size)
            async with SqliteJournal(tmp_path / name) as log:
                result = await apply(lab, repository, log, size=size)
                assert result.counts["failed"] == result.counts["stale"] == 0, (last, after)
                assert repository.memories == unkilled.memories, (last, after)
                assert await log.count_edits("r") == {"archive": 3, "consolidate": 1, "delete": 1}
                await undo_run(PortTarget(repository, log, None), log, "r", 9)
                assert repository.memories == undone.memories, (last, after)


@pytest.mark.parametrize("failing", ["c", "d", "s"])
async def test_an_undo_that_failed_half_way_is_finished_by_the_next(
    lab: Any, journal: SqliteJournal, failing: str
) -> None:
    repository = fresh(lab)
    before = copy.deepcopy(repository.memories)
    plan = Plan("test", 5, (summarise(lab, "s", "c", "d"),))
    await apply(lab, repository, journal, plan=plan)
    first = await undo_run(PortTarget(unreachable(repository, failing), journal, None), journal, "r", 9)
    assert first.restored == 0
    assert "ConnectionError" in first.conflicts[0].reason
    assert "s" in repository.memories  # what its sources may still refer to
    second = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
    assert (second.restored, second.conflicts) == (1, ())
    assert sorted(repository.memories) == sorted(before)
    assert not any(memory.is_archived for memory in repository.memories.values())
    third = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
    assert (third.restored, third.conflicts) == (0, ())


async def test_a_summary_that_somebody_removed_is_a_conflict(lab: Any, journal: SqliteJournal) -> None:
    repository = fresh(lab)
    await apply(lab, repository, journal, plan=Plan("test", 5, (summarise(lab, "s", "c", "d"),)))
    await repository.delete("s")
    undone = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
    assert "s is gone" in undone.conflicts[0].reason
    assert repository.memories["c"].is_archived


def unreachable(repository: Any, memory_id: str) -> Any:
    """The repository, which loses its connection when this memory is written."""

    class Unreachable:
        def __getattr__(self, name: str) -> Any:
            return getattr(repository, name)

        async def update(self, memory: Any) -> None:
            if memory.id == memory_id:
                raise ConnectionError("network")
            await repository.update(memory)

        async def delete(self, deleted: str) -> None:
            if deleted == memory_id:
                raise ConnectionError("network")
            await repository.delete(deleted)

    return Unreachable()


def dying(repository: Any, last: int, *, after: bool) -> Any:
    """The repository, whose process dies at the n-th write, before or after it was made."""

    class Dying:
        writes = 0

        def __getattr__(self, name: str) -> Any:
            method = getattr(repository, name)
            if name not in ("create", "update", "delete"):
                return method

            async def write(argument: Any) -> Any:
                self.writes += 1
                if self.writes > last and not after:
                    raise Killed
                await method(argument)
                if self.writes > last:
                    raise Killed

            return write

    return Dying()


async def test_a_failing_item_is_counted_and_the_rest_is_done(lab: Any, journal: SqliteJournal) -> None:
    repository = fresh(lab)

    def broken(name: str, argument: Any) -> None:
        if name == "update" and argument.id == "b":
            raise ConnectionError("no route")

    repository.before = broken
    result = await apply(lab, repository, journal)
    assert result.counts == {"applied": 4, "already": 0, "stale": 0, "failed": 1}
    assert result.errors[0].to_json() == {
        "where": "b",
        "field": "archive",
        "reason": "ConnectionError: no route",
    }
    assert not repository.memories["b"].is_archived
    repository.before = lambda name, argument: None
    assert (await apply(lab, repository, journal)).counts == {
        "applied": 1,
        "already": 4,
        "stale": 0,
        "failed": 0,
    }
    assert repository.memories["b"].is_archived


async def test_sources_are_not_archived_into_a_summary_that_does_not_exist(
    lab: Any, journal: SqliteJournal
) -> None:
    repository = fresh(lab)

    def broken(name: str, argument: Any) -> None:
        if name == "create":
            raise ValueError("too long")

    repository.before = broken
    result = await apply(lab, repository, journal)
    assert result.errors[0].reason == "ValueError: too long"
    assert not repository.memories["c"].is_archived
    assert not repository.memories["d"].is_archived
    repository.before = lambda name, argument: None
    await apply(lab, repository, journal)
    assert repository.memories["d"].metadata == {"consolidated_into": "s"}


async def test_what_changed_since_is_stale(lab: Any, journal: SqliteJournal) -> None:
    repository = fresh(lab)
    repository.memories["a"].is_archived = True
    del repository.memories["c"]
    result = await apply(lab, repository, journal)
    assert [(issue.where, issue.reason) for issue in result.stale] == [
        ("a", "archived of a is True, not False"),
        ("s", "c is gone"),
    ]
    assert "s" not in repository.memories
    merge = Operation(
        OperationKind.MERGE, (update("b", {"duplicate_of": "zz"}, {}),), "", {}, {"zz": {"archived": False}}
    )
    again = await apply(lab, repository, journal, plan=Plan("test", 5, (merge,)))
    assert again.counts["already"] == 1  # b was edited in this run


class TestBatches:
    def repository(self, lab: Any) -> Any:
        class Batching(lab.ForeignRepository):
            async def update_many(self, memories: Any) -> None:
                self._call("update_many", list(memories))
                for memory in memories:
                    self.memories[memory.id] = memory

        return Batching([lab.foreign(name) for name in "abcdex"])

    async def test_updates_go_in_one_call(self, lab: Any, journal: SqliteJournal) -> None:
        repository = self.repository(lab)
        assert (await apply(lab, repository, journal, repository)).counts["applied"] == 5
        calls = [name for name, _ in repository.calls]
        assert calls.count("update_many") == 1
        assert calls.count("update") == 2
        assert repository.memories["a"].is_archived

    async def test_a_failing_batch_is_taken_apart(self, lab: Any, journal: SqliteJournal) -> None:
        repository = self.repository(lab)

        def broken(name: str, argument: Any) -> None:
            if name == "update_many" or (name == "update" and argument.id == "b"):
                raise ConnectionError("no route")

        repository.before = broken
        result = await apply(lab, repository, journal, repository)
        assert result.counts == {"applied": 4, "already": 0, "stale": 0, "failed": 1}


class TestUndo:
    async def test_restores_all_but_deletions(self, lab: Any, journal: SqliteJournal) -> None:
        repository = fresh(lab)
        before = copy.deepcopy(repository.memories)
        await apply(lab, repository, journal)
        report = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
        assert report.restored == 4
        assert [(i.where, i.reason) for i in report.conflicts] == [
            ("x", "x was deleted, and this repository keeps no image of it")
        ]
        del before["x"]
        assert repository.memories == before
        assert (await undo_run(PortTarget(repository, journal, None), journal, "r", 9)).restored == 0

    async def test_reports_what_was_touched_or_fails(self, lab: Any, journal: SqliteJournal) -> None:
        repository = fresh(lab)
        await apply(lab, repository, journal)
        repository.memories["a"].is_archived = False  # somebody took it back: as it was, and so undone
        repository.memories["c"].metadata["consolidated_into"] = "t"

        def broken(name: str, argument: Any) -> None:
            if name == "update" and argument.id == "b":
                raise ConnectionError("no route")

        repository.before = broken
        report = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
        assert {i.where: i.reason for i in report.conflicts} == {
            "b": "ConnectionError: no route",
            "s": "consolidated_into of c is 't', not 's'",
            "x": "x was deleted, and this repository keeps no image of it",
        }
        assert report.restored == 2


async def test_a_memory_that_cannot_be_read_costs_only_itself(lab: Any, journal: SqliteJournal) -> None:
    repository = fresh(lab)
    repository.memories["a"].created_at = "broken"

    def broken(name: str, argument: Any) -> None:
        if name == "get_by_id" and argument == "b":
            raise TimeoutError("slow")

    repository.before = broken
    result = await apply(lab, repository, journal)
    assert result.counts == {"applied": 3, "already": 0, "stale": 0, "failed": 2}
    assert {issue.where: issue.reason for issue in result.errors} == {
        "a": "BadMemory: created_at: 'broken' is not a datetime",
        "b": "TimeoutError: slow",
    }
    report = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
    assert report.restored == 2


async def test_a_repository_that_writes_its_own_times_and_keeps_no_scores(
    lab: Any, journal: SqliteJournal
) -> None:
    """KHALA's: every update gets the database's time, and decay scores do not come back."""
    from dataclasses import replace
    from datetime import UTC, datetime

    repository = fresh(lab)
    update_as_told = repository.update

    async def update(memory: Any) -> None:
        await update_as_told(replace(memory, updated_at=datetime(2030, 1, 1, tzinfo=UTC), decay_score=None))

    repository.update = update
    score = Operation(OperationKind.SCORE, (update_edit("b"),), "older")
    result = await apply(lab, repository, journal, plan=Plan("test", 5, (archive("a"), score)))
    assert result.counts["applied"] == 2
    report = await undo_run(PortTarget(repository, journal, None), journal, "r", 9)
    assert report.conflicts == ()
    assert not repository.memories["a"].is_archived


def update_edit(name: str) -> Any:
    return update(name, {"decay_score": 0.2}, {"archived": False})
