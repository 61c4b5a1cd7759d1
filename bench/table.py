"""The tables of bench/README.md, from the JSON of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common import document

STORES = ("memory", "normal", "full")


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if "jobs_per_s" in row:
        return f"{row['jobs_per_s']:,.0f}/s"
    if "queries_per_s" in row:
        return f"{row['queries_per_s']:.2f} queries/s, {row['cpu_percent']:.1f} % CPU"
    if "growth_mib" in row:
        return f"{row['growth_mib']:+.1f} MiB ({row['rss_mib_by_tenth'][1]} → {row['rss_mib_by_tenth'][-1]})"
    return f"{row['p50_ms']:.2f} / {row['p99_ms']:.2f} ms"


def render(report: dict[str, Any]) -> str:
    """Markdown: the machine, ours by store, and the ratios to the peers of the same run."""
    machine = report["environment"]
    rows: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for row in report["results"]:
        rows.setdefault(row["name"], {})[row["who"], row["store"]] = row
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    conditions = (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, "
        f"{packages}; commit `{machine['commit']}`, {machine['date']}; "
        f"fdatasync p50 {machine['fsync_ms']['p50']} ms, p99 {machine['fsync_ms']['p99']} ms; "
        f"median of {report['rounds']} runs, each in a process of its own."
    )
    lines = [
        conditions,
        "",
        "| workload | memory | SQLite NORMAL | SQLite FULL | huey NORMAL | huey FULL | KHALA, memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, by in rows.items():
        cells = [_cell(by.get(("ours", store))) for store in STORES]
        cells += [_cell(by.get(("huey", store))) for store in ("normal", "full")]
        cells.append(_cell(by.get(("khala", "memory"))))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| ratio, same run | NORMAL | FULL |", "| --- | ---: | ---: |"]
    for label, mine, theirs in (
        ("drain, 100 at once / huey's drain", "W4 drain, 100 at once", "W4 drain, 4 threads"),
        ("drain, 1 at once / huey's drain", "W4 drain, 1 at once", "W4 drain, 4 threads"),
        (
            "bulk enqueue (1000) / huey's enqueue",
            "W3 bulk enqueue, batches of 1000",
            "W1 enqueue, one at a time",
        ),
        ("single enqueue / huey's enqueue", "W1 enqueue, one at a time", "W1 enqueue, one at a time"),
    ):
        cells = []
        for store in ("normal", "full"):
            a, b = rows.get(mine, {}).get(("ours", store)), rows.get(theirs, {}).get(("huey", store))
            cells.append(f"{a['jobs_per_s'] / b['jobs_per_s']:.1f}" if a and b else "")
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(report: dict[str, Any], readme: Path) -> None:
    """Put the tables between the two marks of `readme`."""
    document.put(render(report), readme)
