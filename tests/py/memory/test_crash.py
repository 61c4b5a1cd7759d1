"""A job killed at any step and run again leaves what an unkilled run leaves: memories, log and report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from khala_jobs.memory.jobs import JOB_CLASSES

DRIVER = Path(__file__).with_name("crash_driver.py")


@pytest.mark.parametrize("kind", [job.__name__ for job in JOB_CLASSES])
def test_killed_at_every_step(kind: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), kind, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["edits"] > 0
    assert result["kills"] >= 4 * result["edits"] // 3
