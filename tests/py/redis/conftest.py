"""Servers, proxies and processors of one test, ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from khala_jobs import EnqueueUnknown, JobProcessor
from khala_jobs.errors import StoreUnavailable

from ..redis_server import Proxy, Server

NewServer = Callable[..., Server]
NewProxy = Callable[[Server], Proxy]
NewWork = Callable[..., "Work"]


@pytest.fixture
def new_proxy() -> Iterator[NewProxy]:
    """Puts a proxy before a server."""
    proxies: list[Proxy] = []

    def start(server: Server) -> Proxy:
        proxies.append(Proxy(server.port))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


class Work:
    """A processor with the tasks that the tests use, and what its handlers saw."""

    def __init__(self, url: str, *, workers: int = 8, lease: float = 2.0) -> None:
        self.jobs = JobProcessor(url, workers=workers, lease=lease, grace=1)
        self.ran: list[int] = []
        self.entered = asyncio.Semaphore(0)  # released once for every run of `hold`
        self.release = asyncio.Event()  # what `hold` waits for
        ran = self.ran

        @self.jobs.task
        async def note(n: int) -> int:
            ran.append(n)
            return n

        @self.jobs.task
        async def hold(n: int) -> int:
            ran.append(n)
            self.entered.release()
            await self.release.wait()
            return n

        self.note, self.hold = note, hold

    async def held(self, count: int) -> list[str]:
        """Enqueue `count` jobs that run until `release` is set, and wait until they do; their ids."""
        made = await self.hold.enqueue_many([(n,) for n in range(count)])
        for _ in range(count):
            await asyncio.wait_for(self.entered.acquire(), 30)
        return [job.id for job in made]

    async def enqueue_until_it_works(self, n: int, seconds: float = 30) -> float:
        """Seconds until an enqueue (under one id) was answered; errors of a store that is away are swallowed."""
        started = time.monotonic()
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await self.note.options(id=f"again-{n}").enqueue(n)
                except (StoreUnavailable, EnqueueUnknown):
                    await asyncio.sleep(0.01)
                else:
                    return time.monotonic() - started

    async def until_stats(self, seconds: float = 60, **wanted: int) -> None:
        """Until these counts of the store are so."""
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(Exception):  # the store may be away for a while
                    stats = await self.jobs.queues.stats()
                    if all(stats[name] == value for name, value in wanted.items()):  # type: ignore[literal-required]
                        return
                await asyncio.sleep(0.02)

    async def check_each_once(self, count: int) -> None:
        """Every job ran, was accepted as completed exactly once, and the store is sound."""
        await self.until_stats(completed=count, waiting=0, active=0)
        assert sum(counter.completed for counter in await self.jobs.queues.counters()) == count
        assert await self.jobs.queues.check() == []


@pytest.fixture
async def new_work() -> AsyncIterator[NewWork]:
    """Makes processors; not started. All are closed after the test."""
    made: list[Work] = []

    def make(url: str, **options: float) -> Work:
        made.append(Work(url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for work in made:
        work.release.set()
        await work.jobs.close()
