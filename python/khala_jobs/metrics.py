"""Counts and histograms of one process: what it enqueued, ran, and how long that took.

Every name is the Prometheus name, so that an exporter only has to walk `Metrics.families`. Durable counts
over all processes are the store's business (`QueueManager.stats`, `QueueManager.counters`). Only the loop's
thread writes; any thread may read, and then sees figures that are at most one job apart from each other.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from typing import Final, Literal

# Upper bounds in seconds: those of OpenTelemetry, and four for jobs that take minutes.
BUCKETS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 300.0, 900.0),
)
RATE_WINDOW_SECONDS: Final = 60

Ending = Literal["completed", "failed", "retried", "snoozed", "cancelled", "released", "abandoned"]


class Histogram:
    """Counts by upper bound, as Prometheus has them, plus sum and count."""

    __slots__ = ("counts", "max", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0
        self.max = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.sum += seconds
        self.max = max(self.max, seconds)

    @property
    def count(self) -> int:
        """Values seen."""
        return sum(self.counts)

    def quantile(self, q: float) -> float:
        """Upper bound in seconds of the bucket that holds the q-quantile (0 <= q <= 1); 0 when empty."""
        rank, seen = q * self.count, 0
        for bound, count in zip((*BUCKETS, self.max), self.counts, strict=True):
            seen += count
            if seen and seen >= rank:
                return min(bound, self.max)
        return 0.0


@dataclass(slots=True)
class TaskMetrics:
    """One task in one queue, since this process started."""

    queue: str
    task: str
    enqueued: int = 0
    started: int = 0
    completed: int = 0
    failed: int = 0
    timed_out: int = 0  # of the failed ones
    retried: int = 0
    snoozed: int = 0
    cancelled: int = 0
    released: int = 0
    run: Histogram = field(default_factory=Histogram)
    wait: Histogram = field(default_factory=Histogram)

    @property
    def success_rate(self) -> float:
        """Completed runs among those that completed or failed, 0..1; 1 before the first."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of an exposition: the suffix of the family's name, labels, value."""

    suffix: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its label sets, ready for an exporter."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Totals over all tasks of this process.

    Attributes:
        enqueued: Jobs this process put in.
        processed: Runs that ended, in whichever way.
        completed: Of those, with a result.
        failed: Of those, with an error or time-out.
        success_rate: completed / (completed + failed), 0..1.
        jobs_per_second: Ended runs a second over the last minute.
        busy: Slots in use now.
        slots: Slots there are.
        mean_run_ms: Mean duration of a run.
        memory_bytes: Resident memory of the process.
        cpu_seconds: CPU time of the process since it started.
        loop_lag_max_ms: Longest time for which the event loop did not turn.
    """

    enqueued: int
    processed: int
    completed: int
    failed: int
    success_rate: float
    jobs_per_second: float
    busy: int
    slots: int
    mean_run_ms: float
    memory_bytes: int
    cpu_seconds: float
    loop_lag_max_ms: float


class Metrics:
    """The metrics of one `JobProcessor` in this process."""

    def __init__(self) -> None:
        self.slots = 0
        self.leases_lost = 0
        self.store_resets = 0
        self.loop_lag = Histogram()
        self._tasks: dict[tuple[str, str], TaskMetrics] = {}
        self._marks: deque[tuple[float, int]] = deque(maxlen=RATE_WINDOW_SECONDS + 1)
        self._running: Sized = ()

    @property
    def busy(self) -> int:
        """Slots in use now."""
        return len(self._running)

    def watch(self, slots: int, running: Sized) -> None:
        """The worker that is counted: how many slots it has, and its runs."""
        self.slots, self._running = slots, running

    def of(self, queue: str, task: str) -> TaskMetrics:
        """The counters of a task in a queue, made when first asked for."""
        found = self._tasks.get((queue, task))
        if found is None:
            found = self._tasks[queue, task] = TaskMetrics(queue, task)
        return found

    @property
    def tasks(self) -> list[TaskMetrics]:
        """All there are."""
        return list(self._tasks.values())

    def mark(self) -> None:
        """Note the total now, for the rate; called once a second by the worker."""
        self._marks.append((time.monotonic(), self._processed()))

    def jobs_per_second(self) -> float:
        """Ended runs a second over the last minute, or since the first mark."""
        if not self._marks:
            return 0.0
        since, count = self._marks[0]
        elapsed = time.monotonic() - since
        return (self._processed() - count) / elapsed if elapsed > 0 else 0.0

    def snapshot(self) -> Snapshot:
        """Totals, and what the operating system says about this process."""
        tasks = self.tasks
        completed = sum(t.completed for t in tasks)
        failed = sum(t.failed for t in tasks)
        runs = sum(t.run.count for t in tasks)
        return Snapshot(
            enqueued=sum(t.enqueued for t in tasks),
            processed=self._processed(),
            completed=completed,
            failed=failed,
            success_rate=completed / (completed + failed) if completed + failed else 1.0,
            jobs_per_second=self.jobs_per_second(),
            busy=self.busy,
            slots=self.slots,
            mean_run_ms=1000 * sum(t.run.sum for t in tasks) / runs if runs else 0.0,
            memory_bytes=resident_bytes(),
            cpu_seconds=time.process_time(),
            loop_lag_max_ms=1000 * self.loop_lag.max,
        )

    def families(self) -> Iterator[Family]:
        """Everything in the shape and under the names of the Prometheus exposition."""
        tasks = self.tasks
        yield self._counter("enqueued", "Jobs put in by this process.", [(t, {}, t.enqueued) for t in tasks])
        yield self._counter(
            "finished",
            "Runs that ended, also those whose job is tried again.",
            [
                (t, {"outcome": outcome}, count)
                for t in tasks
                for outcome, count in (
                    ("succeeded", t.completed),
                    ("failed", t.failed),
                    ("cancelled", t.cancelled),
                )
            ],
        )
        yield self._counter(
            "retries",
            "Runs that asked to be repeated.",
            [
                (t, {"reason": reason}, count)
                for t in tasks
                for reason, count in (("asked", t.retried), ("snoozed", t.snoozed), ("released", t.released))
            ],
        )
        for name, text in (
            ("run", "Time from entering the handler to its end."),
            ("wait", "Time from being ready to entering the handler."),
        ):
            samples = [
                s for t in tasks for s in _histogram(getattr(t, name), {"queue": t.queue, "task": t.task})
            ]
            yield Family(f"khala_jobs_{name}_duration_seconds", "histogram", text, tuple(samples))
        yield Family(
            "khala_jobs_event_loop_lag_seconds",
            "histogram",
            "Time for which the event loop did not turn.",
            tuple(_histogram(self.loop_lag, {})),
        )
        for name, text, value in (
            ("worker_slots", "Jobs that can run at once.", self.slots),
            ("worker_busy_slots", "Jobs that run now.", self.busy),
            ("process_resident_memory_bytes", "Resident memory of the worker.", resident_bytes()),
        ):
            yield Family(f"khala_jobs_{name}", "gauge", text, (Sample("", {}, value),))
        for name, text, total in (
            ("leases_lost", "Settlements refused because another worker had the job.", self.leases_lost),
            ("store_resets", "Times all contents of the store were found gone.", self.store_resets),
            ("process_cpu_seconds", "CPU time of the worker.", time.process_time()),
        ):
            yield Family(f"khala_jobs_{name}", "counter", text, (Sample("_total", {}, total),))

    def _processed(self) -> int:
        return sum(t.run.count for t in self._tasks.copy().values())

    @staticmethod
    def _counter(name: str, text: str, rows: list[tuple[TaskMetrics, dict[str, str], int]]) -> Family:
        samples = tuple(
            Sample("_total", {"queue": t.queue, "task": t.task, **labels}, value) for t, labels, value in rows
        )
        return Family(f"khala_jobs_{name}", "counter", text, samples)


def _histogram(histogram: Histogram, labels: dict[str, str]) -> Iterator[Sample]:
    total = 0
    for bound, count in zip((*BUCKETS, float("inf")), list(histogram.counts), strict=True):
        total += count
        yield Sample("_bucket", {**labels, "le": "+Inf" if bound == float("inf") else f"{bound:g}"}, total)
    yield Sample("_sum", labels, histogram.sum)
    yield Sample("_count", labels, total)


def resident_bytes() -> int:
    """Resident memory of this process, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path to build
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
