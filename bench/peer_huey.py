"""huey on SQLite, the embedded peer: one workload in one process, figures as one JSON line.

It deletes a task when it is handed out, so a crash loses what was running; it keeps no history. `fsync` switches its
own durability (SQLite FULL with it, the library's default without).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import threading
import time
from typing import Any

from huey import SqliteHuey

from common.stats import spread_ms


class Peer:
    """One queue with a no-op task, driven by the library's own worker threads."""

    def __init__(self, path: str, fsync: bool) -> None:
        self.huey = SqliteHuey("bench", filename=path, fsync=fsync, results=True, utc=True)
        self.done: list[float] = []
        self.finished = threading.Event()
        self.expected = 0

        @self.huey.task()
        def noop(i: int) -> int:
            return i

        @self.huey.task()
        def stamp(i: int, sent: float) -> float:
            now = time.perf_counter()
            self.done.append(now - sent)
            return now

        self.noop, self.stamp = noop, stamp

    def enqueue(self, count: int) -> float:
        start = time.perf_counter()
        for i in range(count):
            self.noop(i)
        return time.perf_counter() - start

    def drain(self, count: int, threads: int) -> float:
        """The library's consumer with `threads` workers, until the last result is in the store."""
        consumer = self.huey.create_consumer(
            workers=threads, worker_type="thread", periodic=False, initial_delay=0.001, max_delay=0.01
        )
        start = time.perf_counter()
        consumer.start()
        while self.huey.result_count() < count:
            time.sleep(0.02)  # each look is a COUNT over the results: rare enough not to slow the peer down
        took = time.perf_counter() - start
        consumer.stop(graceful=True)
        return took

    def pickup(self, count: int, rate: float) -> list[float]:
        consumer = self.huey.create_consumer(workers=4, worker_type="thread", periodic=False)
        consumer.start()
        for i in range(count):
            self.stamp(i, time.perf_counter())
            time.sleep(1 / rate)
        deadline = time.monotonic() + 30
        while len(self.done) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        consumer.stop(graceful=True)
        return self.done


def run(options: argparse.Namespace) -> dict[str, Any]:
    peer = Peer(options.path, options.fsync)
    match options.workload:
        case "enqueue":
            took = peer.enqueue(options.count)
            return {"jobs_per_s": options.count / took}
        case "drain":
            peer.enqueue(options.count)
            took = peer.drain(options.count, options.threads)
            left = peer.huey.pending_count()
            return {"jobs_per_s": options.count / took, "left": left}
        case "pickup":
            waits = peer.pickup(options.count, 50.0)
            return spread_ms(waits)
    raise SystemExit(f"unknown workload {options.workload}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=("enqueue", "drain", "pickup"))
    parser.add_argument("--path", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--fsync", action="store_true")
    options = parser.parse_args()
    figures = run(options)
    figures["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures), flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
