from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable

import pytest

from khala_jobs import JobFailed, JobProcessor, Metrics
from khala_jobs.metrics import BUCKETS, Histogram

from .conftest import eventually

Make = Callable[..., JobProcessor]


async def test_counts_rates_and_durations(make: Make) -> None:
    jobs = make(workers=3)
    inside = asyncio.Event()

    @jobs.task(queue="q")
    async def work(kind: str) -> None:
        if kind == "fail":
            raise ValueError
        if kind == "wait":
            inside.set()
            await asyncio.sleep(3600)
        if kind == "slow":
            await asyncio.sleep(0.03)

    async with jobs:
        kinds = ["ok"] * 6 + ["fail"] * 2 + ["slow"]
        handles = await work.enqueue_many([(kind,) for kind in kinds])
        await asyncio.wait([asyncio.ensure_future(job.result(20)) for job in handles])
        waiting = await work.enqueue("wait")
        await inside.wait()
        snapshot = jobs.metrics.snapshot()
        assert (snapshot.enqueued, snapshot.processed, snapshot.completed, snapshot.failed) == (10, 9, 7, 2)
        assert snapshot.success_rate == pytest.approx(7 / 9)
        assert (snapshot.busy, snapshot.slots) == (1, 3)
        assert snapshot.memory_bytes > 10_000_000
        assert snapshot.cpu_seconds > 0
        task = jobs.metrics.of("q", "work")
        assert task.run.count == 9
        assert task.run.max >= 0.03
        assert task.wait.count == 10
        assert snapshot.mean_run_ms >= 30 / 9 - 1
        await waiting.cancel()
        while jobs.metrics.busy:
            await asyncio.sleep(0.005)
        assert jobs.metrics.of("q", "work").cancelled == 1


def test_the_rate_is_over_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("khala_jobs.metrics.time.monotonic", lambda: now)
    metrics = Metrics()
    assert metrics.jobs_per_second() == 0
    task = metrics.of("q", "t")
    for _ in range(120):
        metrics.mark()
        now += 1
        for _ in range(20):
            task.run.observe(0.001)
    assert metrics.jobs_per_second() == pytest.approx(20)
    now += 60
    assert metrics.jobs_per_second() == pytest.approx(10, rel=0.05)


def test_histograms() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.5) == 0
    for value in (0.001, 0.005, 0.006, 2.0, 5000.0):
        histogram.observe(value)
    assert histogram.count == 5
    assert histogram.counts[0] == 2  # upper bounds are inclusive
    assert histogram.counts[-1] == 1
    assert histogram.quantile(0.5) == 0.01
    assert histogram.quantile(1.0) == 5000.0
    assert list(BUCKETS) == sorted(BUCKETS)


def test_families_have_prometheus_shape() -> None:
    metrics = Metrics()
    task = metrics.of("q", "t")
    task.completed, task.enqueued = 3, 4
    task.run.observe(0.02)
    families = {family.name: family for family in metrics.families()}
    for name, family in families.items():
        assert re.fullmatch(r"khala_jobs_[a-z_]+", name)
        assert family.help
        assert family.kind in ("counter", "gauge", "histogram")
        assert not name.endswith("_total")
        for sample in family.samples:
            assert sample.suffix == {"counter": "_total", "gauge": ""}.get(family.kind, sample.suffix)
    assert {
        "khala_jobs_enqueued",
        "khala_jobs_finished",
        "khala_jobs_retries",
        "khala_jobs_run_duration_seconds",
        "khala_jobs_wait_duration_seconds",
        "khala_jobs_event_loop_lag_seconds",
        "khala_jobs_worker_slots",
        "khala_jobs_worker_busy_slots",
        "khala_jobs_leases_lost",
    } <= set(families)
    finished = {s.labels["outcome"]: s.value for s in families["khala_jobs_finished"].samples}
    assert finished == {"succeeded": 3, "failed": 0, "cancelled": 0}
    run = families["khala_jobs_run_duration_seconds"].samples
    buckets = [s for s in run if s.suffix == "_bucket"]
    assert buckets[-1].labels == {"queue": "q", "task": "t", "le": "+Inf"}
    assert [s.value for s in buckets] == sorted(s.value for s in buckets)
    assert [(s.suffix, s.value) for s in run if s.suffix != "_bucket"] == [("_sum", 0.02), ("_count", 1)]


async def test_a_run_that_its_hard_timeout_ended_counts_as_processed(make: Make) -> None:
    jobs = make(workers=1)
    go_on = threading.Event()

    @jobs.task(timeout="20ms", hard_timeout="40ms")
    def stuck() -> None:
        go_on.wait(30)

    async with jobs:
        job = await stuck.enqueue()
        with pytest.raises(JobFailed):
            await job.result(20)
        await eventually(lambda: jobs.metrics.snapshot().failed)
        snapshot = jobs.metrics.snapshot()
        go_on.set()
    assert (snapshot.processed, snapshot.failed) == (1, 1)
