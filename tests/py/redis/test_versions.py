"""Two versions of this package on one server and one prefix, as while workers are replaced one after the other.

The other version is a copy of the package in which one comment of the function library reads differently. Libraries are
named after their text, so to the server it is as strange as any other version.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import khala_jobs
from khala_jobs import JobProcessor, _core

from ..redis_server import Server, until
from .conftest import NewServer

COMMENT = b"-- Inserts, moves, claim: in this order, in one call."

# `LABEL` is the version, and a queue that only this version serves; `hold` runs until there is a file `release`.
WORKER = """
    import asyncio, os
    from pathlib import Path
    from khala_jobs import JobProcessor

    label, folder = os.environ["LABEL"], Path(os.environ["FOLDER"])
    jobs = JobProcessor(os.environ["URL"], workers=2, lease=1, grace=5, queues=[label, "both"])

    @jobs.task
    async def step(n: int) -> str:
        return label

    @jobs.task
    async def relay(n: int, queue: str) -> str:
        return (await step.options(queue=queue).enqueue(n)).id

    @jobs.task
    async def hold(n: int) -> str:
        (folder / f"{label}-began-{n}").touch()
        while not (folder / "release").exists():
            await asyncio.sleep(0.01)
        return label

    asyncio.run(jobs.run_until_stopped())
"""


@dataclass(frozen=True)
class Package:
    """Where a version is imported from, and the library that its `khala-jobs redis-library` prints."""

    path: Path | None  # none: as these tests do
    library: str

    @property
    def name(self) -> str:
        """Of its library."""
        found = re.match(r"#!lua name=(khala_[0-9a-f]{8})\n", self.library)
        assert found
        return found[1]


def environment(path: Path | None) -> dict[str, str]:
    """Of a process that imports the package from there."""
    paths = [str(path or ""), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


class Version:
    """A version of the package, and the workers that were started with it."""

    def __init__(self, label: str, folder: Path, package: Package) -> None:
        self.label = label
        self.folder = folder
        self.package = package
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, url: str) -> None:
        program = self.folder / "worker.py"
        program.write_text(textwrap.dedent(WORKER))
        self._workers.append(
            subprocess.Popen(
                [sys.executable, str(program)],
                env=environment(self.package.path)
                | {"URL": url, "LABEL": self.label, "FOLDER": str(self.folder)},
            )
        )

    def kill(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait(20)
        self._workers.clear()

    async def until_began(self, count: int) -> None:
        await asyncio.to_thread(
            until, lambda: len(list(self.folder.glob(f"{self.label}-began-*"))) == count, 60
        )


@pytest.fixture(scope="module")
def older_package() -> Iterator[Package]:
    """This package, but for one letter of its function library."""
    here, module = Path(khala_jobs.__file__).parent, Path(_core.__file__)
    with tempfile.TemporaryDirectory(prefix="khala-older-") as folder:
        copy = Path(folder) / "khala_jobs"
        copy.mkdir()
        for path in here.iterdir():
            if path.suffix != ".so" and path.name != "__pycache__":
                (copy / path.name).symlink_to(path)
        binary = module.read_bytes()
        assert binary.count(COMMENT) == 1, "the library's text is in the module, once"
        (copy / module.name).write_bytes(binary.replace(COMMENT, COMMENT.replace(b"order", b"Order")))
        printed = subprocess.run(
            [sys.executable, "-m", "khala_jobs.cli", "redis-library"],
            env=environment(Path(folder)), capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        yield Package(Path(folder), printed)


@pytest.fixture
def versions(older_package: Package, tmp_path: Path) -> Iterator[tuple[Version, Version]]:
    """An older one, and this one."""
    older = Version("older", tmp_path, older_package)
    newer = Version("newer", tmp_path, Package(None, _core.redis.library()))
    assert older.package.name != newer.package.name
    yield older, newer
    older.kill()
    newer.kill()


def loaded(server: Server) -> set[str]:
    """Names of the libraries that the server has."""
    return {
        library[library.index(b"library_name") + 1].decode() for library in server.call("FUNCTION", "LIST")
    }


@contextlib.asynccontextmanager
async def client(url: str) -> AsyncIterator[tuple[JobProcessor, Any, Any, Any]]:
    """Of this version; runs nothing."""
    jobs = JobProcessor(url)

    @jobs.task
    async def step(n: int) -> str:
        raise NotImplementedError

    @jobs.task
    async def relay(n: int, queue: str) -> str:
        raise NotImplementedError

    @jobs.task
    async def hold(n: int) -> str:
        raise NotImplementedError

    try:
        yield jobs, step, relay, hold
    finally:
        await jobs.close()


async def results(made: list[Any]) -> Counter[str]:
    return Counter([await job.result(timeout=60) for job in made])


async def test_workers_of_two_versions_share_jobs(
    new_server: NewServer, versions: tuple[Version, Version]
) -> None:
    server = new_server()
    older, newer = versions
    names = {version.package.name for version in versions}
    older.start(server.url())
    newer.start(server.url())
    async with client(server.url()) as (jobs, step, relay, hold):
        # Each has room for two: neither can take all of them.
        held = await hold.options(queue="both").enqueue_many([(n,) for n in range(4)])
        await older.until_began(2)
        await newer.until_began(2)
        assert loaded(server) == names
        await asyncio.to_thread(server.command, "FUNCTION FLUSH")
        await asyncio.to_thread(until, lambda: loaded(server) == names)  # each asks for its own, and loads it
        (older.folder / "release").touch()
        assert await results(held) == {"older": 2, "newer": 2}
        assert {(await job.info()).attempt for job in held} == {1}, "both went on renewing their leases"

        for producer, consumer in ((older, newer), (newer, older)):
            asked = await relay.options(queue=producer.label).enqueue_many(
                [(n, consumer.label) for n in range(20)]
            )
            relayed = [jobs.queues.job(await job.result(timeout=60)) for job in asked]
            assert await results(relayed) == {consumer.label: 20}
        await asyncio.to_thread(server.call, "FUNCTION", "DELETE", older.package.name)
        for version in versions:
            assert await results([await step.options(queue=version.label).enqueue(1)]) == {version.label: 1}
        assert loaded(server) == names
        assert sum(counter.completed for counter in await jobs.queues.counters()) == 4 + 80 + 2
        assert await jobs.queues.check() == []


async def test_a_newer_version_takes_over_what_an_older_one_began(
    new_server: NewServer, versions: tuple[Version, Version]
) -> None:
    server = new_server()
    older, newer = versions
    older.start(server.url())
    async with client(server.url()) as (jobs, step, _, hold):
        held = await hold.options(queue="both").enqueue_many([(n,) for n in range(2)])
        await older.until_began(2)
        waiting = await step.options(queue="both").enqueue_many([(n,) for n in range(20)])
        older.kill()
        (newer.folder / "release").touch()
        newer.start(server.url())
        assert await results(held + waiting) == {"newer": 22}
        assert {(await job.info()).attempt for job in held} == {2}
        assert {(await job.info()).attempt for job in waiting} == {1}
        assert await jobs.queues.check() == []


async def test_an_administrator_loads_the_libraries_of_both(
    new_server: NewServer, versions: tuple[Version, Version]
) -> None:
    server = new_server()
    line = _core.redis.acl_line("worker", "khala", may_load=False, may_read_config=False)
    server.call(*line.replace("PASSWORD", "secret").split())
    for version in versions:
        server.call("FUNCTION", "LOAD", version.package.library)
    assert loaded(server) == {version.package.name for version in versions}
    url = server.url(user="worker:secret")
    for version in versions:
        version.start(url)
    async with client(url) as (jobs, step, _, _):
        for version in versions:
            made = await step.options(queue=version.label).enqueue_many([(n,) for n in range(20)])
            assert await results(made) == {version.label: 20}
        assert await jobs.queues.check() == []
