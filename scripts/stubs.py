#!/usr/bin/env python3
"""Write python/khala_jobs/_core.pyi from the built module, or compare with it (``--check``).

The stub is generated, formatted by ruff and committed; ``make check`` compares, so that a changed binding is
seen in review as a changed signature. The build must be current: ``make stubs`` and ``make check`` see to it.
"""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "python" / "khala_jobs" / "_core.pyi"


def generate() -> str:
    """The stub of khala_jobs._core as the installed module has it."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pybind11_stubgen",
                "khala_jobs._core",
                "--output-dir",
                scratch,
                "--exit-code",
                "--numpy-array-use-type-var",
            ],
            check=True,
            cwd=ROOT,
        )
        written = Path(scratch) / "khala_jobs" / "_core.pyi"
        for command in (["check", "--fix-only", "--quiet", "--select", "I,UP,F401"], ["format", "--quiet"]):
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "ruff",
                    *command,
                    "--config",
                    str(ROOT / "pyproject.toml"),
                    str(written),
                ],
                check=True,
                cwd=ROOT,
            )
        return written.read_text(encoding="utf-8")


def main() -> int:
    """Command line; 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description="Generate or check the stub of khala_jobs._core.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()

    generated = generate()
    if not arguments.check:
        STUB.write_text(generated, encoding="utf-8")
        print(f"written: {STUB.relative_to(ROOT)}")
        return 0
    committed = STUB.read_text(encoding="utf-8") if STUB.exists() else ""
    difference = list(
        difflib.unified_diff(
            committed.splitlines(keepends=True), generated.splitlines(keepends=True), "committed", "generated"
        )
    )
    sys.stdout.writelines(difference)
    if difference:
        print("stubs: the committed stub is not that of the built module; run `make stubs`")
        return 1
    print("stubs: the committed stub is that of the built module")
    return 0


if __name__ == "__main__":
    sys.exit(main())
