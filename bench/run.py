"""Every workload on every store, beside the peers, in one run: ``make bench``.

Each figure is the median of `--rounds` processes of its own; peers and ours take turns, so that whatever else the
machine is doing falls on both. Ratios are what to read: absolute figures drift on shared machines. Writes JSON and
the tables of README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import table
from common import environment
from common.stats import median_of

HERE = Path(__file__).resolve().parent
STORES = {
    "memory": "memory://",
    "normal": "sqlite:///{path}?synchronous=normal",
    "full": "sqlite:///{path}",
}


@dataclass(frozen=True)
class Case:
    """One figure to take: a program, its arguments, and on which store."""

    name: str
    who: str  # ours, huey, khala
    store: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def ours(
    name: str, workload: str, count: int, *extra: str, stores: tuple[str, ...] = tuple(STORES)
) -> list[Case]:
    return [
        Case(
            name, "ours", store, ("ours.py", workload, "--count", str(count), "--url", STORES[store], *extra)
        )
        for store in stores
    ]


def huey(name: str, workload: str, count: int, *extra: str) -> list[Case]:
    base = ("peer_huey.py", workload, "--path", "{path}", "--count", str(count), *extra)
    return [Case(name, "huey", "normal", base), Case(name, "huey", "full", (*base, "--fsync"))]


def cases(scale: float, khala_python: str | None) -> list[Case]:
    """All cases; `scale` multiplies the counts."""

    def n(count: int) -> int:
        return max(100, int(count * scale))

    disk = ("normal", "full")
    found = [
        *ours("W1 enqueue, one at a time", "w1", n(5000)),
        *huey("W1 enqueue, one at a time", "enqueue", n(5000)),
        *ours("W2 enqueue, 32 producers", "w2", n(20_000)),
        *ours("W3 bulk enqueue, batches of 50", "w3", n(100_000), "--batch", "50"),
        *ours("W3 bulk enqueue, batches of 1000", "w3", n(100_000), "--batch", "1000"),
        *ours("W3 bulk enqueue, batches of 1000, 1 KiB", "w3", n(50_000), "--batch", "1000", "--large"),
        *[
            c
            for w in (1, 10, 32, 100)
            for c in ours(f"W4 drain, {w} at once", "w4", n(20_000), "--workers", str(w))
        ],
        *huey("W4 drain, 4 threads", "drain", n(20_000), "--threads", "4"),
        *ours("W5 drain, four priorities, 1 at once", "w5", n(20_000), "--workers", "1"),
        *ours("W7 pickup, idle worker", "w7", n(500), "--workers", "4"),
        *ours("W7 pickup, other process", "w7_processes", n(500), "--workers", "4", stores=disk),
        *huey("W7 pickup, idle worker", "pickup", n(500)),
        *ours("W8 2,000 jobs that sleep 0.1 s", "w8", n(2000)),
        *ours("W15 idle worker", "w15", 0, stores=disk),
        *ours("W16 drain, two processes", "w16", n(20_000), stores=disk),
    ]
    if khala_python:
        for name, workload, count in (
            ("W1 enqueue, one at a time", "enqueue", n(5000)),
            ("W4 drain, 4 threads", "drain", n(20_000)),
            ("W7 pickup, idle worker", "pickup", n(500)),
        ):
            found.append(Case(name, "khala", "memory", ("peer_khala.py", workload, "--count", str(count))))
    return found


def take(case: Case, khala_python: str | None) -> dict[str, Any]:
    """Run one case in a process and a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="khala-bench-") as folder:
        arguments = [a.replace("{path}", f"{folder}/bench.db") for a in case.arguments]
        python = khala_python if case.who == "khala" and khala_python else sys.executable
        run = subprocess.run(
            [python, str(HERE / arguments[0]), *arguments[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    if run.returncode != 0:
        raise SystemExit(f"{case.name} on {case.who}/{case.store} failed:\n{run.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiplies the job counts; 0.05 = a smoke test"
    )
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument(
        "--million", action="store_true", help="also the memory of a worker over 1,000,000 jobs"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    parser.add_argument("--no-table", action="store_true", help="leave README.md as it is")
    options = parser.parse_args()
    khala_python = os.environ.get("KHALA_PYTHON") if os.environ.get("KHALA_CHECKOUT") else None
    chosen = [c for c in cases(options.scale, khala_python) if options.only in c.name]
    if options.million:
        chosen += ours("RSS over 1,000,000 jobs", "rss", 1_000_000, stores=("normal",))
    results: dict[int, list[dict[str, Any]]] = {i: [] for i in range(len(chosen))}
    for round_number in range(options.rounds):
        for index, case in enumerate(chosen):
            if case.name.startswith(("RSS", "W15")) and round_number:
                continue
            figures = take(case, khala_python)
            results[index].append(figures)
            print(
                f"{round_number + 1}/{options.rounds} {case.name} [{case.who} {case.store}]: {figures}",
                flush=True,
            )
    with tempfile.TemporaryDirectory(prefix="khala-bench-") as folder:
        machine = environment.describe(Path(folder))
    report = {
        "environment": machine,
        "rounds": options.rounds,
        "scale": options.scale,
        "results": [
            {"name": c.name, "who": c.who, "store": c.store, **median_of(results[i])}
            for i, c in enumerate(chosen)
        ],
    }
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    if not options.no_table:
        table.write(report, HERE / "README.md")


if __name__ == "__main__":
    main()
