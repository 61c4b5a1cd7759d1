"""Interpreters that end while jobs run: none hangs, none crashes, nothing keeps running, no job is lost.

40 exits in the suite; KHALA_JOBS_EXITS=200 makes it as many.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from khala_jobs import JobProcessor

from .conftest import until

EXITS = int(os.environ.get("KHALA_JOBS_EXITS", "40"))
HANDLERS = ("in_loop", "in_thread", "in_child", "khala.sleep")
STORES = ("sqlite", "memory")
WAYS = ("return", "exit", "closing", "loop left open")
JOBS = 20

APPLICATION = """
    import asyncio, os, sys, threading, time
    from khala_jobs import Context, JobProcessor, _core

    # From the environment, which child processes have as well.
    handler, way, nap = os.environ["HANDLER"], os.environ["WAY"], float(os.environ["NAP"])
    jobs = JobProcessor(os.environ["URL"], workers=4, lease=1, grace=0.05)

    @jobs.task
    async def in_loop(ctx: Context):
        while True:
            await ctx.progress(1, 2)
            await asyncio.sleep(0.001)

    @jobs.task
    def in_thread(ctx: Context):
        while True:
            ctx.progress(1, 2)  # a call into the core
            time.sleep(0.001)

    @jobs.task(process=True)
    def in_child():
        with open(os.environ["PIDS"], "a") as file:
            file.write(f"{os.getpid()}\\n")
        while True:
            time.sleep(0.001)

    async def begin():
        await jobs.start()
        if handler == "khala.sleep":
            options = _core.engine.JobOptions(queue="default", task=handler)
            await jobs._connection.ask("enqueue", options, [b"[3600000]"] * 20)
            jobs.engine.set_work(queues=[("default", 4)], tasks=[handler])
        else:
            await {"in_loop": in_loop, "in_thread": in_thread, "in_child": in_child}[handler].enqueue_many([()] * 20)
        while jobs.engine_stats["running"] < 4:
            await asyncio.sleep(0.001)
        if handler == "in_child":  # a child that is being made is a job in flight, too, if the nap is short
            while nap and not os.path.exists(os.environ["PIDS"]):
                await asyncio.sleep(0.001)
        await asyncio.sleep(nap)
        if way == "exit":
            sys.exit(0)
        if way == "closing":
            asyncio.get_running_loop().create_task(jobs.close())
            await asyncio.sleep(nap / 4)

    def go():
        if way == "loop left open":
            asyncio.new_event_loop().run_until_complete(begin())
        else:
            asyncio.run(begin())
"""


def is_gone(pid: int) -> bool:
    """Whether there is no such process, or only its zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def count_open(url: str) -> int:
    """Jobs of a file that are not closed and not running."""
    jobs = JobProcessor(url)
    try:
        return (await jobs.queues.stats())["waiting"]
    finally:
        await jobs.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("handler", HANDLERS)
def test_an_interpreter_ends_with_jobs_in_flight(tmp_path: Path, handler: str, store: str) -> None:
    (tmp_path / "application.py").write_text(textwrap.dedent(APPLICATION))
    for n in range(max(EXITS // (len(HANDLERS) * len(STORES)), 1)):
        way, nap = WAYS[n % len(WAYS)], 0.013 * (n % 7)
        pids = tmp_path / f"pids{n}"
        url = f"sqlite:///{tmp_path}/jobs{n}.db" if store == "sqlite" else "memory://"
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", "import application; application.go()"],
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]), "PIDS": str(pids)}
            | {"URL": url, "HANDLER": handler, "WAY": way, "NAP": str(nap)},
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (n, way, done.stderr)
        for trace in ("Fatal Python error", "Traceback", "terminate called", "Exception ignored"):
            assert trace not in done.stderr, (n, way, done.stderr)
        children = [int(line) for line in pids.read_text().split()] if pids.exists() else []
        until(lambda children=children: all(is_gone(pid) for pid in children))
        if store == "sqlite":
            assert asyncio.run(count_open(url)) == JOBS, (n, way, done.stderr)
