"""Measure joins and matches: ``python -m similarity.run``; with --only, --n and the like in pieces.

Every figure is a case in a process of its own, pinned to as many processors as it has threads. Records are put
into results.json by what was measured, so that pieces taken at different times make one table; README.md is
written from that file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.environment import machine
from similarity import contenders, incremental
from similarity.report import write_tables

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
KEY = ("bench", "data", "n", "copies", "threshold", "threads", "contender", "groups")
Case = dict[str, Any]


def joins(arguments: argparse.Namespace) -> Iterator[Case]:
    for contender in contenders.JOINS:
        for threshold in arguments.threshold:
            for copies in (False, True) if arguments.copies else (False,):
                if arguments.n <= contender.limit and contender.available():
                    yield {"contender": contender.name, "threshold": threshold, "copies": copies}


def matches(arguments: argparse.Namespace) -> Iterator[Case]:
    for contender in contenders.MATCHES:
        for threshold in arguments.threshold:
            if arguments.n <= contender.limit and contender.available():
                yield {"contender": contender.name, "threshold": threshold}


def groups(arguments: argparse.Namespace) -> Iterator[Case]:
    for name in contenders.GROUPS:
        for count in arguments.groups:
            yield {"contender": name, "threshold": arguments.threshold[0], "groups": count}


def growing(arguments: argparse.Namespace) -> Iterator[Case]:
    for name in incremental.GROWING:
        if incremental.available(name):
            yield {"contender": name, "threshold": arguments.threshold[0]}


def reproducibility(arguments: argparse.Namespace) -> Iterator[Case]:
    yield {"contender": "khala_jobs", "threshold": arguments.threshold[0]}


def scaling(arguments: argparse.Namespace) -> Iterator[Case]:
    for threshold in arguments.threshold:
        yield {"contender": "khala_jobs", "threshold": threshold}


CASES = {
    "B1": joins,
    "B2": matches,
    "B3": groups,
    "B5": growing,
    "B7": reproducibility,
    "threads": scaling,
}


def measure(case: Case) -> Case | None:
    """The case with what was measured, or None when it failed: then the reason is printed."""
    command = [sys.executable, "-m", "similarity.child", json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"failed: {case}\n{done.stderr.strip()[-2000:]}", file=sys.stderr, flush=True)
        return None
    measured: Case = json.loads(done.stdout.splitlines()[-1])
    return case | measured


def keep(record: Case) -> None:
    """Put the record into results.json in the place of an earlier one of the same case."""
    document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"records": []}
    same = [record.get(name) for name in KEY]
    records = [other for other in document["records"] if [other.get(name) for name in KEY] != same]
    document = {
        "records": sorted(
            [*records, record], key=lambda one: json.dumps([str(one.get(name)) for name in KEY])
        )
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    """Run what was asked for, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), default=sorted(CASES))
    parser.add_argument("--data", nargs="+", default=["minilm"])
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 78_041])
    parser.add_argument("--threshold", type=float, nargs="+", default=[0.95, 0.85])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--groups", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--contenders", nargs="+", help="parts of names; all when missing")
    parser.add_argument(
        "--copies", action="store_true", help="also with two thirds of the rows copies of others"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--oracle-rows", type=int, default=100_000, help="more rows are audited on a sample")
    parser.add_argument("--tables", action="store_true", help="only write the tables")
    arguments = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    sizes = arguments.n
    for bench in [] if arguments.tables else arguments.only:
        for name in arguments.data:
            for threads in arguments.threads:
                for arguments.n in sizes:
                    for part in CASES[bench](arguments):
                        wanted = arguments.contenders
                        if wanted and not any(word.lower() in part["contender"].lower() for word in wanted):
                            continue
                        case = {
                            "bench": bench,
                            "data": name,
                            "n": arguments.n,
                            "threads": threads,
                            "processors": processors[-threads:],
                            "rounds": arguments.rounds,
                            "oracle_rows": arguments.oracle_rows,
                        }
                        record = measure(case | part)
                        if record is not None:
                            record["machine"] = machine(contenders.PACKAGES)
                            print(json.dumps(record), flush=True)
                            keep(record)
    write_tables(json.loads(RESULTS.read_text())["records"], HERE / "README.md")


if __name__ == "__main__":
    main()
