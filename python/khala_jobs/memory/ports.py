"""What the memory jobs require of others, as Protocols; and which optional methods a repository has.

KHALA's `Memory`, `MemoryRepository`, `MemoryService`, `MemoryLifecycleService` and `TemporalAnalysisService`
satisfy these by their shape; nothing has to be inherited or registered. Any other application's classes may
as well.

Required of a repository is only what KHALA's has. Whatever makes a job faster or its result stronger is
optional and looked for in one place, `capabilities`:

* `PagedRepository`: pages in a stable order, archived memories too; without it ``get_by_tier`` with growing limits.
* `UserDirectory`: all users; without it jobs need a ``user_id``.
* `CountingRepository`: a total for the progress; without it a progress without total.
* `BatchRepository`: one call for many updates; without it one call an update.
* `PlanningRepository`: operations and their log in one transaction; without it `PortTarget` (target.py) and a journal
  file.
* `CacheStore`: cache entries with expiry; without it cleanup reports that there are none to clean.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from .outcome import Outcome, UndoOutcome
from .plan import Operation

__all__ = [
    "BatchRepository",
    "CacheStore",
    "Capabilities",
    "CountingRepository",
    "LifecycleServicePort",
    "MemoryPort",
    "MemoryServicePort",
    "PagedRepository",
    "PlanningRepository",
    "RepositoryPort",
    "TemporalServicePort",
    "UserDirectory",
    "Valued",
    "capabilities",
]

M = TypeVar("M")


@runtime_checkable
class Valued(Protocol):
    """An enum member or a score: something that wraps ``value``."""

    @property
    def value(self) -> Any:
        """The wrapped value."""


@runtime_checkable
class MemoryPort(Protocol):
    """A memory, in KHALA's shape. Optional attributes are read where they exist: see codec.py."""

    @property
    def id(self) -> str:
        """Opaque, unique in the repository."""

    @property
    def user_id(self) -> str:
        """Owner."""

    @property
    def content(self) -> str:
        """The text."""

    @property
    def tier(self) -> Valued:
        """A member of an enum whose values are those of `model.Tier`."""

    @property
    def importance(self) -> Valued:
        """Wraps 0..1."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Fields of the application; provenance is written here where there is no attribute for it."""

    @property
    def created_at(self) -> datetime:
        """Creation; without a zone it is UTC."""

    @property
    def updated_at(self) -> datetime:
        """Last change."""

    @property
    def accessed_at(self) -> datetime:
        """Last read."""

    @property
    def access_count(self) -> int:
        """Times it was read."""

    @property
    def is_archived(self) -> bool:
        """Hidden, but kept."""

    @property
    def decay_score(self) -> Valued | None:
        """Wraps 0..1 as last computed, or None."""


class RepositoryPort(Protocol[M]):
    """Where memories are."""

    async def create(self, memory: M, /) -> str:
        """Add a memory; returns its id."""

    async def get_by_id(self, memory_id: str, /) -> M | None:
        """A memory, archived or not, or None."""

    async def update(self, memory: M, /) -> None:
        """Store a changed memory."""

    async def delete(self, memory_id: str, /) -> None:
        """Remove a memory."""

    async def get_by_tier(self, user_id: str, tier: str, limit: int = ...) -> Sequence[M]:
        """At most ``limit`` of a user's memories of a tier, archived ones left out."""

    async def find_duplicate_groups(self, user_id: str) -> Sequence[Sequence[M]]:
        """Groups of memories with equal content."""


@runtime_checkable
class PagedRepository(Protocol):
    """Pages in the order (user, id)."""

    async def list_page(
        self, *, user_id: str | None = None, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> Sequence[Any]:
        """At most ``limit`` memories after a (user, id), archived ones too; none after the last."""


@runtime_checkable
class UserDirectory(Protocol):
    """Who has memories."""

    async def list_users(self) -> Sequence[str]:
        """User ids."""


@runtime_checkable
class CountingRepository(Protocol):
    """How many memories there are."""

    async def count_memories(self, user_id: str | None = None) -> int:
        """Of a user, or of all."""


@runtime_checkable
class BatchRepository(Protocol):
    """Many updates at once."""

    async def update_many(self, memories: Iterable[Any], /) -> None:
        """Store changed memories; on an exception it is unknown which."""


@runtime_checkable
class PlanningRepository(Protocol):
    """Carries out operations together with their log; see `SqliteMemoryRepository`."""

    async def apply_operations(self, run_id: str, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry out operations, each wholly or not at all."""

    async def undo_operations(
        self, run_id: str, now_us: int, *, after: str = "", limit: int = 500
    ) -> tuple[list[UndoOutcome], str | None]:
        """Undo a page of a run's operations."""


@runtime_checkable
class CacheStore(Protocol):
    """Cache entries with an expiry."""

    async def list_expired_cache(self, before_us: int, limit: int) -> Sequence[str]:
        """Keys that expired at or before a moment."""

    async def delete_cache(self, keys: Iterable[str], before_us: int) -> int:
        """Delete those of some keys that expired at or before a moment; returns how many."""


class MemoryServicePort(Protocol):
    """KHALA's `MemoryService`: judgements that an application may want to make itself.

    They are called with a view in KHALA's shape (`codec.MemoryView`), whatever the repository. What they raise is a
    failure of that memory, or of that user's consolidation, in the report.
    """

    def calculate_promotion_score(self, memory: Any, /) -> float:
        """0..1; asked for by promotion rules that mention ``promotion_score``."""

    def should_consolidate(self, memories: list[Any], /) -> bool:
        """Whether a user's memories are worth consolidating now."""


class LifecycleServicePort(Protocol):
    """KHALA's `MemoryLifecycleService`, as far as jobs call it."""

    async def promote_memories(self, user_id: str) -> int:
        """Returns how many were promoted."""

    async def decay_and_archive_memories(self, user_id: str) -> Mapping[str, int]:
        """Returns counts ``decayed`` and ``archived``."""

    async def deduplicate_memories(self, user_id: str) -> int:
        """Returns how many were archived as duplicates."""

    async def consolidate_memories(self, user_id: str, force: bool = ...) -> int:
        """Returns how many were consolidated."""


class TemporalServicePort(Protocol):
    """KHALA's `TemporalAnalysisService`, as far as jobs call it."""

    def calculate_decay_score(self, memory: Any) -> Valued:
        """Decayed importance now."""

    def should_promote(self, memory: Any) -> bool:
        """Whether to promote now."""

    def should_archive(self, memory: Any) -> bool:
        """Whether to archive now."""

    async def batch_process_decay(self, memory_ids: list[str]) -> Mapping[str, Any]:
        """Score, promote and archive some memories; returns counts."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The optional faces of a repository, each the repository itself or None."""

    paged: PagedRepository | None
    users: UserDirectory | None
    counting: CountingRepository | None
    batch: BatchRepository | None
    planning: PlanningRepository | None
    cache: CacheStore | None


def capabilities(repository: object) -> Capabilities:
    """Look for the optional methods of a repository.

    Only methods that really exist count: an object that invents attributes on access (a mock, a remote proxy)
    has none of them.
    """

    def face(protocol: type, *names: str) -> Any:
        found = all(callable(_static(repository, name)) for name in names)
        return cast("Any", repository) if found and isinstance(repository, protocol) else None

    return Capabilities(
        paged=face(PagedRepository, "list_page"),
        users=face(UserDirectory, "list_users"),
        counting=face(CountingRepository, "count_memories"),
        batch=face(BatchRepository, "update_many"),
        planning=face(PlanningRepository, "apply_operations", "undo_operations", "begin_run"),
        cache=face(CacheStore, "list_expired_cache", "delete_cache"),
    )


def _static(thing: object, name: str) -> object:
    return inspect.getattr_static(thing, name, None)
