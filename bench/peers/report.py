"""The results file, and the tables of README.md from it. The same results give the same text, to the letter."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.document import markdown_table, put
from common.stats import median_of
from peers.cases import CASES, Case
from peers.protocol import About

ENGINES = ("ours", "ardiq", "bullmq", "huey", "dramatiq", "taskiq", "saq", "arq", "streaq", "celery", "rq")
RANGES = ("jobs_per_s", "p50_ms", "result_p50_ms")
SHOWN = (
    ("jobs_per_s", "{:,.0f}/s"),
    ("commands", "{:.2f} commands"),
    ("server_us", "{:.0f} us server"),
    ("client_us", "{:.0f} us client"),
    ("p50_ms", "p50 {:.2f} ms"),
    ("p99_ms", "p99 {:.2f} ms"),
    ("result_p50_ms", "result p50 {:.2f} ms"),
    ("commands_per_s", "{:.2f} commands/s"),
    ("cpu_percent", "{:.2f} % CPU"),
    ("again_max_s", "again <= {:.1f} s"),
    ("rss_mib", "{:.0f} MiB"),
    ("errors", "errors {}"),
    ("lost", "lost {}"),
    ("twice", "twice {}"),
    ("left", "left {}"),
    ("extra_runs", "extra {}"),
    ("strict", "strict {}"),
)


def brief(figures: dict[str, Any]) -> str:
    """One line for the console."""
    return ", ".join(text.format(figures[key]) for key, text in SHOWN if key in figures)


def why_absent(case: Case, about: About) -> str:
    """Why an engine has no figure in a case; empty = it has."""
    for key in (case.key, case.workload, *case.needs):
        if key in about.absent:
            return about.absent[key]
    at_once = case.spec.get("concurrency")
    if about.threads is not None and case.workload == "W4" and at_once in (10, 32):
        return f"runs threads, of which {about.threads} pay: see 100 at once"
    return ""


@dataclass
class Results:
    """All figures so far.

    Attributes:
        environment: Machine, versions and commit of the latest run.
        engines: Engine -> what a reader must know of it.
        rounds: Case -> engine -> figures of each round.
        reasons: Case -> engine -> why there is no figure.
    """

    environment: dict[str, Any] = field(default_factory=dict)
    engines: dict[str, dict[str, Any]] = field(default_factory=dict)
    rounds: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)

    @staticmethod
    def load(path: Path, *, fresh: bool = False) -> Results:
        if fresh or not path.exists():
            return Results()
        return Results(**json.loads(path.read_text()))

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n")

    def in_order(self) -> list[tuple[str, dict[str, Any]]]:
        """The engines as tables have them."""
        return sorted(self.engines.items(), key=lambda item: ENGINES.index(item[0]))

    def describe(self, engine: str, about: About) -> None:
        known = self.engines.get(engine, {})
        self.engines[engine] = {
            "version": known.get("version", ""),
            "runtime": known.get("runtime", ""),
            "name": about.name,
            "configuration": about.configuration,
            "keeps_results": about.keeps_results,
            "crash": about.crash,
        }

    def engine_absent(self, engine: str, reason: str) -> None:
        self.engines[engine]["absent"] = reason

    def absent(self, case: str, engine: str, reason: str) -> None:
        self.reasons.setdefault(case, {})[engine] = reason

    def failed(self, case: str, engine: str, reason: str) -> None:
        last = (reason.strip().splitlines() or ["no word"])[-1]
        self.absent(case, engine, f"failed: {last[:160]}")

    def add(self, case: str, engine: str, figures: dict[str, Any]) -> None:
        """Keep the figures of one round; a figure replaces an earlier failure."""
        self.engines[engine]["version"] = figures.pop("version", "")
        self.engines[engine]["runtime"] = figures.pop("python", "")
        figures["commit"] = self.environment.get("commit", "")
        self.rounds.setdefault(case, {}).setdefault(engine, []).append(figures)
        self.reasons.get(case, {}).pop(engine, None)

    def merge(self, other: Results) -> None:
        """Take over the rounds of another file; where both have a reason for a gap, this one's stays."""
        self.environment = self.environment or other.environment
        for key, engine in other.engines.items():
            self.engines[key] = engine | {k: v for k, v in self.engines.get(key, {}).items() if v}
        for case, by in other.rounds.items():
            for engine_key, rounds in by.items():
                self.rounds.setdefault(case, {}).setdefault(engine_key, []).extend(rounds)
                self.reasons.get(case, {}).pop(engine_key, None)
        for case, reasons in other.reasons.items():
            for engine_key, reason in reasons.items():
                if engine_key not in self.rounds.get(case, {}):
                    self.reasons.setdefault(case, {}).setdefault(engine_key, reason)

    def median(self, case: str, engine: str) -> dict[str, Any] | None:
        """Medians of the rounds; the checks are those of the worst round."""
        rounds = self.rounds.get(case, {}).get(engine)
        if not rounds:
            return None
        merged = median_of(rounds, RANGES)
        for key in ("lost", "twice", "left", "extra_runs", "errors"):
            if key in merged:
                merged[key] = max(r.get(key, 0) for r in rounds)
        for key in ("exact", "strict"):
            if key in merged:
                merged[key] = all(r.get(key, True) for r in rounds)
        merged["rounds"] = len(rounds)
        return merged


def _checks(row: dict[str, Any]) -> str:
    faults = [f"{key} {row[key]}" for key in ("lost", "twice", "left") if row.get(key)]
    if row.get("errors"):
        faults.append(f"{row['errors']} callers got an error")
    if row.get("extra_runs"):
        faults.append(f"extra runs {row['extra_runs']}")
    if row.get("strict") is False:
        faults.append("order not strict")
    return ", ".join(faults) or "exact"


def _cell(row: dict[str, Any], key: str, text: str) -> str:
    return text.format(row[key]) if key in row else ""


COLUMNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "produce": (
        ("jobs/s", "jobs_per_s", "{:,.0f}"),
        ("p50 ms", "p50_ms", "{:.3f}"),
        ("p99 ms", "p99_ms", "{:.3f}"),
        ("commands/job", "commands", "{:.2f}"),
        ("server µs/job", "server_us", "{:.1f}"),
        ("client µs/job", "client_us", "{:.1f}"),
        ("bytes/job", "bytes", "{:.0f}"),
    ),
    "drain": (
        ("jobs/s", "jobs_per_s", "{:,.0f}"),
        ("commands/job", "commands", "{:.2f}"),
        ("reads/job", "reads", "{:.3f}"),
        ("server µs/job", "server_us", "{:.1f}"),
        ("client µs/job", "client_us", "{:.1f}"),
        ("RSS MiB", "rss_mib", "{:.0f}"),
    ),
    "open": (
        ("p50 ms", "p50_ms", "{:.2f}"),
        ("p95 ms", "p95_ms", "{:.2f}"),
        ("p99 ms", "p99_ms", "{:.2f}"),
        ("max ms", "max_ms", "{:.1f}"),
    ),
    "closed": (
        ("jobs/s", "jobs_per_s", "{:,.0f}"),
        ("result p50 ms", "result_p50_ms", "{:.2f}"),
        ("result p99 ms", "result_p99_ms", "{:.2f}"),
        ("commands/job", "commands", "{:.2f}"),
        ("server µs/job", "server_us", "{:.1f}"),
    ),
    "delayed": (
        ("late p50 ms", "p50_ms", "{:.1f}"),
        ("late p99 ms", "p99_ms", "{:.1f}"),
        ("late max ms", "max_ms", "{:.1f}"),
        ("early by at most ms", "earliest_ms", "{:.1f}"),
    ),
    "idle": (
        ("commands/s", "commands_per_s", "{:.2f}"),
        ("CPU %", "cpu_percent", "{:.2f}"),
        ("RSS MiB", "rss_mib", "{:.0f}"),
    ),
    "crash": (
        ("killed while running", "killed_running", "{}"),
        ("run again", "run_again", "{}"),
        ("again after, p50 s", "again_p50_s", "{:.1f}"),
        ("max s", "again_max_s", "{:.1f}"),
    ),
}


def case_table(results: Results, case: Case) -> list[str]:
    """One workload: a row an engine, and below it who is absent and why."""
    columns = COLUMNS[case.kind]
    head = ["engine", *(title for title, _, _ in columns), "jobs", "rounds", "check"]
    rows, missing = [], []
    for key, engine in results.in_order():
        row = results.median(case.key, key)
        if row is not None:
            cells = [_cell(row, figure, text) for _, figure, text in columns]
            rows.append(
                [engine["name"], *cells, f"{row.get('jobs', 0):,.0f}", str(row["rounds"]), _checks(row)]
            )
        else:
            reason = engine.get("absent") or results.reasons.get(case.key, {}).get(key)
            if reason:
                missing.append(f"{engine['name']} ({reason})")
    if not rows:
        return []
    lines = [f"**{case.key}: {case.title}**", "", *markdown_table(head, rows)]
    if missing:
        lines += ["", f"Absent: {'; '.join(missing)}."]
    return [*lines, ""]


RATIOS: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    (
        "drain, no-op async, 100 at once",
        "W4-100",
        "jobs_per_s",
        {"ardiq": 5.0, "bullmq": 6.0, "taskiq": 18.0},
    ),
    ("the same, results dropped", "W4-100-dropped", "jobs_per_s", {}),
    ("bulk enqueue, batches of 1000", "W3-1000", "jobs_per_s", {"ardiq": 2.5}),
    ("single enqueue", "W1", "jobs_per_s", {}),
)


def ratio_table(results: Results) -> list[str]:
    """Ours over each peer, in the same rounds, with the goals."""
    peers = [key for key, _ in results.in_order() if key != "ours"]
    rows = []
    for title, case, figure, goals in RATIOS:
        mine = results.median(case, "ours")
        if mine is None or figure not in mine:
            continue
        cells = []
        for peer in peers:
            theirs = results.median(case, peer)
            if theirs is None or not theirs.get(figure):
                cells.append("")
                continue
            goal = f" (goal {goals[peer]:g})" if peer in goals else ""
            cells.append(f"{mine[figure] / theirs[figure]:.1f}{goal}")
        rows.append([title, *cells])
    if not rows:
        return []
    head = ["khala_jobs over", *(results.engines[peer]["name"] for peer in peers)]
    return [*markdown_table(head, rows), ""]


def engine_table(results: Results) -> list[str]:
    """Who is measured, in which version, how set up, and what its crash semantics are."""
    head = ["engine", "version", "runs on", "set up as", "results kept", "after the death of a worker"]
    rows = []
    for _, engine in results.in_order():
        runtime = engine.get("runtime") or ""
        runs_on = runtime if runtime.startswith("Node") or not runtime else f"Python {runtime}"
        version = engine.get("version") or f"absent: {engine.get('absent', 'not run')}"
        rows.append(
            [
                engine["name"],
                version,
                runs_on,
                engine["configuration"],
                engine["keeps_results"],
                engine["crash"],
            ]
        )
    return [*markdown_table(head, rows, left=len(head)), ""]


def conditions(results: Results) -> str:
    """The machine, the versions, the commits, the date."""
    machine = results.environment
    commits = {r["commit"] for by in results.rounds.values() for rounds in by.values() for r in rounds}
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Redis {machine['redis']} on loopback, "
        f"server on core 0, producer and workers on core 1; khala_jobs at "
        f"{', '.join(f'`{commit}`' for commit in sorted(commits))}; {machine['date']}."
    )


def render(results: Results, title: str) -> str:
    """One results file as Markdown."""
    lines = [f"### {title}", "", conditions(results), "", *engine_table(results), *ratio_table(results)]
    for case in CASES.values():
        lines += case_table(results, case)
    return "\n".join(lines).rstrip()


FILES = (
    ("redis.json", "Redis without persistence"),
    ("redis-aof.json", "Redis with its append-only file, everysec"),
)


def write(folder: Path, readme: Path) -> None:
    """Put the tables of all results files in `folder` between the marks of `readme`."""
    parts = []
    for name, title in FILES:
        results = Results.load(folder / name)
        if results.rounds:
            parts.append(render(results, title))
    pictures = [f"![{path.stem}]({folder.name}/{path.name})" for path in sorted(folder.glob("*.png"))]
    if parts and pictures:
        parts.insert(0, "\n".join(pictures))
    if parts:
        put("\n\n".join(parts), readme)
