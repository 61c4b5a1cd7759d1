"""What the tests of the lifecycle jobs share: memories with something for each job, and how to run one."""

from __future__ import annotations

from typing import Any

from khala_jobs.memory import MemoryJobs
from khala_jobs.memory.jobs import (
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
