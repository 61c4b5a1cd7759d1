"""`import-khala`: jobs that KHALA's own processor left, and never fewer of them than before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from khala_jobs import JobProcessor
from khala_jobs.compat import khala_import
from khala_jobs.compat.khala import QUEUE, JobDefinition, JobPriority, JobStatus
from khala_jobs.compat.khala import JobProcessor as KhalaProcessor
from khala_jobs.compat.khala_import import import_khala
from khala_jobs.errors import QueueFull

from ..redis_server import Server
from .command_line import cli

NewServer = Callable[..., Server]


def khala_job(number: int, **fields: Any) -> JobDefinition:
    return JobDefinition(
        job_id=f"00000000-0000-4000-8000-{number:012}",
        job_type="decay_scoring",
        job_class="DecayScoringJob",
        priority=fields.pop("priority", JobPriority.MEDIUM),
        payload={"number": number},
        created_at=datetime.now(UTC) - timedelta(minutes=10 - number),
        **fields,
    )


def put_as_khala(server: Server, job: JobDefinition, *, queued: bool) -> None:
    """What KHALA's processor leaves in Redis."""
    mapping = {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "job_class": job.job_class,
        "priority": str(job.priority.value),
        "payload": json.dumps(job.payload),
        "created_at": job.created_at.isoformat(),
        "max_retries": str(job.max_retries),
        "retry_count": str(job.retry_count),
        "timeout_seconds": str(job.timeout_seconds),
        "status": job.status.value,
    }
    if job.error_message:
        mapping["error_message"] = job.error_message
    server.call("HSET", f"job:{job.job_id}", *(word for pair in mapping.items() for word in pair))
    if queued:
        score = int(job.priority.value * 1000 - job.created_at.timestamp())
        server.call("ZADD", "job:queue", score, f"job:{job.job_id}")


async def test_jobs_of_khala_are_taken_over(new_server: NewServer) -> None:
    server = new_server()
    put_as_khala(server, khala_job(1), queued=True)
    put_as_khala(server, khala_job(2, priority=JobPriority.HIGH, retry_count=1), queued=True)
    put_as_khala(server, khala_job(3, status=JobStatus.RUNNING), queued=False)
    put_as_khala(
        server, khala_job(4, status=JobStatus.FAILED, retry_count=3, error_message="boom"), queued=False
    )
    put_as_khala(server, khala_job(5, status=JobStatus.COMPLETED), queued=False)
    server.command("ZADD job:queue 1 job:expired")
    server.command("HSET job:broken status nonsense")
    url = server.url()

    counts = json.loads(cli("import-khala", url, "--url", url, "--json"))
    assert {n: counts[n] for n in ("waiting", "stranded", "failed", "ended", "expired")} == {
        "waiting": 2, "stranded": 1, "failed": 1, "ended": 1, "expired": 1,
    }  # fmt: skip
    assert (counts["applied"], counts["moved"], len(counts["unreadable"])) == (False, 0, 1)
    assert server.command("ZCARD job:queue") == 3

    assert "4 moved, 0 were there already" in cli("import-khala", url, "--url", url, "--apply", status=1)
    assert server.command("ZCARD job:queue") == 1
    assert server.command(f"EXISTS job:{khala_job(5).job_id}") == 1
    again = json.loads(cli("import-khala", url, "--url", url, "--apply", "--json", status=1))
    assert (again["moved"], again["existed"]) == (0, 0)

    seen: list[int] = []
    khala = KhalaProcessor(redis_url=url, max_workers=1)

    async def run(job: JobDefinition) -> Any:
        from khala_jobs.compat.khala import JobResult

        seen.append(job.payload["number"])
        return JobResult(job.job_id, True, {"ok": True}, 1.0)

    khala._execute_decay_scoring = run  # type: ignore[method-assign]
    await khala.start()
    async with asyncio.timeout(30):
        while len(seen) < 3:
            await asyncio.sleep(0.02)
    assert seen == [2, 1, 3], "priority first, then age"
    failed = await khala.get_job_status(khala_job(4).job_id)
    assert failed is not None
    assert (failed.status, failed.error_message) == (JobStatus.FAILED, "boom")
    await khala.stop()
    jobs = JobProcessor(url)
    assert await jobs.queues.check() == []
    assert (await jobs.queues.stats(QUEUE))["failed"] == 1
    await jobs.close()


def put_odd(server: Server, number: int, **fields: str) -> str:
    """A waiting job of KHALA's with some fields as given; its key."""
    job = khala_job(number)
    put_as_khala(server, job, queued=False)
    key = f"job:{job.job_id}"
    if "job_id" in fields:
        server.call("RENAME", key, f"job:{fields['job_id']}")
        key = f"job:{fields['job_id']}"
    server.call("HSET", key, *(word for pair in fields.items() for word in pair))
    server.call("ZADD", "job:queue", 1, key)
    return key


class Ended(Exception):
    """As if the process had been killed here."""


def payload_of(size: int) -> str:
    """A payload of exactly so many bytes."""
    return json.dumps({"text": "x" * (size - len(json.dumps({"text": ""})))})


ODD = {
    "payload with NaN": ({"payload": '{"score": NaN}'}, "payload"),
    "payload too deep": ({"payload": "[" * 100_000}, "Recursion"),
    "payload too large with the job's fields": ({"payload": payload_of(1_048_409)}, "1048576"),
    "no time": ({"timeout_seconds": "0"}, "timeout"),
    "too much time": ({"timeout_seconds": "99999999999999"}, "timeout"),
    "too many retries": ({"max_retries": "99999999999"}, "retries"),
    "fewer failures than none": ({"retry_count": "-1"}, "retry_count"),
    "no id": ({"job_id": ""}, "id"),
    "long id": ({"job_id": "x" * 200}, "128"),
    "long type": ({"job_type": "x" * 200}, "128"),
    "from before there were jobs": ({"created_at": "1960-01-01T00:00:00"}, "1970"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_job_is_named_and_keeps_no_other_out(new_server: NewServer, odd: str) -> None:
    fields, reason = ODD[odd]
    server = new_server()
    url = server.url()
    key = put_odd(server, 9, **fields)
    for number in (1, 2):
        put_as_khala(server, khala_job(number), queued=True)
    for options in ((), ("--apply",)):
        status = 1 if options else 0  # something is left
        found = json.loads(cli("import-khala", url, "--url", url, "--json", *options, status=status))
        (line,) = found["unreadable"]
        assert line.startswith(f"{key}: ")
        assert reason in line
        assert (found["waiting"], found["expired"], found["moved"]) == (2, 0, 2 if options else 0)
    assert server.call("EXISTS", key) == 1
    assert server.command("ZCARD job:queue") == 1


async def test_a_full_queue_keeps_the_jobs_where_they_are(new_server: NewServer) -> None:
    server = new_server()
    for number in range(5):
        put_as_khala(server, khala_job(number), queued=True)
    target = JobProcessor(server.url())
    await target.queues.limit(QUEUE, 2)
    with pytest.raises(QueueFull, match="no room"):
        await import_khala(server.url(), target, apply=True)
    assert "no room" in cli("import-khala", server.url(), "--url", server.url(), "--apply", status=3)
    assert server.command("ZCARD job:queue") == 5
    assert len(server.command("KEYS job:0*")) == 5
    assert (await target.queues.stats(QUEUE))["waiting"] == 0
    await target.close()


async def test_a_job_that_the_target_removed_is_left(new_server: NewServer) -> None:
    server = new_server()
    job = khala_job(1)
    target = JobProcessor(server.url())
    put_as_khala(server, job, queued=True)
    await import_khala(server.url(), target, apply=True)
    assert await target.queues.remove(job.job_id)
    put_as_khala(server, job, queued=True)
    found = await import_khala(server.url(), target, apply=True)
    assert (found.moved, found.existed) == (0, 0)
    assert "24 hours" in found.left[job.job_id]
    assert server.call("EXISTS", f"job:{job.job_id}") == 1
    assert job.job_id in cli("import-khala", server.url(), "--url", server.url(), "--apply", status=1)
    await target.close()


async def test_a_job_that_is_there_already_is_taken_for_moved(new_server: NewServer) -> None:
    """Also when the old processor wrote once more how it stands."""
    server = new_server()
    target = JobProcessor(server.url())
    put_as_khala(server, khala_job(1), queued=True)
    await import_khala(server.url(), target, apply=True, keep=True)
    server.call("HSET", f"job:{khala_job(1).job_id}", "status", "running")
    found = await import_khala(server.url(), target, apply=True)
    assert (found.moved, found.existed, found.left) == (0, 1, {})
    assert server.command("KEYS job:*") == []

    put_odd(server, 1, payload='{"number": 7}')
    found = await import_khala(server.url(), target, apply=True)
    assert found.left == {khala_job(1).job_id: "the target has another job under this id"}
    await target.close()


async def test_heavy_jobs_are_taken_in_several_batches(new_server: NewServer) -> None:
    server = new_server()
    for number in range(40):
        put_odd(server, number, payload=payload_of(900_000))
    target = JobProcessor(server.url())
    found = await import_khala(server.url(), target, apply=True)
    assert (found.moved, found.unreadable) == (40, [])
    assert server.command("KEYS job:*") == []
    await target.close()


async def test_dead_letters_are_kept_as_long_as_any(
    new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BG_JOBS_HISTORY_RETENTION", "0")
    server = new_server()
    error = "boom" * 20_000
    put_as_khala(server, khala_job(1, status=JobStatus.FAILED, error_message=error), queued=False)
    target = JobProcessor(server.url())
    await import_khala(server.url(), target, apply=True)
    (row,) = await target._connection.ask("get", [khala_job(1).job_id])
    assert row["keep_until"] - row["closed_at"] >= 30 * 86_400_000
    assert len(row["error"]) <= 16 * 1024
    await target.close()


@pytest.mark.parametrize("step", ["before both", "between them"])
async def test_an_import_that_ended_before_keys_were_deleted_is_started_again(
    new_server: NewServer, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    server = new_server()
    target = JobProcessor(server.url())
    for number in range(3):
        put_as_khala(server, khala_job(number), queued=True)

    def end(_link: object, keys: list[bytes]) -> None:
        if step == "between them":
            server.call("ZREM", "job:queue", *(key.decode() for key in keys))
        raise Ended

    with monkeypatch.context() as patched:
        patched.setattr(khala_import, "_delete", end)
        with pytest.raises(Ended):
            await import_khala(server.url(), target, apply=True)
    assert len(server.command("KEYS job:0*")) == 3
    found = await import_khala(server.url(), target, apply=True)
    assert (found.moved, found.existed, found.left) == (0, 3, {})
    assert server.command("KEYS job:*") == []
    assert (await target.queues.stats(QUEUE))["waiting"] == 3
    await target.close()
