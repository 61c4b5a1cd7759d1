"""The six jobs on the embedded repository: what each does, reports, refuses and leaves alone."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import pytest

from khala_jobs import JobProcessor
from khala_jobs.base_job import BaseJob, ClassCodec, define_class
from khala_jobs.errors import InvalidArgument, NotFound
from khala_jobs.memory import MemoryJobs
from khala_jobs.memory.jobs import (
    JOB_CLASSES,
    ArchivalJob,
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    PromotionJob,
)
from khala_jobs.memory.times import parse_time

from .lifecycle_kit import EXPECTED, LISTED, changed, corpus, in_order, run


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
        assert changed(dry) == changed(wet)
        assert {**dict.fromkeys(wet["counts"], 0), **dry["counts"]} == wet["counts"]
        assert dry["plan_hash"] == wet["plan_hash"]
        for name in LISTED:
            assert sorted(dry[name], key=in_order) == sorted(wet[name], key=in_order)

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

    @pytest.mark.parametrize("field", ["run_id", "user_id"])
    @pytest.mark.parametrize("wrong", ["", 5])
    def test_an_id_is_a_text_of_something(self, kind: Any, field: str, wrong: Any) -> None:
        with pytest.raises(InvalidArgument, match=f"{field}: must be a text that is not empty, or None, not"):
            kind(**{field: wrong})


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
    before = time.time_ns() // 1000
    jobs = MemoryJobs(repository, judge=lab.agree)
    report = await run(lab, jobs, DecayScoringJob())
    assert before <= parse_time(report["as_of"]) <= time.time_ns() // 1000
