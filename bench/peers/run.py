"""Ours beside other engines on Redis, in one command: ``make bench-peers``.

Within a round every workload is taken by all engines in turn, so that whatever else the machine is doing falls on all
of them; figures are medians of rounds. A run adds its rounds to the results file, so that a long measurement may be
taken in parts (``--workloads W4,W3 --peers ardiq,ours --rounds 3``); ``--fresh`` begins a new file.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from common import environment
from peers import cases, charts, measure, report, server
from peers.install import BENCH, AbsentError, place
from peers.report import ENGINES

HERE = Path(__file__).resolve().parent
CACHE = BENCH.parent / "build" / "peers"


def engines(names: list[str], results: report.Results, cache: Path) -> list[measure.Engine]:
    """The engines that can be had; the others are noted as absent.

    Raises:
        SystemExit: There is no such engine.
    """
    found = []
    for name in names:
        if name not in ENGINES:
            raise SystemExit(f"no engine {name!r}; there are {', '.join(ENGINES)}")
        about = importlib.import_module(f"peers.adapters.{name}").ABOUT
        results.describe(name, about)
        try:
            found.append(measure.Engine(name, about, place(name, about, cache)))
        except AbsentError as error:
            results.engine_absent(name, str(error))
            print(f"{about.name}: absent: {error}", flush=True)
    return found


def one_round(
    number: int,
    chosen: list[cases.Case],
    present: list[measure.Engine],
    results: report.Results,
    options: argparse.Namespace,
) -> None:
    """Every case by every engine once; figures are kept as they come."""
    cores = (None, None) if options.unpinned else (0, 1)
    for case in chosen:
        for engine in present:
            reason = report.why_absent(case, engine.about)
            if reason:
                results.absent(case.key, engine.key, reason)
                continue
            begun = time.monotonic()
            try:
                figures = measure.take(
                    engine, case, scale=options.scale, aof=options.aof, cores=cores, url=options.url
                )
            except (RuntimeError, OSError) as error:
                results.failed(case.key, engine.key, str(error))
                print(f"{number} {case.key} {engine.key}: FAILED: {str(error)[-800:]}", flush=True)
            else:
                results.add(case.key, engine.key, figures)
                took = time.monotonic() - begun
                print(f"{number} {case.key} {engine.key} [{took:.1f} s]: {report.brief(figures)}", flush=True)
            results.save(options.out)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workloads", default="all", help="W1,W4-100,… or `important` or `all`")
    parser.add_argument("--peers", default=",".join(ENGINES), help="comma-separated; `ours` is one of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the job counts; 0.05 = a look")
    parser.add_argument("--aof", action="store_true", help="the server keeps an append-only file (everysec)")
    parser.add_argument("--url", help="a store instead of a server, for ours alone: sqlite:///{path}")
    parser.add_argument("--unpinned", action="store_true", help="leave processes on any core")
    parser.add_argument(
        "--out", type=Path, help="results file; default: results/redis.json beside this program"
    )
    parser.add_argument("--fresh", action="store_true", help="do not add to what the results file has")
    parser.add_argument(
        "--merge", type=Path, nargs="+", default=[], help="add these results files, measure nothing"
    )
    parser.add_argument("--render", action="store_true", help="measure nothing; write tables and charts anew")
    parser.add_argument("--no-table", action="store_true", help="leave README.md and the charts as they are")
    options = parser.parse_args(arguments)
    default = HERE / "results" / ("redis-aof.json" if options.aof else "redis.json")
    options.out = options.out or default
    if not options.url and server.version() is None:
        raise SystemExit("redis-server is not installed; scripts/setup_system.sh installs it")
    results = report.Results.load(options.out, fresh=options.fresh and not options.render)
    if options.merge:
        for path in options.merge:
            results.merge(report.Results.load(path))
        results.save(options.out)
    elif not options.render:
        with tempfile.TemporaryDirectory(prefix="peers-") as folder:
            results.environment = environment.describe(Path(folder)) | {"redis": server.version() or ""}
        present = engines(options.peers.split(","), results, CACHE)
        chosen = cases.chosen(options.workloads)
        for number in range(1, options.rounds + 1):
            one_round(number, chosen, present, results, options)
        results.save(options.out)
    if not options.no_table:
        charts.write(HERE / "results")
        report.write(HERE / "results", HERE / "README.md")


if __name__ == "__main__":
    main(sys.argv[1:])
