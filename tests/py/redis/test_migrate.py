"""`migrate`: jobs from one store to another, and never fewer of them than before."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from khala_jobs import JobProcessor, Queue, Retry
from khala_jobs.errors import InvalidArgument, QueueFull
from khala_jobs.handover import BATCH_BYTES, batches
from khala_jobs.migrate import migrate

from ..redis_server import Server
from .command_line import cli

NewServer = Callable[..., Server]


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


# --- one store under two names ---------------------------------------------------------------------------------------


async def refuse_itself(here: str, there: str) -> None:
    """Twenty jobs stay where they are, whether they are to be counted or moved."""
    source, add, _ = make(here)
    await add.enqueue_many([(n,) for n in range(20)])
    target = JobProcessor(there)
    for apply in (False, True):
        with pytest.raises(InvalidArgument, match="source and target are the same store"):
            await migrate(source, target, apply=apply)
    assert (await source.queues.stats())["waiting"] == 20
    await source.close()
    await target.close()


@pytest.mark.parametrize(
    "other",
    [
        "redis://localhost:{port}/1",
        "redis://127.0.0.1:{port}",
        "redis://127.0.0.1:{port}/1?connect_ms=4000",
        "redis://127.0.0.1:{port}/1?prefix=khala",
        "redis+unix://{socket}?db=1",
    ],
)
async def test_a_redis_store_is_not_moved_to_itself(new_server: NewServer, other: str) -> None:
    server = new_server()
    await refuse_itself(server.url(), other.format(port=server.port, socket=server.socket_path))


@pytest.mark.parametrize("other", ["{folder}/jobs.db?synchronous=normal", "{folder}/../{name}/jobs.db"])
async def test_a_file_is_not_moved_to_itself(tmp_path: Path, other: str) -> None:
    path = other.format(folder=tmp_path, name=tmp_path.name)
    await refuse_itself(f"sqlite:///{tmp_path}/jobs.db", f"sqlite:///{path}")


async def test_a_store_in_memory_is_not_moved_to_itself() -> None:
    jobs, add, _ = make("memory://")
    await add.enqueue(1)
    with pytest.raises(InvalidArgument, match="same store"):
        await migrate(jobs, jobs, apply=True)
    await jobs.close()


@pytest.mark.parametrize("other", ["redis://127.0.0.1:{port}/2", "redis://127.0.0.1:{port}/1?prefix=new"])
async def test_two_stores_of_one_server_are_two(new_server: NewServer, other: str) -> None:
    server = new_server()
    source, add, _ = make(server.url())
    await add.enqueue_many([(n,) for n in range(20)])
    target = JobProcessor(other.format(port=server.port))
    found = await migrate(source, target, apply=True)
    assert (found.moved, found.deleted, found.left) == (20, 20, {})
    assert (await target.queues.stats())["waiting"] == 20
    await source.close()
    await target.close()


# --- what the target knows and does not have ------------------------------------------------------------------------


async def test_jobs_that_are_moved_back_are_not_lost(new_server: NewServer, tmp_path: Path) -> None:
    file, _, _ = make(f"sqlite:///{tmp_path}/jobs.db?synchronous=normal")
    server, add, _ = make(new_server().url())
    ids = {job.id for job in await add.enqueue_many([(n,) for n in range(20)])}
    assert (await migrate(server, file, apply=True)).deleted == 20

    back = await migrate(file, server, apply=True)
    assert (back.moved, back.existed, back.deleted) == (0, 0, 0)
    assert set(back.left) == ids
    assert "24 hours" in next(iter(back.left.values()))
    assert {job.id async for job in file.queues.scan()} == ids
    for jobs in (file, server):
        await jobs.close()
    report = json.loads(cli("migrate", file.url, server.url, "--apply", "--json", status=1))
    assert set(report["left"]) == ids
    assert "20 left in the source" in cli("migrate", file.url, server.url, "--apply", status=1)


async def test_a_damaged_job_does_not_become_a_sound_one(tmp_path: Path) -> None:
    here, add, _ = make(f"sqlite:///{tmp_path}/here.db?synchronous=normal")
    there, _, _ = make(f"sqlite:///{tmp_path}/there.db?synchronous=normal")
    await add.options(id="odd").enqueue(1)
    await add.options(id="even").enqueue(2)
    await here.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "here.db", isolation_level=None)) as other:
        assert other.execute("UPDATE job SET payload = '{\"n\":7}' WHERE id = 'odd'").rowcount == 1
    with pytest.raises(InvalidArgument, match="wrong there") as refused:
        await migrate(here, there, apply=True)
    assert refused.value.field == "source"
    assert await there.queues.names() == []
    assert await here.queues.remove("odd")
    assert (await migrate(here, there, apply=True)).moved == 1
    await here.close()
    await there.close()


async def test_another_job_under_the_same_id_is_left(tmp_path: Path) -> None:
    here, add, _ = make(f"sqlite:///{tmp_path}/here.db?synchronous=normal")
    there, also_add, _ = make(f"sqlite:///{tmp_path}/there.db?synchronous=normal")
    await add.options(id="nightly").enqueue(1)
    await add.options(id="same").enqueue(3)
    await also_add.options(id="nightly").enqueue(2)
    await also_add.options(id="same").enqueue(3)
    found = await migrate(here, there, apply=True)
    assert (found.existed, found.deleted) == (1, 1)
    assert found.left == {"nightly": "the target has another job under this id"}
    assert [job.id async for job in here.queues.scan()] == ["nightly"]
    await here.close()
    await there.close()


async def test_a_full_queue_of_the_target_loses_nothing(tmp_path: Path) -> None:
    source, add, _ = make(f"sqlite:///{tmp_path}/here.db?synchronous=normal")
    await add.enqueue_many([(n,) for n in range(5)])
    target = JobProcessor(f"sqlite:///{tmp_path}/there.db?synchronous=normal")
    await target.queues.limit("default", 2)
    with pytest.raises(QueueFull, match="no room"):
        await migrate(source, target, apply=True)
    assert (await source.queues.stats())["waiting"] == 5
    await source.close()
    await target.close()


async def test_a_worker_that_died_does_not_stop_the_move(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db?synchronous=normal"
    script = tmp_path / "dies.py"
    script.write_text(
        "import asyncio, os, signal, sys\n"
        "from khala_jobs import JobProcessor\n"
        "async def main():\n"
        "    jobs = JobProcessor(sys.argv[1], workers=1)\n"
        "    jobs.task(name='other')(lambda: None)\n"
        "    await jobs.start()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, str(script), url]
    await asyncio.to_thread(subprocess.run, command, check=False, timeout=60)
    here, add, _ = make(url)
    there, _, _ = make(f"sqlite:///{tmp_path}/there.db?synchronous=normal")
    await add.enqueue(1)
    (worker,) = await here.queues.workers()
    assert not worker.live
    assert (await migrate(here, there, apply=True)).moved == 1
    await here.close()
    await there.close()


async def test_a_worker_that_is_started_on_the_way_stops_the_move(tmp_path: Path) -> None:
    source, add, _ = make(f"sqlite:///{tmp_path}/here.db?synchronous=normal")
    await add.options(delay="1h").enqueue_many([(n,) for n in range(1100)])
    target = JobProcessor(f"sqlite:///{tmp_path}/there.db?synchronous=normal")
    other = JobProcessor(source.url, workers=1)
    begun = asyncio.Event()

    async def start() -> None:
        await begun.wait()
        await other.start()

    starting = asyncio.create_task(start())
    announced = source.queues.workers
    calls = 0

    async def workers() -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:  # before the second batch
            begun.set()
            await starting
        return await announced()

    source.queues.workers = workers  # type: ignore[method-assign]
    with pytest.raises(InvalidArgument, match="alive"):
        await migrate(source, target, apply=True)
    assert (await source.queues.stats())["delayed"] == 600
    assert (await target.queues.stats())["delayed"] == 500
    for jobs in (other, source, target):
        await jobs.close()


def test_long_histories_count_for_the_size_of_a_batch() -> None:
    attempt = {"error": b"x" * 16_384, "result": b"", "outcome": "failed"}
    row = {"payload": b"{}", "history": [attempt] * 32}
    parts = list(batches([row] * 100))
    assert sum(len(part) for part in parts) == 100
    assert max(len(part) for part in parts) == BATCH_BYTES // (32 * 16_384 + 2)
