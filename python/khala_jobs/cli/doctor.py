"""``khala-jobs doctor``: what is installed, what is promised, what is wrong, and what to do about it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from khala_jobs import JobProcessor, __version__, _core, similarity
from khala_jobs.errors import NotFound

from .common import EXIT_FAILURES, client, emit, json_option, run, url_option

FSYNC_ROUNDS = 20
FSYNC_SLOW_MS = 5.0
MEMORY_NEARLY_FULL = 0.9  # of maxmemory
# Details of a store that are there only when something is to be said.
DETAILS_TO_SHOW = ("went_back", "log", "file_mode")


@click.command()
@url_option
@json_option
@click.option("--diagram", is_flag=True, help="Print the lifecycle of a job as a Mermaid diagram and stop.")
def doctor(url: str | None, as_json: bool, diagram: bool) -> None:
    """Check versions, the store's durability and every invariant of its contents."""
    if diagram:
        drawn = _core.engine.diagram()
        emit({"diagram": drawn}, as_json, lambda _console: click.echo(drawn))
        return

    async def work() -> dict[str, Any]:
        try:
            async with client(url) as found:
                return await _examine(found)
        except NotFound as error:
            with tempfile.TemporaryDirectory(prefix="khala-jobs-") as folder:
                async with client(f"sqlite:///{folder}/none.db", create=True) as empty:
                    report = await _examine(empty)
            return {
                **report,
                "store": {**report["store"], "location": None, "details": {}, "missing": error.message},
            }

    report: dict[str, Any] = {
        "version": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "isa": similarity.isa(),
        "cores": os.cpu_count(),
        **run(work()),
    }
    report["advice"] = advice(report)

    def show(console: Console) -> None:
        store = report["store"]
        bundled = "bundled" if store["bundled"] else "the system's"
        console.print(f"khala_jobs {report['version']}, Python {report['python']}, {report['platform']}")
        console.print(f"kernels    {report['isa']}, {report['cores']} cores")
        place = f"{store['kind']} at {store['location']}, schema {store['schema_version']}"
        if "missing" in store:
            place = f"none yet ({store['missing']}): the first enqueue or worker makes it"
        console.print(f"store      {place}", markup=False, soft_wrap=True)
        if store["kind"] == "sqlite":
            console.print(f"library    SQLite {store['engine_version']} ({bundled})")
        for name, value in store["details"].items():
            console.print(f"  {name.replace('_', ' ')}: {value}", markup=False, soft_wrap=True)
        console.print(f"durability {store['durability']}")
        console.print(f"workers    {report['workers']}")
        console.print(f"jobs       {report['stats']['waiting']} waiting, {report['stats']['active']} active")
        console.print(
            f"invariants {'all hold' if not report['violations'] else 'BROKEN:'} ({report['check_ms']:.0f} ms)"
        )
        for line in (*report["violations"], *report["advice"]):
            console.print(f"  ! {line}", markup=False, soft_wrap=True)

    emit(report, as_json, show)
    if report["violations"]:
        raise SystemExit(EXIT_FAILURES)


async def _examine(found: JobProcessor) -> dict[str, Any]:
    """The store, and how long it took to check it."""
    started = time.perf_counter()
    violations = await found.queues.check()
    return {
        "store": found.info,
        "check_ms": (time.perf_counter() - started) * 1000,
        "violations": violations,
        "workers": sum(worker.live for worker in await found.queues.workers()),
        "stats": await found.queues.stats(),
    }


def advice(report: dict[str, Any]) -> list[str]:
    """What could be better, one sentence each with what to do."""
    found = []
    store = report["store"]
    if store["kind"] == "sqlite":
        if not store["bundled"]:
            found.append(
                f"SQLite {store['engine_version']} is the system's: its WAL-reset bug (fixed in 3.51.3) is kept off by "
                "this package's own lock, as long as nothing else writes to the file; a wheel brings its own library"
            )
        if store["durability"] != "disk":
            found.append(
                "synchronous=normal: a power cut may lose the last jobs; leave the parameter out for FULL"
            )
        found += [f"{name}: {store['details'][name]}" for name in DETAILS_TO_SHOW if name in store["details"]]
        folder = Path(store["location"] or ".").parent
        if folder.is_dir() and os.access(folder, os.W_OK):
            took = fsync_ms(folder)
            report["fsync_ms"] = took
            if took > FSYNC_SLOW_MS:
                found.append(
                    f"a sync takes {took:.1f} ms on this disk: single enqueues wait for it, batches share it"
                )
    if store["kind"] == "redis":
        found += _redis_advice(store)
    if report["stats"]["parked"]:
        found.append(f"{report['stats']['parked']} jobs are parked: no live worker knows their task")
    if report["stats"]["waiting"] and not report["workers"]:
        found.append(f"{report['stats']['waiting']} jobs wait and no worker is alive")
    return found


def _redis_advice(store: dict[str, Any]) -> list[str]:
    found = []
    details = store["details"]
    if store["durability"] == "memory":
        found.append(
            "the server keeps jobs in memory only: a restart loses them; CONFIG SET appendonly yes, and "
            "durability=disk_1s in the URL to be sure of it"
        )
    elif store["durability"] == "disk_1s":
        found.append(
            "a power cut may lose the last second of jobs; CONFIG SET appendfsync always for none, at the price of a "
            "sync a write"
        )
    if details.get("maxmemory_policy", "noeviction") != "noeviction":
        found.append(f"the server may evict jobs: its maxmemory-policy is {details['maxmemory_policy']}")
    found += _memory_advice(int(details["maxmemory_bytes"]), int(details["used_memory_bytes"]))
    host = store["location"].partition("://")[2].rpartition(":")[0]
    if store["location"].startswith("redis://") and host not in {"localhost", "127.0.0.1", "[::1]"}:
        found.append(f"the way to {host} is not encrypted: rediss:// is")
    return found


def _memory_advice(limit: int, used: int) -> list[str]:
    """What there is to say about maxmemory (0: none) and what is used of it."""
    found = []
    if limit and used > limit:
        found.append(
            f"the server is at its maxmemory ({used} of {limit} bytes): new jobs are refused; CONFIG SET maxmemory "
            "raises it, or let jobs finish and be pruned"
        )
    elif limit and used > MEMORY_NEARLY_FULL * limit:
        found.append(
            f"{used} of the {limit} bytes of maxmemory are used: new jobs are refused when the server gets there; "
            "CONFIG SET maxmemory raises it"
        )
    return found


def fsync_ms(folder: Path) -> float:
    """Median milliseconds of an fdatasync after a 4 KiB write in `folder`."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".khala-doctor-") as file:
        for _ in range(FSYNC_ROUNDS):
            file.write(b"\0" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[FSYNC_ROUNDS // 2]
