"""A million jobs on one redis-server: what they weigh while they wait, and whether retention holds while they end.

1. A million are enqueued with nobody to run them: jobs a second, bytes a queued job, and how long the counts and a
   first page of the list take then.
2. One worker drains them; a closed job is kept for `--keep` seconds. At every tenth: how many closed jobs the store
   holds, against what `--keep` allows at the rate of the drain, and the memory of server and worker.
3. After the drain: seconds until the last closed job is gone, and what the server still holds.
4. A tenth of a million that would be kept for a day, cut to the newest thousand by count.

``make bench-million``; one JSON object on standard output. Fails when jobs are lost or a bound does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from common.stats import rss_mib
from khala_jobs import JobProcessor, Queue
from peers import server

SWEEP_SECONDS = 15  # what clean-up may lag behind: it comes every 10 s, and has the work of those to do
SLACK = 10_000  # jobs that end while the counts are read and a sweep takes its turns
NEWEST = 1000


class Million:
    """The phases, on one server."""

    def __init__(self, redis: server.Server, options: argparse.Namespace) -> None:
        self.redis, self.options = redis, options
        self.empty = redis.usage().bytes
        self.done = 0
        queues = [Queue("brief", keep_completed=options.keep), Queue("kept")]
        self.jobs = JobProcessor(redis.url, workers=100, queues=queues)

        @self.jobs.task(queue="brief")
        async def count(i: int) -> int:
            self.done += 1
            return i

        self.count = count

    def mib(self) -> float:
        return round((self.redis.usage().bytes - self.empty) / 2**20, 1)

    async def timed(self, call: Any) -> tuple[float, Any]:
        begun = time.perf_counter()
        answer = await call
        return round(time.perf_counter() - begun, 4), answer

    async def fill(self, queue: str, count: int) -> float:
        task = self.count.options(queue=queue)
        took, _ = await self.timed(task.enqueue_many(((i,) for i in range(count)), chunk=10_000))
        return took

    async def waiting(self) -> dict[str, Any]:
        """Phase 1."""
        count = self.options.count
        took = await self.fill("brief", count)
        stats_s, stats = await self.timed(self.jobs.queues.stats("brief"))
        list_s, page = await self.timed(self.jobs.queues.list(queue="brief", limit=100))
        assert stats["waiting"] == count, stats
        assert len(page.jobs) == 100, len(page.jobs)
        return {
            "enqueued_per_s": round(count / took),
            "bytes_per_job": round((self.redis.usage().bytes - self.empty) / count, 1),
            "mib": self.mib(),
            "stats_ms": stats_s * 1e3,
            "first_page_ms": list_s * 1e3,
        }

    async def drain(self) -> dict[str, Any]:
        """Phases 2 and 3."""
        count, keep = self.options.count, self.options.keep
        tenths: list[dict[str, Any]] = []
        begun = time.perf_counter()
        await self.jobs.start()
        for tenth in range(1, 11):
            while self.done < count * tenth // 10:
                await asyncio.sleep(0.05)
            done, elapsed = self.done, time.perf_counter() - begun
            kept = (await self.jobs.queues.stats("brief"))["completed"]
            allowed = round(done / elapsed * (keep + SWEEP_SECONDS)) + SLACK
            tenths.append(
                {"done": done, "kept": kept, "allowed": allowed, "mib": self.mib(), "rss": rss_mib()}
            )
            assert kept <= allowed, tenths[-1]
        took = time.perf_counter() - begun
        while (await self.jobs.queues.stats("brief"))["completed"]:
            assert time.perf_counter() - begun - took < keep + 60, "closed jobs are still there"
            await asyncio.sleep(0.1)
        gone = time.perf_counter() - begun - took
        assert self.done == count, self.done
        drained = {"drained_per_s": round(count / took), "tenths": tenths}
        return {**drained, "gone_after_s": round(gone, 1), "mib_left": self.mib()}

    async def by_count(self) -> dict[str, Any]:
        """Phase 4."""
        count, before = self.options.count // 10, self.done
        await self.fill("kept", count)
        while (await self.jobs.queues.stats("kept"))["completed"] < count:
            await asyncio.sleep(0.05)
        took, removed = await self.timed(self.jobs.queues.clean(queue="kept", keep=NEWEST))
        left = (await self.jobs.queues.stats("kept"))["completed"]
        assert (removed, left, self.done - before) == (count - NEWEST, NEWEST, count), (removed, left)
        return {"removed": removed, "removed_per_s": round(removed / took), "left": left}


async def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, server.running(Path(folder), core=options.core) as redis:
        million = Million(redis, options)
        try:
            return {
                "count": options.count,
                "keep_s": options.keep,
                "redis": server.version(),
                "waiting": await million.waiting(),
                "drain": await million.drain(),
                "by_count": await million.by_count(),
            }
        finally:
            await million.jobs.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--keep", type=int, default=5, help="seconds a closed job is kept")
    parser.add_argument("--core", type=int, default=0, help="of the server")
    print(json.dumps(asyncio.run(run(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
