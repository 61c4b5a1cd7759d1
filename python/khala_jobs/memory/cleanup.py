"""What the cleanup job does besides deleting memories: cache entries past their grace, and logs that have served."""

from __future__ import annotations

from typing import Final

from .plan import Plan
from .policy import CleanupPolicy
from .run import Made, Run
from .services import MemoryServices

__all__ = ["clean_cache", "purge_journal"]

_CACHE_BATCH: Final = 1000
_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = 3_600_000_000


async def clean_cache(jobs: MemoryServices, run: Run, policy: CleanupPolicy) -> Made:
    """Delete cache entries past their grace. They are derived data: not logged, not restored by undo."""
    plan = Plan(run.settings.job, run.as_of_us, ())
    store = jobs.faces.cache
    if store is None:
        return Made(plan, notes={"cache_unsupported": 1})
    before = run.as_of_us - int(policy.grace_hours * _HOUR_US)
    if run.settings.dry_run:
        keys = await store.list_expired_cache(before, policy.max_deletes)
        return Made(plan, notes={"cache_cleaned": len(keys)})
    cleaned = 0
    while keys := await store.list_expired_cache(before, _CACHE_BATCH):
        deleted = await store.delete_cache(keys, before)
        cleaned += deleted
        if deleted == 0:  # a store that does not delete what it lists
            break
    return Made(plan, notes={"cache_cleaned": cleaned})


async def purge_journal(jobs: MemoryServices, run: Run, policy: CleanupPolicy) -> Made:
    """Drop the logs of runs that need no longer be undoable."""
    plan = Plan(run.settings.job, run.as_of_us, ())
    if run.settings.dry_run:
        return Made(plan)
    before = jobs.clock() - int(policy.keep_undo_days * _DAY_US)
    purged = await jobs.journal.purge_runs(before, run.settings.user_id)
    return Made(plan, notes={"runs_purged": purged})
