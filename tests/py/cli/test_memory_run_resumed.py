"""``khala-jobs memory run --database`` that is killed, repeated, and repeated once more."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cli

AS_OF = "2025-06-01T00:00:00Z"

# The command, in a process that dies by SIGKILL once the first plan of a stage has been carried out.
KILLED = """
    import os, runpy, signal, sys
    from khala_jobs.memory import run

    carry_out, stage = run.apply_plan, sys.argv.pop(1)

    async def dying(plan, *arguments, **options):
        done = await carry_out(plan, *arguments, **options)
        if plan.job == stage:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    run.apply_plan = dying
    runpy.run_module("khala_jobs.cli", run_name="__main__")
"""

# One lifecycle named "again" on the folder, with a worker that quarantines at the first death it blames on a job.
QUARANTINED = """
    import asyncio, json, os, signal, sys
    from khala_jobs import JobProcessor
    from khala_jobs.memory import MemoryJobs, SqliteMemoryRepository, run
    from khala_jobs.memory.lifecycle import run_lifecycle, stage_jobs

    carry_out = run.apply_plan

    async def dying(plan, *arguments, **options):
        if plan.job == "deduplication" and sys.argv[1] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return await carry_out(plan, *arguments, **options)

    run.apply_plan = dying

    async def main():
        async with SqliteMemoryRepository("kept/memories.db") as repository:
            found = MemoryJobs(repository)
            jobs = JobProcessor("sqlite:///kept/jobs.db", workers=1, max_crashes=1)
            jobs.include(found)
            async with jobs:
                stages = stage_jobs(as_of="2025-06-01T00:00:00Z")
                done = await run_lifecycle(jobs, stages, found, chain="again")
                print(json.dumps([(stage.name, stage.info.attempt) for stage in done]))

    asyncio.run(main())
"""


def memories(folder: Path) -> Path:
    """Two users with duplicates, promotions, something to summarise and something that has expired."""
    rows: list[dict[str, Any]] = []
    for user in ("ada", "bob"):
        for number in range(12):
            row = {"id": f"{user}{number}", "user_id": user, "content": f"Fact {number % 8} of the garden.",
                   "created_at": "2025-01-01T00:00:00Z", "tier": "working", "importance": 0.5}  # fmt: skip
            rows.append(row)
        rows[-1].update(importance=0.95, access_count=9)
        rows[-2].update(expires_at="2025-02-01T00:00:00Z")
        for number, text in enumerate(("Ada likes green tea.", "Ada likes green tea with honey.")):
            rows.append({**rows[0], "id": f"{user}s{number}", "user_id": user, "content": text,
                         "tier": "short_term", "importance": 0.92,
                         "embedding": [1.0, 0.2 + 0.45 * number]})  # fmt: skip
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{not json\n")
    return source


def contents(folder: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "memories.db")
    try:
        return connection.execute("SELECT * FROM memories ORDER BY id").fetchall()
    finally:
        connection.close()


def killed(cli: Cli, code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=cli.folder, env=cli.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def command(source: Path, database: str, *more: str) -> tuple[str, ...]:
    return ("memory", "run", "--input", str(source), "--embed", "lexical", "--database", database, "--as-of", AS_OF,
            *more)  # fmt: skip


def whole(report: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on kills."""
    kept = {name: value for name, value in report.items() if name != "stages"}
    return {**kept, "stages": [(stage["stage"], stage["counts"]) for stage in report["stages"]]}


@pytest.mark.parametrize("stage", ["deduplication", "cleanup"])
def test_the_same_command_goes_on_with_a_killed_run(cli: Cli, stage: str) -> None:
    source = memories(cli.folder)
    expected = cli.json(*command(source, "whole"), status=1)
    for name in ("promoted", "merged", "cleaned", "errors"):
        assert expected[name]
    for _ in range(4):  # more often than a job may kill its worker
        killed(cli, KILLED, stage, *command(source, "cut"))
    report = cli.json(*command(source, "cut"), status=1)
    assert whole(report) == whole(expected)
    assert max(found["attempts"] for found in report["stages"]) == 5
    assert contents(cli.folder / "cut") == contents(cli.folder / "whole")
    assert {job["state"] for job in cli.json("jobs", "list", "--url", "sqlite:///cut/jobs.db")["jobs"]} == {
        "completed"
    }


def test_a_finished_run_repeated_changes_nothing(cli: Cli) -> None:
    source = memories(cli.folder)
    cli.json(*command(source, "kept"), status=1)
    before = contents(cli.folder / "kept")
    report = cli.json(*command(source, "kept"), status=1)
    lists = ("scored", "promoted", "merged", "consolidated", "archived", "cleaned")
    assert {name: report[name] for name in lists} == {name: [] for name in lists}
    assert contents(cli.folder / "kept") == before


def test_another_command_does_not_disturb_an_unfinished_run(cli: Cli) -> None:
    source = memories(cli.folder)
    killed(cli, KILLED, "deduplication", *command(source, "kept"))
    for other in (("--threshold", "0.9"), ("--dry-run",), ("--as-of", "2025-06-02T00:00:00Z")):
        told = cli.run(*command(source, "kept"), *other, status=2)
        assert f"another {other[0]}" in told
        assert "--abandon" in told
    report = cli.json(*command(source, "kept"), "--threshold", "0.9", "--abandon", status=1)
    assert [stage["attempts"] for stage in report["stages"]] == [1] * 6
    jobs = cli.json("jobs", "list", "--url", "sqlite:///kept/jobs.db")["jobs"]
    given_up = [job for job in jobs if job["state"] != "completed"]
    assert len(jobs) == 9
    # Cancelled, or with the dead process's lease not over yet; but it is never run again.
    assert [(job["attempt"], job["reason"]) for job in given_up] == [(1, "cancelled: the run was given up")]


def test_a_dry_run_that_was_killed_is_no_hindrance(cli: Cli) -> None:
    source = memories(cli.folder)
    killed(cli, KILLED, "deduplication", *command(source, "kept"))
    cli.json(*command(source, "kept"), status=1)
    (cli.folder / "kept" / "unfinished-run.json").write_text(
        json.dumps(
            {"version": 1, "chain": "x", "as_of": AS_OF, "settings": {"--dry-run": True}, "phase": "jobs"}
        )
    )
    cli.json(*command(source, "kept"), status=1)


def test_a_job_quarantined_for_earlier_deaths_runs_once_more(cli: Cli) -> None:
    source = memories(cli.folder)
    cli.json(*command(source, "kept", "--dry-run"), status=1)  # fills the repository
    for _ in range(2):
        killed(cli, QUARANTINED, "die")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(QUARANTINED), "live"],
        cwd=cli.folder, env=cli.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert dict(json.loads(done.stdout))["Deduplication"] == 3


@pytest.mark.parametrize("name", ["a%41b", "a?b", "a#b c", "ü"])
def test_a_folder_may_have_any_name(cli: Cli, name: str) -> None:
    source = memories(cli.folder)
    cli.run(*command(source, name), status=1)
    assert {"jobs.db", "memories.db"} <= {path.name for path in (cli.folder / name).iterdir()}


def test_what_cannot_be_written_is_told_before_the_run(cli: Cli) -> None:
    source = memories(cli.folder)
    (cli.folder / "folder").mkdir()
    for target in ("folder", "/proc/x.json", "missing/x.json"):
        assert "--report" in cli.run(*command(source, "kept", "--report", target), status=2)
    assert not list((cli.folder / "kept").glob("memories.db"))
    for database in ("in.jsonl", "/proc/db", os.fsdecode(b"d\xffb")):
        assert "--database" in cli.run(*command(source, database), status=2)


def test_a_report_that_cannot_be_written_is_printed_and_can_be_had_again(cli: Cli) -> None:
    source = memories(cli.folder)
    done = cli.process(*command(source, "kept", "--report", "/dev/full"))
    assert done.returncode == 3
    assert "No space left" in done.stderr
    printed = json.loads(done.stdout)
    cli.run(*command(source, "kept", "--report", "out.json"), status=1)
    assert whole(json.loads((cli.folder / "out.json").read_text())) == whole(printed)


def test_times_as_rfc_3339_has_them_and_names_that_are_no_text(cli: Cli) -> None:
    source = memories(cli.folder)
    odd = os.fsdecode(os.fsencode(source.parent) + b"/b\xff.jsonl")
    Path(odd).write_bytes(source.read_bytes())
    cli.run("memory", "run", "--input", odd, "--embed", "never", "--as-of", "2025-06-01t00:00:00z", "--report",
            "o.json", status=1)  # fmt: skip
    assert json.loads((cli.folder / "o.json").read_text())["input"].endswith("b\ufffd.jsonl")
