"""KHALA's own job processor in its memory mode: needs a checkout (KHALA_CHECKOUT) and what its modules import.

Its handlers are replaced by a no-op, so that only the processor is measured. Memory mode keeps no result, no history
and nothing on disk, and its workers look for work every 0.1 s when idle.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import sys
import time
from typing import Any

sys.path.insert(0, os.environ["KHALA_CHECKOUT"])
from khala.infrastructure.background.jobs import job_processor as khala


class Processor(khala.JobProcessor):
    """KHALA's processor without its clients, and with a no-op for a handler."""

    done = 0
    waits: list[float]

    async def _execute_job(self, job: Any) -> Any:
        self.waits.append(time.perf_counter() - job.payload["sent"])
        self.done += 1
        return khala.JobResult(job.job_id, True, None, 0.0)

    async def begin(self) -> None:
        """What `start` does, less Redis and SurrealDB."""
        self.is_running = True
        self.worker_tasks = [asyncio.create_task(self._worker_loop(f"w{i}")) for i in range(self.max_workers)]


async def run(options: argparse.Namespace) -> dict[str, Any]:
    processor = Processor(max_workers=options.workers)
    processor.waits = []

    async def submit() -> None:
        await processor.submit_job("index_repair", {"sent": time.perf_counter()})

    start = time.perf_counter()
    if options.workload in ("enqueue", "drain"):
        for _ in range(options.count):
            await submit()
    if options.workload == "enqueue":
        return {"jobs_per_s": options.count / (time.perf_counter() - start)}
    await processor.begin()
    start = time.perf_counter()
    if options.workload == "pickup":
        for _ in range(options.count):
            await submit()
            await asyncio.sleep(0.02)
    while processor.done < options.count:
        await asyncio.sleep(0.001)
    took = time.perf_counter() - start
    await processor.stop()
    if options.workload == "drain":
        return {"jobs_per_s": options.count / took}
    waits = sorted(processor.waits)
    return {"p50_ms": waits[len(waits) // 2] * 1000, "p99_ms": waits[int(len(waits) * 0.99)] * 1000}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=("enqueue", "drain", "pickup"))
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    figures = asyncio.run(run(options))
    figures["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
