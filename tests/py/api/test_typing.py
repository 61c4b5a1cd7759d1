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


USER = """
from khala_jobs import Context, JobProcessor

jobs = JobProcessor("memory://")

@jobs.task(timeout="1m")
async def add(ctx: Context, a: int, b: int = 2) -> int:
    return a + b

async def use() -> None:
    reveal_type(await (await add.enqueue(1)).result())
    await add.enqueue("one")
    await add.options(dely="1h").enqueue(1)
"""


def test_a_user_s_type_checker_sees_the_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "user.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    lines = checked.stdout.splitlines()
    found = [
        line.split(":", 2)[1:] for line in lines if line.startswith("user.py") and "defined in" not in line
    ]
    said = {int(line): text for line, text in found}
    assert '"int"' in said[11]
    assert 'incompatible type "str"' in said[12]
    assert 'did you mean "delay"' in said[13]
    assert set(said) == {11, 12, 13}
