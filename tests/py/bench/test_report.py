"""Results files, tables and charts."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from common.document import BEGIN, END, put
from common.stats import median_of, percentile, spread_ms
from peers import cases, charts, install, report, run
from peers.protocol import About

ENVIRONMENT = {
    "cpu": "a processor",
    "cores": 2,
    "kernel": "6.1",
    "redis": "7.0.15",
    "date": "2026-01-01",
    "commit": "abc",
}


def about(name: str, **changes: Any) -> About:
    known: dict[str, Any] = {
        "requires": (),
        "package": "redis",
        "configuration": "as it comes",
        "crash": "lost",
    }
    return About(name=name, **(known | changes))


def results() -> report.Results:
    made = report.Results(environment=dict(ENVIRONMENT))
    for key, name in (("ours", "khala_jobs"), ("ardiq", "ArdiQ"), ("rq", "RQ")):
        made.describe(key, about(name))
    for factor in (1.0, 3.0, 2.0):
        for key, rate in (("ours", 40_000.0), ("ardiq", 8000.0)):
            figures = {
                "jobs_per_s": rate * factor,
                "commands": 2.0,
                "lost": 0,
                "left": 0,
                "jobs": 100,
                "exact": True,
            }
            made.add("W4-100", key, figures | {"version": "1.0", "python": "3.13.0"})
    made.engine_absent("rq", "needs Node and npm")
    return made


def test_figures_are_medians_and_checks_those_of_the_worst_round() -> None:
    made = results()
    made.rounds["W4-100"]["ours"][1]["lost"] = 2
    row = made.median("W4-100", "ours")
    assert row is not None
    assert row["jobs_per_s"] == 80_000
    assert row["jobs_per_s_range"] == [40_000, 120_000]
    assert row["lost"] == 2
    assert row["rounds"] == 3
    assert "lost 2" in "\n".join(report.case_table(made, cases.CASES["W4-100"]))


def test_the_table_is_the_same_for_the_same_results(tmp_path: Path) -> None:
    made = results()
    text = report.render(made, "Redis")
    made.save(tmp_path / "redis.json")
    shuffled = json.loads((tmp_path / "redis.json").read_text())
    for part in ("environment", "rounds", "reasons"):
        items = list(shuffled[part].items())
        random.shuffle(items)
        shuffled[part] = dict(items)
    (tmp_path / "redis.json").write_text(json.dumps(shuffled))
    assert report.render(report.Results.load(tmp_path / "redis.json"), "Redis") == text


def test_the_table_says_who_is_absent_and_how_ours_compares(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    results().save(tmp_path / "redis.json")
    report.write(tmp_path, readme)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "RQ (needs Node and npm)" in text
    assert "5.0 (goal 5)" in text
    assert "| khala_jobs | 80,000 | 2.00 |" in text


def test_a_document_without_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no marks")
    with pytest.raises(ValueError, match="unpack"):
        put("text", tmp_path / "README.md")


def test_a_missing_feature_is_a_reason_and_a_figure_replaces_a_failure() -> None:
    bulk, drain = cases.CASES["W3-1000"], cases.CASES["W4-10"]
    assert report.why_absent(bulk, about("x", absent={"bulk": "no bulk call"})) == "no bulk call"
    assert report.why_absent(cases.CASES["W5"], about("x", absent={"W5": "no priorities"})) == "no priorities"
    assert "8 pay" in report.why_absent(drain, about("x", threads=8))
    assert not report.why_absent(bulk, about("x"))
    made = results()
    made.failed("W1", "ours", "a\nRuntimeError: server gone\n")
    assert made.reasons["W1"]["ours"] == "failed: RuntimeError: server gone"
    made.add("W1", "ours", {"jobs_per_s": 1.0})
    assert "ours" not in made.reasons["W1"]


def test_every_adapter_says_what_a_reader_must_know() -> None:
    import importlib

    for key in report.ENGINES:
        found = importlib.import_module(f"peers.adapters.{key}").ABOUT
        assert found.configuration
        assert found.crash
        assert found.left or found.left_by_url
        known = {*cases.CASES, *(c.workload for c in cases.CASES.values()), "bulk", "await"}
        assert set(found.absent) <= known


def test_workloads_are_chosen_by_key_workload_or_list() -> None:
    assert [c.key for c in cases.chosen("W1")] == ["W1"]
    assert {c.workload for c in cases.chosen("W4")} == {"W4"}
    assert len(cases.chosen("W4")) == 8
    assert [c.key for c in cases.chosen("W4-100,W1")] == ["W4-100", "W1"]
    assert [c.key for c in cases.chosen("important")] == list(cases.IMPORTANT)
    assert {c.workload for c in cases.chosen("all")} == {
        *(f"W{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 15))
    }
    with pytest.raises(ValueError, match="no workload 'W99'"):
        cases.chosen("W99")


def test_an_engine_that_cannot_be_had_is_absent_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(install.AbsentError, match=r"needs Python >= 9\.9"):
        install.find_python((9, 9))
    needs_npm = about("x", npm=("bullmq",))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(install.AbsentError, match="needs Node and npm"):
        install.place("x", needs_npm, tmp_path)
    with pytest.raises(install.AbsentError, match="failed"):
        install.place("y", about("y", requires=("./no-such-folder",)), tmp_path)


def test_charts_are_drawn_the_same_each_time(tmp_path: Path) -> None:
    results().save(tmp_path / "redis.json")
    charts.write(tmp_path)
    first = (tmp_path / "drain.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert not (tmp_path / "bulk.png").exists()
    charts.write(tmp_path)
    assert (tmp_path / "drain.png").read_bytes() == first


def test_a_run_adds_its_rounds(tmp_path: Path) -> None:
    out = tmp_path / "redis.json"
    arguments = ["--workloads", "W1", "--peers", "ours", "--rounds", "1", "--scale", "0", "--unpinned"]
    arguments += ["--url", "sqlite:///{path}?synchronous=normal", "--no-table", "--out", str(out)]
    run.main(arguments)
    run.main(arguments)
    assert len(report.Results.load(out).rounds["W1"]["ours"]) == 2
    run.main([*arguments, "--fresh"])
    found = report.Results.load(out)
    assert len(found.rounds["W1"]["ours"]) == 1
    assert found.rounds["W1"]["ours"][0]["exact"]
    assert found.engines["ours"]["version"]


def test_files_are_merged(tmp_path: Path) -> None:
    results().save(tmp_path / "a.json")
    other = results()
    other.failed("W1", "ours", "gone")
    other.absent("W4-100", "rq", "slow")
    other.save(tmp_path / "b.json")
    out = tmp_path / "redis.json"
    run.main(["--merge", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--no-table", "--out", str(out)])
    merged = report.Results.load(out)
    assert len(merged.rounds["W4-100"]["ardiq"]) == 6
    assert merged.reasons["W1"]["ours"] == "failed: gone"
    assert merged.environment == ENVIRONMENT


def test_unknown_engines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no engine 'sidekiq'"):
        run.main(["--peers", "sidekiq", "--out", str(tmp_path / "r.json"), "--url", "sqlite:///{path}"])


def test_statistics() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0
    assert spread_ms([0.001, 0.002], "result_")["result_max_ms"] == 2.0
    merged = median_of([{"a": 1, "n": "x", "b": True}, {"a": 3, "n": "y", "b": True}], ("a",))
    assert merged == {"a": 2, "n": "x", "b": True, "a_range": [1, 3]}
