"""What the built module shows to the process that loads it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from khala_jobs import _core


@pytest.mark.skipif(shutil.which("nm") is None, reason="binutils are not installed")
def test_only_the_init_function_leaves_the_module() -> None:
    # Python has an SQLite of its own; two copies that see each other's symbols would share state half-way.
    listing = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", _core.__file__],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    exported = {line.split()[0] for line in listing.splitlines()}
    assert "PyInit__core" in exported
    assert [name for name in exported if name.startswith(("sqlite3_", "_ZN5khala"))] == []


def test_loads_beside_the_sqlite_of_python() -> None:
    program = (
        "import sqlite3; db = sqlite3.connect(':memory:'); import khala_jobs._core;"
        "print(db.execute('select sqlite_version()').fetchone()[0] == sqlite3.sqlite_version)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"
