"""Reading memories, page by page, out of any repository.

With `PagedRepository` pages come in the order (user, id) and a killed run goes on at the page it had reached.
KHALA's repository has no paging, only ``get_by_tier`` with a limit: there a "page" is a tier of a user, asked
for with growing limits until fewer come back than were asked for. Whatever could not be read to the end is
reported, never cut off in silence; what could not be read at all is `Unread`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from khala_jobs.errors import Error, InvalidArgument

from .asked import said
from .codec import read_memories
from .edits import decode, encode
from .journal import JournalFile
from .model import Memory, Tier
from .plan import Issue
from .ports import Capabilities, RepositoryPort

__all__ = ["TIER_LIMIT_MAX", "Loader", "Page", "Truncation", "Unread"]

TIER_LIMIT_MAX: Final = 1_048_576
"""Most memories asked of ``get_by_tier`` in one call."""

_TIER_LIMIT_FIRST: Final = 1024
# The highest first: what a run promotes goes into a tier that was read before, so that no memory is read twice.
_TIERS: Final = tuple(str(tier) for tier in reversed(Tier))


@dataclass(frozen=True, slots=True)
class Truncation:
    """Something that was not read, or not shown, to its end.

    Args:
        what: What was cut, and where.
        kept: How many there are here.
        total: How many there are in all, None when unknown.
        reason: Why.
    """

    what: str
    kept: int
    total: int | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As in the report."""
        return {"what": self.what, "kept": self.kept, "total": self.total, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Page:
    """Some memories.

    Args:
        unit: Names the page within a run; the same in every attempt.
        memories: In order, none twice.
        natives: The repository's own objects, one a memory.
        issues: What could not be read.
        truncations: What was not read to the end.
        next_unit: Unit of the page after it, None for the last.
    """

    unit: str
    memories: list[Memory]
    natives: list[Any]
    issues: list[Issue]
    truncations: list[Truncation]
    next_unit: str | None


class Unread(Exception):
    """A repository failed to give memories of a user.

    Args:
        user: Whose.
        method: Of the repository.
        error: What it raised.
    """

    def __init__(self, user: str, method: str, error: Exception) -> None:
        super().__init__(user, method, error)
        self.user, self.method, self.error = user, method, error

    def issue(self) -> Issue:
        """As in the report."""
        return Issue(f"user {self.user}", f"repository.{self.method}", said(self.error))


class Loader:
    """Pages of a repository.

    Args:
        repository: Where the memories are.
        capabilities: Its optional faces.
        page_size: Memories a page, where there are pages.
        tier_limit_max: Where growing stops, where there are none.
    """

    def __init__(
        self,
        repository: RepositoryPort[Any],
        capabilities: Capabilities,
        page_size: int = 1000,
        tier_limit_max: int = TIER_LIMIT_MAX,
    ) -> None:
        self._repository = repository
        self._faces = capabilities
        self._page_size = page_size
        self._tier_limit_max = tier_limit_max

    async def users(self, user_id: str | None) -> list[str]:
        """The users to work on.

        Raises:
            InvalidArgument: None was named and the repository cannot list them.
        """
        if user_id is not None:
            return [user_id]
        if self._faces.users is None:
            raise InvalidArgument("user_id", "is required: this repository has no list_users()")
        return sorted(set(await self._faces.users.list_users()))

    async def total(self, user_id: str | None) -> int | None:
        """How many memories there are to read, archived ones too; None when the repository cannot say."""
        return None if self._faces.counting is None else await self._faces.counting.count_memories(user_id)

    async def first_unit(self, user_id: str | None) -> str | None:
        """Where pages of a user, or of all users, begin; None when there is no user."""
        if self._faces.paged is not None:
            return encode(None)
        users = await self.users(user_id)
        return encode([users[0], _TIERS[0]]) if users else None

    async def page(self, user_id: str | None, unit: str) -> Page:
        """One page.

        Raises:
            Unread: The repository failed, and it was asked about one user; its file did not fail, if it is ours.
        """
        if self._faces.paged is not None:
            return await self._keyset_page(user_id, unit)
        return await self._tier_page(user_id, unit)

    async def pages(self, user_id: str | None) -> AsyncIterator[Page]:
        """All pages of a user, or of all users."""
        unit = await self.first_unit(user_id)
        while unit is not None:
            page = await self.page(user_id, unit)
            yield page
            unit = page.next_unit

    async def unit_after(self, user_id: str | None, unit: str) -> str | None:
        """The unit after one that is `Unread`; None where only reading it would tell."""
        return None if self._faces.paged is not None else await self._tier_after(user_id, unit)

    async def _keyset_page(self, user_id: str | None, unit: str) -> Page:
        assert self._faces.paged is not None
        after = decode(unit)
        cursor = None if after is None else (after[0], after[1])
        with self._reading(user_id, "list_page"):
            natives = await self._faces.paged.list_page(user_id=user_id, after=cursor, limit=self._page_size)
            more = len(natives) > 0 and len(natives) >= self._page_size
            return _page(unit, natives, [], encode([natives[-1].user_id, natives[-1].id]) if more else None)

    async def _tier_page(self, user_id: str | None, unit: str) -> Page:
        user, tier = decode(unit)
        with self._reading(user, "get_by_tier"):
            natives, truncations = await self._whole_tier(user, tier)
            page = _page(unit, natives, truncations, None)
        return replace(page, next_unit=await self._tier_after(user_id, unit))

    async def _tier_after(self, user_id: str | None, unit: str) -> str | None:
        user, tier = decode(unit)
        position = _TIERS.index(tier) + 1
        if position < len(_TIERS):
            return encode([user, _TIERS[position]])
        later = [other for other in await self.users(user_id) if other > user]
        return encode([later[0], _TIERS[0]]) if later else None

    @contextmanager
    def _reading(self, user: str | None, method: str) -> Iterator[None]:
        """Make `Unread` of what a repository raises about one user, but for failures of our own file."""
        try:
            yield
        except Exception as error:
            ours = isinstance(self._repository, JournalFile) and _of_the_file(error)
            if user is None or ours:
                raise
            raise Unread(user, method, error) from error

    async def _whole_tier(self, user: str, tier: str) -> tuple[list[Any], list[Truncation]]:
        limit, full = min(_TIER_LIMIT_FIRST, self._tier_limit_max), 0
        what = f"get_by_tier({user!r}, {tier!r})"
        while True:
            natives = list(await self._repository.get_by_tier(user, tier, limit=limit))
            count = len(natives)
            if count < limit:
                # As many as an earlier limit allowed, with room for more: a coincidence, or a cap of the
                # repository.
                capped = count == full and count > 0
                reason = (
                    f"asked for {limit}, came {count} as with limit {full}: the repository may cap its answer"
                )
                return natives, [Truncation(what, count, None, reason)] if capped else []
            if limit >= self._tier_limit_max:
                return natives, [
                    Truncation(what, count, None, f"stopped at the limit of {limit} memories a call")
                ]
            full, limit = count, min(limit * 4, self._tier_limit_max)


def _page(unit: str, natives: Any, truncations: list[Truncation], next_unit: str | None) -> Page:
    read, issues = read_memories(natives)
    kept: dict[str, tuple[Any, Memory]] = {}
    for native, memory in read:
        kept.setdefault(memory.id, (native, memory))
    natives_kept, memories = [native for native, _ in kept.values()], [memory for _, memory in kept.values()]
    return Page(unit, memories, natives_kept, issues, truncations, next_unit)


def _of_the_file(error: Exception) -> bool:
    """Whether an error of the embedded repository is about its file, and so about all users."""
    if isinstance(error, InvalidArgument):
        return False
    return isinstance(error, Error | sqlite3.Error | OSError)
