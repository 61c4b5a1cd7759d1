"""What is measured: each case runs in a process of its own (child.py) and answers with one flat record."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from khala_jobs import similarity
from khala_jobs._core import vec
from khala_jobs.errors import Unsupported

from . import contenders, data, incremental, oracle

Record = dict[str, Any]
PENDING = 100
PENDING_ROUNDS = 20


def _timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, CPU seconds of the process, wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def _memory_mib(field: str) -> float:
    """VmRSS, what is resident now, or VmHWM, the most since `_forget_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _rows(case: Record) -> data.Matrix:
    rows = data.load(case["data"], case["n"])
    return data.with_copies(rows) if case.get("copies") else rows


def join(case: Record) -> Record:
    """B1: every pair of one matrix. Medians of the rounds; a join is audited where it cannot be compared whole."""
    contender = next(one for one in contenders.JOINS if one.name == case["contender"])
    rows, threads, threshold = _rows(case), case["threads"], case["threshold"]
    before = _memory_mib("VmRSS")
    _forget_peak()
    builds, finds = [], []
    for _ in range(case["rounds"]):
        built, *build = _timed(lambda: contender.build(rows, threads))
        found, *find = _timed(lambda built=built: contender.find(built, rows, threshold, threads))
        builds.append(build)
        finds.append(find)
    after = _memory_mib("VmHWM")
    pairs = oracle.keys(*found)
    raw = rows.nbytes / 2**20
    record = {
        "dim": rows.shape[1],
        "rows": len(rows),
        "pairs": len(pairs),
        "set_hash": f"{similarity.pair_set_hash(*oracle.split(pairs)):016x}",
        "build_cpu_s": statistics.median(build[0] for build in builds),
        "build_s": statistics.median(build[1] for build in builds),
        "cpu_s": statistics.median(find[0] for find in finds),
        "s": statistics.median(find[1] for find in finds),
        "memory_ratio": (raw + max(0.0, after - before)) / raw,
    }
    if len(rows) <= case["oracle_rows"]:
        expected = oracle.brute_force(rows, threshold)
        right = len(np.intersect1d(expected, pairs, assume_unique=True))
        record["recall"] = right / max(1, len(expected))
        record["precision"] = right / max(1, len(pairs))
        record["equal"] = bool(len(expected) == len(pairs) == right)
    else:
        record["audited_rows"] = 1000
        record["audit_differences"] = oracle.audited_rows(rows, threshold, pairs)
    if contender.name.startswith("khala_jobs"):
        told = ("plan", "seconds", "pairs_coded", "first_stage", "candidates", "isa")
        record["certificate"] = {name: contenders.LAST[name] for name in told}
    return record


def match(case: Record) -> Record:
    """B2: a hundred pending rows against what there is, the best five; milliseconds a batch."""
    rows, threads, threshold = _rows(case), case["threads"], case["threshold"]
    contender = next(one for one in contenders.MATCHES if one.name == case["contender"])
    rng = np.random.default_rng(11)
    chosen = rng.choice(len(rows), PENDING, replace=False)
    noise = rng.standard_normal((PENDING, rows.shape[1]), np.float32) * np.float32(0.005)
    queries = np.ascontiguousarray(rows[chosen] + noise)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    built, build_cpu, build = _timed(lambda: contender.build(rows, threads))
    times, cpus = [], []
    for _ in range(PENDING_ROUNDS):
        found, cpu, wall = _timed(lambda: contender.find(built, rows, queries, threshold, threads))
        times.append(wall * 1000)
        cpus.append(cpu * 1000)
    record = {
        "dim": rows.shape[1],
        "rows": len(rows),
        "pairs": len(found),
        "set_hash": _match_hash(found),
        "build_cpu_s": build_cpu,
        "build_s": build,
        "cpu_ms": statistics.median(cpus),
        "p50_ms": statistics.median(times),
        "worst_ms": max(times),
    }
    if len(rows) <= case["oracle_rows"]:
        products = queries.astype(np.float64) @ rows.T.astype(np.float64)
        best = np.argsort(-products, axis=1)[:, : contenders.BEST]
        right = {
            (query, int(row))
            for query in range(PENDING)
            for row in best[query]
            if products[query, row] >= threshold
        }
        record["recall"] = len(right & set(found)) / max(1, len(right))
    return record


def _match_hash(found: contenders.Matches) -> str:
    both = np.asarray(sorted(found) or np.empty((0, 2)), np.int64)
    return f"{similarity.pair_set_hash(both[:, 0].copy(), both[:, 1].copy()):016x}"


def groups(case: Record) -> Record:
    """B3: many users with few memories each, as one batch and as a loop."""
    count, size = case["groups"], case["n"] // case["groups"]
    rows = data.load(case["data"], count * size)
    numbers = np.repeat(np.arange(count, dtype=np.int32), size)
    find = contenders.GROUPS[case["contender"]]
    results = [
        _timed(lambda: find(rows, numbers, size, case["threshold"], case["threads"]))
        for _ in range(case["rounds"])
    ]
    pairs = results[-1][0]
    return {
        "dim": rows.shape[1],
        "rows": len(rows),
        "pairs": pairs,
        "cpu_s": statistics.median(result[1] for result in results),
        "s": statistics.median(result[2] for result in results),
        "groups_per_s": count / statistics.median(result[2] for result in results),
    }


def growing(case: Record) -> Record:
    """B5: batches of new rows, and deletions in the middle; milliseconds a batch."""
    count, batch = case["n"], incremental.BATCH
    rows = data.load(case["data"], count + incremental.BATCHES * batch)
    make, _ = incremental.GROWING[case["contender"]]
    before = _memory_mib("VmRSS")
    index, build_cpu, build = _timed(lambda: make(rows[:count].copy(), case["threshold"], case["threads"]))
    times, cpus, pairs, deleted_ms = [], [], 0, 0.0
    for number in range(incremental.BATCHES):
        if number == incremental.BATCHES // 2:
            gone = np.arange(0, count, incremental.GONE)
            _, _, wall = _timed(partial(index.delete, gone))
            deleted_ms = wall * 1000
        first = count + number * batch
        fresh, numbers = rows[first : first + batch], np.arange(first, first + batch)
        found, cpu, wall = _timed(partial(index.append, fresh, numbers))
        times.append(wall * 1000)
        cpus.append(cpu * 1000)
        pairs += found
    quarter = incremental.BATCHES // 4
    return {
        "dim": rows.shape[1],
        "rows": count,
        "pairs": pairs,
        "build_cpu_s": build_cpu,
        "build_s": build,
        "p50_ms": statistics.median(times),
        "worst_ms": max(times),
        "cpu_ms": statistics.median(cpus),
        "drift": statistics.median(cpus[-quarter:]) / statistics.median(cpus[:quarter]),
        "deleted_ms": deleted_ms,
        "rss_mib": _memory_mib("VmRSS") - before,
    }


def reproducibility(case: Record) -> Record:
    """B7: every instruction set, one and two threads, and the rows in another order: one set."""
    rows = _rows(case)
    order = np.random.default_rng(13).permutation(len(rows))
    hashes: dict[str, str] = {}
    for isa in ("baseline", "v3", "v4"):
        for threads in (1, 2):
            for shuffled in (False, True):
                given = np.ascontiguousarray(rows[order]) if shuffled else rows
                try:
                    (i, j, _), _, _, certificate = vec.self_join(
                        given, case["threshold"], threads=threads, isa=isa
                    )
                except Unsupported:
                    continue
                if shuffled:
                    i, j = oracle.split(oracle.keys(order[i], order[j]))
                name = f"{isa}, {threads} threads{', shuffled' if shuffled else ''}, {certificate['plan']['method']}"
                hashes[name] = (
                    f"{similarity.pair_set_hash(np.ascontiguousarray(i), np.ascontiguousarray(j)):016x}"
                )
    return {
        "hashes": hashes,
        "one_set": len(set(hashes.values())) == 1,
        "rows": len(rows),
        "dim": rows.shape[1],
    }


def _join_alone(case: Record, processor: int, ready: Any, seconds: Any) -> None:
    """Join on one processor, at the same time as others on theirs, and say how long a join took."""
    os.sched_setaffinity(0, {processor})
    rows = _rows(case)
    vec.self_join(rows, case["threshold"], threads=1)
    for _ in range(case["rounds"]):
        ready.wait()
        _, _, wall = _timed(lambda: vec.self_join(rows, case["threshold"], threads=1))
        seconds.put(wall)


def scaling(case: Record) -> Record:
    """What threads reach together, beside as many pinned processes of one thread at the same time."""
    processors, threads = case["processors"], case["threads"]
    fork = multiprocessing.get_context("fork")
    ready, seconds = fork.Barrier(threads), fork.Queue()
    alone = [
        fork.Process(target=_join_alone, args=(case, processor, ready, seconds)) for processor in processors
    ]
    for process in alone:
        process.start()
    apart = statistics.median(seconds.get() for _ in range(threads * case["rounds"]))
    for process in alone:
        process.join()
    rows = _rows(case)
    vec.self_join(rows, case["threshold"], threads=threads)
    together = [
        _timed(lambda: vec.self_join(rows, case["threshold"], threads=threads))[2]
        for _ in range(case["rounds"])
    ]
    joined = statistics.median(together)
    return {
        "dim": rows.shape[1],
        "rows": len(rows),
        "processes_s": apart,
        "threads_s": joined,
        "share": apart / (threads * joined),
    }


RUNS: dict[str, Callable[[Record], Record]] = {
    "B1": join,
    "B2": match,
    "B3": groups,
    "B5": growing,
    "B7": reproducibility,
    "threads": scaling,
}
