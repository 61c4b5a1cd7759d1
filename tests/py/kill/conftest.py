"""Real worker processes, real signals, and the ledger that says what ran.

Every run of a handler appends one line to the ledger when it starts and one when it returns (O_APPEND: lines survive
SIGKILL and do not mix). At the end the ledger is held against what the store says:

* lost: every enqueued job is completed;
* doubled: the store accepted one completion of each (its durable counters add up to the number of jobs);
* attempts: a job's attempts in the store are those of the ledger, or more where a kill fell between claim and start;
* fences: of the runs of a job each has a larger fence than the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import JobProcessor

WORKER = """
    import asyncio, os, sys
    from khala_jobs import JobProcessor, Retry

    url, ledger = os.environ["URL"], os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    workers, lease = int(os.environ.get("WORKERS", "8")), float(os.environ.get("LEASE", "1"))
    jobs = JobProcessor(url, workers=workers, lease=lease, grace=5)

    def note(what, ctx):
        os.write(ledger, f"{what} {ctx.job_id} {ctx.attempt} {ctx.fence} {os.getpid()}\\n".encode())

    @jobs.task
    async def work(ctx, n: int, pause: float) -> int:
        note("start", ctx)
        await asyncio.sleep(pause)
        note("end", ctx)
        return n

    @jobs.task(retry=Retry.fixed(2, delay=0.01))
    async def fail_once(ctx, n: int) -> int:
        note("start", ctx)
        if ctx.attempt == 1:
            raise ConnectionError("once")
        note("end", ctx)
        return n

    async def main():
        await jobs.start()
        print("ready", flush=True)
        await asyncio.Event().wait()

    if __name__ == "__main__":
        asyncio.run(jobs.run_until_stopped())
"""


@dataclass
class Run:
    """One line of the ledger that begins a run, and whether it ended."""

    attempt: int
    fence: int
    pid: int
    ended: bool = False


@dataclass
class Fleet:
    """Worker processes on one store."""

    folder: Path
    url: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *before: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker, by the command `before` if there is one."""
        process = subprocess.Popen(
            [*before, sys.executable, str(self.folder / "worker.py")],
            env={**os.environ, "URL": self.url, "LEDGER": str(self.folder / "ledger"), **environment},
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ledger(self) -> dict[str, list[Run]]:
        """Runs by job, in the order in which they started."""
        runs: dict[str, list[Run]] = defaultdict(list)
        path = self.folder / "ledger"
        for line in path.read_text().splitlines() if path.exists() else []:
            what, job_id, attempt, fence, pid = line.split()
            if what == "start":
                runs[job_id].append(Run(int(attempt), int(fence), int(pid)))
            else:
                next(run for run in runs[job_id] if run.fence == int(fence)).ended = True
        return runs

    @contextlib.asynccontextmanager
    async def client(self) -> Any:
        jobs = JobProcessor(self.url)

        @jobs.task
        async def work(n: int, pause: float) -> int:
            return n

        @jobs.task
        async def fail_once(n: int) -> int:
            return n

        try:
            yield jobs, work, fail_once
        finally:
            await jobs.close()

    async def until_completed(self, jobs: JobProcessor, count: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (stats := await jobs.queues.stats())["completed"] < count:
            assert time.monotonic() < deadline, f"after {seconds} s: {stats}"
            await asyncio.sleep(0.05)

    async def check(self, jobs: JobProcessor, ids: list[str]) -> dict[str, int]:
        """Hold the ledger against the store; the figures of the run."""
        runs = self.ledger()
        infos = [await jobs.queues.get(job_id) for job_id in ids]
        counters = await jobs.queues.counters()
        figures = {
            "jobs": len(ids),
            "lost": sum(info.state != "completed" for info in infos),
            "doubled": sum(counter.completed for counter in counters) - len(ids),
            "runs": sum(map(len, runs.values())),
            "runs_again": sum(len(found) > 1 for found in runs.values()),
        }
        assert figures["lost"] == 0, figures
        assert figures["doubled"] == 0, figures
        assert set(runs) == set(ids), "every job ran, and nothing else did"
        for info in infos:
            found = runs[info.id]
            fences = [run.fence for run in found]
            assert fences == sorted(set(fences)), f"{info.id}: fences {fences} do not grow"
            assert info.fence == fences[-1], (
                f"{info.id}: completed under another fence than that of its last run"
            )
            assert info.attempt == found[-1].attempt, (
                f"{info.id}: {info.attempt} attempts in the store, ran {found}"
            )
            # A claim whose handler was never entered gives its number back and is still in the history.
            numbers = [attempt.number for attempt in info.history]
            assert numbers == sorted(numbers), f"{info.id}: history {info.history}"
            assert numbers[-1] == info.attempt, f"{info.id}: history {info.history}"
            assert [a.outcome for a in info.history].count("completed") == 1
            assert found[-1].ended
        assert await jobs.queues.check() == []
        return figures


def until(look: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"did not come true in {seconds} s")


@pytest.fixture
def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Of the store that an indirect parameter names, SQLite without one."""
    (tmp_path / "worker.py").write_text(textwrap.dedent(WORKER))
    if getattr(request, "param", "sqlite") == "redis":
        url = request.getfixturevalue("new_redis_url")()
    else:
        url = f"sqlite:///{tmp_path / 'jobs.db'}?synchronous=normal"
    found = Fleet(tmp_path, url)
    try:
        yield found
    finally:
        found.stop()
