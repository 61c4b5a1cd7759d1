"""A full disk is a clear error; what was acknowledged stays, and work goes on when there is space again."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from khala_jobs import Error, Job, JobProcessor
from khala_jobs.errors import StoreFull

SIZE_MIB = 8


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of a few MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs needs root and the permission to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def write_until_full(path: Path) -> None:
    with path.open("wb") as file:
        while True:
            file.write(b"x" * 65_536)
            file.flush()


async def test_nothing_acknowledged_is_lost_when_the_disk_fills_up(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (2 * 2**20))
    jobs = JobProcessor(f"sqlite:///{small_disk / 'jobs.db'}", workers=4)

    @jobs.task
    async def echo(text: str) -> int:
        return len(text)

    acknowledged: list[Job[int]] = []

    async def fill() -> None:
        while True:
            acknowledged.append(await echo.enqueue("y" * 20_000))

    try:
        with pytest.raises(StoreFull, match=r"(?i)full|space"):
            await fill()
        assert acknowledged
        ballast.unlink()
        again = await echo.enqueue("z")
        await jobs.start()
        async with asyncio.timeout(60):
            results = [await job.result() for job in [*acknowledged, again]]
        assert results == [20_000] * len(acknowledged) + [1]
        assert (await jobs.queues.stats())["completed"] == len(acknowledged) + 1
        assert await jobs.queues.check() == []
    finally:
        await jobs.close()


async def test_a_settlement_waits_for_space(small_disk: Path) -> None:
    """The disk is full when a handler returns: its result is kept in memory and written when there is space."""
    jobs = JobProcessor(f"sqlite:///{small_disk / 'jobs.db'}", workers=1, lease=30)
    ballast = small_disk / "ballast"
    filled = asyncio.Event()

    @jobs.task
    async def produce() -> str:
        with pytest.raises(OSError, match="space"):
            write_until_full(ballast)
        filled.set()
        return "r" * 200_000

    try:
        await jobs.start()
        job = await produce.enqueue()
        await asyncio.wait_for(filled.wait(), 20)
        with pytest.raises(TimeoutError):
            await job.result(timeout=1)
        ballast.unlink()
        assert len(await job.result(timeout=30)) == 200_000
        assert (await job.info()).attempt == 1
    finally:
        await jobs.close()


def test_the_error_is_one_of_ours() -> None:
    assert issubclass(StoreFull, Error)
