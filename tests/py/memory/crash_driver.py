"""Runs one lifecycle job many times, killed by SIGKILL at each of its steps in turn, and run again.

Started by test_crash.py as a process of its own: ``crash_driver.py <job class> <folder>``. For every kill
point it forks a child that runs the job and kills itself there, then one that runs the job again, and
compares the repository and its log with those of a run that was not killed. Prints one JSON document.

A step is: the write lock being taken, an edit being logged (inside the transaction, before and after), the
end of a transaction, the commit.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from khala_jobs import similarity  # noqa: F401 - loaded once, before the first fork
from khala_jobs.memory import (
    Memory,
    MemoryJobs,
    SqliteMemoryRepository,
    edits,
    jobs,
    repository_sqlite,
    sqlite_file,
)
from khala_jobs.resources import Resources

DAY_US = 86_400_000_000
NOW_US = 20_000 * DAY_US


class Steps:
    """Counts steps, and kills the process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.count = 0
        self.kill_at = kill_at
        self.armed = False

    def __call__(self) -> None:
        if not self.armed:
            return
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


def install(step: Steps) -> None:
    """Hook the steps into the repository's code."""
    log_edits, write, locked = edits.log_edits, sqlite_file.SqliteFile._write, sqlite_file.SqliteFile._locked
    begin_run = SqliteMemoryRepository.begin_run

    def logged(connection: Any, rows: Any) -> None:
        step()
        log_edits(connection, rows)
        step()

    def written(self: Any, work: Any) -> Any:
        def watched(connection: Any) -> Any:
            result = work(connection)
            step()  # everything is done but the commit
            return result

        result = write(self, watched)
        step()  # committed
        return result

    def lock(self: Any) -> Any:
        step()
        return locked(self)

    async def begun(self: Any, *arguments: Any) -> Any:
        run = await begin_run(self, *arguments)
        step.armed = True  # from here on the clock reading of the run is fixed
        return run

    repository_sqlite.log.log_edits = logged
    sqlite_file.SqliteFile._write = written
    sqlite_file.SqliteFile._locked = lock
    SqliteMemoryRepository.begin_run = begun


def corpus() -> list[Memory]:
    """Work for each job, over two users and several pages."""
    out = []
    for user in ("ada", "bob"):
        for n in range(6):
            angle = n // 3 * 1.5 + n % 3 * 0.05
            vector = np.array([np.cos(angle), np.sin(angle), 0], dtype=np.float32)
            out.append(
                Memory(
                    id=f"{user}-{n}",
                    user_id=user,
                    content=f"{user} said {n} things.",
                    tier="short_term" if n % 2 else "working",
                    importance=[0.95, 0.2, 0.1][n % 3],
                    access_count=[9, 0, 0][n % 3],
                    created_us=NOW_US - (n + 1) * 40 * DAY_US,
                    expires_us=NOW_US - 9 * DAY_US if n in (2, 4) else None,
                    embedding=vector,
                    model_id="m",
                )
            )
    return out


def job_of(kind: str) -> Any:
    """The job, set so that it has much to do."""
    settings = {
        "DeduplicationJob": {"threshold": 0.99},
        "ConsolidationJob": {"threshold": 0.9, "tiers": ("short_term", "working")},
        "PromotionJob": {"policy": "khala_temporal"},
    }
    return getattr(jobs, kind)(**settings.get(kind, {}))


async def run_job(kind: str, path: Path, clock_us: int) -> dict[str, Any]:
    """One attempt of the job "job-1"."""
    async with SqliteMemoryRepository(path) as repository:
        memory = MemoryJobs(
            repository,
            judge=lambda a, b, cosine: SimpleNamespace(kind="duplicate", reasons=()),
            clock=lambda: clock_us,
            page_size=5,
        )
        resources = Resources()
        memory.provide(resources)

        async def progress(*_: Any) -> None:
            return None

        ctx = SimpleNamespace(
            job_id="job-1",
            resources=resources,
            cancelled=False,
            progress=progress,
            step=lambda *_, **__: None,
        )
        return await job_of(kind).run(ctx)


def attempt(kind: str, path: Path, clock_us: int, kill_at: int | None) -> tuple[int, dict[str, Any]]:
    """One attempt in a child process: its wait status, and what it wrote (steps and report)."""
    answer = path.with_suffix(".json")
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            step = Steps(kill_at)
            install(step)
            report = asyncio.run(run_job(kind, path, clock_us))
            answer.write_text(json.dumps({"steps": step.count, "report": report}))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status, json.loads(answer.read_text()) if answer.exists() else {}


def state(path: Path) -> dict[str, list[Any]]:
    """Everything that must be equal: memories, log, and what is left of the run."""
    with sqlite3.connect(path) as connection:
        rows = {
            "memories": connection.execute("SELECT * FROM memories ORDER BY id").fetchall(),
            "edits": connection.execute("SELECT * FROM edits ORDER BY memory_id").fetchall(),
            "runs": connection.execute("SELECT run_id, job, as_of_us FROM runs").fetchall(),
            "units": connection.execute("SELECT count(*) FROM units").fetchall(),
            "blocks": connection.execute("SELECT count(*) FROM blocks").fetchall(),
            "drafts": connection.execute("SELECT count(*) FROM drafts").fetchall(),
        }
    connection.close()
    return {name: [list(map(repr, row)) for row in found] for name, found in rows.items()}


def comparable(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what depends on the attempt."""
    return {key: value for key, value in report.items() if key not in ("seconds", "resumed", "joined")}


async def fill(path: Path) -> None:
    async with SqliteMemoryRepository(path) as repository:
        await repository.create_many(corpus())


def main(kind: str, folder: Path) -> dict[str, Any]:
    """Every kill point of one job."""
    initial = folder / "initial.db"
    asyncio.run(fill(initial))
    whole = folder / "whole.db"
    shutil.copy(initial, whole)
    status, answer = attempt(kind, whole, NOW_US, None)
    assert status == 0, "the run that is not killed failed"
    expected, report = state(whole), comparable(answer["report"])
    wrong: list[Any] = []
    for kill_at in range(answer["steps"]):
        path = folder / f"killed-{kill_at}.db"
        shutil.copy(initial, path)
        status, _ = attempt(kind, path, NOW_US, kill_at)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            wrong.append([kill_at, "was not killed", status])
        status, second = attempt(kind, path, NOW_US + 100 * DAY_US, None)
        if status != 0:
            wrong.append([kill_at, "the second attempt failed", status])
            continue
        found = state(path)
        wrong += [[kill_at, name] for name in expected if found[name] != expected[name]]
        if comparable(second["report"]) != report:
            wrong.append([kill_at, "report"])
    return {"kills": answer["steps"], "edits": len(expected["edits"]), "wrong": wrong}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
