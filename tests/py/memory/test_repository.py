from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.errors import (
    Closed,
    Forked,
    InvalidArgument,
    NotFound,
    SchemaMismatch,
    StoreBusy,
    StoreCorrupt,
    StoreIO,
)
from khala_jobs.memory import SqliteJournal, SqliteMemoryRepository, sqlite_file
from khala_jobs.memory.model import Tier


async def test_what_goes_in_comes_out(repository: SqliteMemoryRepository, lab: Any) -> None:
    memory = lab.memory(
        "a",
        "Tee ☕",
        scope="work",
        model_id="m",
        tier=Tier.LONG_TERM,
        embedding=[0.1, -0.2],
        expires_us=5,
        decay_score=0.3,
        archived=True,
        pinned=True,
        duplicate_of="b",
        consolidated_into="c",
        consolidated_from=("d", "e"),
        duplicate_flag={"of": "b"},
        metadata={"tags": ["x"], "n": None},
    )
    assert await repository.create(memory) == "a"
    assert await repository.get_by_id("a") == memory
    assert await repository.get_by_id("nobody") is None
    assert await repository.get_many(["a", "z"]) == {"a": memory}


async def test_update_and_delete(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many([lab.memory("a"), lab.memory("b")])
    changed = lab.memory("a", "other", embedding=[1, 2])
    await repository.update(changed)
    assert await repository.get_by_id("a") == changed
    with pytest.raises(NotFound, match="'z'"):
        await repository.update_many([lab.memory("b", "new"), lab.memory("z")])
    assert (await repository.get_by_id("b")).content == "content of b"
    await repository.delete("a")
    await repository.delete("a")
    assert await repository.count_memories() == 1


async def test_creating_twice_creates_nothing(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create(lab.memory("a"))
    with pytest.raises(InvalidArgument, match="'a' exists already"):
        await repository.create_many([lab.memory("b"), lab.memory("a")])
    assert await repository.count_memories() == 1


async def test_tiers(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many(
        [lab.memory(f"{n}", tier="working", accessed_us=n) for n in range(5)]
        + [lab.memory("x", archived=True), lab.memory("y", tier="long_term"), lab.memory("z", user_id="bob")]
    )
    assert [m.id for m in await repository.get_by_tier("ada", "working", limit=3)] == ["4", "3", "2"]
    assert [m.id for m in await repository.get_by_tier("ada", "long_term")] == ["y"]
    with pytest.raises(ValueError, match="attic"):
        await repository.get_by_tier("ada", "attic")


async def test_pages_cover_everything_once(repository: SqliteMemoryRepository, lab: Any) -> None:
    names = [(user, f"{n:02}{user}") for user in ("ada", "bob", "cy") for n in range(7)]
    await repository.create_many(
        [lab.memory(name, user_id=user, archived=name.startswith("03")) for user, name in reversed(names)]
    )
    for user in (None, "bob"):
        seen, after = [], None
        while page := await repository.list_page(user_id=user, after=after, limit=4):
            seen += [(m.user_id, m.id) for m in page]
            after = seen[-1]
        assert seen == [name for name in names if user in (None, name[0])]
    assert await repository.list_users() == ["ada", "bob", "cy"]
    assert (await repository.count_memories(), await repository.count_memories("bob")) == (21, 7)


async def test_duplicate_groups(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many(
        [
            lab.memory("new", "tea ", age_days=1),
            lab.memory("old", "tea", age_days=9),
            lab.memory("hidden", "tea", archived=True),
            lab.memory("bobs", "tea", user_id="bob"),
            lab.memory("alone", "milk"),
        ]
    )
    assert [[m.id for m in group] for group in await repository.find_duplicate_groups("ada")] == [
        ["old", "new"]
    ]


async def test_resolve_follows_merges(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create_many(
        [
            lab.memory("a", archived=True, duplicate_of="b"),
            lab.memory("b", archived=True, consolidated_into="c"),
            lab.memory("c"),
            lab.memory("gone", archived=True, duplicate_of="nobody"),
            lab.memory("x", archived=True, duplicate_of="y"),
            lab.memory("y", archived=True, duplicate_of="x"),
            lab.memory("old", archived=True),
        ]
    )
    assert (await repository.resolve("a")).id == "c"
    assert (await repository.resolve("c")).id == "c"
    assert (await repository.resolve("old")).id == "old"
    assert await repository.resolve("gone") is None
    assert await repository.resolve("x") is None
    assert await repository.resolve("nobody") is None


async def test_cache(repository: SqliteMemoryRepository) -> None:
    await repository.put_cache("a", b"1", created_us=0, expires_us=10)
    await repository.put_cache("b", b"2", created_us=0, expires_us=20)
    await repository.put_cache("a", b"3", created_us=5, expires_us=15)
    assert await repository.get_cache("a", now_us=14) == b"3"
    assert await repository.get_cache("a", now_us=15) is None
    assert await repository.get_cache("nothing", now_us=0) is None
    assert await repository.list_expired_cache(20, 10) == ["a", "b"]
    assert await repository.list_expired_cache(20, 1) == ["a"]
    await repository.put_cache("a", b"4", created_us=5, expires_us=99)
    assert await repository.delete_cache(["a", "b"], 20) == 1
    assert await repository.get_cache("a", now_us=0) == b"4"


async def test_the_file_is_private_and_durable(tmp_path: Path, lab: Any) -> None:
    path = tmp_path / "m.db"
    async with SqliteMemoryRepository(path) as repository:
        await repository.create(lab.memory("a"))
        for name in ("m.db", "m.db-wal", "m.db-lock"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
        settings = await repository.read(
            lambda c: [
                c.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        )
        assert settings == ["wal", 2, 1]
    async with SqliteMemoryRepository(path) as again:
        assert (await again.get_by_id("a")).id == "a"


async def test_it_opens_by_itself_on_first_use(tmp_path: Path) -> None:
    repository = SqliteMemoryRepository(tmp_path / "m.db")
    assert await repository.count_memories() == 0
    await repository.close()
    await repository.close()
    with pytest.raises(Closed, match="was closed"):
        await repository.count_memories()


class TestForeignFiles:
    @staticmethod
    def bytes_of(path: Path) -> bytes:
        return path.read_bytes() if path.exists() else b""

    async def refused(self, path: Path, kind: Any = SqliteMemoryRepository) -> str:
        before = self.bytes_of(path)
        repository = kind(path)
        try:
            with pytest.raises(SchemaMismatch) as caught:
                await repository.list_runs()
        finally:
            await repository.close()
        assert self.bytes_of(path) == before
        return caught.value.message

    async def test_a_job_store_is_refused_before_it_is_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "jobs.db"
        (tmp_path / "jobs.db-khala").mkdir()
        assert "is a job store" in await self.refused(path)
        assert not path.exists()

    async def test_any_other_sqlite_file(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE jobs (id)")
        connection.close()
        assert "but not memory repository of khala_jobs" in await self.refused(path)

    async def test_another_application_id(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA application_id = 77")
            connection.execute("CREATE TABLE t (x)")
        connection.close()
        assert "is not memory repository" in await self.refused(path)

    async def test_a_journal_is_no_repository(self, tmp_path: Path) -> None:
        path = tmp_path / "journal.db"
        async with SqliteJournal(path):
            pass
        await self.refused(path)

    async def test_a_file_of_something_else(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("dear diary" * 50)
        assert "is not memory repository" in await self.refused(path)

    async def test_an_empty_file_becomes_a_repository(self, tmp_path: Path) -> None:
        (tmp_path / "m.db").touch()
        async with SqliteMemoryRepository(tmp_path / "m.db") as repository:
            assert await repository.count_memories() == 0

    async def test_a_newer_schema(self, tmp_path: Path) -> None:
        path = tmp_path / "m.db"
        async with SqliteMemoryRepository(path) as repository:
            await repository.write(lambda connection: connection.execute("PRAGMA user_version = 9"))
        assert "has schema 9; this version of khala_jobs knows 3" in await self.refused(path)

    async def test_a_directory(self, tmp_path: Path) -> None:
        repository = SqliteMemoryRepository(tmp_path)
        with pytest.raises(StoreIO, match="cannot be read"):
            await repository.list_users()
        await repository.close()

    async def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        repository = SqliteMemoryRepository(tmp_path / "nowhere" / "m.db")
        with pytest.raises(StoreIO, match="nowhere"):
            await repository.list_users()
        await repository.close()

    async def test_damage_is_reported(self, tmp_path: Path, lab: Any) -> None:
        path = tmp_path / "m.db"
        async with SqliteMemoryRepository(path) as repository:
            await repository.create_many([lab.memory(str(n), "x" * 500) for n in range(200)])
        data = bytearray(path.read_bytes())
        for page in range(4096, len(data), 4096):
            data[page : page + 2] = b"\xff\xff"
        path.write_bytes(data)
        damaged = SqliteMemoryRepository(path)
        with pytest.raises(StoreCorrupt, match="is damaged"):
            await damaged.list_page()
        await damaged.close()


async def test_a_child_process_is_told_to_open_its_own(tmp_path: Path) -> None:
    async with SqliteMemoryRepository(tmp_path / "m.db") as repository:
        repository._pid = os.getpid() + 1  # what a forked child sees
        with pytest.raises(Forked, match="open it again"):
            await repository.count_memories()
        repository._pid = os.getpid()


async def test_an_exception_rolls_back(repository: SqliteMemoryRepository, lab: Any) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM memories")
        raise RuntimeError("changed my mind")

    await repository.create(lab.memory("a"))
    with pytest.raises(RuntimeError, match="changed my mind"):
        await repository.write(work)
    assert await repository.count_memories() == 1


async def test_a_writer_that_never_lets_go_is_reported(
    repository: SqliteMemoryRepository, lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    await repository.create(lab.memory("a"))
    monkeypatch.setattr(sqlite_file, "_LOCK_WAIT_S", 0.05)
    descriptor = os.open(f"{repository.path}-lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(StoreBusy, match="another process has held"):
            await repository.create(lab.memory("b"))
        assert await repository.count_memories() == 1  # readers do not wait
    finally:
        os.close(descriptor)
    await repository.create(lab.memory("b"))


WRITER = """
import asyncio, sys
from khala_jobs.memory import Memory, SqliteMemoryRepository

async def main(path, name):
    async with SqliteMemoryRepository(path) as repository:
        for n in range(60):
            await repository.create(Memory(id=f"{name}-{n}", user_id="u", content=f"{name} {n}"))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "m.db"

    def write(name: str) -> int:
        return subprocess.run(
            [sys.executable, "-c", WRITER, str(path), name], check=False, timeout=100
        ).returncode

    codes = await asyncio.gather(*(asyncio.to_thread(write, name) for name in "abc"))
    assert codes == [0, 0, 0]
    async with SqliteMemoryRepository(path) as repository:
        assert await repository.count_memories() == 180
        assert await repository.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"


async def test_disk_full_is_said_and_loses_nothing(repository: SqliteMemoryRepository, lab: Any) -> None:
    from khala_jobs.errors import StoreFull

    await repository.create(lab.memory("a"))
    pages = await repository.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await repository.read(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(StoreFull, match="no room"):
        await repository.create_many([lab.memory(f"b{n}", "x" * 4000) for n in range(50)])
    assert await repository.count_memories() == 1


async def test_errors_of_sqlite_become_ours(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create(lab.memory("a"))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await repository.read(lambda c: c.execute("SELECT * FROM no_such_table"))
    await repository.read(lambda c: c.execute("PRAGMA query_only = 1"))
    with pytest.raises(StoreIO, match="readonly"):
        await repository.delete("a")


async def test_another_program_s_lock_is_waited_for_and_reported(
    tmp_path: Path, lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_LOCK_WAIT_S", 0.05)
    async with SqliteMemoryRepository(tmp_path / "m.db") as repository:
        other = sqlite3.connect(repository.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="by another program"):
            await repository.create(lab.memory("a"))
        other.close()
        await repository.create(lab.memory("a"))


async def test_a_lock_file_that_went_away(repository: SqliteMemoryRepository, lab: Any) -> None:
    await repository.create(lab.memory("a"))
    descriptor, repository._lock_fd = repository._lock_fd, 10**6
    with pytest.raises(StoreIO, match="cannot be locked"):
        await repository.delete("a")
    repository._lock_fd = descriptor


def test_closing_what_was_never_opened(tmp_path: Path) -> None:
    asyncio.run(SqliteMemoryRepository(tmp_path / "m.db").close())
    assert list(tmp_path.iterdir()) == []
