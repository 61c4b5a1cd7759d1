#!/usr/bin/env python3
"""Write python/khala_jobs/_core/*.pyi from the built module, or compare with it (``--check``).

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
STUBS = ROOT / "python" / "khala_jobs" / "_core"


def generate() -> dict[str, str]:
    """The stubs of khala_jobs._core and its submodules as the installed module has them, by file name."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pybind11_stubgen", "khala_jobs._core", "--output-dir", scratch]
        subprocess.run([*command, "--exit-code", "--numpy-array-use-type-var"], check=True, cwd=ROOT)
        written = Path(scratch) / "khala_jobs" / "_core"
        ruff = [sys.executable, "-m", "ruff"]
        config = ["--config", str(ROOT / "pyproject.toml"), str(written)]
        for step in (["check", "--fix-only", "--quiet", "--select", "I,UP,F401"], ["format", "--quiet"]):
            subprocess.run([*ruff, *step, *config], check=True, cwd=ROOT)
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(written.glob("*.pyi"))}


def main() -> int:
    """Command line; 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description="Generate or check the stubs of khala_jobs._core.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()

    generated = generate()
    if not arguments.check:
        STUBS.mkdir(exist_ok=True)
        for name, text in generated.items():
            (STUBS / name).write_text(text, encoding="utf-8")
        print(f"written: {STUBS.relative_to(ROOT)}")
        return 0
    differs = False
    for name in sorted({*generated, *(path.name for path in STUBS.glob("*.pyi"))}):
        committed = (STUBS / name).read_text(encoding="utf-8") if (STUBS / name).exists() else ""
        lines = committed.splitlines(keepends=True), generated.get(name, "").splitlines(keepends=True)
        difference = list(difflib.unified_diff(*lines, f"committed/{name}", f"generated/{name}"))
        sys.stdout.writelines(difference)
        differs = differs or bool(difference)
    if differs:
        print("stubs: the committed stubs are not those of the built module; run `make stubs`")
        return 1
    print("stubs: the committed stubs are those of the built module")
    return 0


if __name__ == "__main__":
    sys.exit(main())
