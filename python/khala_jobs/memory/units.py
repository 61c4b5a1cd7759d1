"""How the jobs go through a repository: page by page, or user by user.

Jobs that judge each memory alone take pages, so memory use does not grow with the number of memories.
Deduplication and consolidation compare all memories of a user, and hold that user's columns and vectors, no
more.

A user whose memories an application's repository does not give is a failure of the report, and the others go on. The
run's journal does not count that user as done, so another attempt looks again. Where nothing at all could be read, the
job fails, and its retry policy applies; so it does on errors of the embedded repository's file and of the journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from khala_jobs.errors import Interrupted, InvalidArgument

from .asked import Unanswered, ask, ask_async
from .codec import view_of
from .consolidation import Clusters, Summary, find_clusters, list_unasked, plan_consolidation
from .deduplication import plan_deduplication
from .embed_memories import embed_missing, embed_summaries
from .frame import Frame, FrameBuilder
from .join import RunKernels
from .kernels import CompiledKernels, Kernels
from .load import Page, Unread
from .model import Memory
from .plan import Issue, Plan
from .policy import ConsolidationPolicy, DeduplicationPolicy
from .ports import MemoryServicePort
from .run import Made, Run
from .services import MemoryServices
from .summary import ExtractiveSummarizer, Summarizer
from .thresholds import thresholds_of

__all__ = ["ProgressPort", "consolidate_users", "deduplicate_users", "each_page", "each_user"]

_SUMMARIES_AT_ONCE = 5

T = TypeVar("T")

_log = logging.getLogger(__name__)


class ProgressPort(Protocol):
    """What a unit needs of a job's context."""

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""

    def progress(self, count: int, total: int = 0, message: str = "") -> Awaitable[None]:
        """Say how far the run is."""


async def _tick(ctx: ProgressPort, count: int, total: int | None, message: str) -> None:
    if ctx.cancelled:
        raise asyncio.CancelledError("the job was asked to stop; it goes on from here if it runs again")
    await ctx.progress(count, max(total or 0, count) if total is not None else 0, message)


async def each_page(
    ctx: ProgressPort, jobs: MemoryServices, run: Run, user_id: str | None, planner: Callable[[Page], Plan]
) -> None:
    """Plan and carry out page by page.

    Args:
        ctx: For the progress.
        jobs: Repository and kernels.
        run: The run.
        user_id: Only this user's memories.
        planner: Pure; called in a thread.
    """
    total = await jobs.loader.total(user_id)
    done = 0
    reading = _Reading()
    unit = await jobs.loader.first_unit(user_id)
    while unit is not None:
        page_unit = unit

        async def make(name: str = page_unit) -> Made:
            with run.timed("load"):
                page = await jobs.loader.page(user_id, name)
            with run.timed("plan"):
                plan = await asyncio.to_thread(planner, page)
            cuts = tuple(cut.to_json() for cut in page.truncations)
            return Made(plan, len(page.memories), page.next_unit, issues=tuple(page.issues), truncated=cuts)

        try:
            seen, unit = await run.unit(f"page {page_unit}", make)
        except Unread as error:
            reading.failed.append(error)
            unit = await jobs.loader.unit_after(user_id, page_unit)
        else:
            reading.read += 1
            done += seen
        await _tick(ctx, done, total, f"{run.settings.job}: {done} memories")
    reading.end(run)


@dataclass(slots=True)
class _Reading:
    """What a repository gave of what it was asked for."""

    read: int = 0
    failed: list[Unread] = field(default_factory=list)

    def end(self, run: Run) -> None:
        """Report what it did not give; raise the first error if it gave nothing."""
        if self.failed and not self.read:
            raise self.failed[0].error
        if self.failed:
            run.report.add("errors", [failure.issue().to_json() for failure in self.failed])


@dataclass(frozen=True, slots=True)
class _Place:
    """Which user of how many a unit is about."""

    user: str
    position: int
    total: int


async def each_user(
    ctx: ProgressPort,
    jobs: MemoryServices,
    run: Run,
    user_id: str | None,
    make: Callable[[_Place], Awaitable[Made]],
) -> None:
    """Plan and carry out user by user; if one's memories cannot be read or compared, the others still go on."""
    users = await jobs.loader.users(user_id)
    reading = _Reading()
    for position, user in enumerate(users, 1):
        here = _Place(user, position, len(users))

        async def guarded(place: _Place = here) -> Made:
            try:
                return await make(place)
            except InvalidArgument as error:
                issue = Issue(f"user {place.user}", error.field, error.message)
                return Made(Plan(run.settings.job, run.as_of_us, ()), issues=(issue,))

        try:
            await run.unit(f"user {user}", guarded)
            reading.read += 1
        except Unread as error:
            reading.failed.append(error)
        await _tick(ctx, position, len(users), f"{run.settings.job}: {position} of {len(users)} users")
    reading.end(run)


@dataclass(slots=True)
class _UserMemories:
    """All memories of a user that are not archived."""

    frame: Frame
    seen: int = 0
    views: list[object] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    truncated: list[dict[str, Any]] = field(default_factory=list)

    def made(self, plan: Plan, warnings: tuple[str, ...] = ()) -> Made:
        """With the plan for them."""
        return Made(plan, self.seen, None, self.notes, tuple(self.issues), tuple(self.truncated), warnings)


async def _load_user(
    jobs: MemoryServices, user_id: str, as_of_us: int, show: Callable[[Memory], bool] | None = None
) -> _UserMemories:
    """Load a user.

    Args:
        jobs: Repository and embedder.
        user_id: Whom.
        as_of_us: For the ages of the views.
        show: Which memories to keep as views for a memory service; None for none.
    """
    builder, seen_ids = FrameBuilder(), set[str]()
    loaded = _UserMemories(FrameBuilder().build())
    archived = embedded = 0
    async for page in jobs.loader.pages(user_id):
        loaded.seen += len(page.memories)
        loaded.issues += page.issues
        loaded.truncated += [cut.to_json() for cut in page.truncations]
        fresh: list[Memory] = []
        for native, memory in zip(page.natives, page.memories, strict=True):
            if memory.archived:
                archived += 1
            elif memory.id not in seen_ids:  # a tier may have been left while the others were read
                seen_ids.add(memory.id)
                fresh.append(memory)
                if show is not None and show(memory):
                    loaded.views.append(view_of(native, memory, as_of_us))
        fresh, count, issue = await embed_missing(jobs.embedder, fresh)
        embedded += count
        if issue is not None:
            loaded.issues.append(issue)
        builder.add(fresh)
    loaded.frame = builder.build()
    loaded.notes = {"skipped_archived": archived, "embedded": embedded}
    return loaded


class _Watcher:
    """The job's context as a join in a thread sees it."""

    def __init__(self, ctx: ProgressPort, run: Run, place: _Place) -> None:
        self._ctx, self._run, self._place = ctx, run, place
        self._loop = asyncio.get_running_loop()

    @property
    def cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self._ctx.cancelled

    def tell(self, message: str) -> None:
        """Report progress, from any thread."""
        asyncio.run_coroutine_threadsafe(self._tell(message), self._loop)

    async def _tell(self, message: str) -> None:
        where = self._place
        text = f"{self._run.settings.job}: user {where.position} of {where.total}: {message}"
        await self._ctx.progress(where.position - 1, where.total, text)


async def _plan_joining(
    ctx: ProgressPort, jobs: MemoryServices, run: Run, place: _Place, planner: Callable[[Kernels], T]
) -> T:
    """Call a planner in a thread, with kernels whose joins go on where a killed attempt stopped."""
    kernels = jobs.kernels
    if isinstance(kernels, CompiledKernels):
        journal = None if run.settings.dry_run else jobs.journal
        watcher = _Watcher(ctx, run, place)
        kernels = RunKernels(jobs.join, watcher, run.report.joined, journal, run.settings.run_id)
    try:
        return await asyncio.to_thread(planner, kernels)
    except Interrupted as error:
        raise asyncio.CancelledError(error.message) from None


async def deduplicate_users(
    ctx: ProgressPort, jobs: MemoryServices, run: Run, user_id: str | None, policy: DeduplicationPolicy
) -> None:
    """Deduplicate user by user."""

    async def make(place: _Place) -> Made:
        with run.timed("load"):
            loaded = await _load_user(jobs, place.user, run.as_of_us)

        thresholds = thresholds_of(loaded.frame, policy, jobs.calibration)
        for warning in thresholds.warnings:
            if warning not in run.report.warnings:
                _log.warning("%s: %s", run.settings.job, warning)

        def planner(kernels: Kernels) -> Plan:
            return plan_deduplication(
                loaded.frame, policy, run.as_of_us, kernels, jobs.judge, thresholds.by_model
            )

        with run.timed("plan"):
            plan = await _plan_joining(ctx, jobs, run, place, planner)
        return loaded.made(plan, thresholds.warnings)

    await each_user(ctx, jobs, run, user_id, make)


async def consolidate_users(
    ctx: ProgressPort,
    jobs: MemoryServices,
    run: Run,
    user_id: str | None,
    policy: ConsolidationPolicy,
    *,
    force: bool,
) -> None:
    """Consolidate user by user.

    A memory service, where there is one, is asked first whether a user's memories are worth it, unless
    ``force``.
    """
    service = None if force else jobs.memory_service

    async def make(place: _Place) -> Made:
        with run.timed("load"):
            show = None if service is None else lambda memory: memory.tier in policy.tiers
            loaded = await _load_user(jobs, place.user, run.as_of_us, show)
        if service is not None and not _is_due(service, loaded, place.user):
            return loaded.made(Plan(run.settings.job, run.as_of_us, (), inputs_digest=loaded.frame.digest()))

        def planner(kernels: Kernels) -> Clusters:
            return find_clusters(loaded.frame, policy, kernels, jobs.judge)

        with run.timed("plan"):
            clusters = await _plan_joining(ctx, jobs, run, place, planner)
        with run.timed("summarize"):
            summaries = await _summaries(ctx, jobs, run, loaded.frame, clusters)
        with run.timed("plan"):
            plan = plan_consolidation(loaded.frame, clusters, summaries, policy, run.as_of_us)
        if run.settings.dry_run:
            run.report.add("consolidated", list_unasked(loaded.frame, clusters, summaries))
        return loaded.made(plan)

    await each_user(ctx, jobs, run, user_id, make)


def _is_due(service: MemoryServicePort, loaded: _UserMemories, user: str) -> bool:
    """Whether the service wants a user's memories consolidated; if not, or if it fails, that is noted on them."""
    due = ask(lambda: bool(service.should_consolidate(loaded.views)))
    if isinstance(due, Unanswered):
        loaded.issues.append(Issue(f"user {user}", "memory_service.should_consolidate", due.reason))
        return False
    if not due:
        loaded.notes = {**loaded.notes, "users_not_due": 1}
    return due


async def _summaries(
    ctx: ProgressPort, jobs: MemoryServices, run: Run, frame: Frame, clusters: Clusters
) -> dict[str, Summary]:
    """A text for each cluster: from an earlier attempt, else from the summarizer. A dry run asks our own only."""
    dry = run.settings.dry_run
    if not clusters.clusters or (dry and type(jobs.summarizer) is not ExtractiveSummarizer):
        return {}
    run_id = run.settings.run_id
    drafts = {} if dry else await jobs.journal.load_drafts(run_id)
    gate = asyncio.Semaphore(_SUMMARIES_AT_ONCE)

    async def write(cluster_id: str, contents: Sequence[str]) -> Summary:
        if cluster_id in drafts:
            return Summary(drafts[cluster_id])
        async with gate:
            text = await ask_async(partial(_summarize, jobs.summarizer, contents), lambda: ctx.cancelled)
        if isinstance(text, Unanswered):
            return Summary(error=text.reason)
        if not dry:
            await jobs.journal.save_draft(run_id, cluster_id, text)
        return Summary(text)

    async with asyncio.TaskGroup() as group:
        tasks = {
            cluster.id: group.create_task(write(cluster.id, [frame.contents[row] for row in cluster.rows]))
            for cluster in clusters.clusters
        }
    summaries = {cluster_id: task.result() for cluster_id, task in tasks.items()}
    return await embed_summaries(jobs.embedder, frame, clusters, summaries)


async def _summarize(summarizer: Summarizer, contents: Sequence[str]) -> str | Unanswered:
    text: object = await summarizer.summarize(contents)
    if not isinstance(text, str) or not text.strip():
        return Unanswered("the summarizer returned no text")
    text.encode()  # half a character, as a model cut off in the middle leaves it, cannot be stored
    return text
