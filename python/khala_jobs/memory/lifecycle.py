"""The whole lifecycle as a chain of durable jobs, and the one report that it adds up to.

The order matters and is fixed: first what earns a place, then scores (they depend on the place; scored before it is
promoted, a memory would be scored anew by the next run), then what says the same, then what is worth summing up, then
what may rest, and last what is due for deletion. Each stage is one job, enqueued when the one before it has closed; all
share one clock reading, so a stage that runs again after a crash decides as it did before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from khala_jobs.errors import JobQuarantined, NotFound

from .jobs import (
    ArchivalJob,
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    LifecycleJob,
    PromotionJob,
)
from .report import LISTS
from .services import MemoryServices

if TYPE_CHECKING:
    from khala_jobs.info import JobInfo, Progress
    from khala_jobs.job import Job
    from khala_jobs.processor import JobProcessor

__all__ = ["STAGES", "Stage", "give_up", "lifecycle_report", "run_lifecycle", "stage_jobs"]

STAGES: Final[tuple[type[LifecycleJob], ...]] = (
    PromotionJob,
    DecayScoringJob,
    DeduplicationJob,
    ConsolidationJob,
    ArchivalJob,
    CleanupJob,
)

# How often a running stage is asked how far it is, in seconds.
PROGRESS_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Stage:
    """One finished stage.

    Attributes:
        name: Of the job class without ``Job``: ``Deduplication``.
        info: The closed job, with its attempts.
        report: Its complete report.
        seconds: From enqueue to result.
    """

    name: str
    info: JobInfo
    report: dict[str, Any]
    seconds: float


Watch = Callable[[str, "JobInfo | None", "Progress | None"], None]
"""Told (stage, job or None before its first look, progress or None) while a stage is open and once when it closed."""


def stage_name(stage: type[LifecycleJob]) -> str:
    """``DeduplicationJob`` -> ``Deduplication``."""
    return stage.__name__.removesuffix("Job")


def stage_jobs(
    *, as_of: str, dry_run: bool = False, threshold: float | None = None, **fields: Any
) -> list[LifecycleJob]:
    """The jobs of the six stages.

    Args:
        as_of: RFC 3339 clock reading of all decisions.
        dry_run: Report and change nothing.
        threshold: Of deduplication; its default when None.
        **fields: Further fields that all six have: ``user_id``, ``detail_limit``.
    """
    jobs: list[LifecycleJob] = []
    for stage in STAGES:
        own: dict[str, Any] = (
            {"threshold": threshold} if stage is DeduplicationJob and threshold is not None else {}
        )
        jobs.append(stage(as_of=as_of, dry_run=dry_run, **fields, **own))
    return jobs


async def run_lifecycle(
    jobs: JobProcessor,
    stages: Sequence[LifecycleJob],
    memory: MemoryServices,
    watch: Watch | None = None,
    *,
    chain: str | None = None,
) -> list[Stage]:
    """Run stages one after the other as jobs.

    Args:
        jobs: Where they are enqueued; some worker, here or elsewhere, must run them.
        stages: As `stage_jobs` makes them.
        memory: To read the complete reports with.
        watch: Told how far they are.
        chain: What the jobs are named after. A call with the name and the stages of an earlier one goes on where
            that stopped, whether it was killed or a stage failed: what is done is not done again, and what comes
            back is the whole.

    Raises:
        JobFailed: A stage failed for good; what the stages before it did stays, and can be undone.
    """
    done = []
    for stage in stages:
        name = stage_name(type(stage))
        started = time.perf_counter()
        job = await (jobs.enqueue(stage) if chain is None else _continued(jobs, stage, chain))
        result = await _result(jobs, job, partial(watch, name) if watch is not None else None)
        seconds = time.perf_counter() - started
        info = await job.info()
        if watch is not None:
            watch(name, info, info.progress)
        run_id = result["run_id"]
        report = await memory.report(run_id) if run_id is not None else None
        done.append(Stage(name, info, report or result, seconds))
    return done


async def give_up(jobs: JobProcessor, chain: str) -> None:
    """Cancel what is left of the stages of that name; what they did stays."""
    for stage in STAGES:
        with contextlib.suppress(NotFound):
            await jobs.job(_job_id(chain, stage)).cancel("the run was given up")


def _job_id(chain: str, stage: type[LifecycleJob]) -> str:
    return f"{chain}-{stage_name(stage)}"


async def _continued(jobs: JobProcessor, stage: LifecycleJob, chain: str) -> Job[dict[str, Any]]:
    """The stage's job, made or found; one that ended badly gets another chance, since somebody repeats the call."""
    job = await jobs.enqueue(stage, id=_job_id(chain, type(stage)))
    if job.existed:
        info = await job.info()
        if info.is_closed and info.state != "completed":
            await jobs.queues.retry(job.id)
    return job


async def _result(
    jobs: JobProcessor,
    job: Job[dict[str, Any]],
    watch: Callable[[JobInfo | None, Progress | None], None] | None,
) -> dict[str, Any]:
    """The result of a job, with news of it until then.

    A job that was found may be quarantined while this waits, for the deaths of the processes that ran it before: then
    it runs once more here. It had none beside it, and whoever ended those processes is the one who waits now.
    """
    forgiven = not job.existed
    while True:
        waiting = asyncio.ensure_future(job.result())
        try:
            while not waiting.done():
                if watch is not None:
                    info = await job.info()
                    watch(info, info.progress)
                await asyncio.wait({waiting}, timeout=PROGRESS_SECONDS)
            return await waiting
        except JobQuarantined:
            if forgiven:
                raise
            forgiven = True
            await jobs.queues.retry(job.id)
        finally:
            waiting.cancel()


def lifecycle_report(stages: Sequence[Stage]) -> dict[str, Any]:
    """One report of all stages: every list once, with the counts and times of each stage.

    ``merged`` has canonical, duplicate and cosine; ``review`` has a, b, cosine and reason; ``archived``, ``promoted``
    and ``scored`` have the memory and why; ``failures`` are the items that a stage could not do; ``warnings`` are what
    the stages warned of, each once. ``counts`` has the true lengths of these lists, which a dry run cuts; what a stage
    saw of the memories, which the next stage sees again, is in its own counts.
    """
    report: dict[str, Any] = {
        name: [] for name in (*LISTS.values(), "review", "failures", "warnings", "truncated")
    }
    report["counts"] = dict.fromkeys((*LISTS.values(), "review", "failures"), 0)
    report["stages"] = []
    for stage in stages:
        counts = {**stage.report["counts"], "failures": stage.report["failures"]}
        for name in (*LISTS.values(), "review", "truncated"):
            report[name] += stage.report.get(name, [])
        report["failures"] += [{"stage": stage.name, **entry} for entry in stage.report.get("errors", [])]
        warnings = stage.report.get("warnings", [])
        report["warnings"] += [warning for warning in warnings if warning not in report["warnings"]]
        for name in report["counts"]:
            report["counts"][name] += counts.get(name, 0)
        report["stages"].append(
            {
                "stage": stage.name,
                "job_id": stage.info.id,
                "run_id": stage.report["run_id"],
                "attempts": stage.info.attempt,
                "seconds": round(stage.seconds, 3),
                "seconds_by_step": stage.report["seconds"],
                "counts": stage.report["counts"],
            }
        )
    return report
