"""Does an installed khala_jobs work? Runs one job on SQLite and prints what ``doctor`` finds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import khala_jobs
from khala_jobs import JobProcessor


async def run_one(folder: Path) -> int:
    """Enqueue one job and await its result."""
    jobs = JobProcessor(f"sqlite:///{folder / 'smoke.db'}", workers=1)

    @jobs.task
    async def add(left: int, right: int) -> int:
        return left + right

    async with jobs:
        job = await add.enqueue(20, 22)
        return await job.result(timeout=30)


def main() -> int:
    """Exit status 0 when the job ran."""
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run_one(Path(folder)))
    doctor = subprocess.run(
        [str(Path(sys.executable).parent / "khala-jobs"), "doctor", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    print(f"smoke: {Path(khala_jobs.__file__).parent}: 20 + 22 = {result}")
    print(f"smoke: doctor: {json.dumps(json.loads(doctor.stdout))[:400]}")
    return 0 if result == 42 else 1


if __name__ == "__main__":
    sys.exit(main())
