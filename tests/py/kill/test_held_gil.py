"""A handler that holds the GIL for longer than two leases keeps its job, though an idle worker waits beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from khala_jobs import JobProcessor

from .conftest import until

HOLDER = """
    import asyncio, ctypes, json, os, sys, time
    from khala_jobs import JobProcessor

    url, lease, hold = os.environ["URL"], float(os.environ["LEASE"]), float(os.environ["HOLD"])
    jobs = JobProcessor(url, workers=2, lease=lease, lag_warning=3600)
    sleep = ctypes.PyDLL(None).usleep  # PyDLL keeps the GIL during the call

    @jobs.task
    async def hold_gil(micros: int) -> str:
        open(os.environ["MARK"], "a").write(f"{os.getpid()}\\n")
        for _ in range(micros // 900_000):
            sleep(900_000)
        return str(os.getpid())

    @jobs.task
    async def tick() -> None:
        pass

    late = 0.0  # how late the machine lets this process run, at the worst

    async def watch():
        global late
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            late = max(late, time.monotonic() - began - 0.005)

    async def main():
        await jobs.start()
        watching = asyncio.create_task(watch())
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        watching.cancel()
        print(json.dumps({**jobs.engine_stats, "late_ms": round(late * 1000)}), flush=True)
        await jobs.close()

    asyncio.run(main())
"""


class Process:
    """A worker that holds the GIL, or an idle one."""

    def __init__(self, folder: Path, lease: float, hold: float) -> None:
        path = folder / "holder.py"
        path.write_text(textwrap.dedent(HOLDER))
        self.url = f"sqlite:///{folder / 'jobs.db'}?synchronous=normal"
        self.mark = folder / "mark"
        environment = {
            **os.environ,
            "URL": self.url,
            "LEASE": str(lease),
            "HOLD": str(hold),
            "MARK": str(self.mark),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(path)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def stop(self) -> dict[str, int]:
        import json

        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.process.stdin, self.process.stdout:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            stats: dict[str, int] = json.loads(self.process.stdout.readline())
            self.process.wait(30)
        return stats


@pytest.mark.parametrize("lease", [1.2, 2.0])
async def test_one_run_and_no_late_renewal(tmp_path: Path, lease: float) -> None:
    hold = 2.5 * lease + 1
    first = Process(tmp_path, lease, hold)
    client = JobProcessor(first.url)

    @client.task
    async def hold_gil(micros: int) -> str:
        return ""

    second = None
    try:
        job = await hold_gil.enqueue(int(hold * 1_000_000))
        until(first.mark.exists)
        second = Process(tmp_path, lease, hold)  # idle beside it, and ready to take what lapses
        assert await job.result(timeout=60) == str(first.process.pid)
        info = await job.info()
    finally:
        stats = first.stop()
        late_ms = second.stop()["late_ms"] if second is not None else 0  # of the one that holds nothing
        await client.close()
    assert first.mark.read_text().split() == [str(first.process.pid)], "it ran once"
    assert (info.attempt, info.crashes, info.suspect) == (1, 0, False)
    assert stats["renewals"] >= 2 * hold / lease, "renewed at least every half lease"
    # The period is a third of the lease. Of what is beyond 0.2 s more, the machine must have its share.
    assert stats["max_renew_gap_ms"] <= lease * 1000 / 3 + 200 + late_ms, (stats, late_ms)
