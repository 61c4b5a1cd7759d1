"""One attempt of a deduplication whose join has many blocks: ``join_driver.py <folder> <kill at block | -1>``.

Appends a line to ``blocks.log`` before each block is joined and after it is kept. Kills itself with SIGKILL when
it is about to join the block it was told. Prints the report.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from khala_jobs.memory import Memory, MemoryJobs, SqliteMemoryRepository, jobs
from khala_jobs.memory.join import JoinSettings
from khala_jobs.memory.journal import JournalFile
from khala_jobs.resources import Resources
from khala_jobs.similarity import blocks

COUNT = 4200


def note(folder: Path, line: str) -> None:
    with (folder / "blocks.log").open("a") as log:
        log.write(f"{line}\n")
        log.flush()
        os.fsync(log.fileno())


def install(folder: Path, kill_at: int) -> None:
    """Hook the log and the kill into the join."""
    join_range, save_block = blocks._join_range, JournalFile.save_block
    begun = 0

    def joined(join: Any, where: Any, *rest: Any) -> Any:
        nonlocal begun
        if begun == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        begun += 1
        note(folder, f"join {where}")
        return join_range(join, where, *rest)

    async def saved(self: Any, run_id: str, key: str, block: int, pairs: bytes) -> None:
        await save_block(self, run_id, key, block, pairs)
        note(folder, f"kept {block}")

    blocks._join_range = joined
    JournalFile.save_block = saved


def corpus() -> list[Memory]:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(COUNT // 3, 16))
    vectors = (centres[np.arange(COUNT) % len(centres)] + 0.05 * rng.normal(size=(COUNT, 16))).astype(
        np.float32
    )
    return [
        Memory(id=f"m{n:04}", user_id="ada", content=f"memory number {n}", embedding=vector, model_id="m")
        for n, vector in enumerate(vectors)
    ]


async def run(folder: Path) -> dict[str, Any]:
    path = folder / "memories.db"
    fresh = not path.exists()
    async with SqliteMemoryRepository(path) as repository:
        if fresh:
            await repository.create_many(corpus())
        memory = MemoryJobs(
            repository,
            judge=lambda a, b, cosine: SimpleNamespace(kind="duplicate", reasons=()),
            join=JoinSettings(block_pairs=100_000),
        )
        resources = Resources()
        memory.provide(resources)
        told: list[str] = []

        async def progress(count: int, total: int = 0, message: str = "") -> None:
            told.append(message)

        ctx = SimpleNamespace(
            job_id="job-1",
            resources=resources,
            cancelled=False,
            progress=progress,
            step=lambda *_, **__: None,
        )
        report = await jobs.DeduplicationJob(as_of="2026-01-01T00:00:00Z").run(ctx)
        return {"report": report, "told": told}


if __name__ == "__main__":
    where, kill = Path(sys.argv[1]), int(sys.argv[2])
    install(where, kill)
    sys.stdout.write(json.dumps(asyncio.run(run(where))))
