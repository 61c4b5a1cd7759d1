"""``khala-jobs stats``: queues, tasks and workers at a glance."""

from __future__ import annotations

import dataclasses
from typing import Any

import click
from rich.console import Console

from .common import age, client, emit, json_option, run, table, url_option


@click.command()
@url_option
@json_option
def stats(url: str | None, as_json: bool) -> None:
    """Counts by queue, durable counters by task, and the workers that were seen within the last hour."""

    async def work() -> dict[str, Any]:
        async with client(url) as found:
            return {
                "total": await found.queues.stats(),
                "queues": await found.queues.all_stats(),
                "tasks": [dataclasses.asdict(task) for task in await found.queues.counters()],
                "workers": [dataclasses.asdict(worker) for worker in await found.queues.workers()],
            }

    found = run(work())

    def show(console: Console) -> None:
        columns = ("waiting", "active", "delayed", "completed", "failed", "quarantined")
        rows = [(name, *(s[c] for c in columns)) for name, s in found["queues"].items()]
        console.print(table("queues", ("queue", *columns), rows))
        tasks = [
            (
                t["task"],
                t["runs"],
                t["completed"],
                t["failures"],
                t["consecutive_failures"],
                f"{t['duration_sum_ms'] / max(t['runs'], 1):.1f}",
                age(t["last_run_at"]),
            )
            for t in found["tasks"]
        ]
        titles = ("task", "runs", "completed", "failures", "in a row", "mean ms", "last run")
        console.print(table("tasks", titles, tasks))
        workers = [
            (w["id"], w["host"], w["pid"], w["slots"], age(w["seen_at"]), "" if w["live"] else "gone")
            for w in found["workers"]
        ]
        console.print(table("workers", ("worker", "host", "pid", "slots", "seen", ""), workers))

    emit(found, as_json, show)
