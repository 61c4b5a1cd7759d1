"""What an administrator types: rights, the function library, jobs from elsewhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import JobProcessor, Queue, Retry
from khala_jobs.compat.khala import QUEUE, JobDefinition, JobPriority, JobStatus
from khala_jobs.compat.khala import JobProcessor as KhalaProcessor
from khala_jobs.errors import InvalidArgument
from khala_jobs.migrate import migrate

from ..redis_server import Server
from .conftest import Work

NewServer = Callable[..., Server]


def cli(*arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "khala_jobs.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def test_the_acl_line_is_one_and_least(new_server: NewServer) -> None:
    line = cli("redis-acl", "--user", "worker", "--prefix", "mine").strip()
    assert "\n" not in line
    assert line.startswith(
        "ACL SETUSER worker on >PASSWORD resetkeys resetchannels -@all ~{mine}:* &{mine}:* +"
    )
    assert "eval" not in line
    assert "function" not in line
    assert "+function|load" in cli("redis-acl", "--load")
    assert "+config|get" in cli("redis-acl", "--config")
    assert json.loads(cli("redis-acl", "--user", "worker", "--prefix", "mine", "--json"))["command"] == line
    assert "letters" in cli("redis-acl", "--prefix", "a b", status=2)
    server = new_server()
    assert server.command(line.replace("PASSWORD", "secret")) == b"OK"
    name = server.call("FUNCTION", "LOAD", cli("redis-library"))
    assert name.startswith(b"khala_")


async def test_the_least_user_can_do_everything_a_worker_does(
    new_server: NewServer, new_work: Callable[..., Work]
) -> None:
    server = new_server()
    server.command(cli("redis-acl", "--user", "worker").strip().replace("PASSWORD", "secret"))
    server.call("FUNCTION", "LOAD", cli("redis-library"))
    work = new_work(server.url(user="worker:secret"))
    await work.jobs.start()
    assert await (await work.note.enqueue(1)).result(timeout=30) == 1
    await work.jobs.queues.pause("default")
    await work.jobs.queues.resume("default")
    await work.check_each_once(1)


def test_doctor_says_how_durable_a_server_is(new_server: NewServer) -> None:
    server = new_server()
    text = cli("doctor", "--url", server.url())
    assert "durability memory" in text
    assert "appendonly yes" in text, "and what to do about it"
    report = json.loads(cli("doctor", "--url", server.url(), "--json"))
    assert report["store"]["durability"] == "memory"
    assert report["store"]["details"]["maxmemory_policy"] == "noeviction"


# --- migrate -------------------------------------------------------------------------------------------------------


def make(url: str) -> tuple[JobProcessor, Any, Any]:
    jobs = JobProcessor(url, workers=1)

    @jobs.task
    async def add(n: int) -> int:
        return n + 1

    @jobs.task(retry=Retry.fixed(1, delay=0.01))
    async def fail(n: int) -> None:
        raise ValueError(f"no {n}")

    return jobs, add, fail


async def test_jobs_move_with_ids_order_and_history(new_server: NewServer, tmp_path: Path) -> None:
    source, add, fail = make(f"sqlite:///{tmp_path}/jobs.db?synchronous=normal")
    async with source:
        done = await add.enqueue(1)
        assert await done.result(timeout=30) == 2
        dead = await fail.enqueue(2)
        async with asyncio.timeout(30):
            while (await dead.info()).state != "failed":
                await asyncio.sleep(0.02)
    source, add, fail = make(f"sqlite:///{tmp_path}/jobs.db?synchronous=normal")
    source.queues.define(Queue("small", max_length=3))
    waiting = [await add.options(priority=n % 3).enqueue(n) for n in range(20)]
    later = await add.options(delay="1h", headers={"a": "b"}).enqueue(99)
    bounded = await add.options(queue="small").enqueue_many([(n,) for n in range(3)])
    await source.queues.pause("small")

    target, _, _ = make(new_server().url())
    seen = await migrate(source, target)
    assert (seen.applied, seen.moved) == (False, 0)
    assert sum(sum(states.values()) for states in seen.queues.values()) == 26
    assert await target.queues.names() == []

    before = {job.id: job async for job in source.queues.scan()}
    before = {job_id: await source.queues.get(job_id) for job_id in before}
    found = await migrate(source, target, apply=True)
    assert (found.moved, found.existed, found.deleted, found.running) == (26, 0, 26, 0)
    assert [job async for job in source.queues.scan()] == []
    for job_id, job in before.items():
        assert await target.queues.get(job_id) == job
    assert await target.queues.check() == []
    stats = await target.queues.stats("small")
    assert (stats["paused"], stats["max_length"]) == (True, 3)
    assert (await target.queues.get(later.id)).state == "scheduled"
    assert len(bounded) == 3

    await target.close()
    order: list[int] = []
    target = JobProcessor(target.url, workers=1)

    @target.task(name="add")
    async def note(n: int) -> int:
        order.append(n)
        return n

    async with target:
        await (await note.options(priority=0).enqueue(1000)).result(timeout=30)
    expected = sorted(range(20), key=lambda n: (-(n % 3), n))
    assert order == [*expected, 1000]
    assert {job.id for job in waiting} <= before.keys()
    await source.close()


async def test_an_interrupted_move_is_started_again(new_server: NewServer, tmp_path: Path) -> None:
    source, add, _ = make(f"sqlite:///{tmp_path}/jobs.db?synchronous=normal")
    await add.enqueue_many([(n,) for n in range(1200)])
    target, _, _ = make(new_server().url())

    class Stopped(Exception):
        pass

    def stop(_found: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        await migrate(source, target, apply=True, keep=True, on_batch=stop)
    found = await migrate(source, target, apply=True)
    assert (found.moved, found.existed, found.deleted) == (700, 500, 1200)
    assert (await target.queues.stats())["waiting"] == 1200
    with pytest.raises(InvalidArgument, match="same store"):
        await migrate(target, JobProcessor(target.url), apply=True)
    with pytest.raises(InvalidArgument, match="no queue"):
        await migrate(source, target, queues=["nonsense"])
    await source.close()
    await target.close()


async def test_nothing_moves_while_workers_are_alive(new_server: NewServer, tmp_path: Path) -> None:
    source, _, _ = make(f"sqlite:///{tmp_path}/jobs.db")
    target, _, _ = make(new_server().url())
    async with source:
        with pytest.raises(InvalidArgument, match="alive"):
            await migrate(source, target, apply=True)
    await target.close()


# --- KHALA's own jobs ----------------------------------------------------------------------------------------------


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

    assert "4 moved, 0 were there already" in cli("import-khala", url, "--url", url, "--apply")
    assert server.command("ZCARD job:queue") == 1
    assert server.command(f"EXISTS job:{khala_job(5).job_id}") == 1
    again = json.loads(cli("import-khala", url, "--url", url, "--apply", "--json"))
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
