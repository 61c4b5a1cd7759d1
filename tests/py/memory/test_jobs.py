from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import JobProcessor
from khala_jobs.base_job import BaseJob, ClassCodec, define_class
from khala_jobs.errors import InvalidArgument, NotFound
from khala_jobs.memory import MemoryJobs, SqliteJournal, SqliteMemoryRepository
from khala_jobs.memory.jobs import (
    JOB_CLASSES,
    ArchivalJob,
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    LifecycleJob,
    PromotionJob,
)
from khala_jobs.memory.report import LISTS

LISTED = [*LISTS.values()]


def corpus(lab: Any, user: str = "ada") -> list[Any]:
    """Something for each job to do."""

    def make(name: str, content: str | None = None, **fields: Any) -> Any:
        return lab.memory(f"{user}-{name}", content, user_id=user, model_id="m", **fields)

    return [
        make("used", tier="working", access_count=9, importance=0.95),
        make("old", age_days=200, importance=0.1),
        make("tea1", "I like tea", importance=0.6, embedding=lab.unit(0.0)),
        make("tea2", "I like tea", embedding=lab.unit(0.0)),
        make("tea3", "I do like tea", embedding=lab.unit(0.01)),
        make("hike1", "Ada hikes with Rex.", tier="short_term", embedding=lab.unit(1.5)),
        make("hike2", "She has 3 dogs.", tier="short_term", embedding=lab.unit(1.9)),
        make("expired", expires_us=0),
        make("pinned", "I like tea", pinned=True, expires_us=0, age_days=900, importance=0.0),
        make("hidden", "I like tea", archived=True),
    ]


async def run(lab: Any, jobs: MemoryJobs, job: LifecycleJob, ctx: Any = None) -> dict[str, Any]:
    return await job.run(ctx or lab.context(jobs))


def changed(report: dict[str, Any]) -> dict[str, int]:
    return {name: report["counts"][name] for name in LISTED if report["counts"][name]}


def in_order(entry: dict[str, Any]) -> str:
    return str(sorted(entry.items()))


EXPECTED = {
    DecayScoringJob: {"scored": 8},
    PromotionJob: {"promoted": 1},
    ArchivalJob: {"archived": 1},
    DeduplicationJob: {"merged": 2},
    ConsolidationJob: {"consolidated": 1},
    CleanupJob: {"cleaned": 1},
}


@pytest.fixture
async def jobs(repository: SqliteMemoryRepository, lab: Any) -> MemoryJobs:
    await repository.create_many(corpus(lab))
    return lab.jobs(repository)


@pytest.mark.parametrize("kind", JOB_CLASSES)
class TestEachJob:
    async def test_does_its_work_and_then_finds_nothing_more(
        self, kind: Any, jobs: Any, repository: Any, lab: Any
    ) -> None:
        report = await run(lab, jobs, kind())
        assert changed(report) == EXPECTED[kind]
        assert report["failures"] == 0
        assert report["errors"] == report["stale"] == report["truncated"] == []
        assert report["job"] == kind.task_name
        assert report["as_of"] == "2025-06-01T12:00:00Z"
        after = await lab.everything(repository)
        again = await run(lab, jobs, kind())
        assert changed(again) == {}
        assert await lab.everything(repository) == after

    async def test_a_dry_run_says_the_same_and_changes_nothing(
        self, kind: Any, jobs: Any, repository: Any, lab: Any
    ) -> None:
        before = await lab.everything(repository)
        dry = await run(lab, jobs, kind(dry_run=True))
        assert await lab.everything(repository) == before
        assert await repository.list_runs() == []
        assert dry["run_id"] is None
        wet = await run(lab, jobs, kind())
        if kind is not ConsolidationJob:  # a dry run asks no summarizer
            assert changed(dry) == changed(wet)
            assert dry["plan_hash"] == wet["plan_hash"]
            for name in LISTED:
                assert sorted(dry[name], key=in_order) == sorted(wet[name], key=in_order)
        else:
            assert dry["counts"]["clusters"] == wet["counts"]["clusters"] == 1
        assert dry["counts"]["considered"] == wet["counts"]["considered"]

    async def test_can_be_undone(self, kind: Any, jobs: Any, repository: Any, lab: Any) -> None:
        before = await lab.everything(repository)
        report = await run(lab, jobs, kind())
        undone = await jobs.undo(report["run_id"])
        assert undone.conflicts == ()
        assert undone.restored == sum(EXPECTED[kind].values())
        assert await lab.everything(repository) == before

    async def test_touches_nobody_else(self, kind: Any, jobs: Any, repository: Any, lab: Any) -> None:
        await repository.create_many(corpus(lab, "bob"))
        before = [m for m in await lab.everything(repository) if m["user_id"] == "ada"]
        report = await run(lab, jobs, kind(user_id="bob"))
        assert changed(report) == EXPECTED[kind]
        assert [m for m in await lab.everything(repository) if m["user_id"] == "ada"] == before
        assert changed(await run(lab, jobs, kind(user_id="nobody"))) == {}

    async def test_works_on_all_users(self, kind: Any, jobs: Any, repository: Any, lab: Any) -> None:
        await repository.create_many(corpus(lab, "bob"))
        report = await run(lab, jobs, kind())
        assert changed(report) == {name: 2 * count for name, count in EXPECTED[kind].items()}

    async def test_pages_make_no_difference(self, kind: Any, repository: Any, lab: Any) -> None:
        await repository.create_many(corpus(lab))
        report = await run(lab, lab.jobs(repository, page_size=2), kind())
        assert changed(report) == EXPECTED[kind]

    async def test_the_same_run_is_done_once(self, kind: Any, jobs: Any, repository: Any, lab: Any) -> None:
        first = await run(lab, jobs, kind(run_id="r"))
        after = await lab.everything(repository)
        second = await run(lab, lab.jobs(repository, clock=lambda: 5), kind(run_id="r"))
        assert second == first
        assert await lab.everything(repository) == after
        assert await jobs.report("r") == first
        assert await jobs.report("nobody") is None

    async def test_says_how_far_it_is(self, kind: Any, jobs: Any, lab: Any) -> None:
        ctx = lab.context(jobs)
        await run(lab, jobs, kind(), ctx)
        reports = ctx.reports
        assert reports
        assert all(0 <= count <= total for count, total, _ in reports)
        assert reports[-1][0] == reports[-1][1]
        assert [name for name, _ in ctx.steps] == ["complete"]

    async def test_stops_when_asked_to_and_goes_on_later(self, kind: Any, repository: Any, lab: Any) -> None:
        for user in ("ada", "bob"):
            await repository.create_many(corpus(lab, user))
        jobs = lab.jobs(repository, page_size=5)
        ctx = lab.context(jobs)
        ctx.cancelled = True
        with pytest.raises(asyncio.CancelledError):
            await run(lab, jobs, kind(run_id="r"), ctx)
        report = await run(lab, jobs, kind(run_id="r"))
        assert report["resumed"] is True
        assert changed(report) == {name: 2 * count for name, count in EXPECTED[kind].items()}

    def test_its_payload_is_its_fields(self, kind: Any) -> None:
        codec = ClassCodec(kind)
        job = kind(user_id="ada", as_of="2025-06-01T12:00:00Z", dry_run=True, detail_limit=None)
        (again,), _ = codec.decode(codec.encode((job,), {}))
        assert again == job
        assert issubclass(kind, BaseJob)
        assert define_class(kind).name == kind.task_name

    def test_wrong_arguments_are_refused_when_it_is_made(self, kind: Any) -> None:
        with pytest.raises(InvalidArgument, match="RFC 3339"):
            kind(as_of="yesterday")
        with pytest.raises(InvalidArgument, match="detail_limit"):
            kind(detail_limit=-1)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: DecayScoringJob(policy="exp"), "policy"),
        (lambda: PromotionJob(policy={"rules": []}), "policy"),
        (lambda: ArchivalJob(policy="nope"), "policy"),
        (lambda: DeduplicationJob(threshold=2), "threshold"),
        (lambda: ConsolidationJob(min_size=0), "min_size"),
        (lambda: CleanupJob(grace_hours=-1), "grace_hours"),
    ],
)
def test_wrong_policies_are_refused_when_the_job_is_made(make: Any, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.field == field


async def test_the_lists_of_a_report(jobs: Any, repository: Any, lab: Any) -> None:
    scored = await run(lab, jobs, DecayScoringJob(user_id="ada"))
    (entry,) = [e for e in scored["scored"] if e["id"] == "ada-old"]
    memory = await repository.get_by_id("ada-old")
    assert entry == {
        "id": "ada-old",
        "score": memory.decay_score,
        "previous": None,
        "reason": "khala_compat: 200 days old",
    }
    merged = await run(lab, jobs, DeduplicationJob())
    assert [(e["canonical"], e["duplicate"], e["kind"]) for e in merged["merged"]] == [
        ("ada-tea1", "ada-tea2", "exact"),
        ("ada-tea1", "ada-tea3", "semantic"),
    ]
    assert all({"canonical", "duplicate", "cosine"} <= set(entry) for entry in merged["merged"])
    promoted = await run(lab, jobs, PromotionJob())
    assert promoted["promoted"][0]["from"] == "working"
    assert promoted["promoted"][0]["to"] == "long_term"
    archived = await run(lab, jobs, ArchivalJob())
    assert archived["archived"][0]["id"] == "ada-old"
    cleaned = await run(lab, jobs, CleanupJob())
    assert cleaned["cleaned"][0]["reason"] == "expired 1970-01-01T00:00:00Z"
    assert set(scored["seconds"]) == {"load", "plan", "apply", "report"}


async def test_long_lists_are_cut_and_say_so(repository: Any, lab: Any) -> None:
    await repository.create_many([lab.memory(f"{n:04}") for n in range(2500)])
    jobs = lab.jobs(repository)
    report = await run(lab, jobs, DecayScoringJob(detail_limit=3, run_id="r"))
    assert [entry["id"] for entry in report["scored"]] == ["0000", "0001", "0002"]
    assert report["counts"]["scored"] == 2500
    assert report["truncated"] == [
        {"what": "scored", "kept": 3, "total": 2500, "reason": "limit of this report; the stored one has all"}
    ]
    assert len((await jobs.report("r"))["scored"]) == 2500
    assert len((await jobs.report("r", 1500))["scored"]) == 1500
    dry = await run(lab, jobs, DecayScoringJob(detail_limit=0, dry_run=True, policy="half_life"))
    assert (dry["scored"], dry["counts"]["scored"], dry["truncated"][0]["total"]) == ([], 2500, 2500)
    assert dry["truncated"][0]["reason"] == "limit of this report; a dry run stores no longer one"


async def test_the_guard_of_the_project_is_the_default(repository: Any, lab: Any, kernels: Any) -> None:
    pairs = {"a1": "Always rebase before merging", "a2": "Never rebase before merging"}
    await repository.create_many(
        [lab.memory(name, text, embedding=lab.unit(0.1)) for name, text in pairs.items()]
    )
    jobs = MemoryJobs(repository, clock=lambda: lab.now_us)
    assert isinstance(jobs.kernels, type(kernels))
    report = await run(lab, jobs, DeduplicationJob(threshold=0.9))
    assert changed(report) == {}
    (pair,) = report["review"]
    assert {pair["a"], pair["b"]} == {"a1", "a2"}
    assert pair["cosine"] == pytest.approx(1.0)
    assert pair["kind"] == "conflict"
    assert pair["reason"]
    assert report["counts"]["review"] == 1


async def test_flags_change_nothing_but_the_flag(jobs: Any, repository: Any, lab: Any) -> None:
    before = {m["id"]: m for m in await lab.everything(repository)}
    report = await run(lab, jobs, DeduplicationJob(action="flag"))
    assert changed(report) == {"flagged": 2}
    for memory in await lab.everything(repository):
        assert {**memory, "duplicate_flag": None} == before[memory["id"]]
    assert changed(await run(lab, jobs, DeduplicationJob(action="flag"))) == {}


async def test_too_many_pairs_of_one_user_do_not_stop_the_others(
    repository: Any, lab: Any, kernels: Any
) -> None:
    class Refusing:
        find_pairs = staticmethod(
            lambda matrix, threshold, groups: (
                refuse() if len(matrix) == 3 else kernels.find_pairs(matrix, threshold, groups)
            )
        )
        star_clusters = staticmethod(kernels.star_clusters)

    def refuse() -> Any:
        raise InvalidArgument("max_pairs", "more than 10 pairs")

    for user, count in (("ada", 3), ("bob", 2)):
        await repository.create_many(
            [lab.memory(f"{user}{n}", embedding=lab.unit(0.01 * n), user_id=user) for n in range(count)]
        )
    report = await run(lab, lab.jobs(repository, kernels=Refusing()), DeduplicationJob())
    assert report["errors"] == [{"where": "user ada", "field": "max_pairs", "reason": "more than 10 pairs"}]
    assert changed(report) == {"merged": 1}
    assert report["failures"] == 1


class TestEmbedder:
    async def test_vectors_for_memories_without_one(self, repository: Any, lab: Any) -> None:
        texts = {"a": "one text", "b": "One text", "c": "else", "d": "  "}
        await repository.create_many([lab.memory(name, text) for name, text in texts.items()])

        class Same(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                return super().embed([text.lower() for text in texts])

        before = await lab.everything(repository)
        report = await run(lab, lab.jobs(repository, embedder=Same()), DeduplicationJob(dry_run=True))
        assert changed(report) == {"merged": 1}
        assert report["counts"]["embedded"] == 3
        assert await lab.everything(repository) == before

    async def test_a_failing_embedder_is_an_error_not_the_end(self, repository: Any, lab: Any) -> None:
        class Broken(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                raise RuntimeError("no model")

        await repository.create_many([lab.memory("a", "same"), lab.memory("b", "same")])
        report = await run(lab, lab.jobs(repository, embedder=Broken()), DeduplicationJob())
        assert report["errors"] == [
            {"where": "a", "field": "embedder", "reason": "2 memories: RuntimeError: no model"}
        ]
        assert changed(report) == {"merged": 1}

    async def test_a_summary_is_embedded_by_the_model_of_its_sources(self, repository: Any, lab: Any) -> None:
        embedder = lab.HashEmbedder()
        rows = [
            lab.memory(n, f"Text {n}.", tier="short_term", embedding=[1.0] * 8, model_id="hash-8")
            for n in "ab"
        ]
        rows += [
            lab.memory(n, f"Text {n}.", tier="short_term", embedding=[1.0] * 8, model_id="other")
            for n in "cd"
        ]
        await repository.create_many(rows)
        await run(lab, lab.jobs(repository, embedder=embedder), ConsolidationJob())
        made = {m.model_id: m for m in await repository.list_page() if m.consolidated_from}
        assert made["hash-8"].metadata == {"embedding_source": "model"}
        assert (
            made["hash-8"].embedding.tolist()
            == lab.HashEmbedder().embed([made["hash-8"].content])[0].tolist()
        )
        assert made["other"].metadata == {"embedding_source": "mean of the sources"}
        assert embedder.texts == [made["hash-8"].content]

    async def test_if_that_fails_it_gets_the_mean(self, repository: Any, lab: Any) -> None:
        class Broken(lab.HashEmbedder):
            def embed(self, texts: Any, progress: object = None) -> Any:
                raise RuntimeError("no model")

        rows = [lab.memory(n, tier="short_term", embedding=[1.0] * 8, model_id="hash-8") for n in "ab"]
        await repository.create_many(rows)
        await run(lab, lab.jobs(repository, embedder=Broken()), ConsolidationJob())
        (made,) = [m for m in await repository.list_page() if m.consolidated_from]
        assert made.metadata == {"embedding_source": "mean of the sources"}


class Writer:
    """A summarizer that keeps count and can fail."""

    def __init__(self, fails_on: str = "") -> None:
        self.asked: list[list[str]] = []
        self.fails_on = fails_on

    async def summarize(self, contents: Any) -> Any:
        self.asked.append(list(contents))
        await asyncio.sleep(0)
        if self.fails_on and any(self.fails_on in text for text in contents):
            raise RuntimeError("the model is out")
        return "A summary."


class TestSummarizer:
    def rows(self, lab: Any) -> list[Any]:
        return [
            lab.memory(
                f"{n}{k}", f"{n} has port {k}.", tier="short_term", embedding=lab.unit(angle + 0.01 * k)
            )
            for n, angle in (("x", 0.0), ("y", 1.5))
            for k in (1, 2)
        ]

    async def test_its_text_is_completed(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=Writer()), ConsolidationJob())
        assert changed(report) == {"consolidated": 2}
        assert report["consolidated"][0]["content"].startswith("A summary.\n")
        contents = {m.content for m in await repository.list_page() if m.consolidated_from}
        assert contents == {
            "A summary.\nx has port 1.\nx has port 2.",
            "A summary.\ny has port 1.\ny has port 2.",
        }

    async def test_one_failure_leaves_that_cluster_alone(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=Writer("x has")), ConsolidationJob())
        assert changed(report) == {"consolidated": 1}
        assert report["errors"][0]["reason"] == "RuntimeError: the model is out (2 memories left as they are)"
        assert not (await repository.get_by_id("x1")).archived

    @pytest.mark.parametrize("text", ["", "  ", None, 5])
    async def test_no_text_is_a_failure(self, repository: Any, lab: Any, text: Any) -> None:
        class Silent:
            async def summarize(self, contents: Any) -> Any:
                return text

        await repository.create_many(self.rows(lab))
        report = await run(lab, lab.jobs(repository, summarizer=Silent()), ConsolidationJob())
        assert changed(report) == {}
        assert report["failures"] == 2
        assert "returned no text" in report["errors"][0]["reason"]

    async def test_a_dry_run_asks_nobody(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        writer = Writer()
        report = await run(lab, lab.jobs(repository, summarizer=writer), ConsolidationJob(dry_run=True))
        assert writer.asked == []
        assert report["counts"]["clusters"] == 2

    async def test_summaries_paid_for_are_not_paid_for_again(self, repository: Any, lab: Any) -> None:
        await repository.create_many(self.rows(lab))
        stored = asyncio.Event()
        save_draft = repository.save_draft

        async def save(*arguments: Any) -> None:
            await save_draft(*arguments)
            stored.set()

        class Hanging(Writer):
            async def summarize(self, contents: Any) -> Any:
                if "y has" in contents[0]:
                    await asyncio.Event().wait()
                return await super().summarize(contents)

        repository.save_draft = save
        hanging = lab.jobs(repository, summarizer=Hanging())
        first = asyncio.create_task(run(lab, hanging, ConsolidationJob(run_id="r")))
        async with asyncio.timeout(60):
            await stored.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = Writer()
        report = await run(lab, lab.jobs(repository, summarizer=second), ConsolidationJob(run_id="r"))
        assert changed(report) == {"consolidated": 2}
        assert [contents[0][0] for contents in second.asked] == ["y"]


class Died(BaseException):
    """The process, as far as this test is concerned."""


@pytest.mark.parametrize("kind", JOB_CLASSES)
async def test_a_plan_that_was_begun_is_finished_by_the_next_attempt(
    kind: Any, jobs: Any, repository: Any, lab: Any
) -> None:
    async def die(run_id: str, operations: Any) -> Any:
        raise Died

    apply = repository.apply_operations
    repository.apply_operations = die
    with pytest.raises(Died):
        await run(lab, lab.jobs(repository), kind(run_id="r"))
    repository.apply_operations = apply
    later = lab.jobs(repository, clock=lambda: lab.now_us + 99 * lab.day_us)
    report = await run(lab, later, kind(run_id="r"))
    assert changed(report) == EXPECTED[kind]
    assert report["as_of"] == "2025-06-01T12:00:00Z"
    assert report["resumed"] is True


async def test_summaries_of_other_models_are_not_embedded(repository: Any, lab: Any) -> None:
    rows = [lab.memory(n, tier="short_term", embedding=[1.0] * 8, model_id="other") for n in "ab"]
    await repository.create_many(rows)
    embedder = lab.HashEmbedder()
    await run(lab, lab.jobs(repository, embedder=embedder), ConsolidationJob())
    assert embedder.texts == []


async def test_a_failing_embedder_while_consolidating_is_said(repository: Any, lab: Any) -> None:
    class Broken(lab.HashEmbedder):
        def embed(self, texts: Any, progress: object = None) -> Any:
            raise RuntimeError("no model")

    await repository.create(lab.memory("a", tier="short_term"))
    report = await run(lab, lab.jobs(repository, embedder=Broken()), ConsolidationJob())
    assert report["errors"][0]["reason"] == "1 memories: RuntimeError: no model"


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


async def test_without_memory_jobs_there_is_a_clear_error(lab: Any) -> None:
    from khala_jobs.context import detached

    with pytest.raises(NotFound, match=r"jobs\.include\(MemoryJobs\("):
        await DecayScoringJob().run(detached("x"))
    with pytest.raises(InvalidArgument, match=r"not included: call jobs\.include\(MemoryJobs\("):
        await JobProcessor("memory://").enqueue(DecayScoringJob())


@pytest.mark.parametrize("threshold", [1, 0.5, "calibrated"])
async def test_a_threshold_may_be_a_whole_number(jobs: Any, threshold: Any) -> None:
    processor = JobProcessor("memory://", workers=1)
    processor.include(jobs)
    async with processor:
        job = await processor.enqueue(DeduplicationJob(threshold=threshold, dry_run=True))
        assert (await job.result(timeout=60))["settings"]["threshold"] == threshold


async def test_a_memory_that_changes_under_the_plan_is_stale(jobs: Any, repository: Any, lab: Any) -> None:
    original = repository.apply_operations

    async def meanwhile(run_id: str, operations: Any) -> Any:
        memory = await repository.get_by_id("ada-tea1")
        await repository.update(memory.with_changes({"content": "I hate tea"}))
        return await original(run_id, operations)

    repository.apply_operations = meanwhile
    jobs = lab.jobs(repository)
    report = await run(lab, jobs, DeduplicationJob())
    assert changed(report) == {}
    assert len(report["stale"]) == report["counts"]["stale"] == 2
    assert "content_hash of ada-tea1" in report["stale"][0]["reason"]
    assert math.isfinite(report["seconds"]["apply"])


async def test_a_handler_called_directly_is_a_run_of_its_own(jobs: Any, lab: Any) -> None:
    from khala_jobs.context import detached
    from khala_jobs.resources import Resources

    resources = Resources()
    jobs.provide(resources)
    ctx = detached("memory.decay_scoring", resources)
    first, second = await DecayScoringJob().run(ctx), await DecayScoringJob().run(ctx)
    assert first["run_id"].startswith("direct-")
    assert first["run_id"] != second["run_id"]


async def test_the_run_is_the_job(jobs: Any, lab: Any) -> None:
    report = await run(lab, jobs, DecayScoringJob(), lab.context(jobs, "job-7"))
    assert report["run_id"] == "job-7"
    again = await run(lab, jobs, DecayScoringJob(), lab.context(jobs, "job-7"))
    assert again == report


async def test_including_registers_the_six_and_their_resource(jobs: Any, lab: Any) -> None:
    from khala_jobs.task import Tasks

    assert tuple(jobs) == jobs.job_classes == JOB_CLASSES
    processor = JobProcessor("memory://", workers=1)
    processor.include(jobs)
    assert processor.resources[MemoryJobs] is jobs
    async with processor:
        job = await processor.enqueue(DeduplicationJob())
        report = await job.result(timeout=60)
    assert changed(report) == EXPECTED[DeduplicationJob]
    assert report["run_id"] == job.id
    with pytest.raises(InvalidArgument, match="JobProcessor"):
        Tasks().include(jobs)


async def test_the_clock_is_the_machine_s_unless_told_otherwise(repository: Any, lab: Any) -> None:
    import time

    before = time.time_ns() // 1000
    jobs = MemoryJobs(repository, judge=lab.agree)
    report = await run(lab, jobs, DecayScoringJob())
    from khala_jobs.memory.model import parse_time

    assert before <= parse_time(report["as_of"]) <= time.time_ns() // 1000


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
