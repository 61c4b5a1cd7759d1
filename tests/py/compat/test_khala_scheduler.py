"""KHALA's in-process interval scheduler."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from khala_jobs.compat import khala


class Recorder:
    """Takes submissions; the first `failures` of them fail."""

    def __init__(self, failures: int = 0) -> None:
        self.submitted: list[tuple[str, dict[str, Any], khala.JobPriority]] = []
        self.failures = failures
        self.called = asyncio.Event()

    async def submit_job(
        self, job_type: str, payload: dict[str, Any], priority: khala.JobPriority = khala.JobPriority.MEDIUM
    ) -> str:
        self.called.set()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no store")
        self.submitted.append((job_type, payload, priority))
        return "id"


async def until(condition: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_task_is_due_at_once_and_then_by_its_interval() -> None:
    recorder = Recorder()
    scheduler = khala.BackgroundScheduler(recorder)
    await scheduler.start()
    scheduler.add_task("often", "index_repair", 1, {"fix": True})
    await until(lambda: len(recorder.submitted) >= 2)
    await scheduler.stop()
    assert recorder.submitted[0] == ("index_repair", {"fix": True}, khala.JobPriority.LOW)
    task = scheduler.tasks["often"]
    assert task.last_run is not None
    assert task.next_run is not None
    assert (task.next_run - task.last_run).total_seconds() == pytest.approx(1, abs=0.1)


async def test_a_failing_submission_does_not_stop_the_others() -> None:
    recorder = Recorder(failures=1)
    scheduler = khala.BackgroundScheduler(recorder)
    scheduler.add_task("first", "index_repair", 3600, {})
    scheduler.add_task("second", "deduplication", 3600, {})
    await scheduler.start()
    await until(lambda: recorder.submitted)
    await scheduler.stop()
    assert [job_type for job_type, _, _ in recorder.submitted] == ["deduplication"]
    first = scheduler.tasks["first"]
    assert first.last_run is None


async def test_start_and_stop_are_idempotent() -> None:
    scheduler = khala.BackgroundScheduler(Recorder())
    await scheduler.stop()
    await scheduler.start()
    await scheduler.start()
    await scheduler.stop()
    await scheduler.stop()
    assert not scheduler.is_running


def test_default_tasks_have_khalas_names_and_intervals() -> None:
    scheduler = khala.create_scheduler(Recorder())
    assert {name: task.interval_seconds for name, task in scheduler.tasks.items()} == {
        "daily_decay_scoring": 86_400,
        "weekly_consolidation": 604_800,
        "weekly_deduplication": 604_800,
        "daily_index_repair": 86_400,
    }
    assert scheduler.tasks["weekly_deduplication"].payload == {"scan_all": True}


@pytest.mark.parametrize("interval", [0, -1, "5", None, True, float("nan"), float("inf"), 1e300])
def test_a_bad_interval_is_refused(interval: Any) -> None:
    with pytest.raises(ValueError, match="interval_seconds"):
        khala.BackgroundScheduler(Recorder()).add_task("t", "index_repair", interval, {})


def test_a_payload_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="payload: expected a dict, got None"):
        khala.BackgroundScheduler(Recorder()).add_task("t", "index_repair", 5, None)  # type: ignore[arg-type]
