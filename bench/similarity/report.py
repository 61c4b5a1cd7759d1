"""The tables of README.md."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from common.document import markdown_table, put

Record = dict[str, Any]


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def _joins(records: list[Record]) -> list[str]:
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        key = (record["data"], record["rows"], record["dim"], record["threads"], -record["threshold"])
        groups[key].append(record)
    lines = []
    for (name, rows, dim, threads, threshold), group in sorted(groups.items(), key=str):
        copies = ", a third of them distinct" if group[0].get("copies") else ""
        lines += [
            "",
            f"{name}, {rows:,} rows{copies} x {dim}, cosine >= {-threshold}, {threads} thread(s)",
            "",
        ]
        ours = (
            min(record["build_cpu_s"] + record["cpu_s"] for record in group if "cold" in record["contender"])
            if any("cold" in record["contender"] for record in group)
            else None
        )
        body = []
        for record in sorted(group, key=lambda one: one["build_cpu_s"] + one["cpu_s"]):
            total = record["build_cpu_s"] + record["cpu_s"]
            if record["contender"].endswith("kept"):
                total = record["cpu_s"]
            answer = _share(record.get("recall"))
            if "audit_differences" in record:
                answer = f"{record['audit_differences']} differences in 1,000 rows"
            body.append(
                [
                    record["contender"],
                    _number(record["build_cpu_s"]),
                    _number(record["cpu_s"], 3),
                    _number(record["s"], 3),
                    f"{total / ours:,.1f}x" if ours else "",
                    f"{record['pairs']:,}",
                    answer,
                    record["set_hash"],
                    _number(record["memory_ratio"]),
                ]
            )
        head = [
            "contender",
            "build CPU s",
            "join CPU s",
            "join s",
            "build + join",
            "pairs",
            "recall",
            "set hash",
            "memory",
        ]
        lines += markdown_table(head, body)
    return lines


def _matches(records: list[Record]) -> list[str]:
    head = [
        "contender",
        "rows",
        "cosine >=",
        "threads",
        "build CPU s",
        "p50 ms",
        "worst ms",
        "CPU ms",
        "pairs",
        "recall",
    ]
    body = [
        [
            record["contender"],
            f"{record['rows']:,}",
            str(record["threshold"]),
            str(record["threads"]),
            _number(record["build_cpu_s"]),
            _number(record["p50_ms"], 1),
            _number(record["worst_ms"], 1),
            _number(record["cpu_ms"], 1),
            str(record["pairs"]),
            _share(record.get("recall")),
        ]
        for record in sorted(records, key=lambda one: (one["rows"], -one["threshold"], one["cpu_ms"]))
    ]
    return ["", *markdown_table(head, body)]


def _groups(records: list[Record]) -> list[str]:
    head = ["contender", "groups", "rows", "CPU s", "groups a CPU second", "pairs"]
    body = [
        [
            record["contender"],
            f"{record['groups']:,}",
            f"{record['rows']:,}",
            _number(record["cpu_s"], 3),
            f"{record['groups'] / record['cpu_s']:,.0f}",
            f"{record['pairs']:,}",
        ]
        for record in sorted(records, key=lambda one: (one["groups"], one["cpu_s"]))
    ]
    return ["", *markdown_table(head, body)]


def _growing(records: list[Record]) -> list[str]:
    head = [
        "contender",
        "rows at first",
        "cosine >=",
        "start CPU s",
        "p50 ms a batch",
        "worst ms",
        "CPU ms",
        "last to first",
        "deletion ms",
        "MiB",
        "pairs",
    ]
    body = [
        [
            record["contender"],
            f"{record['rows']:,}",
            str(record["threshold"]),
            _number(record["build_cpu_s"]),
            _number(record["p50_ms"], 1),
            _number(record["worst_ms"], 1),
            _number(record["cpu_ms"], 1),
            _number(record["drift"]),
            _number(record["deleted_ms"], 1),
            _number(record["rss_mib"], 0),
            f"{record['pairs']:,}",
        ]
        for record in sorted(records, key=lambda one: (one["rows"], -one["threshold"], one["cpu_ms"]))
    ]
    return ["", *markdown_table(head, body)]


def _reproducibility(records: list[Record]) -> list[str]:
    lines = []
    for record in records:
        verdict = "one set hash" if record["one_set"] else "SETS DIFFER"
        lines += [
            "",
            f"{record['data']}, {record['rows']:,} rows, cosine >= {record['threshold']}: {verdict}",
            "",
        ]
        lines += markdown_table(
            ["run", "set hash"], [[run, found] for run, found in record["hashes"].items()], left=2
        )
    return lines


def _scaling(records: list[Record]) -> list[str]:
    head = ["rows", "cosine >=", "threads", "a join with them, s", "one of as many processes, s", "reached"]
    body = [
        [
            f"{record['rows']:,}",
            str(record["threshold"]),
            str(record["threads"]),
            _number(record["threads_s"], 3),
            _number(record["processes_s"], 3),
            _share(record["share"]),
        ]
        for record in sorted(records, key=lambda one: (one["rows"], -one["threshold"], one["threads"]))
    ]
    return ["", *markdown_table(head, body)]


SECTIONS = {
    "B1": ("Every pair of one matrix (B1)", _joins),
    "B2": ("100 pending rows against what there is, the best five (B2)", _matches),
    "B3": ("Many small groups (B3)", _groups),
    "B5": ("Batches of 1,000 new rows, one row in twenty deleted in the middle (B5)", _growing),
    "B7": ("The same set everywhere (B7)", _reproducibility),
    "threads": ("Threads of one join beside as many pinned processes", _scaling),
}


def write_tables(records: list[Record], document: Path) -> None:
    """Write one section a benchmark between the marks of the document."""
    machines = sorted({record["machine"] for record in records})
    lines = ["Taken with: " + "; ".join(machines) + "."] if machines else ["No figures have been taken yet."]
    for bench, (title, table) in SECTIONS.items():
        own = [record for record in records if record["bench"] == bench]
        if own:
            lines += ["", f"### {title}", *table(own)]
    put("\n".join(lines), document)
