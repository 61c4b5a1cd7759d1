"""The public API under a type checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_the_typing_examples_check(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            str(tmp_path),
            "--config-file",
            str(ROOT / "pyproject.toml"),
            str(ROOT / "tests/typing/tasks.py"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    found = [line for line in checked.stdout.splitlines() if line.startswith("tests/typing")]
    assert found == []
    assert "tests/typing" not in checked.stderr
