"""KHALA's job interface on the engine: names, durability, and every job type."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import JobProcessor
from khala_jobs.compat import khala
from khala_jobs.errors import InvalidArgument, StoreUnavailable


async def wait_for(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true answer of `look`, an async callable."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


async def test_result_status_and_metrics_of_a_completed_job(url: str) -> None:
    processor = khala.JobProcessor(url)

    async def handler(payload: dict[str, Any]) -> dict[str, Any]:
        return {"doubled": payload["n"] * 2}

    processor.register_handler("pattern_recognition", handler)
    await processor.start()
    try:
        job_id = await processor.submit_job("pattern_recognition", {"n": 21}, khala.JobPriority.CRITICAL)
        result = await wait_for(lambda: processor.get_job_result(job_id))
        assert result.success
        assert result.result == {"doubled": 42}
        job = await processor.get_job_status(job_id)
        assert job is not None
        assert job.status is khala.JobStatus.COMPLETED
        assert job.priority is khala.JobPriority.CRITICAL
        assert job.payload == {"n": 21}
        assert job.completed_at is not None
        metrics = await processor.get_metrics()
        assert (metrics["total_jobs"], metrics["successful_jobs"]) == (1, 1)
        assert metrics["jobs_per_second"] > 0
        assert metrics["jobs_by_priority"][khala.JobPriority.CRITICAL.value] == 1
        assert (await processor.get_queue_stats())["pending_jobs"] == 0
    finally:
        await processor.stop()


async def test_a_job_of_somebody_else_in_the_same_store_is_unknown(url: str) -> None:
    engine = JobProcessor(url)

    @engine.task
    async def other(n: int) -> int:
        return n

    @engine.task(name="khala.other")
    async def alike(n: int) -> int:
        return n

    async with engine:
        jobs = [await other.enqueue(1), await alike.enqueue(1)]
        assert [await job.result(20) for job in jobs] == [1, 1]
    processor = khala.JobProcessor(url)
    try:
        for job in jobs:
            assert await processor.get_job_status(job.id) is None
            assert await processor.get_job_result(job.id) is None
    finally:
        await processor.stop()


async def test_a_job_without_a_class_or_handler_fails_and_says_what_is_missing(url: str) -> None:
    processor = khala.JobProcessor(url)
    await processor.start()
    try:
        job_id = await processor.submit_job("pattern_recognition", {})
        result = await wait_for(lambda: processor.get_job_result(job_id))
        assert not result.success
        assert "register_handler('pattern_recognition'" in result.error
        status = await processor.get_job_status(job_id)
        assert status is not None
        assert status.status is khala.JobStatus.FAILED
    finally:
        await processor.stop()


@pytest.mark.parametrize(
    "job_type", ["consistency_check", "index_repair", "decay_scoring", "consolidation", "deduplication"]
)
async def test_without_khala_each_type_fails_by_the_name_of_what_it_needs(url: str, job_type: str) -> None:
    processor = khala.JobProcessor(url)
    await processor.start()
    try:
        job_id = await processor.submit_job(job_type, {"user_id": "u", "memory_ids": ["m"]})
        result = await wait_for(lambda: processor.get_job_result(job_id))
        assert not result.success
        assert f"{job_type} needs khala." in result.error
    finally:
        await processor.stop()


async def test_failing_job_is_retried_after_its_backoff(url: str) -> None:
    processor = khala.JobProcessor(url)

    async def handler(payload: dict[str, Any]) -> None:
        raise ConnectionError("the graph is away")

    processor.register_handler("pattern_recognition", handler)
    await processor.start()
    try:
        job_id = await processor.submit_job("pattern_recognition", {}, max_retries=2)

        async def retrying() -> khala.JobDefinition | None:
            job = await processor.get_job_status(job_id)
            return job if job is not None and job.status is khala.JobStatus.RETRYING else None

        job = await wait_for(retrying)
        assert job.retry_count == 1
        assert "the graph is away" in job.error_message
        assert await processor.get_job_result(job_id) is None
    finally:
        await processor.stop()


async def test_a_job_that_ends_by_its_time_out_is_counted_as_failed(url: str) -> None:
    processor = khala.JobProcessor(url)

    async def handler(payload: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    processor.register_handler("pattern_recognition", handler)
    await processor.start()
    try:
        slow = await processor.submit_job("pattern_recognition", {}, timeout_seconds=1, max_retries=0)
        await wait_for(lambda: processor.get_job_result(slow))
        job = await processor.get_job_status(slow)
        assert job is not None
        assert job.status is khala.JobStatus.FAILED
        metrics = await processor.get_metrics()
    finally:
        await processor.stop()
    assert (metrics["successful_jobs"], metrics["failed_jobs"]) == (0, 1)
    assert metrics["avg_execution_time_ms"] > 0


async def test_a_handler_registered_after_the_start_gets_the_jobs_that_wait_for_it(url: str) -> None:
    async def handler(payload: dict[str, Any]) -> int:
        return int(payload["n"])

    earlier = khala.JobProcessor(url)
    earlier.register_handler("mine", handler)
    job_id = await earlier.submit_job("mine", {"n": 7})  # never started: it waits in the store
    await earlier.stop()
    processor = khala.JobProcessor(url)
    await processor.start()
    try:
        processor.register_handler("mine", handler)
        result = await wait_for(lambda: processor.get_job_result(job_id))
    finally:
        await processor.stop()
    assert (result.success, result.result) == (True, 7)


async def test_priorities_run_higher_first_and_first_in_first_out(url: str) -> None:
    processor = khala.JobProcessor(url, max_workers=1)
    order: list[int] = []

    async def handler(payload: dict[str, Any]) -> None:
        order.append(payload["n"])

    processor.register_handler("pattern_recognition", handler)
    levels = [
        khala.JobPriority.LOW,
        khala.JobPriority.CRITICAL,
        khala.JobPriority.MEDIUM,
        khala.JobPriority.HIGH,
    ]
    for n in range(8):
        await processor.submit_job("pattern_recognition", {"n": n}, levels[n % 4])
    await processor.start()

    async def all_ran() -> bool:
        return len(order) == 8

    try:
        await wait_for(all_ran)
    finally:
        await processor.stop()
    assert order == [1, 5, 3, 7, 2, 6, 0, 4]


async def test_an_unreachable_redis_raises_at_start_and_loses_nothing() -> None:
    processor = khala.create_job_processor("redis://127.0.0.1:1/1")
    job_id = await processor.submit_job("index_repair", {"fix": True})
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        await processor.start()
    assert not processor.is_running
    queued = processor._memory_queue.get_nowait()
    assert queued.job_id == job_id
    assert await processor.get_job_status(job_id) == queued


async def test_unknown_type_and_bad_payload_are_refused_at_the_caller(url: str) -> None:
    processor = khala.JobProcessor(url)
    with pytest.raises(ValueError, match="Unknown job type: nonsense"):
        await processor.submit_job("nonsense", {})
    with pytest.raises(TypeError, match="payload"):
        await processor.submit_job("index_repair", {"handle": object()})
    with pytest.raises(TypeError, match="colour"):
        await processor.submit_job("index_repair", {}, colour="red")
    assert processor.metrics["total_jobs"] == 0
    await processor.stop()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scheduled_at": datetime(2020, 1, 1)}, "scheduled_at: the datetime has no time zone"),  # noqa: DTZ001
        ({"scheduled_at": "tomorrow"}, "scheduled_at: expected a datetime"),
        ({"timeout_seconds": "5"}, "timeout_seconds: expected a whole number"),
        ({"timeout_seconds": 0}, "timeout_seconds: expected a whole number from 1, got 0"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": "many"}, "max_retries: expected a whole number"),
        ({"priority": 3}, "priority: expected a JobPriority, got 3"),
        ({"payload": {1: 2}}, "payload: expected a dict whose keys are text"),
        ({"payload": {"a": "x" * 2_000_000}}, "payload: .*1048576 is the limit"),
        ({"payload": {"a": float("nan")}}, "payload: cannot be stored as JSON"),
        ({"payload": [1]}, "payload: expected a dict"),
        ({"payload": None}, "payload: expected a dict"),
    ],
)
async def test_wrong_arguments_are_refused_at_the_caller_also_before_start(
    arguments: dict[str, Any], says: str
) -> None:
    processor = khala.JobProcessor("redis://127.0.0.1:1/1")
    with pytest.raises(InvalidArgument, match=says):
        await processor.submit_job("index_repair", **{"payload": {}, **arguments})
    assert processor._memory_queue.empty()
    assert processor.metrics["total_jobs"] == 0


async def test_a_start_that_fails_keeps_every_job_in_order(new_redis_url: Callable[[], str]) -> None:
    processor = khala.JobProcessor(new_redis_url())
    refused = True

    async def handler(payload: dict[str, Any]) -> int:
        return int(payload["n"])

    async def enqueue(job: khala.JobDefinition) -> None:
        if refused and job.payload["n"] == 1:
            late.append(await processor.submit_job("mine", {"n": 4}))  # another task's, meanwhile
            raise StoreUnavailable("url", "gone just now")
        await real(job)

    late: list[str] = []
    real, processor._enqueue = processor._enqueue, enqueue  # type: ignore[method-assign]
    processor.register_handler("mine", handler)
    ids = [await processor.submit_job("mine", {"n": n}) for n in range(4)]
    for _ in range(2):  # the second start is no success either
        with pytest.raises(StoreUnavailable):
            await processor.start()
        assert not processor.is_running
    assert (await processor.get_queue_stats())["pending_jobs"] == 5
    refused = False
    await processor.start()
    try:
        results = [await wait_for(lambda j=j: processor.get_job_result(j)) for j in [*ids, *late]]  # type: ignore[misc]
        assert [result.result for result in results] == [0, 1, 2, 3, 4, 4]
    finally:
        await processor.stop()


def test_every_field_survives_the_text_form() -> None:
    now = datetime.now(UTC)
    job = khala.JobDefinition(
        "j", "index_repair", "IndexRepairJob", khala.JobPriority.HIGH, {"at": "x", "n": [1]}, now,
        scheduled_at=now + timedelta(hours=1), max_retries=5, retry_count=2, timeout_seconds=9,
        status=khala.JobStatus.RUNNING, error_message="no", started_at=now, completed_at=now, worker_id="w",
    )  # fmt: skip
    assert khala.JobProcessor._deserialize_job(khala.JobProcessor._serialize_job(job)) == job
    result = khala.JobResult("j", False, [1], 2.5, "no", now, "w")
    assert khala.JobProcessor._deserialize_result(khala.JobProcessor._serialize_result(result)) == result


def test_datetimes_and_uuids_become_text() -> None:
    moment, number = datetime(2025, 1, 1, tzinfo=UTC), uuid.UUID(int=7)
    job = khala.JobDefinition("j", "t", "T", khala.JobPriority.LOW, {"at": moment, "id": number}, moment)
    stored = json.loads(khala.JobProcessor._serialize_job(job)["payload"])
    assert stored == {"at": moment.isoformat(), "id": str(number)}


WORKER = """
    import asyncio, sys
    from pathlib import Path
    from khala_jobs.compat import khala

    async def main(url, mark):
        processor = khala.JobProcessor(url, max_workers=2)

        async def handler(payload):
            with open(mark, "a") as file:
                file.write(payload["n"] + "\\n")
            if payload["n"] == "hang" and len(Path(mark).read_text().split()) < 2:
                await asyncio.sleep(3600)
            return payload

        processor.register_handler("pattern_recognition", handler)
        await processor.start()
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_submitted_job_survives_sigkill_of_its_worker(url: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    client = khala.JobProcessor(url)
    client.register_handler("pattern_recognition", lambda payload: asyncio.sleep(0))
    job_id = await client.submit_job("pattern_recognition", {"n": "hang"})

    def start_worker() -> subprocess.Popen[bytes]:
        code = textwrap.dedent(WORKER)
        return subprocess.Popen([sys.executable, "-c", code, url, str(mark)], stdout=subprocess.DEVNULL)

    first = start_worker()
    try:

        async def started() -> bool:
            return mark.exists() and bool(mark.read_text())

        await wait_for(started)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    second = start_worker()
    try:
        result = await wait_for(lambda: client.get_job_result(job_id), 40)
    finally:
        second.kill()
        second.wait()
        await client.stop()
    assert result.success
    assert result.result == {"n": "hang"}
    assert mark.read_text().split() == ["hang", "hang"]
