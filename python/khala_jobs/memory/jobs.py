"""The six lifecycle jobs.

Each is a dataclass whose fields are the job's payload, so a run can be repeated from its stored job alone:
``as_of`` is the clock reading of all decisions (fixed by the first attempt when left out), policies are
preset names or JSON. The run's id is the job's id: attempt 2 of a killed job resumes what attempt 1 began
(run.py).

    jobs.include(MemoryJobs(repository=repo))
    job = await jobs.enqueue(DeduplicationJob(user_id="ada", threshold=0.96))
    report = await job.result()
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, ClassVar, Final

from khala_jobs.base_job import BaseJob, job_name
from khala_jobs.context import Context
from khala_jobs.errors import InvalidArgument, NotFound
from khala_jobs.options import TaskOptions
from khala_jobs.outcomes import RESULT_BYTES

from .cleanup import clean_cache, purge_journal
from .frame import frame_of
from .load import Page
from .model import Tier
from .plan import Plan
from .planners import plan_archival, plan_cleanup, plan_decay, plan_promotion
from .policy import Action, Calibrated, CleanupPolicy, ConsolidationPolicy, DeduplicationPolicy, Exact
from .presets import archival_policy, decay_policy, promotion_policy
from .run import Run, RunSettings
from .scores import ServiceScores
from .services import MemoryServices
from .times import parse_time
from .units import consolidate_users, deduplicate_users, each_page

__all__ = [
    "JOB_CLASSES",
    "ArchivalJob",
    "CleanupJob",
    "ConsolidationJob",
    "DecayScoringJob",
    "DeduplicationJob",
    "LifecycleJob",
    "PromotionJob",
]

PolicySpec = str | dict[str, Any]

_DETACHED: Final = "detached"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleJob(BaseJob[dict[str, Any]]):
    """What the six have in common.

    Args:
        user_id: Only this user's memories (a text that is not empty); None for all, where the repository can list
            its users.
        as_of: RFC 3339 time that all decisions use; None for the time at which the first attempt starts.
        dry_run: Report what would be done and change nothing. A summarizer of one's own is not asked, and the
            summaries' texts are null then.
        detail_limit: Most entries of each list of the result (counts are always complete, and the stored
            report has all entries); None for no limit.
        run_id: Key of the run in the operation log, for undo; the job's id when None. A run is done once: a job
            whose run is finished gives that run's report and does nothing, also when the run was undone since or
            there are new memories. So give each job that is to do something an id of its own, or none.
    """

    user_id: str | None = None
    as_of: str | None = None
    dry_run: bool = False
    detail_limit: int | None = 1000
    run_id: str | None = None

    options: ClassVar[TaskOptions] = {"timeout": "6h", "retry": 2}
    included_by: ClassVar[str] = "call jobs.include(MemoryJobs(repository=…)) first"

    def __post_init__(self) -> None:
        if self.as_of is not None:
            if not isinstance(self.as_of, str):
                raise InvalidArgument("as_of", f"must be an RFC 3339 text, not {self.as_of!r}")
            try:
                parse_time(self.as_of)
            except ValueError as error:
                raise InvalidArgument("as_of", str(error)) from None
        limit: object = self.detail_limit
        if limit is not None and not (type(limit) is int and limit >= 0):
            raise InvalidArgument(
                "detail_limit", f"must be a whole number, 0 or more, or None, not {limit!r}"
            )
        for name in ("user_id", "run_id"):
            given: object = getattr(self, name)
            if given is not None and not (isinstance(given, str) and given):
                raise InvalidArgument(name, f"must be a text that is not empty, or None, not {given!r}")
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Refuse wrong arguments when the job is made, not when it runs."""

    @abstractmethod
    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """Go through the units of a run that has begun."""

    async def run(self, ctx: Context) -> dict[str, Any]:
        """Load, plan, apply (unless it is a dry run), report.

        Returns:
            The report, see `report.Report`.

        Raises:
            NotFound: No `MemoryJobs` was provided to the worker.
            InvalidArgument: ``user_id`` is required by this repository.
        """
        jobs = ctx.resources.get(MemoryServices)
        if jobs is None:
            raise NotFound("resources", f"{type(self).__name__} works on a repository: {self.included_by}")
        run = Run(self._settings(ctx, jobs), jobs.journal, jobs.target)
        finished = await run.begin()
        if finished is not None:
            return finished
        await self.work(ctx, jobs, run)
        report = await run.finish()
        ctx.step("complete", **{f"{name}_count": count for name, count in report["counts"].items()})
        return report

    def _settings(self, ctx: Context, jobs: MemoryServices) -> RunSettings:
        # A handler that is called directly has no job: each call is a run of its own.
        job_id = f"direct-{uuid.uuid4()}" if ctx.job_id == _DETACHED else ctx.job_id
        return RunSettings(
            job=job_name(type(self)),
            run_id=job_id if self.run_id is None else self.run_id,
            as_of_us=jobs.clock() if self.as_of is None else parse_time(self.as_of),
            dry_run=self.dry_run,
            user_id=self.user_id,
            clock=jobs.clock,
            arguments=_plain(asdict(self)),
            result_bytes=RESULT_BYTES,
            detail_limit=self.detail_limit,
        )


def _plain(value: Any) -> Any:
    """Enum members as texts, also where they are keys."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class DecayScoringJob(LifecycleJob):
    """Compute decay scores.

    Args:
        policy: ``khala_compat`` (KHALA's formula by tier and access), ``khala_flat``, ``half_life``, or JSON
            as for `policy.decay_policy`.
    """

    policy: PolicySpec = "khala_compat"

    task_name: ClassVar[str] = "memory.decay_scoring"

    def check(self) -> None:
        """Resolve the policy."""
        decay_policy(self.policy)

    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """Page by page."""
        policy = decay_policy(self.policy)

        def planner(page: Page) -> Plan:
            return plan_decay(frame_of(page.memories), policy, run.as_of_us, jobs.kernels)

        await each_page(ctx, jobs, run, self.user_id, planner)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionJob(LifecycleJob):
    """Promote memories to the next tiers.

    Args:
        policy: ``khala_lifecycle``, ``khala_temporal``, ``khala_score``, or JSON as for
            `policy.promotion_policy`.
    """

    policy: PolicySpec = "khala_lifecycle"

    task_name: ClassVar[str] = "memory.promotion"

    def check(self) -> None:
        """Resolve the policy."""
        promotion_policy(self.policy)

    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """Page by page."""
        policy = promotion_policy(self.policy)

        def planner(page: Page) -> Plan:
            service, frame = jobs.memory_service, frame_of(page.memories)
            if service is None:
                return plan_promotion(frame, policy, run.as_of_us, jobs.kernels)
            scores = ServiceScores(service, page, run.as_of_us)
            return scores.settle(plan_promotion(frame, policy, run.as_of_us, jobs.kernels, scores))

        await each_page(ctx, jobs, run, self.user_id, planner)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivalJob(LifecycleJob):
    """Archive what is old, faded and unused.

    Args:
        policy: ``khala_lifecycle``, ``khala_temporal``, or JSON as for `policy.archival_policy`.
    """

    policy: PolicySpec = "khala_lifecycle"

    task_name: ClassVar[str] = "memory.archival"

    def check(self) -> None:
        """Resolve the policy."""
        archival_policy(self.policy)

    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """Page by page."""
        policy = archival_policy(self.policy)

        def planner(page: Page) -> Plan:
            return plan_archival(frame_of(page.memories), policy, run.as_of_us, jobs.kernels)

        await each_page(ctx, jobs, run, self.user_id, planner)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeduplicationJob(LifecycleJob):
    """Merge or flag duplicates.

    A run whose threshold is stated is warned, in the log and in the report, about embedding models that are
    not calibrated; one whose threshold is ``calibrated`` leaves their users out as errors.

    Args:
        threshold: Least cosine of a duplicate and its canonical, or ``calibrated``.
        action: ``archive`` the duplicates, or ``flag`` them.
        exact: Where equal texts are merged whatever their vectors: in a ``partition``, for a whole ``user``, or
            ``off``.
        semantic: Whether vectors are compared at all.
    """

    threshold: float | Calibrated = 0.95
    action: Action = "archive"
    exact: Exact = "partition"
    semantic: bool = True

    task_name: ClassVar[str] = "memory.deduplication"

    def policy(self) -> DeduplicationPolicy:
        """The policy."""
        return DeduplicationPolicy(self.threshold, self.action, self.exact, self.semantic)

    def check(self) -> None:
        """Resolve the policy."""
        self.policy()

    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """User by user."""
        await deduplicate_users(ctx, jobs, run, self.user_id, self.policy())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolidationJob(LifecycleJob):
    """Summarise clusters of similar memories; the fields are those of `policy.ConsolidationPolicy`.

    Args:
        force: Do not ask the memory service whether it is time.
    """

    threshold: float = 0.85
    tiers: tuple[Tier, ...] = (Tier.SHORT_TERM,)
    min_size: int = 2
    max_size: int = 20
    target_tier: Tier = Tier.LONG_TERM
    force: bool = False

    task_name: ClassVar[str] = "memory.consolidation"

    def policy(self) -> ConsolidationPolicy:
        """The policy."""
        return ConsolidationPolicy(self.threshold, self.tiers, self.min_size, self.max_size, self.target_tier)

    def check(self) -> None:
        """Resolve the policy."""
        self.policy()

    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """User by user."""
        await consolidate_users(ctx, jobs, run, self.user_id, self.policy(), force=self.force)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupJob(LifecycleJob):
    """Delete what has expired, memories and cache entries; the only job that deletes.

    The fields are those of `policy.CleanupPolicy`. It also drops the logs of runs that were finished more than
    ``keep_undo_days`` ago, after which those cannot be undone; with a ``user_id``, of runs about that user alone.
    """

    grace_hours: float = 24.0
    tier_ttl_hours: dict[Tier, float] = field(default_factory=dict)
    purge_archived_after_days: float | None = None
    keep_undo_days: float = 30.0
    max_deletes: int = 100_000

    task_name: ClassVar[str] = "memory.cleanup"

    def policy(self) -> CleanupPolicy:
        """The policy."""
        return CleanupPolicy(
            self.grace_hours,
            self.tier_ttl_hours,
            self.purge_archived_after_days,
            self.keep_undo_days,
            self.max_deletes,
        )

    def check(self) -> None:
        """Resolve the policy."""
        self.policy()

    async def work(self, ctx: Context, jobs: MemoryServices, run: Run) -> None:
        """Memories page by page, then cache entries, then old logs."""
        policy = self.policy()

        def planner(page: Page) -> Plan:
            left = policy.max_deletes - run.report.counts.get("due", 0)
            return plan_cleanup(frame_of(page.memories), policy, run.as_of_us, left)

        await each_page(ctx, jobs, run, self.user_id, planner)
        if over := run.report.counts.get("over_quota", 0):
            due = run.report.counts["due"]
            reason = f"max_deletes is {policy.max_deletes}; the rest is left for the next run"
            run.report.truncated.append(
                {"what": "cleanup", "kept": due, "total": due + over, "reason": reason}
            )
        await run.unit("cache", partial(clean_cache, jobs, run, policy))
        await run.unit("journal", partial(purge_journal, jobs, run, policy))


JOB_CLASSES: Final[tuple[type[LifecycleJob], ...]] = (
    DecayScoringJob,
    PromotionJob,
    ArchivalJob,
    DeduplicationJob,
    ConsolidationJob,
    CleanupJob,
)
