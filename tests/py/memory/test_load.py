from __future__ import annotations

from typing import Any

import pytest

from khala_jobs.errors import InvalidArgument
from khala_jobs.memory import SqliteMemoryRepository, capabilities
from khala_jobs.memory.load import Loader


def loader(repository: Any, **options: Any) -> Loader:
    return Loader(repository, capabilities(repository), **options)


async def all_pages(source: Loader, user: str | None) -> list[Any]:
    return [page async for page in source.pages(user)]


async def test_pages_of_the_embedded_repository(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many(
        [lab.memory(f"{user}{n}", user_id=user) for user in ("ada", "bob") for n in range(5)]
    )
    pages = await all_pages(loader(repository, page_size=4), None)
    assert [[m.id for m in page.memories] for page in pages] == [
        ["ada0", "ada1", "ada2", "ada3"],
        ["ada4", "bob0", "bob1", "bob2"],
        ["bob3", "bob4"],
    ]
    assert [page.next_unit for page in pages] == [pages[1].unit, pages[2].unit, None]
    assert [
        m.id for page in await all_pages(loader(repository, page_size=4), "bob") for m in page.memories
    ] == [f"bob{n}" for n in range(5)]
    source = loader(repository)
    assert (await source.total(None), await source.total("ada"), await source.users(None)) == (
        10,
        5,
        ["ada", "bob"],
    )


async def test_an_exact_multiple_of_the_page_size(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many([lab.memory(f"{n}") for n in range(4)])
    assert [len(page.memories) for page in await all_pages(loader(repository, page_size=2), None)] == [
        2,
        2,
        0,
    ]


async def test_no_memories_at_all(repository: SqliteMemoryRepository) -> None:
    assert [page.memories for page in await all_pages(loader(repository), None)] == [[]]


async def test_a_limit_is_raised_until_the_answer_is_short(lab: Any) -> None:
    repository = lab.ForeignRepository([lab.foreign(f"{n}") for n in range(5000)])
    pages = await all_pages(loader(repository), "ada")
    assert [len(page.memories) for page in pages] == [0, 0, 0, 5000]
    asked = [argument for name, argument in repository.calls if argument[1] == "working"]
    assert asked == [("ada", "working", 1024), ("ada", "working", 4096), ("ada", "working", 16384)]
    assert [page.truncations for page in pages] == [[], [], [], []]


@pytest.mark.parametrize(("count", "suspected"), [(1023, False), (1024, True), (1025, False)])
async def test_a_cap_inside_the_repository_is_suspected(lab: Any, count: int, suspected: bool) -> None:
    """1024 with limit 1024 and again with 4096: a coincidence, or a repository that never gives more."""
    repository = lab.ForeignRepository([lab.foreign(f"{n}") for n in range(count)])
    pages = await all_pages(loader(repository), "ada")
    assert len(pages[-1].memories) == count
    found = [cut.to_json() for cut in pages[-1].truncations]
    assert bool(found) == suspected
    if suspected:
        assert found == [
            {
                "what": "get_by_tier('ada', 'working')",
                "kept": 1024,
                "total": None,
                "reason": "asked for 4096, came 1024 as with limit 1024: the repository may cap its answer",
            }
        ]


async def test_a_hard_stop_is_reported(lab: Any) -> None:
    repository = lab.ForeignRepository([lab.foreign(f"{n}") for n in range(50)])
    (cut,) = (await all_pages(loader(repository, tier_limit_max=20), "ada"))[-1].truncations
    assert cut.to_json() == {
        "what": "get_by_tier('ada', 'working')",
        "kept": 20,
        "total": None,
        "reason": "stopped at the limit of 20 memories a call",
    }


async def test_a_repository_that_ignores_the_limit_ends(lab: Any) -> None:
    repository = lab.ForeignRepository([lab.foreign(f"{n}") for n in range(30)])
    repository.get_by_tier = lambda user, tier, limit: plain(user, tier, 10**9)
    plain = lab.ForeignRepository.get_by_tier.__get__(repository)
    page = (await all_pages(loader(repository, tier_limit_max=20), "ada"))[-1]
    assert len(page.memories) == 30
    assert page.truncations


async def test_bad_memories_and_repeats_are_left_out_and_the_bad_ones_said(lab: Any) -> None:
    memories = [lab.foreign("a"), lab.foreign("b", created_at=None), lab.foreign("c")]
    repository = lab.ForeignRepository()
    repository.memories = {1: memories[0], 2: memories[1], 3: memories[2], 4: memories[0]}
    page = (await all_pages(loader(repository), "ada"))[-1]
    assert [memory.id for memory in page.memories] == ["a", "c"]
    assert page.natives == [memories[0], memories[2]]
    assert [(issue.where, issue.field) for issue in page.issues] == [("b", "created_at")]


async def test_users_are_needed_where_they_cannot_be_listed(lab: Any) -> None:
    source = loader(lab.ForeignRepository())
    assert await source.users("ada") == ["ada"]
    assert await source.total(None) is None
    with pytest.raises(InvalidArgument, match=r"no list_users\(\)") as caught:
        await source.first_unit(None)
    assert caught.value.field == "user_id"


async def test_all_users_tier_by_tier_the_highest_first(lab: Any) -> None:
    class Listing(lab.ForeignRepository):
        async def list_users(self) -> list[str]:
            return ["bob", "ada", "bob"]

    repository = Listing([lab.foreign("a"), lab.foreign("b", user_id="bob", tier=lab.ForeignTier.LONG_TERM)])
    pages = await all_pages(loader(repository), None)
    assert [[m.id for m in page.memories] for page in pages] == [[], [], [], ["a"], [], ["b"], [], []]
    assert len({page.unit for page in pages}) == 8
    repository = Listing()
    repository.list_users = nobody
    assert await all_pages(loader(repository), None) == []


async def nobody() -> list[str]:
    return []
