"""What an application's own objects raise is a failure of the item they were asked about, and of nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.errors import StoreIO
from khala_jobs.memory.jobs import (
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    PromotionJob,
)

from .lifecycle_kit import changed, run

DOWN = "RuntimeError: svc down"


def down(*_: object) -> Any:
    raise RuntimeError("svc down")


def failures(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    assert report["failures"] == report["counts"]["errors"] == len(report["errors"])
    return sorted((error["where"], error["field"], error["reason"]) for error in report["errors"])


def pairs(lab: Any, tier: str = "working") -> list[Any]:
    """Two near memories of each of two users."""
    return [
        lab.memory(f"{user}{n}", user_id=user, tier=tier, model_id="m", embedding=lab.unit(0.01 * n))
        for user in ("ada", "bob")
        for n in (1, 2)
    ]


class Service:
    """A memory service that can fail for some memories."""

    def __init__(self, fails: Callable[[Any], bool] = lambda memory: False) -> None:
        self.fails = fails

    def should_consolidate(self, memories: list[Any]) -> bool:
        return down() if any(self.fails(memory) for memory in memories) else True

    def calculate_promotion_score(self, memory: Any) -> float:
        return down() if self.fails(memory) else 0.9


class TestMemoryService:
    PROMOTION = "memory_service.calculate_promotion_score"

    async def test_a_memory_without_a_score_stays_and_the_next_run_promotes_it(
        self, repository: Any, lab: Any
    ) -> None:
        await repository.create_many(pairs(lab))
        failing = Service(lambda memory: memory.id == "ada1")
        job = PromotionJob(policy="khala_score")
        report = await run(lab, lab.jobs(repository, memory_service=failing), job)
        assert {entry["id"] for entry in report["promoted"]} == {"ada2", "bob1", "bob2"}
        assert failures(report) == [("ada1", self.PROMOTION, DOWN)]
        mended = lab.jobs(repository, memory_service=Service())
        assert [entry["id"] for entry in (await run(lab, mended, job))["promoted"]] == ["ada1"]
        assert changed(await run(lab, mended, job)) == {}

    async def test_half_way_is_not_at_all(self, repository: Any, lab: Any) -> None:
        await repository.create(lab.memory("a"))
        failing = Service(lambda memory: memory.tier.value == "short_term")
        report = await run(
            lab, lab.jobs(repository, memory_service=failing), PromotionJob(policy="khala_score")
        )
        assert changed(report) == {}
        assert failures(report) == [("a", self.PROMOTION, DOWN)]

    async def test_what_may_be_exempt_is_not_promoted(self, repository: Any, lab: Any) -> None:
        """An exemption by a score that nobody knows may hold."""
        await repository.create(lab.memory("a", access_count=9))
        policy = {
            "name": "own",
            "rules": [{"name": "used", "when": [["access_count", ">", 5]]}],
            "unless": [["promotion_score", "<", 0.5]],
        }
        jobs = lab.jobs(repository, memory_service=Service(lambda memory: True))
        assert changed(await run(lab, jobs, PromotionJob(policy=policy))) == {}

    async def test_only_what_could_be_promoted_is_asked_about(self, repository: Any, lab: Any) -> None:
        await repository.create_many(
            [lab.memory("p", pinned=True), lab.memory("h", archived=True), lab.memory("l", tier="long_term")]
        )
        jobs = lab.jobs(repository, memory_service=Service(lambda memory: True))
        assert failures(await run(lab, jobs, PromotionJob(policy="khala_score"))) == []

    @pytest.mark.parametrize("score", ["high", None, float("nan")])
    async def test_no_number_is_no_score(self, repository: Any, lab: Any, score: Any) -> None:
        class Odd(Service):
            def calculate_promotion_score(self, memory: Any) -> Any:
                return score if memory.id == "ada1" else 0.9

        await repository.create_many(pairs(lab))
        jobs = lab.jobs(repository, memory_service=Odd())
        report = await run(lab, jobs, PromotionJob(policy="khala_score"))
        assert changed(report) == {"promoted": 3}
        assert [failure[:2] for failure in failures(report)] == [("ada1", self.PROMOTION)]

    async def test_a_user_of_whom_it_cannot_tell_waits(self, repository: Any, lab: Any) -> None:
        await repository.create_many(pairs(lab, "short_term"))
        failing = lab.jobs(repository, memory_service=Service(lambda memory: memory.user_id == "ada"))
        report = await run(lab, failing, ConsolidationJob())
        assert [entry["sources"] for entry in report["consolidated"]] == [["bob1", "bob2"]]
        assert failures(report) == [("user ada", "memory_service.should_consolidate", DOWN)]
        mended = lab.jobs(repository, memory_service=Service())
        report = await run(lab, mended, ConsolidationJob())
        assert [entry["sources"] for entry in report["consolidated"]] == [["ada1", "ada2"]]


class TestJudge:
    @staticmethod
    def failing_on(*ids: str, lab: Any) -> Any:
        """A guard that fails on the pair of these memories."""
        texts = {f"content of {memory_id}" for memory_id in ids}
        return lambda a, b, cosine: down() if {a, b} == texts else lab.Verdict("duplicate")

    async def test_what_was_not_judged_is_not_merged(self, repository: Any, lab: Any) -> None:
        await repository.create_many(pairs(lab))
        judge = self.failing_on("ada1", "ada2", lab=lab)
        report = await run(lab, lab.jobs(repository, judge=judge), DeduplicationJob())
        assert [entry["duplicate"] for entry in report["merged"]] == ["bob2"]
        assert failures(report) == [("ada1", "judge", f"{DOWN} (not judged beside ada2)")]
        report = await run(lab, lab.jobs(repository), DeduplicationJob())
        assert [entry["duplicate"] for entry in report["merged"]] == ["ada2"]

    @pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), StopIteration()])
    async def test_whatever_it_raises(self, repository: Any, lab: Any, error: BaseException) -> None:
        def judge(a: str, b: str, cosine: float) -> Any:
            raise error

        await repository.create_many(pairs(lab))
        report = await run(lab, lab.jobs(repository, judge=judge), DeduplicationJob())
        assert changed(report) == {}
        assert [failure[:2] for failure in failures(report)] == [("ada1", "judge"), ("bob1", "judge")]

    async def test_no_verdict_is_a_failure(self, repository: Any, lab: Any) -> None:
        await repository.create_many(pairs(lab))
        for job in (DeduplicationJob(), ConsolidationJob(tiers=("working",))):
            report = await run(lab, lab.jobs(repository, judge=lambda a, b, cosine: None), job)
            assert changed(report) == {}
            assert report["failures"] == 2

    async def test_a_flag_stays_until_it_can_be_judged(self, repository: Any, lab: Any) -> None:
        await repository.create_many(pairs(lab))
        job = DeduplicationJob(action="flag")
        assert changed(await run(lab, lab.jobs(repository), job)) == {"flagged": 2}
        assert changed(await run(lab, lab.jobs(repository, judge=down), job)) == {}
        assert (await repository.get_by_id("ada2")).duplicate_flag["of"] == "ada1"

    async def test_memories_of_an_unjudged_pair_wait_to_be_consolidated_together(
        self, repository: Any, lab: Any
    ) -> None:
        rows = [lab.memory(f"ada{n}", tier="short_term", embedding=lab.unit(0.01 * n)) for n in range(1, 6)]
        await repository.create_many(rows)
        judge = self.failing_on("ada2", "ada4", lab=lab)
        report = await run(lab, lab.jobs(repository, judge=judge), ConsolidationJob())
        assert [entry["sources"] for entry in report["consolidated"]] == [["ada1", "ada3", "ada5"]]
        assert failures(report) == [("ada2", "judge", f"{DOWN} (not judged beside ada4)")]
        report = await run(lab, lab.jobs(repository), ConsolidationJob())
        assert [entry["sources"] for entry in report["consolidated"]] == [["ada2", "ada4"]]

    async def test_a_pair_that_only_the_star_asks_about(self, repository: Any, lab: Any) -> None:
        """Members of a star that are not near each other are judged while it is formed."""
        rows = [
            lab.memory(f"ada{n}", tier="short_term", embedding=lab.unit(angle), importance=importance)
            for n, angle, importance in ((1, 0.0, 0.9), (2, -0.4, 0.1), (3, 0.4, 0.1), (4, 0.01, 0.1))
        ]
        await repository.create_many(rows)
        judge = self.failing_on("ada2", "ada3", lab=lab)
        report = await run(lab, lab.jobs(repository, judge=judge), ConsolidationJob())
        assert [entry["sources"] for entry in report["consolidated"]] == [["ada1", "ada4"]]
        assert [failure[:2] for failure in failures(report)] == [("ada2", "judge")]


class TestModels:
    async def test_an_embedder_that_exits_is_counted(self, repository: Any, lab: Any) -> None:
        class Exiting(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                raise SystemExit(3)

        await repository.create_many([lab.memory("a", "same"), lab.memory("b", "same")])
        report = await run(lab, lab.jobs(repository, embedder=Exiting()), DeduplicationJob())
        assert failures(report) == [("a", "embedder", "2 memories: SystemExit: 3")]
        assert changed(report) == {"merged": 1}

    @pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit])
    async def test_a_summarizer_that_gives_up_is_counted(
        self, repository: Any, lab: Any, error: type[BaseException]
    ) -> None:
        class GivingUp:
            async def summarize(self, contents: Any) -> str:
                if "ada" in contents[0]:
                    raise error
                return "A summary."

        await repository.create_many(pairs(lab, "short_term"))
        report = await run(lab, lab.jobs(repository, summarizer=GivingUp()), ConsolidationJob())
        assert [entry["sources"] for entry in report["consolidated"]] == [["bob1", "bob2"]]
        assert failures(report) == [("ada1", "summarizer", f"{error.__name__} (2 memories left as they are)")]

    async def test_a_summarizer_of_a_job_that_is_to_stop_ends_it(self, repository: Any, lab: Any) -> None:
        class Stopped:
            async def summarize(self, contents: Any) -> str:
                ctx.cancelled = True
                raise asyncio.CancelledError

        await repository.create_many(pairs(lab, "short_term"))
        jobs = lab.jobs(repository, summarizer=Stopped())
        ctx = lab.context(jobs)
        with pytest.raises(asyncio.CancelledError):
            await run(lab, jobs, ConsolidationJob(), ctx)

    async def test_an_exception_that_cannot_be_shown(self, repository: Any, lab: Any) -> None:
        class Rude(Exception):
            def __str__(self) -> str:
                raise ValueError

        class Broken:
            async def summarize(self, contents: Any) -> str:
                raise Rude if "ada" in contents[0] else RuntimeError("cut \ud83d " + "x" * 100_000)

        await repository.create_many(pairs(lab, "short_term"))
        report = await run(lab, lab.jobs(repository, summarizer=Broken()), ConsolidationJob())
        (_, _, rude), (_, _, long) = failures(report)
        assert rude == "Rude: <Rude> (2 memories left as they are)"
        assert long.startswith("RuntimeError: cut ? xxx")
        assert len(long) < 5000


@pytest.fixture
async def foreign(lab: Any, tmp_path: Path) -> Any:
    """Jobs on a repository of somebody else's with two users, each with two equal memories."""

    class Listed(lab.ForeignRepository):
        async def list_users(self) -> list[str]:
            return sorted({memory.user_id for memory in self.memories.values()})

    rows = [lab.foreign(f"{user}{n}", "same", user_id=user) for user in ("ada", "bob") for n in (1, 2)]
    jobs = lab.jobs(Listed(rows), journal=tmp_path / "journal.db")
    yield jobs
    await jobs.close()


def refusing(*users: str, tier: str | None = None) -> Callable[[str, Any], None]:
    def before(name: str, argument: Any) -> None:
        if name == "get_by_tier" and argument[0] in users and tier in (None, argument[1]):
            raise ConnectionError(f"no route to {argument[0]}")

    return before


class TestForeignRepository:
    @pytest.mark.parametrize(
        ("job", "each"), [(DeduplicationJob, {"merged": 1}), (DecayScoringJob, {"scored": 2})]
    )
    async def test_a_user_that_it_does_not_give(
        self, foreign: Any, lab: Any, job: Any, each: dict[str, int]
    ) -> None:
        foreign.repository.before = refusing("ada")
        report = await run(lab, foreign, job())
        assert changed(report) == each
        expected = ("user ada", "repository.get_by_tier", "ConnectionError: no route to ada")
        assert set(failures(report)) == {expected}
        foreign.repository.before = refusing()
        assert changed(await run(lab, foreign, job())) == each

    async def test_other_tiers_of_the_user_go_on(self, foreign: Any, lab: Any) -> None:
        foreign.repository.before = refusing("ada", tier="short_term")
        report = await run(lab, foreign, DecayScoringJob())
        assert changed(report) == {"scored": 4}
        assert report["failures"] == 1

    @pytest.mark.parametrize("job", [DeduplicationJob, DecayScoringJob, CleanupJob])
    async def test_nobody_at_all_fails_the_job_and_another_attempt_does_it(
        self, foreign: Any, lab: Any, job: Any
    ) -> None:
        foreign.repository.before = refusing("ada", "bob")
        with pytest.raises(ConnectionError, match="no route to ada"):
            await run(lab, foreign, job(run_id="r"))
        foreign.repository.before = refusing()
        report = await run(lab, foreign, job(run_id="r"))
        assert report["resumed"]
        assert report["failures"] == 0
        assert report["counts"]["considered"] == 4

    async def test_a_user_who_is_asked_for_by_name(self, foreign: Any, lab: Any) -> None:
        foreign.repository.before = refusing("ada")
        with pytest.raises(ConnectionError):
            await run(lab, foreign, DeduplicationJob(user_id="ada"))

    async def test_another_attempt_looks_again_at_whom_it_did_not_get(self, foreign: Any, lab: Any) -> None:
        def killed(name: str, argument: Any) -> None:
            refusing("ada")(name, argument)
            if name == "update":
                raise KeyboardInterrupt

        foreign.repository.before = killed
        with pytest.raises(KeyboardInterrupt):
            await run(lab, foreign, DeduplicationJob(run_id="r"))
        foreign.repository.before = refusing()
        report = await run(lab, foreign, DeduplicationJob(run_id="r"))
        assert (changed(report), report["failures"]) == ({"merged": 2}, 0)


class TestOwnRepository:
    @staticmethod
    def breaking(repository: Any, error: Exception) -> None:
        list_page = repository.list_page

        async def broken(*, user_id: str | None = None, **fields: Any) -> Any:
            if user_id == "ada":
                raise error
            return await list_page(user_id=user_id, **fields)

        repository.list_page = broken

    @pytest.mark.parametrize(
        "error", [sqlite3.OperationalError("I/O"), OSError("I/O"), StoreIO("path", "I/O")]
    )
    async def test_a_failure_of_its_file_fails_the_job(
        self, repository: Any, lab: Any, error: Exception
    ) -> None:
        await repository.create_many(pairs(lab))
        self.breaking(repository, error)
        with pytest.raises(type(error)):
            await run(lab, lab.jobs(repository), DeduplicationJob())

    async def test_memories_that_cannot_be_read_are_a_failure_of_their_user(
        self, repository: Any, lab: Any
    ) -> None:
        await repository.create_many(pairs(lab))
        self.breaking(repository, ValueError("no such form"))
        report = await run(lab, lab.jobs(repository), DeduplicationJob())
        assert changed(report) == {"merged": 1}
        assert failures(report) == [("user ada", "repository.list_page", "ValueError: no such form")]
