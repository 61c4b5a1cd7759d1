"""The jobs on other ground: a memory service, repositories of other kinds, caches to clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from khala_jobs.errors import InvalidArgument, NotFound
from khala_jobs.memory import SqliteJournal
from khala_jobs.memory.jobs import (
    JOB_CLASSES,
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    PromotionJob,
)

from .lifecycle_kit import EXPECTED, changed, corpus, run


class Service:
    def __init__(self, due: bool = True, score: float = 0.0) -> None:
        self.due, self.score, self.seen = due, score, []

    def should_consolidate(self, memories: list[Any]) -> bool:
        self.seen = [(m.id, m.tier.value, m.user_id) for m in memories]
        return self.due

    def calculate_promotion_score(self, memory: Any) -> float:
        return self.score if memory.tier.name == "WORKING" else 0.0


class TestMemoryService:
    async def test_decides_whether_to_consolidate(self, jobs: Any, repository: Any, lab: Any) -> None:
        service = Service(due=False)
        mine = lab.jobs(repository, memory_service=service)
        report = await run(lab, mine, ConsolidationJob())
        assert changed(report) == {}
        assert report["counts"]["users_not_due"] == 1
        assert sorted(service.seen) == [
            ("ada-hike1", "short_term", "ada"),
            ("ada-hike2", "short_term", "ada"),
        ]
        assert changed(await run(lab, mine, ConsolidationJob(force=True))) == {"consolidated": 1}

    async def test_says_yes(self, jobs: Any, repository: Any, lab: Any) -> None:
        mine = lab.jobs(repository, memory_service=Service())
        assert changed(await run(lab, mine, ConsolidationJob())) == {"consolidated": 1}

    async def test_gives_promotion_scores(self, repository: Any, lab: Any) -> None:
        await repository.create(lab.memory("a", importance=0.0))
        mine = lab.jobs(repository, memory_service=Service(score=0.9))
        report = await run(lab, mine, PromotionJob(policy="khala_score"))
        assert [(e["id"], e["to"]) for e in report["promoted"]] == [("a", "short_term")]


class TestCleanup:
    async def test_cache_entries_go_after_their_grace(self, repository: Any, lab: Any) -> None:
        hour = 3_600_000_000
        await repository.write(
            lambda c: c.executemany(
                "INSERT INTO cache_entries VALUES (?, x'00', 0, ?)",
                [(f"{n:04}", lab.now_us - 25 * hour) for n in range(2500)],
            )
        )
        await repository.put_cache("fresh", b"", created_us=0, expires_us=lab.now_us - 23 * hour)
        dry = await run(lab, lab.jobs(repository), CleanupJob(dry_run=True))
        assert dry["counts"]["cache_cleaned"] == 2500
        assert len(await repository.list_expired_cache(lab.now_us, 9999)) == 2501
        report = await run(lab, lab.jobs(repository), CleanupJob())
        assert report["counts"]["cache_cleaned"] == 2500
        assert await repository.list_expired_cache(lab.now_us, 10) == ["fresh"]

    async def test_the_quota_holds_over_all_pages_and_is_reported(self, repository: Any, lab: Any) -> None:
        await repository.create_many([lab.memory(f"{n}", expires_us=0) for n in range(9)])
        jobs = lab.jobs(repository, page_size=2)
        report = await run(lab, jobs, CleanupJob(max_deletes=5))
        assert changed(report) == {"cleaned": 5}
        assert report["truncated"] == [
            {
                "what": "cleanup",
                "kept": 5,
                "total": 9,
                "reason": "max_deletes is 5; the rest is left for the next run",
            }
        ]
        assert await repository.count_memories() == 4
        assert changed(await run(lab, jobs, CleanupJob(max_deletes=5))) == {"cleaned": 4}

    async def test_deletions_can_be_undone_until_the_log_is_purged(self, repository: Any, lab: Any) -> None:
        await repository.create(lab.memory("a", expires_us=0, embedding=[1, 2]))
        before = await lab.everything(repository)
        jobs = lab.jobs(repository)
        run_id = (await run(lab, jobs, CleanupJob()))["run_id"]
        later = lab.jobs(repository, clock=lambda: lab.now_us + 29 * lab.day_us)
        assert (await run(lab, later, CleanupJob()))["counts"]["runs_purged"] == 0
        await jobs.undo(run_id)
        assert await lab.everything(repository) == before
        much_later = lab.jobs(repository, clock=lambda: lab.now_us + 31 * lab.day_us)
        assert (await run(lab, much_later, CleanupJob()))["counts"]["runs_purged"] == 1
        with pytest.raises(NotFound):
            await jobs.undo(run_id)

    async def test_logs_are_kept_by_their_age_whatever_clock_a_run_decided_by(
        self, repository: Any, lab: Any
    ) -> None:
        await repository.create_many(lab.memory(name, "same") for name in "ab")
        jobs = lab.jobs(repository)
        run_id = (await run(lab, jobs, DeduplicationJob(as_of="2001-01-01T00:00:00Z")))["run_id"]
        assert (await run(lab, jobs, CleanupJob()))["counts"]["runs_purged"] == 0
        assert (await run(lab, jobs, CleanupJob(as_of="2200-01-01T00:00:00Z")))["counts"]["runs_purged"] == 0
        assert (await jobs.undo(run_id)).restored == 1

    async def test_a_cache_that_does_not_delete_ends(self, repository: Any, lab: Any) -> None:
        await repository.put_cache("a", b"", created_us=0, expires_us=0)

        async def nothing(keys: Any, before_us: int) -> int:
            return 0

        repository.delete_cache = nothing
        assert (await run(lab, lab.jobs(repository), CleanupJob()))["counts"]["cache_cleaned"] == 0


class TestForeignRepository:
    def memories(self, lab: Any) -> list[Any]:
        from dataclasses import fields

        names = {field.name for field in fields(lab.ForeignMemory)}
        out = []
        for ours in corpus(lab):
            from khala_jobs.memory.codec import new_memory

            like = lab.foreign("like", embedding=lab.ForeignVector([1.0], "m"))
            native = new_memory(ours, like)
            native.is_archived = ours.archived
            if ours.pinned:
                native.metadata["pinned"] = True
            assert names
            out.append(native)
        return out

    @pytest.fixture
    async def foreign(self, lab: Any, tmp_path: Path) -> Any:
        repository = lab.ForeignRepository(self.memories(lab))
        jobs = lab.jobs(repository, journal=tmp_path / "journal.db")
        yield jobs
        await jobs.close()

    async def test_a_promoted_memory_is_considered_once(self, lab: Any, tmp_path: Path) -> None:
        repository = lab.ForeignRepository(
            [lab.foreign(f"{n}", importance=lab.ForeignScore(0.9), access_count=20) for n in range(30)]
        )
        jobs = lab.jobs(repository, journal=tmp_path / "journal.db")
        dry = await run(lab, jobs, PromotionJob(user_id="ada", dry_run=True))
        real = await run(lab, jobs, PromotionJob(user_id="ada"))
        await jobs.close()
        assert real["counts"]["promoted"] == 30
        assert dry["counts"]["considered"] == real["counts"]["considered"] == 30

    @pytest.mark.parametrize("kind", JOB_CLASSES)
    async def test_the_same_work_as_on_our_own(self, kind: Any, foreign: Any, lab: Any) -> None:
        report = await run(lab, foreign, kind(user_id="ada"))
        assert changed(report) == EXPECTED[kind]
        assert report["errors"] == []
        again = await run(lab, foreign, kind(user_id="ada"))
        assert changed(again) == {}
        if kind is not CleanupJob:
            undone = await foreign.undo(report["run_id"])
            assert undone.conflicts == ()
            assert changed(await run(lab, foreign, kind(user_id="ada"))) == EXPECTED[kind]
        else:
            assert report["counts"]["cache_unsupported"] == 1

    async def test_a_user_must_be_named(self, foreign: Any, lab: Any) -> None:
        with pytest.raises(InvalidArgument, match="list_users"):
            await run(lab, foreign, DecayScoringJob())
        with pytest.raises(InvalidArgument, match="list_users"):
            await run(lab, foreign, DeduplicationJob())

    async def test_truncation_reaches_the_report(self, lab: Any, tmp_path: Path) -> None:
        repository = lab.ForeignRepository([lab.foreign(f"{n}") for n in range(1024)])
        jobs = lab.jobs(repository, journal=tmp_path / "journal.db")
        for kind in (DecayScoringJob, DeduplicationJob):
            report = await run(lab, jobs, kind(user_id="ada", dry_run=True, detail_limit=0))
            assert "may cap its answer" in report["truncated"][0]["reason"]
        await jobs.close()

    async def test_bad_memories_are_errors(self, lab: Any, tmp_path: Path) -> None:
        bad_vector = lab.foreign("v", embedding=lab.ForeignVector([float("nan")]))
        repository = lab.ForeignRepository([lab.foreign("a"), lab.foreign("b", created_at=None), bad_vector])
        jobs = lab.jobs(repository, journal=tmp_path / "journal.db")
        for kind in (DecayScoringJob, DeduplicationJob):
            report = await run(lab, jobs, kind(user_id="ada"))
            assert {(e["where"], e["field"]) for e in report["errors"]} == {
                ("b", "created_at"),
                ("v", "embedding"),
            }
            assert report["failures"] == 2
        await jobs.close()

    async def test_where_the_journal_is(
        self, lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        jobs = lab.jobs(lab.ForeignRepository())
        await run(lab, jobs, DecayScoringJob(user_id="ada"))
        assert (tmp_path / "memory_journal.db").exists()
        await jobs.close()
        async with SqliteJournal(tmp_path / "own.db") as journal:
            mine = lab.jobs(lab.ForeignRepository(), journal=journal)
            assert mine.journal is journal
            await mine.close()
            assert await journal.list_runs() == []

    async def test_our_own_repository_needs_none(self, repository: Any, lab: Any) -> None:
        with pytest.raises(InvalidArgument, match="keeps its own"):
            lab.jobs(repository, journal="x.db")
        with pytest.raises(InvalidArgument, match="page_size"):
            lab.jobs(repository, page_size=0)


async def test_issues_of_loading_a_user_reach_the_report(lab: Any, tmp_path: Path) -> None:
    repository = lab.ForeignRepository([lab.foreign("a", created_at=None)])
    jobs = lab.jobs(repository, journal=tmp_path / "journal.db")
    report = await run(lab, jobs, ConsolidationJob(user_id="ada", dry_run=True))
    assert report["errors"][0]["where"] == "a"
    await jobs.close()


async def test_a_memory_that_moves_between_tiers_is_read_once(lab: Any, tmp_path: Path) -> None:
    one, other = lab.foreign("a", "same"), lab.foreign("b", "same")
    repository = lab.ForeignRepository([one, other])

    async def everywhere(user_id: str, tier: str, limit: int = 100) -> list[Any]:
        return [one, other]

    repository.get_by_tier = everywhere
    jobs = lab.jobs(repository, journal=tmp_path / "journal.db")
    report = await run(lab, jobs, DeduplicationJob(user_id="ada"))
    assert report["counts"]["considered"] == 2
    assert changed(report) == {"merged": 1}
    await jobs.close()
