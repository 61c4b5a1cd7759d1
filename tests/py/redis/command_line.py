"""``khala-jobs`` as a process."""

from __future__ import annotations

import subprocess
import sys


def cli(*arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "khala_jobs.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if status == 0 or done.stdout else done.stderr
