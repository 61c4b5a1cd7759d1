"""Random SIGKILLs of two of four processes, and a process that is stopped past its lease and goes on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import pytest

from .conftest import Fleet, until

pytestmark = pytest.mark.parametrize("fleet", ["sqlite", "redis"], indirect=True)

SECONDS = float(os.environ.get("KHALA_JOBS_KILL_SECONDS", "60"))


@pytest.mark.timeout(SECONDS + 240)
async def test_two_of_four_processes_are_killed_at_random(fleet: Fleet) -> None:
    rng = random.Random(11)
    async with fleet.client() as (jobs, work, fail_once):
        ids: list[str] = []
        alive = [fleet.start() for _ in range(4)]
        ends, kills = time.monotonic() + SECONDS, 0
        while time.monotonic() < ends:
            ids += [job.id for job in await work.enqueue_many([(n, rng.random() * 0.2) for n in range(40)])]
            ids += [job.id for job in await fail_once.enqueue_many([(n,) for n in range(10)])]
            await asyncio.sleep(rng.random())
            for victim in rng.sample(range(4), 2):
                alive[victim].kill()
                alive[victim].wait()
                alive[victim] = fleet.start()
                kills += 1
            await asyncio.sleep(rng.random() * 2)
        await fleet.until_completed(jobs, len(ids), 120)
        figures = await fleet.check(jobs, ids)
        print(f"kills {kills}: {figures}")  # noqa: T201 - shown by pytest -s
        assert kills >= SECONDS / 4


async def test_a_process_stopped_past_its_lease_cannot_complete_what_others_took(fleet: Fleet) -> None:
    """SIGSTOP for two leases, SIGCONT: its late results are refused and noted, those of the second run stand."""
    async with fleet.client() as (jobs, work, _):
        made = await work.enqueue_many([(n, 1.0) for n in range(8)])
        frozen = fleet.start(LEASE="1")
        until(lambda: len(fleet.ledger()) == 8)
        frozen.send_signal(signal.SIGSTOP)
        second = fleet.start(LEASE="1")
        await fleet.until_completed(jobs, 8, 60)
        frozen.send_signal(signal.SIGCONT)
        late = [run for runs in fleet.ledger().values() for run in runs if run.pid == frozen.pid]
        assert len(late) == 8
        # Its loop goes on where it was: it learns that its leases are lost, and new work still reaches it.
        second.terminate()
        second.wait()
        after = await work.enqueue(99, 0.0)
        assert await after.result(timeout=30) == 99
        infos = [await job.info() for job in made]
        assert {info.state for info in infos} == {"completed"}
        runs = fleet.ledger()
        for info in infos:
            assert [run.pid for run in runs[info.id]] == [frozen.pid, second.pid]
            assert info.fence == runs[info.id][1].fence, "the completion is that of the second run"
            assert (info.attempt, info.crashes, info.suspect) == (2, 0, False)
        assert sum(counter.completed for counter in await jobs.queues.counters()) == 9


async def test_a_pause_shorter_than_the_lease_changes_nothing(fleet: Fleet) -> None:
    async with fleet.client() as (jobs, work, _):
        made = await work.enqueue_many([(n, 1.5) for n in range(4)])
        paused = fleet.start(LEASE="15")  # a loaded machine makes pauses longer
        fleet.start(LEASE="15", WORKERS="1")
        until(lambda: len(fleet.ledger()) == 4)
        paused.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1.0)  # the length of the pause is what is tested
        paused.send_signal(signal.SIGCONT)
        await fleet.until_completed(jobs, 4, 60)
        figures = await fleet.check(jobs, [job.id for job in made])
        assert figures["runs"] == 4
