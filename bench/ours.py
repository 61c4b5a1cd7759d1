"""khala_jobs: one workload in one process, figures as one JSON line.

Results, history, checksums and retention are on and logs at their default in every workload. Each ends with an exact
count: as many distinct jobs completed in the store as were enqueued, or the run fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from common.stats import percentile, rss_mib, spread_ms
from khala_jobs import JobProcessor, Priority

PAYLOAD = "x" * 1000


class Bench:
    """A processor with the handlers that the workloads need."""

    def __init__(self, url: str, workers: int) -> None:
        self.jobs = JobProcessor(url, workers=workers)
        self.started: dict[int, float] = {}
        self.order: list[int] = []

        @self.jobs.task
        async def noop(i: int) -> int:
            return i

        @self.jobs.task
        async def text(i: int, body: str) -> int:
            return i

        @self.jobs.task
        async def stamp(i: int) -> float:
            now = time.perf_counter()
            self.started[i] = now
            return now

        @self.jobs.task
        async def ordered(i: int) -> None:
            self.order.append(i)

        @self.jobs.task
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)

        self.noop, self.text, self.stamp, self.ordered, self.sleep = noop, text, stamp, ordered, sleep

    async def completed(self) -> int:
        return int((await self.jobs.queues.stats("default"))["completed"])

    async def until_completed(self, count: int) -> None:
        while await self.completed() < count:
            await asyncio.sleep(0.005)

    async def exactly(self, count: int) -> None:
        """Fail unless `count` jobs completed and none is anywhere else."""
        stats = await self.jobs.queues.stats("default")
        others = {
            k: v
            for k, v in stats.items()
            if k != "completed" and isinstance(v, int) and not isinstance(v, bool)
        }
        if stats["completed"] != count or any(others[k] for k in ("waiting", "active", "delayed", "failed")):
            raise SystemExit(f"expected {count} completed jobs, found {stats}")


async def w1(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Sequential enqueues, each awaited."""
    times = []
    start = time.perf_counter()
    for i in range(options.count):
        before = time.perf_counter()
        await bench.noop.enqueue(i)
        times.append(time.perf_counter() - before)
    return {"jobs_per_s": options.count / (time.perf_counter() - start), **spread_ms(times)}


async def w2(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Enqueues of 32 concurrent producers."""

    async def produce(part: range) -> None:
        for i in part:
            await bench.noop.enqueue(i)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for lane in range(32):
            group.create_task(produce(range(lane, options.count, 32)))
    return {"jobs_per_s": options.count / (time.perf_counter() - start)}


async def w3(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Bulk enqueue in batches of `batch`; payload 13 bytes or 1 KiB."""
    start = time.perf_counter()
    for first in range(0, options.count, options.batch):
        numbers = range(first, min(first + options.batch, options.count))
        if options.large:
            await bench.text.enqueue_many((i, PAYLOAD) for i in numbers)
        else:
            await bench.noop.enqueue_many((i,) for i in numbers)
    return {"jobs_per_s": options.count / (time.perf_counter() - start)}


async def w4(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Drain of pre-loaded no-op jobs; until the last is completed in the store."""
    for first in range(0, options.count, 5000):
        await bench.noop.enqueue_many((i,) for i in range(first, min(first + 5000, options.count)))
    cpu = time.process_time()
    start = time.perf_counter()
    await bench.jobs.start()
    await bench.until_completed(options.count)
    took = time.perf_counter() - start
    await bench.exactly(options.count)
    return {
        "jobs_per_s": options.count / took,
        "cpu_us_per_job": (time.process_time() - cpu) / options.count * 1e6,
    }


async def w5(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Drain with four interleaved priorities; at one slot the order is checked."""
    levels = [Priority.LOW, Priority.CRITICAL, Priority.MEDIUM, Priority.HIGH]
    by_level = [bench.ordered.options(priority=level) for level in levels]
    for lane, task in enumerate(by_level):
        await task.enqueue_many(((i,) for i in range(lane, options.count, 4)), chunk=5000)
    start = time.perf_counter()
    await bench.jobs.start()
    await bench.until_completed(options.count)
    took = time.perf_counter() - start
    if options.workers == 1:
        expected = [i for lane in (1, 3, 2, 0) for i in range(lane, options.count, 4)]
        if bench.order != expected:
            raise SystemExit("jobs did not run in strict order")
    return {"jobs_per_s": options.count / took}


async def w7(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Pickup latency of an idle worker: Poisson arrivals at 50/s; until the handler starts, and until the result."""
    await bench.jobs.start()
    rng = random.Random(7)
    pickup, answer = [], []
    for i in range(options.count):
        await asyncio.sleep(rng.expovariate(50))
        before = time.perf_counter()
        job = await bench.stamp.enqueue(i)
        pickup_at = await job.result(timeout=30)
        answer.append(time.perf_counter() - before)
        pickup.append(pickup_at - before)
    return {**spread_ms(pickup), "result_p50_ms": percentile(answer, 0.5) * 1000}


async def w7_processes(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Pickup latency across processes, the two that `khala-jobs worker` starts; the clock is the machine's."""
    command = [sys.executable, __file__, "serve", "--url", options.url, "--count", "0"]
    workers = [
        subprocess.Popen(
            [*command, "--workers", slots, "--suspects", suspects],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for slots, suspects in (("4", "none"), ("1", "only"))
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    rng = random.Random(7)
    pickup = []
    try:
        for i in range(options.count):
            await asyncio.sleep(rng.expovariate(50))
            before = time.perf_counter()  # CLOCK_MONOTONIC: the same for both processes
            job = await bench.stamp.enqueue(i)
            pickup.append(await job.result(timeout=30) - before)
    finally:
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait(30)
    return spread_ms(pickup)


async def serve(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """A worker process of `w7_processes` and `w16`: until standard input ends."""
    if options.suspects:
        bench.jobs.configure_worker(suspects=options.suspects)
    await bench.jobs.start()
    print("ready", flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: os.read(0, 1) or ended.set())
    await ended.wait()
    return {}


async def w8(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """I/O-like jobs: each sleeps 0.1 s; the ceiling is workers / 0.1 s."""
    await bench.sleep.enqueue_many(((0.1,) for _ in range(options.count)), chunk=5000)
    start = time.perf_counter()
    await bench.jobs.start()
    await bench.until_completed(options.count)
    took = time.perf_counter() - start
    return {"jobs_per_s": options.count / took, "ceiling_per_s": options.workers / 0.1}


async def w15(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """An idle worker: store queries and CPU a second."""
    await bench.jobs.start()
    await asyncio.sleep(2)
    queries, cpu = bench.jobs.engine_stats["store_queries"], time.process_time()
    await asyncio.sleep(options.seconds)
    queries = bench.jobs.engine_stats["store_queries"] - queries
    return {
        "queries_per_s": queries / options.seconds,
        "cpu_percent": (time.process_time() - cpu) / options.seconds * 100,
    }


async def w16(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Two worker processes drain one file."""
    for first in range(0, options.count, 5000):
        await bench.noop.enqueue_many((i,) for i in range(first, min(first + 5000, options.count)))
    command = [
        sys.executable,
        __file__,
        "serve",
        "--url",
        options.url,
        "--workers",
        str(options.workers),
        "--count",
        "0",
    ]
    start = time.perf_counter()
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(2)]
    await bench.until_completed(options.count)
    took = time.perf_counter() - start
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.close()
    for worker in workers:
        worker.wait(60)
    await bench.exactly(options.count)
    return {"jobs_per_s": options.count / took}


async def rss(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Resident memory of a worker over many jobs, in ten steps; the first is warm-up."""
    await bench.jobs.start()
    sizes = []
    step = options.count // 10
    for part in range(10):
        await bench.noop.enqueue_many(((i,) for i in range(step)), chunk=5000)
        await bench.until_completed(step * (part + 1))
        sizes.append(round(rss_mib(), 1))
    return {"rss_mib_by_tenth": sizes, "growth_mib": sizes[-1] - sizes[1]}


WORKLOADS: dict[str, Callable[[Bench, argparse.Namespace], Awaitable[dict[str, Any]]]] = {
    f.__name__: f for f in (w1, w2, w3, w4, w5, w7, w7_processes, w8, w15, w16, rss, serve)
}


async def run(options: argparse.Namespace) -> dict[str, Any]:
    bench = Bench(options.url, options.workers)
    try:
        figures = await WORKLOADS[options.workload](bench, options)
    finally:
        await bench.jobs.close()
    return {**figures, "rss_mib": round(rss_mib(), 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--suspects", choices=("none", "only"))
    parser.add_argument("--seconds", type=float, default=20)
    figures = asyncio.run(run(parser.parse_args()))
    if figures:
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
