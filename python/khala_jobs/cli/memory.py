"""``khala-jobs memory``: the memory lifecycle on a file of one's own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from khala_jobs import JobProcessor
from khala_jobs.memory import MemoryInput, MemoryJobs, SqliteMemoryRepository, import_memories
from khala_jobs.memory.embed import Embedder, embed_distinct
from khala_jobs.memory.embed_best import best_embedder
from khala_jobs.memory.lifecycle import Watch, lifecycle_report, run_lifecycle, stage_jobs
from khala_jobs.memory.model import Memory
from khala_jobs.memory.times import parse_time, time_to_us

from .common import (
    EXIT_FAILURES,
    LOG_LEVELS,
    console_for,
    emit,
    json_option,
    log_level,
    log_to_stderr,
    logs_option,
    run,
    table,
)

EMBED_BATCH = 2000
SHOWN = (
    ("scored", "scored"),
    ("promoted", "promoted"),
    ("merged", "merged"),
    ("review", "sent to review"),
    ("consolidated", "consolidated"),
    ("archived", "archived"),
    ("cleaned", "deleted (expired)"),
    ("errors", "bad lines"),
    ("failures", "failed items"),
)


@click.group()
def memory() -> None:
    """Decay, promotion, deduplication, consolidation, archival and cleanup of memories."""


@dataclass(frozen=True, slots=True)
class _Options:
    source: Path
    database: Path | None
    as_of: str
    dry_run: bool
    threshold: float | None
    embed: str


@memory.command("run")
@click.option(
    "--input", "source", type=click.Path(path_type=Path), required=True, help="JSONL, .npz or .parquet."
)
@click.option(
    "--report", "report_file", type=click.Path(path_type=Path), help="Write the whole report here (JSON)."
)
@click.option("--database", type=click.Path(path_type=Path), help="Keep memories and jobs in this folder.")
@click.option("--as-of", help="RFC 3339 time that all decisions use; default: now.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True), help="Cosine of duplicates; default 0.95."
)
@click.option("--embed", type=click.Choice(["auto", "lexical", "never"]), default="auto", show_default=True)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Report what would be done and change nothing; its lists have 1,000 entries each at most.",
)
@logs_option
@json_option
def run_(
    source: Path,
    report_file: Path | None,
    database: Path | None,
    as_of: str | None,
    threshold: float | None,
    embed: str,
    dry_run: bool,
    logs: bool,
    as_json: bool,
) -> None:
    """Run the whole lifecycle, as durable jobs, on the memories of a file.

    The file itself is not changed; what becomes of the memories is in the report and, with --database, in
    memories.db there. Bad lines are reported with number, field and reason; the good ones run.
    """
    log_to_stderr(LOG_LEVELS[log_level(logs)])
    moment = as_of or datetime.now(UTC).isoformat()
    try:
        parse_time(moment)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None
    if report_file is not None and not report_file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {report_file.absolute().parent}", param_hint="--report")
    options = _Options(source, database, moment, dry_run, threshold, embed)
    report = run(_run_file(options, console_for(stderr=True)))
    if report_file is not None:
        report_file.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    emit(report, as_json, lambda console: show_report(console, report))
    if report["errors"] or report["failures"]:
        raise SystemExit(EXIT_FAILURES)


async def _run_file(options: _Options, console: Console) -> dict[str, Any]:
    source = MemoryInput(options.source, time_to_us(datetime.fromisoformat(options.as_of)))
    with _folder(options.database) as folder:
        async with SqliteMemoryRepository(folder / "memories.db") as repository:
            imported = await import_memories(repository, source)
            embedder = None
            if options.embed != "never":
                embedder = await embed_missing(repository, options.embed, console)
            stages = stage_jobs(as_of=options.as_of, dry_run=options.dry_run, threshold=options.threshold)
            jobs = JobProcessor(f"sqlite:///{folder.absolute() / 'jobs.db'}", workers=1)
            found = MemoryJobs(repository, embedder=embedder)
            jobs.include(found)
            async with jobs:
                with watching(console) as watch:
                    done = await run_lifecycle(jobs, stages, found, watch)
    report = {
        "input": str(options.source),
        "as_of": options.as_of,
        "dry_run": options.dry_run,
        "memories": imported.added + imported.existing,
        "embedded_by": embedder.model_id if embedder is not None else None,
        **lifecycle_report(done),
    }
    report["errors"] = [bad.to_json() for bad in imported.errors]
    return report


@contextlib.contextmanager
def _folder(database: Path | None) -> Iterator[Path]:
    if database is not None:
        database.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield database
        return
    with tempfile.TemporaryDirectory(prefix="khala-jobs-") as folder:
        yield Path(folder)


async def embed_missing(repository: SqliteMemoryRepository, choice: str, console: Console) -> Embedder | None:
    """Give every memory without a vector one.

    Args:
        repository: Of the memories.
        choice: ``auto`` = the best embedder there is, ``lexical`` = the built-in one.
        console: For progress.

    Returns:
        The embedder, or None when no memory needed one.
    """
    embedder: Embedder | None = None
    async for batch in _without_vector(repository):
        if embedder is None:
            embedder = _embedder(choice, console)
        texts = [memory.content for memory in batch]
        rows = await asyncio.to_thread(embed_distinct, embedder, texts)
        model = embedder.model_id
        await repository.update_many(
            replace(memory, embedding=row, model_id=model) for memory, row in zip(batch, rows, strict=True)
        )
    return embedder


async def _without_vector(repository: SqliteMemoryRepository) -> AsyncIterator[list[Memory]]:
    after: tuple[str, str] | None = None
    while page := await repository.list_page(after=after, limit=EMBED_BATCH):
        if batch := [found for found in page if found.embedding is None]:
            yield batch
        after = (page[-1].user_id, page[-1].id)


def _embedder(choice: str, console: Console) -> Embedder:
    if choice == "lexical":
        from khala_jobs.memory.embed_lexical import LexicalEmbedder

        return LexicalEmbedder()
    return best_embedder(console.print)


@contextlib.contextmanager
def watching(console: Console) -> Iterator[Watch]:
    """Progress bars of the stages, one a line; nothing when the output is no terminal."""
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bars:
        known: dict[str, Any] = {}

        def watch(name: str, info: Any, progress: Any) -> None:
            if name not in known:
                known[name] = bars.add_task(name, total=1)
            if progress is not None and progress.total:
                bars.update(known[name], completed=progress.count, total=progress.total)
            if info is not None and info.is_closed:
                bars.update(known[name], completed=bars.tasks[known[name]].total or 1)
                bars.stop_task(known[name])

        yield watch


def show_report(console: Console, report: dict[str, Any]) -> None:
    """The counts and times of a lifecycle report."""
    # Lists may be cut, counts are not; that of errors is about items, the list of that name about lines.
    counts = {name: len(report[name]) for name in ("errors", "failures")}
    rows = [(text, counts.get(name, report["counts"].get(name, 0))) for name, text in SHOWN]
    console.print(
        table(
            f"{report['memories']:,} memories" + (", dry run" if report["dry_run"] else ""),
            ("", "count"),
            rows,
        )
    )
    stages = [(s["stage"], s["attempts"], f"{s['seconds']:.2f}") for s in report["stages"]]
    console.print(table("stages", ("job", "attempts", "seconds"), stages))
    for bad in report["errors"][:10]:
        console.print(f"line {bad['line']}: {bad['field']}: {bad['reason']}", markup=False)
    if len(report["errors"]) > 10:
        console.print(f"… and {len(report['errors']) - 10} more bad lines; --report has all of them")
    for warning in report["warnings"]:
        console.print(f"warning: {warning}", markup=False)
    for cut in report["truncated"]:
        total = "an unknown number" if cut["total"] is None else f"{cut['total']:,}"
        line = f"not complete: {cut['what']}, {cut['kept']:,} of {total} ({cut['reason']})"
        console.print(line, markup=False)
