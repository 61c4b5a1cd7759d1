"""``khala-jobs memory``: the memory lifecycle on a file of one's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from khala_jobs import JobProcessor
from khala_jobs.errors import InvalidArgument
from khala_jobs.memory import MemoryInput, MemoryJobs, SqliteMemoryRepository, import_memories
from khala_jobs.memory.embed import Embedder, embed_distinct
from khala_jobs.memory.embed_best import best_embedder
from khala_jobs.memory.lifecycle import Watch, give_up, lifecycle_report, run_lifecycle, stage_jobs
from khala_jobs.memory.model import Memory
from khala_jobs.memory.times import parse_time
from khala_jobs.memory.unfinished import LifecycleRun, UnfinishedRun

from .common import (
    EXIT_FAILURES,
    EXIT_STORE,
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
_JOBS, _MEMORIES = "jobs.db", "memories.db"
# What a database holds, with what SQLite keeps beside its files.
_KEPT = (
    "unfinished-run.json",
    *(f"{name}{end}" for name in (_JOBS, _MEMORIES) for end in ("", "-wal", "-shm")),
)
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
    as_of: str | None
    dry_run: bool
    threshold: float | None
    embed: str
    abandon: bool


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
@click.option(
    "--abandon",
    is_flag=True,
    help="Give up an unfinished run of the database (what it did stays) and begin a new one.",
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
    abandon: bool,
    logs: bool,
    as_json: bool,
) -> None:
    """Run the whole lifecycle, as durable jobs, on the memories of a file.

    The file itself is not changed; what becomes of the memories is in the report and, with --database, in
    memories.db there. Bad lines are reported with number, field and reason; the good ones run. A run on a
    database that was killed goes on when the same command is given again, and its report is that of the whole.
    """
    log_to_stderr(LOG_LEVELS[log_level(logs)])
    if as_of is not None:
        try:
            parse_time(as_of)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--as-of") from None
    _refuse_same({"--input": source, "--database": database, "--report": report_file})
    options = _Options(source, as_of, dry_run, threshold, embed, abandon)
    with _folder(database) as folder, _report_target(report_file) as target:
        report = run(_run_file(options, folder, console_for(stderr=True)))
        if target is not None:
            _write_report(target, report, report_file)
        emit(report, as_json, lambda console: show_report(console, report))
        UnfinishedRun(folder).forget()
    if report["errors"] or report["failures"]:
        raise SystemExit(EXIT_FAILURES)


async def _run_file(options: _Options, folder: Path, console: Console) -> dict[str, Any]:
    source = MemoryInput(options.source, 0)
    # A person starts this command again, not a supervisor: the deaths of its process say nothing of the jobs.
    jobs = JobProcessor(_store_url(folder / _JOBS), workers=1, max_crashes=100)
    async with SqliteMemoryRepository(folder / _MEMORIES) as repository:
        unfinished = UnfinishedRun(folder)
        async with unfinished.locked():
            current = await _which_run(options, source, unfinished, jobs)
            current = await _import(current, source, repository, unfinished)
            embedder = _embedder(options.embed, console) if current.embeds else None
            if current.phase == "embed":
                if embedder is not None:
                    await embed_missing(repository, embedder)
                current = unfinished.save(replace(current, phase="jobs"))
        found = MemoryJobs(repository, embedder=embedder)
        jobs.include(found)
        stages = stage_jobs(as_of=current.as_of, dry_run=options.dry_run, threshold=options.threshold)
        async with jobs:
            with watching(console) as watch:
                done = await run_lifecycle(jobs, stages, found, watch, chain=current.chain)
    report = {
        "input": click.format_filename(options.source),
        "as_of": current.as_of,
        "dry_run": options.dry_run,
        "memories": current.imported["memories"],
        "deleted_before": current.imported["deleted_before"],
        "embedded_by": embedder.model_id if embedder is not None else None,
        **lifecycle_report(done),
    }
    report["errors"] = current.imported["errors"]
    report["counts"]["errors"] = len(report["errors"])
    return report


async def _which_run(
    options: _Options, source: MemoryInput, unfinished: UnfinishedRun, jobs: JobProcessor
) -> LifecycleRun:
    """The run that this command goes on with, or a new one.

    Raises:
        InvalidArgument: The folder holds an unfinished run of another command.
    """
    settings = {
        "--input": await asyncio.to_thread(source.digest),
        "--threshold": options.threshold,
        "--embed": options.embed,
        "--dry-run": options.dry_run,
    }
    left = unfinished.load()
    if left is not None:
        other = left.difference(settings)
        if other is None and options.as_of and parse_time(options.as_of) != parse_time(left.as_of):
            other = "--as-of"
        if other is None and not options.abandon:
            return left
        # What has not begun to change anything is not worth a question.
        if not options.abandon and left.phase == "jobs" and not left.settings["--dry-run"]:
            raise InvalidArgument(
                "--database",
                f"holds an unfinished run as of {left.as_of} with another {other}: repeat its command to finish it, "
                "or add --abandon to give it up",
            )
        try:
            await give_up(jobs, left.chain)
        finally:
            await jobs.close()
    return unfinished.save(LifecycleRun.begin(options.as_of or datetime.now(UTC).isoformat(), settings))


async def _import(
    current: LifecycleRun, source: MemoryInput, repository: SqliteMemoryRepository, unfinished: UnfinishedRun
) -> LifecycleRun:
    """Bring the memories in, once a run: what a stage deleted must not come back when the run goes on."""
    if current.phase != "import":
        return current
    source.now_us = parse_time(current.as_of)
    imported = await import_memories(repository, source)
    lacking = False
    async for _ in _without_vector(repository):
        lacking = current.settings["--embed"] != "never"
        break
    outcome = {
        "memories": imported.added + imported.existing,
        "deleted_before": imported.deleted,
        "errors": [bad.to_json() for bad in imported.errors],
    }
    return unfinished.save(replace(current, phase="embed", imported=outcome, embeds=lacking))


def _refuse_same(paths: Mapping[str, Path | None]) -> None:
    """Refuse two options that name one file, or a report in place of a file of the database.

    Args:
        paths: By option; of two the later one is to blame. None where it was not given.
    """
    seen: list[tuple[str, Path]] = []
    for option, path in paths.items():
        if path is None:
            continue
        for what, known in seen:
            if _is_same(path, known):
                reason = f"{click.format_filename(path)} is {what}"
                raise click.BadParameter(reason, param_hint=option)
        seen.append((f"what {option} names", path))
        if option == "--database":
            seen += [("a file of the database", path / name) for name in _KEPT]


def _is_same(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file or folder, or would; a terminal or a pipe may well be both ends."""
    try:
        mode = path.stat().st_mode
        return path.samefile(other) and (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    except OSError:
        return os.path.realpath(path) == os.path.realpath(other)


def _store_url(path: Path) -> str:
    """The URL of a job store; what has a meaning in URLs is written out."""
    return f"sqlite:///{quote(str(path.absolute()))}"


@contextlib.contextmanager
def _folder(database: Path | None) -> Iterator[Path]:
    if database is not None:
        try:
            str(database.absolute()).encode()
            database.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, UnicodeEncodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "its name is not UTF-8"
            reason = f"{click.format_filename(database)} cannot be a folder of memories: {why}"
            raise click.BadParameter(reason, param_hint="--database") from None
        yield database
        return
    with tempfile.TemporaryDirectory(prefix="khala-jobs-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _report_target(path: Path | None) -> Iterator[IO[bytes] | None]:
    """The file of --report, opened before the run: what cannot be written is told before anything is done."""
    if path is None:
        yield None
        return
    new = not path.exists()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        reason = f"{click.format_filename(path)} cannot be written: {error.strerror}"
        raise click.BadParameter(reason, param_hint="--report") from None
    written = False
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            yield file
        written = True
    finally:
        if new and not written:
            path.unlink(missing_ok=True)


def _write_report(target: IO[bytes], report: dict[str, Any], path: Path | None) -> None:
    """Write the report; where that fails it is printed instead, so that the run was not for nothing."""
    text = orjson.dumps(report, option=orjson.OPT_INDENT_2)
    try:
        if stat.S_ISREG(os.fstat(target.fileno()).st_mode):
            target.truncate(0)
        left = memoryview(text)
        while left:
            left = left[target.write(left) :]
    except OSError as error:
        click.echo(text)
        name = click.format_filename(path or "")
        click.echo(f"khala-jobs: {name} cannot be written: {error.strerror}; the report is above", err=True)
        raise SystemExit(EXIT_STORE) from None


async def embed_missing(repository: SqliteMemoryRepository, embedder: Embedder) -> None:
    """Give every memory without a vector one.

    Args:
        repository: Of the memories.
        embedder: Makes them.
    """
    async for batch in _without_vector(repository):
        texts = [memory.content for memory in batch]
        rows = await asyncio.to_thread(embed_distinct, embedder, texts)
        model = embedder.model_id
        await repository.update_many(
            replace(memory, embedding=row, model_id=model) for memory, row in zip(batch, rows, strict=True)
        )


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
    rows = [(text, report["counts"].get(name, 0)) for name, text in SHOWN]  # lists may be cut, counts are not
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
