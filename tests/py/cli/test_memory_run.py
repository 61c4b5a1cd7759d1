"""``khala-jobs memory run`` on a user's file, and the demo."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from .conftest import Cli


def line(number: int, **fields: object) -> str:
    base = {"id": f"m{number}", "user_id": "ada", "content": f"Fact number {number} about the garden."}
    return json.dumps({**base, "created_at": "2025-01-01T00:00:00Z", **fields})


def test_report_of_a_file_with_bad_lines(cli: Cli) -> None:
    same = {"content": "Ada grows tomatoes on the balcony."}
    vector = [1.0, *([0.0] * 7)]
    lines = [
        line(1, embedding=vector, **same),
        line(2, embedding=vector, **same),
        "{not json",
        line(4, importance=7),
        line(5, embedding=[0.0, 1.0, *([0.0] * 6)]),
        line(6, embedding=vector, user_id="bob", **same),
        line(7, created_at="yesterday"),
        json.dumps({"id": "m8", "user_id": "ada"}),
    ]
    source, target = cli.folder / "in.jsonl", cli.folder / "out.json"
    source.write_text("\n".join(lines) + "\n")
    cli.run("memory", "run", "--input", str(source), "--report", str(target), "--embed", "never", status=1)
    report = json.loads(target.read_text())
    assert {(bad["line"], bad["field"]) for bad in report["errors"]} == {
        (3, "line"), (4, "importance"), (7, "created_at"), (8, "content"),
    }  # fmt: skip
    assert report["errors"][0]["reason"].endswith("in column 2")
    assert report["counts"] == {name: len(report[name]) for name in report["counts"]}
    assert {"errors", "failures", "merged", "scored", "review"} <= report["counts"].keys()
    assert [stage["counts"]["considered"] for stage in report["stages"][:3]] == [4, 4, 4]
    assert report["memories"] == 4
    (merged,) = report["merged"]
    assert {merged["canonical"], merged["duplicate"]} == {"m1", "m2"}
    assert merged["cosine"] == 1.0
    assert {entry["id"] for entry in report["scored"]} == {"m1", "m2", "m5", "m6"}
    for name in ("review", "archived", "promoted"):
        assert isinstance(report[name], list)
    assert [stage["attempts"] for stage in report["stages"]] == [1] * 6


def test_contradictions_go_to_review_with_a_reason(cli: Cli) -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=32)
    near = (base + rng.normal(size=32) * 0.01).tolist()
    source = cli.folder / "in.jsonl"
    source.write_text(
        line(1, content="Alice manages Bob.", embedding=base.tolist())
        + "\n"
        + line(2, content="Bob manages Alice.", embedding=near)
        + "\n"
    )
    report = cli.json("memory", "run", "--input", str(source), "--embed", "never")
    assert report["merged"] == []
    (pair,) = report["review"]
    assert {pair["a"], pair["b"]} == {"m1", "m2"}
    assert pair["cosine"] > 0.95
    assert pair["reason"]


def test_dry_run_changes_nothing_and_a_kept_database_converges(cli: Cli) -> None:
    source = cli.folder / "in.jsonl"
    source.write_text("\n".join(line(n, content="The same fact.") for n in range(3)) + "\n")
    base = ["memory", "run", "--input", str(source), "--as-of", "2025-06-01T00:00:00Z", "--embed", "lexical"]
    keep = ["--database", str(cli.folder / "kept")]
    dry = cli.json(*base, "--dry-run", *keep)
    assert len(dry["merged"]) == 2
    first = cli.json(*base, *keep)
    assert len(first["merged"]) == 2
    second = cli.json(*base, *keep)
    assert (second["merged"], second["promoted"], second["archived"], second["scored"]) == ([], [], [], [])


def test_a_dry_run_counts_what_its_lists_leave_out(cli: Cli) -> None:
    source = cli.folder / "in.jsonl"
    source.write_text("".join(line(n, content=f"Fact {n}.") + "\n" for n in range(1100)))
    text = cli.run("memory", "run", "--input", str(source), "--embed", "never", "--dry-run")
    assert re.search(r"^scored +1100$", text, re.MULTILINE)
    assert "not complete: scored, 1,000 of 1,100 (" in text


def test_missing_and_unknown_files_are_refused(cli: Cli) -> None:
    assert "no file" in cli.run("memory", "run", "--input", "nothing.jsonl", status=2)
    (cli.folder / "in.xml").write_text("<a/>")
    assert ".jsonl" in cli.run("memory", "run", "--input", "in.xml", status=2)
    assert "--as-of" in cli.run("memory", "run", "--input", "in.xml", "--as-of", "soon", status=2)


@pytest.mark.parametrize("spelling", ["own.jsonl", "sub/../own.jsonl", "link.jsonl", "hard.jsonl"])
def test_a_report_never_takes_the_place_of_the_input(cli: Cli, spelling: str) -> None:
    source = cli.folder / "own.jsonl"
    source.write_text(line(1) + "\n")
    (cli.folder / "sub").mkdir()
    (cli.folder / "link.jsonl").symlink_to("own.jsonl")
    (cli.folder / "hard.jsonl").hardlink_to(source)
    text = cli.run(
        "memory", "run", "--input", "own.jsonl", "--report", spelling, "--embed", "never", status=2
    )
    assert f"Invalid value for --report: {spelling} is what --input names" in text
    assert source.read_text() == line(1) + "\n"


@pytest.mark.parametrize(
    ("database", "report", "says"),
    [
        ("in.jsonl", "out.json", "--database: in.jsonl is what --input names"),
        ("new", "new", "--report: new is what --database names"),
        ("new", "new/jobs.db", "--report: new/jobs.db is a file of the database"),
        ("new", "sub/../new/memories.db-wal", "is a file of the database"),
    ],
)
def test_options_that_name_one_file_are_refused_before_anything_is_made(
    cli: Cli, database: str, report: str, says: str
) -> None:
    before = sorted(path.name for path in cli.folder.iterdir())
    options = ("--input", "in.jsonl", "--database", database, "--report", report, "--embed", "never")
    assert says in cli.run("memory", "run", *options, status=2)
    assert sorted(path.name for path in cli.folder.iterdir()) == before


def test_a_report_may_stand_beside_the_files_of_the_database(cli: Cli) -> None:
    (cli.folder / "in.jsonl").write_text(line(1) + "\n")
    options = ("--input", "in.jsonl", "--database", "kept", "--report", "kept/out.json", "--embed", "never")
    cli.run("memory", "run", *options)
    assert json.loads((cli.folder / "kept" / "out.json").read_text())["memories"] == 1


def test_demo_kills_a_worker_and_proves_that_nothing_was_lost(cli: Cli) -> None:
    done = cli.process("demo", "--memories", "1500", "--lexical", "--json", timeout=240)
    report = json.loads(done.stdout)
    assert report["proof"]["checks"] == dict.fromkeys(report["proof"]["checks"], True)
    attempts = [(attempt["attempt"], attempt["outcome"]) for attempt in report["proof"]["attempts"]]
    assert attempts == [(1, "lapsed"), (2, "completed")]
    assert report["merged"]
    # Its own lines are all that it prints: six of progress, and none of the jobs'.
    assert [text for text in done.stderr.splitlines() if "job_started" in text or "PIPELINE" in text] == []
    assert "SIGKILL to worker process" in done.stderr
    assert len(report["warnings"]) == len(set(report["warnings"])) == 1


@pytest.mark.parametrize(("options", "logged"), [((), False), (("--logs",), True)])
def test_the_jobs_log_only_when_asked_to(cli: Cli, options: tuple[str, ...], logged: bool) -> None:
    (cli.folder / "in.jsonl").write_text(line(1, content="A fact.") + "\n")
    run = cli.process("memory", "run", "--input", "in.jsonl", "--embed", "lexical", *options)
    assert ("PIPELINE_METRICS" in run.stderr) is logged
    assert "is not calibrated" in run.stdout
