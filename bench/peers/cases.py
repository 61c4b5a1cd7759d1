"""The figures to take: which workload, with what, and what an engine must have for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["produce", "drain", "open", "closed", "delayed", "idle", "crash"]


@dataclass(frozen=True)
class Case:
    """One figure.

    Attributes:
        key: Under which it is stored.
        workload: W1 to W15.
        title: For people.
        kind: How it is taken: one of the functions of `peers.measure`.
        count: Jobs, for an engine that is not slow.
        spec: What differs from the defaults of `Spec`.
        needs: Features; an engine whose `absent` names one, or the workload, or the key, has no figure.
    """

    key: str
    workload: str
    title: str
    kind: Kind
    count: int
    spec: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


def _all() -> list[Case]:
    found = [
        Case("W1", "W1", "enqueue, one at a time, awaited", "produce", 5000, {"produce": "single"}),
        Case("W2", "W2", "enqueue, 32 producers", "produce", 20_000, {"produce": "lanes"}),
    ]
    for batch, body in ((1000, 0), (500, 0), (50, 0), (1000, 1000), (50, 1000)):
        size = "1 KiB" if body else "13 B"
        found.append(
            Case(
                f"W3-{batch}" + ("-1k" if body else ""),
                "W3",
                f"bulk enqueue, batches of {batch}, {size}",
                "produce",
                100_000 if not body else 50_000,
                {"produce": "bulk", "batch": batch, "body": body},
                ("bulk",),
            )
        )
    for results in (True, False):
        for at_once in (100, 32, 10, 1):
            kept = "kept" if results else "dropped"
            found.append(
                Case(
                    f"W4-{at_once}" + ("" if results else "-dropped"),
                    "W4",
                    f"drain no-ops, {at_once} at once, results {kept}",
                    "drain",
                    20_000,
                    {"concurrency": at_once, "results": results},
                )
            )
    found += [
        Case(
            "W5",
            "W5",
            "drain, four priorities, 1 at once",
            "drain",
            20_000,
            {"concurrency": 1, "priorities": True},
        ),
        Case(
            "W6",
            "W6",
            "producer and worker together, closed loop of 32, 10 s",
            "closed",
            1_000_000,
            {"produce": "closed", "concurrency": 32, "seconds": 10.0},
            ("await",),
        ),
        Case(
            "W7",
            "W7",
            "pickup by an idle worker, Poisson 50/s",
            "open",
            500,
            {"produce": "open", "warm": True},
        ),
        Case(
            "W7-result",
            "W7",
            "enqueue until the caller has the result, one at a time",
            "closed",
            500,
            {"produce": "closed", "concurrency": 1, "seconds": 10.0, "warm": True},
            ("await",),
        ),
        Case(
            "W8",
            "W8",
            "2,000 jobs that sleep 0.1 s, 100 at once (ceiling 1,000/s)",
            "drain",
            2000,
            {"job": "sleep", "seconds": 0.1},
        ),
        Case(
            "W8-short",
            "W8",
            "jobs that sleep 0 to 50 ms, 100 at once (ceiling 4,000/s)",
            "drain",
            20_000,
            {"job": "sleep", "seconds": 0.05, "jitter": True},
        ),
        Case(
            "W10",
            "W10",
            "delayed jobs due over 10 s",
            "delayed",
            20_000,
            {"produce": "lanes", "delays": True, "seconds": 10.0},
        ),
        Case("W11", "W11", "jobs that fail once", "drain", 10_000, {"job": "fail_once", "retries": True}),
        Case(
            "W13",
            "W13",
            "two workers, one killed every 5 s for 30 s",
            "crash",
            6000,
            {"job": "sleep", "seconds": 1.0, "crash": True},
        ),
        Case("W15", "W15", "idle worker", "idle", 0, {"produce": "nothing", "warm": True, "seconds": 20.0}),
    ]
    return found


CASES = {case.key: case for case in _all()}
IMPORTANT = ("W1", "W3-1000", "W3-50", "W4-100", "W4-100-dropped", "W7")


def chosen(words: str) -> list[Case]:
    """Cases by comma-separated keys or workloads; ``all``, or ``important`` for the short list.

    Raises:
        ValueError: A word names none.
    """
    if words == "all":
        return list(CASES.values())
    if words == "important":
        return [CASES[key] for key in IMPORTANT]
    found: dict[str, Case] = {}
    for word in words.split(","):
        hits = [c for c in CASES.values() if word in (c.key, c.workload)]
        if word in CASES and word not in ("W4", "W3"):
            hits = [CASES[word]]
        if not hits:
            raise ValueError(f"no workload {word!r}; there are {', '.join(CASES)}")
        found |= {case.key: case for case in hits}
    return list(found.values())
