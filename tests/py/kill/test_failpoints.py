"""SIGKILL at every named step of the lifecycle: nothing lost, nothing accepted twice, attempts as they were."""

from __future__ import annotations

import pytest

from khala_jobs import _core

from .conftest import Fleet, until

# Steps that a worker process passes while it runs jobs of which some fail once. The hit counts are such that the kill
# falls in the middle of the work.
STEPS = {
    "claim.before_commit": 3,
    "claim.committed": 3,
    "dispatch": 9,
    "settle.received": 5,
    "ack.before_send": 4,
    "ack.before_commit": 4,
    "ack.committed": 4,
    "fail.mid": 2,
    "hb.before": 1,
    "hb.after": 1,
    "lock.held": 9,
    "reap.after_n": 1,
}
# Those within a transaction on a file; on Redis it happens in the server.
ON_A_FILE = {
    "claim.before_commit",
    "claim.committed",
    "ack.before_commit",
    "ack.committed",
    "fail.mid",
    "lock.held",
}


def _built_with_failpoints() -> bool:
    try:
        _core.engine.configure_failpoints("")
    except Exception:
        return False
    return True


pytestmark = pytest.mark.skipif(not _built_with_failpoints(), reason="this build has no failpoints")


@pytest.mark.parametrize(
    ("fleet", "step"),
    [("sqlite", step) for step in STEPS] + [("redis", step) for step in STEPS if step not in ON_A_FILE],
    indirect=["fleet"],
)
async def test_killed_at_a_step_of_the_worker(fleet: Fleet, step: str) -> None:
    async with fleet.client() as (jobs, work, fail_once):
        made = await work.enqueue_many([(n, 0.02) for n in range(60)])
        made += await fail_once.enqueue_many([(n,) for n in range(30)])
        made += await work.enqueue_many([(n, 1.0) for n in range(4)])
        if step == "reap.after_n":  # there must be something to reap
            first = fleet.start()
            until(lambda: len(fleet.ledger()) >= 20)
            first.kill()
            first.wait()
        victim = fleet.start(KHALA_FAILPOINTS=f"{step}=kill@{STEPS[step]}")
        until(lambda: victim.poll() is not None, 60)
        assert victim.returncode == -9
        fleet.start()
        await fleet.until_completed(jobs, len(made), 60)
        await fleet.check(jobs, [job.id for job in made])


@pytest.mark.parametrize("step", ["enqueue.before_commit", "enqueue.committed"])
async def test_killed_while_enqueueing(fleet: Fleet, step: str) -> None:
    """The producer repeats what it got no answer for, with the same ids: each job is there once."""
    code = (
        "import asyncio, os\n"
        "from khala_jobs import JobProcessor\n"
        "jobs = JobProcessor(os.environ['URL'])\n"
        "@jobs.task\n"
        "async def work(n: int, pause: float) -> int: return n\n"
        "async def main():\n"
        "    for n in range(40):\n"
        "        await work.options(id=f'job-{n}').enqueue(n, 0.0)\n"
        "    await jobs.close()\n"
        "asyncio.run(main())\n"
    )
    (fleet.folder / "worker.py").rename(fleet.folder / "kept.py")
    (fleet.folder / "worker.py").write_text(code)
    producer = fleet.start(KHALA_FAILPOINTS=f"{step}=kill@20")
    assert until(lambda: producer.poll() is not None) is True
    assert producer.returncode == -9
    again = fleet.start()
    assert again.wait(60) == 0
    (fleet.folder / "kept.py").rename(fleet.folder / "worker.py")
    async with fleet.client() as (jobs, _, _):
        fleet.start()
        await fleet.until_completed(jobs, 40, 60)
        await fleet.check(jobs, [f"job-{n}" for n in range(40)])


@pytest.mark.parametrize("fleet", ["sqlite", "redis"], indirect=True)
@pytest.mark.parametrize("step", ["shutdown.draining", "shutdown.released"])
async def test_killed_while_stopping(fleet: Fleet, step: str) -> None:
    async with fleet.client() as (jobs, work, _):
        made = await work.enqueue_many([(n, 0.2) for n in range(30)])
        victim = fleet.start(KHALA_FAILPOINTS=f"{step}=kill")
        until(lambda: len(fleet.ledger()) >= 10)
        victim.terminate()
        until(lambda: victim.poll() is not None)
        assert victim.returncode == -9
        fleet.start()
        await fleet.until_completed(jobs, len(made), 60)
        await fleet.check(jobs, [job.id for job in made])
