"""A join of a memory job: killed, it goes on at its last block; asked to stop, it stops; it says how far it is."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from khala_jobs.errors import Interrupted
from khala_jobs.memory import MemoryJobs, SqliteMemoryRepository
from khala_jobs.memory.jobs import ConsolidationJob, DeduplicationJob
from khala_jobs.memory.join import Joined, JoinSettings, RunKernels

DRIVER = Path(__file__).with_name("join_driver.py")


def attempt(folder: Path, kill_at: int = -1) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DRIVER), str(folder), str(kill_at)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def log(folder: Path) -> list[str]:
    return (folder / "blocks.log").read_text().split("\n")[:-1]


def blocks_in(folder: Path) -> int:
    with sqlite3.connect(folder / "memories.db") as connection:
        count: int = connection.execute("SELECT count(*) FROM blocks").fetchone()[0]
    connection.close()
    return count


def test_a_killed_join_goes_on_at_its_last_block(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    done = attempt(whole)
    assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)["report"]
    count = expected["joined"]["blocks"]
    assert count > 7

    for kill_at, kept in ((3, 3), (2, 5)):  # the second attempt is killed as well
        assert attempt(killed, kill_at).returncode == -signal.SIGKILL
        assert blocks_in(killed) == kept
    done = attempt(killed)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["report"]

    joined = [line for line in log(killed) if line.startswith("join")]
    assert joined == [line for line in log(whole) if line.startswith("join")], (
        "no finished block was done again"
    )
    assert report["joined"]["blocks_reused"] == 5
    assert report["joined"]["set_hash"] == expected["joined"]["set_hash"]
    assert report["resumed"]
    for name in ("plan_hash", "counts", "merged"):
        assert report[name] == expected[name], name
    assert report["counts"]["merged"] > 1000
    assert blocks_in(killed) == 0, "blocks are dropped once there is a plan"


def unit_rows(count: int) -> Any:
    return np.random.default_rng(1).normal(size=(count, 8)).astype(np.float32)


class Watched:
    def __init__(self) -> None:
        self.cancelled = False
        self.told: list[str] = []

    def tell(self, message: str) -> None:
        self.told.append(message)


class Detached:
    """A context of the job "job-1"."""

    job_id = "job-1"
    cancelled = False

    def __init__(self, lab: Any, jobs: MemoryJobs) -> None:
        self.resources = lab.context(jobs).resources

    async def progress(self, *_: Any) -> None:
        return None

    def step(self, *_: Any, **__: Any) -> None:
        return None


async def test_a_join_says_how_far_it_is_and_how_long_it_will_take() -> None:
    watcher, joined, now = Watched(), Joined(), iter(range(10_000))
    kernels = RunKernels(JoinSettings(block_pairs=1000), watcher, joined, None, "r", lambda: next(now) * 0.5)
    await asyncio.to_thread(kernels.find_pairs, unit_rows(3000), 0.9, np.zeros(3000, np.int32))
    assert watcher.told[0].startswith("join: ")
    assert any(" % of 4498500 pairs, " in message and message.endswith(" s left") for message in watcher.told)
    assert joined.joins == 1
    assert joined.blocks > 3
    assert joined.to_json()["pairs_evaluated"] == 4498500


async def test_a_join_stops_when_its_job_is_asked_to() -> None:
    watcher = Watched()
    watcher.cancelled = True
    kernels = RunKernels(JoinSettings(block_pairs=1000), watcher, Joined(), None, "r")
    with pytest.raises(Interrupted, match="goes on from its last block"):
        await asyncio.to_thread(kernels.find_pairs, unit_rows(3000), 0.9, np.zeros(3000, np.int32))


@pytest.mark.parametrize("job", [DeduplicationJob(), ConsolidationJob(tiers=("working",), force=True)])
async def test_a_cancelled_job_keeps_its_blocks(lab: Any, tmp_path: Path, job: Any) -> None:
    path = tmp_path / "memories.db"
    stop_after = 3

    class Stopping(SqliteMemoryRepository):
        kept = 0

        async def save_block(self, *arguments: Any) -> None:
            await super().save_block(*arguments)
            type(self).kept += 1

    async with Stopping(path) as repository:
        await repository.create_many(
            [
                lab.memory(f"m{n:04}", f"text {n}", embedding=v, model_id="m")
                for n, v in enumerate(unit_rows(2600))
            ]
        )
        jobs = lab.jobs(repository, join=JoinSettings(block_pairs=1000))

        class Asked(Detached):
            @property
            def cancelled(self) -> bool:
                return Stopping.kept >= stop_after

        with pytest.raises(asyncio.CancelledError, match="goes on from its last block"):
            await job.run(Asked(lab, jobs))
        assert Stopping.kept == stop_after
        report = await job.run(Detached(lab, jobs))
        assert report["joined"]["blocks_reused"] == stop_after
        assert report["joined"]["blocks"] == Stopping.kept > 3


async def test_a_dry_run_leaves_no_blocks(lab: Any, repository: Any) -> None:
    await repository.create_many(
        [
            lab.memory(f"m{n:04}", f"text {n}", embedding=v, model_id="m")
            for n, v in enumerate(unit_rows(2600))
        ]
    )
    jobs = lab.jobs(repository, join=JoinSettings(block_pairs=1000))
    report = await DeduplicationJob(dry_run=True).run(lab.context(jobs))
    assert report["joined"]["blocks"] > 3
    rows = await repository.read(
        lambda connection: connection.execute("SELECT count(*) FROM blocks").fetchone()
    )
    assert rows == (0,)


async def test_a_file_of_the_first_schema_is_upgraded(lab: Any, tmp_path: Path) -> None:
    path = tmp_path / "memories.db"
    async with SqliteMemoryRepository(path) as repository:
        await repository.create_many([lab.memory("a"), lab.memory("b")])
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE blocks")
        connection.execute("ALTER TABLE runs DROP COLUMN user_id")
        connection.execute("ALTER TABLE runs DROP COLUMN finished_us")
        connection.execute("INSERT INTO runs VALUES ('old', 'test', 5, '{}')")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    async with SqliteMemoryRepository(path) as repository:
        assert [memory.id for memory in await repository.list_page(limit=9)] == ["a", "b"]
        assert await repository.load_blocks("r", "k") == {}
        assert (
            await repository.purge_runs(lab.now_us) == 0
        )  # when it was finished is not known: its log stays
        assert (await repository.find_run("old")).report == {}
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    connection.close()
