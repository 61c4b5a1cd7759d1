"""What a figure depends on: the machine, the versions, the commit, and how long the disk takes to sync."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("huey", "numpy", "orjson", "pydantic", "uvloop")


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    root = Path(__file__).resolve().parent
    run = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(run, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def fsync_ms(folder: Path, rounds: int = 200) -> dict[str, float]:
    """Milliseconds of an fdatasync after a 4 KiB write, median and 99th percentile."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(rounds):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return {"p50": round(statistics.median(times), 4), "p99": round(times[int(rounds * 0.99) - 1], 4)}


def machine(packages: Sequence[str]) -> str:
    """The processor, the versions of `packages` and the commit, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in _versions(packages).items())
    return f"{_cpu_model()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {versions}, commit {_commit()}"


def describe(folder: Path) -> dict[str, Any]:
    """Everything a reader needs to judge a figure; `folder` is where the databases of the run lie."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "packages": _versions(),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "fsync_ms": fsync_ms(folder),
    }
