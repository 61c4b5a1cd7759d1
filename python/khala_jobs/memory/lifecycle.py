"""The whole lifecycle as a chain of durable jobs, and the one report that it adds up to.

The order matters and is fixed: scores first, then what earns a place, then what says the same, then what is worth
summing up, then what may rest, and last what is due for deletion. Each stage is one job, enqueued when the one before
it has closed; all share one clock reading, so a stage that runs again after a crash decides as it did before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

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
    from khala_jobs.processor import JobProcessor

__all__ = ["STAGES", "Stage", "lifecycle_report", "run_lifecycle", "stage_jobs"]

STAGES: Final[tuple[type[LifecycleJob], ...]] = (
    DecayScoringJob,
    PromotionJob,
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
    jobs: JobProcessor, stages: Sequence[LifecycleJob], memory: MemoryServices, watch: Watch | None = None
) -> list[Stage]:
    """Run stages one after the other as jobs.

    Args:
        jobs: Where they are enqueued; some worker, here or elsewhere, must run them.
        stages: As `stage_jobs` makes them.
        memory: To read the complete reports with.
        watch: Told how far they are.

    Raises:
        JobFailed: A stage failed for good; what the stages before it did stays, and can be undone.
    """
    done = []
    for stage in stages:
        name = stage_name(type(stage))
        started = time.perf_counter()
        job = await jobs.enqueue(stage)
        waiting = asyncio.ensure_future(job.result())
        try:
            while not waiting.done():
                if watch is not None:
                    info = await job.info()
                    watch(name, info, info.progress)
                await asyncio.wait({waiting}, timeout=PROGRESS_SECONDS)
            result = await waiting
        finally:
            waiting.cancel()
        seconds = time.perf_counter() - started
        info = await job.info()
        if watch is not None:
            watch(name, info, info.progress)
        run_id = result["run_id"]
        report = await memory.report(run_id) if run_id is not None else None
        done.append(Stage(name, info, report or result, seconds))
    return done


def lifecycle_report(stages: Sequence[Stage]) -> dict[str, Any]:
    """One report of all stages: every list once, with the counts and times of each stage.

    ``merged`` has canonical, duplicate and cosine; ``review`` has a, b, cosine and reason; ``archived``, ``promoted``
    and ``scored`` have the memory and why; ``failures`` are the items that a stage could not do; ``warnings`` are what
    the stages warned of, each once.
    """
    report: dict[str, Any] = {
        name: [] for name in (*LISTS.values(), "review", "failures", "warnings", "truncated")
    }
    report["counts"] = {}
    report["stages"] = []
    for stage in stages:
        for name in (*LISTS.values(), "review", "truncated"):
            report[name] += stage.report.get(name, [])
        report["failures"] += [{"stage": stage.name, **entry} for entry in stage.report.get("errors", [])]
        warnings = stage.report.get("warnings", [])
        report["warnings"] += [warning for warning in warnings if warning not in report["warnings"]]
        for name, count in stage.report["counts"].items():
            report["counts"][name] = report["counts"].get(name, 0) + count
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
