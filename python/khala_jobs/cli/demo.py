"""``khala-jobs demo``: the memory lifecycle on 10,000 memories, with a worker killed in the middle of it.

It writes a corpus whose truth is known, embeds it, and runs the six lifecycle jobs twice: once undisturbed in this
process, and once in supervised worker processes, one of which it kills with SIGKILL while a job is running in it. Then
it shows that both ended in the same memories, that no job was lost and none was applied twice, and how what was
found compares with the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from khala_jobs.info import JobInfo
from khala_jobs.memory import SqliteMemoryRepository, import_memories
from khala_jobs.memory.corpus import AS_OF, MAX_SIZE, MIN_SIZE, build_corpus
from khala_jobs.memory.corpus_truth import Truth, write_corpus
from khala_jobs.memory.embed import Embedder, FloatMatrix, embed_distinct
from khala_jobs.memory.embed_best import best_embedder
from khala_jobs.memory.embed_cache import CachedEmbedder
from khala_jobs.memory.evaluate import evaluate
from khala_jobs.memory.io import MemoryInput
from khala_jobs.memory.lifecycle import Stage, lifecycle_report, run_lifecycle, stage_jobs
from khala_jobs.memory.times import format_time, time_to_us

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
from .demo_app import FOLDER_VARIABLE, application
from .demo_kill import Killer
from .memory import show_report, watching

BATCH = 2000


@click.command()
@click.option("--memories", type=click.IntRange(MIN_SIZE, MAX_SIZE), default=10_000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--directory", type=click.Path(path_type=Path), help="Keep corpus, databases and report here.")
@click.option("--lexical", is_flag=True, help="Embed with the built-in lexical embedder.")
@logs_option
@json_option
def demo(memories: int, seed: int, directory: Path | None, lexical: bool, logs: bool, as_json: bool) -> None:
    """Run the memory lifecycle as durable jobs, kill a worker, and show that nothing was lost or done twice."""
    level = log_level(logs)
    log_to_stderr(LOG_LEVELS[level])
    console = console_for(stderr=as_json)
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="khala-jobs-demo-")))
        directory.mkdir(parents=True, exist_ok=True)
        report = run(_demo(directory, memories, seed, lexical, level, console))
        (directory / "report.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    emit(report, as_json, lambda found: _show(found, report))
    if not report["proof"]["holds"]:
        raise SystemExit(EXIT_FAILURES)


async def _demo(
    folder: Path, count: int, seed: int, lexical: bool, level: str, console: Console
) -> dict[str, Any]:
    corpus = build_corpus(seed, count)
    write_corpus(corpus, folder / "corpus.jsonl", folder / "truth.json")
    console.print(
        f"corpus: {count:,} memories of {len({m['user_id'] for m in corpus.memories})} users (seed {seed})"
    )
    embedder = _embedder(lexical, console)
    started = time.perf_counter()
    vectors = await _embed(embedder, [m["content"] for m in corpus.memories], console)
    console.print(f"embedded by {embedder.model_id} in {time.perf_counter() - started:.1f} s")
    await _fill(folder / "memories.db", folder / "corpus.jsonl", vectors, embedder.model_id)
    shutil.copyfile(folder / "memories.db", folder / "reference.db")
    console.print("[bold]reference run[/], undisturbed, in this process")
    reference = await _undisturbed(folder, console)
    console.print("[bold]run with a kill[/], in supervised worker processes")
    stages, killer = await _killed(folder, level, console)
    report = {
        "memories": count,
        "seed": seed,
        "as_of": format_time(time_to_us(AS_OF)),
        "dry_run": False,
        "embedded_by": embedder.model_id,
        "errors": [],
        **lifecycle_report(stages),
        "proof": await _proof(folder, stages, reference, killer),
    }
    report["truth"] = _against(corpus.truth, report)
    return report


def _embedder(lexical: bool, console: Console) -> Embedder:
    if lexical:
        from khala_jobs.memory.embed_lexical import LexicalEmbedder

        return LexicalEmbedder()
    return CachedEmbedder(best_embedder(console.print))


async def _embed(embedder: Embedder, texts: list[str], console: Console) -> FloatMatrix:
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("embedding", total=len(texts))

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return await asyncio.to_thread(embed_distinct, embedder, texts, progress)


async def _fill(database: Path, corpus: Path, vectors: FloatMatrix, model_id: str) -> None:
    """The repository of the run: the corpus, as any user's file would be read, and its vectors."""
    from dataclasses import replace

    await asyncio.to_thread(database.unlink, missing_ok=True)
    async with SqliteMemoryRepository(database) as repository:
        source = MemoryInput(corpus, time_to_us(AS_OF))
        imported = await import_memories(repository, source)
        if imported.errors:
            raise SystemExit(f"the corpus has bad lines: {imported.errors[:3]}")
        after: tuple[str, str] | None = None
        while page := await repository.list_page(after=after, limit=BATCH):
            await repository.update_many(
                replace(m, embedding=vectors[source.line_of(m.id) - 1], model_id=model_id) for m in page
            )
            after = (page[-1].user_id, page[-1].id)


async def _undisturbed(folder: Path, console: Console) -> list[Stage]:
    jobs, memory, repository = application(folder, "reference")
    async with jobs, repository:
        with watching(console) as watch:
            return await run_lifecycle(jobs, stage_jobs(as_of=format_time(time_to_us(AS_OF))), memory, watch)


async def _killed(folder: Path, level: str, console: Console) -> tuple[list[Stage], Killer]:
    jobs, memory, repository = application(folder, "memories")
    killer = Killer(jobs, repository, console)
    try:
        async with _workers(folder, level, killer.pids), repository, killer.hunting():
            with watching(console) as bars:

                def watch(name: str, info: JobInfo | None, progress: Any) -> None:
                    bars(name, info, progress)
                    killer.see(name, info)

                as_of = format_time(time_to_us(AS_OF))
                stages = await run_lifecycle(jobs, stage_jobs(as_of=as_of), memory, watch)
    finally:
        await jobs.close()
    return stages, killer


@contextlib.asynccontextmanager
async def _workers(folder: Path, level: str, pids: dict[str, int]) -> AsyncIterator[None]:
    """``khala-jobs worker`` with one process (and the one for suspects); `pids` follows who is alive."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "khala_jobs.cli", "worker", "khala_jobs.cli.demo_app:jobs", "--json",
        "--log-level", level,
        env={**os.environ, FOLDER_VARIABLE: str(folder)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None

    async def follow(lines: asyncio.StreamReader) -> None:
        async for line in lines:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event["event"] == "child_started":
                    pids[event["child"]] = event["pid"]
                elif event["event"] == "child_ended":
                    pids.pop(event["child"], None)

    following = asyncio.create_task(follow(process.stdout))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await following


async def _proof(folder: Path, stages: list[Stage], reference: list[Stage], killer: Killer) -> dict[str, Any]:
    """What has to hold after a kill."""
    digests = {name: await digest(folder / f"{name}.db") for name in ("memories", "reference")}
    jobs, _, _ = application(folder, "memories")
    try:
        stats = await jobs.queues.stats()
        violations = await jobs.queues.check()
        victim = await jobs.queues.get(killer.job_id) if killer.job_id else None
    finally:
        await jobs.close()
    counts = [s.report["counts"] for s in stages] == [s.report["counts"] for s in reference]
    checks = {
        "a worker was killed while its job ran": bool(killer.victim),
        "the job ran again and completed": victim is not None
        and victim.state == "completed"
        and [(a.number, a.outcome) for a in victim.history] == [(1, "lapsed"), (2, "completed")],
        "every job completed exactly once": stats["completed"] == len(stages),
        "no job is left or failed": not any(
            stats[s] for s in ("waiting", "active", "delayed", "failed", "quarantined")
        ),
        "the store's invariants hold": not violations,
        "the memories equal those of the undisturbed run": digests["memories"] == digests["reference"],
        "so do the counts of every stage": counts,
    }
    return {
        "holds": all(checks.values()),
        "checks": checks,
        "killed_pid": killer.victim,
        "killed_after_changes": killer.changes,
        "attempts": [
            {"attempt": a.number, "outcome": a.outcome, "worker": a.worker}
            for a in (victim.history if victim else ())
        ],
        "digests": digests,
    }


async def digest(database: Path) -> str:
    """SHA-256 of every memory of a repository, in order."""
    hashed = hashlib.sha256()
    async with SqliteMemoryRepository(database) as repository:
        after: tuple[str, str] | None = None
        while page := await repository.list_page(after=after, limit=BATCH):
            for memory in page:
                hashed.update(orjson.dumps(memory.to_json(), option=orjson.OPT_SORT_KEYS))
            after = (page[-1].user_id, page[-1].id)
    return hashed.hexdigest()


def _against(truth: Truth, report: dict[str, Any]) -> dict[str, Any]:
    """The report against the truth."""
    return evaluate(
        truth,
        [(entry["canonical"], entry["duplicate"]) for entry in report["merged"]],
        [(entry["a"], entry["b"]) for entry in report["review"]],
        promoted={entry["id"]: entry["to"] for entry in report["promoted"]},
        archived=[entry["id"] for entry in report["archived"]],
        expired=[entry["id"] for entry in report["cleaned"]],
    ).to_json()


def _show(console: Console, report: dict[str, Any]) -> None:
    show_report(console, report)
    console.print(table("against the truth", ("", ""), _truth_rows(report["truth"])))
    proof = report["proof"]
    attempts = ", ".join(f"attempt {a['attempt']} {a['outcome']}" for a in proof["attempts"])
    console.print(f"killed job: {attempts}")
    for check, holds in proof["checks"].items():
        console.print(f"{'ok  ' if holds else 'NOT '} {check}")


def _truth_rows(truth: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in truth.items():
        if isinstance(value, float):
            yield name.replace("_", " "), f"{value:.3f}"
        elif isinstance(value, int | str):
            yield name.replace("_", " "), str(value)
