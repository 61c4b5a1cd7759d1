"""Supervised worker processes: replaced when they die, ended when they hang, and nobody innocent is blamed."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from pathlib import Path

from .conftest import Cli, until


def test_sigterm_finishes_what_runs_and_exits_0(cli: Cli) -> None:
    job_id = cli.enqueue("wait.enqueue(1.5)")
    with cli.worker() as worker:
        until(lambda: cli.json("jobs", "show", job_id)["state"] in {"running", "completed"})
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0
    assert cli.json("jobs", "show", job_id)["state"] == "completed"
    assert {event["reason"] for event in worker.of("child_ended")} == {"by itself"}


def test_a_child_that_has_closed_its_store_and_does_not_exit_is_ended_without_a_complaint(cli: Cli) -> None:
    with (cli.folder / "app.py").open("a") as app:
        app.write("import atexit, sys\nif '--supervised' in sys.argv: atexit.register(time.sleep, 600)\n")
    cli.enqueue("add.enqueue(1, 1)")
    errors = cli.folder / "errors.txt"
    with errors.open("w") as file, cli.worker(errors=file) as worker:
        until(lambda: len(cli.json("stats")["workers"]) == 2)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0
        worker.reader.join(10)
    assert {event["reason"] for event in worker.of("child_ended")} == {"slow exit"}
    assert "could not be explained" not in errors.read_text()


def test_a_handler_longer_than_the_grace_period_is_released_without_an_attempt(cli: Cli) -> None:
    job_id = cli.enqueue("wait.enqueue(600)")
    with cli.worker() as worker:
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "running")
        worker.process.send_signal(signal.SIGTERM)
        worker.process.wait(30)
    job = cli.json("jobs", "show", job_id)
    assert (job["state"], job["failures"], job["suspect"]) == ("ready", 0, False)


def test_a_killed_child_is_replaced_and_its_job_runs_again(cli: Cli) -> None:
    job_id = cli.enqueue("wait_for.enqueue('end')")
    with cli.worker() as worker:
        until((cli.folder / "end.begun").exists)
        os.kill(worker.pid_of("worker-0"), signal.SIGKILL)
        (cli.folder / "end").touch()
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "completed")
        until(lambda: len([e for e in worker.of("child_started") if e["child"] == "worker-0"]) == 2)
    job = cli.json("jobs", "show", job_id)
    assert (job["attempt"], job["crashes"], job["suspect"]) == (2, 0, False)


def test_a_child_whose_store_fails_for_good_ends_and_is_replaced(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    errors = cli.folder / "errors.txt"
    with errors.open("w") as file, cli.worker(errors=file) as worker:
        until(lambda: cli.json("stats")["total"]["completed"] == 1)
        path = cli.url.removeprefix("sqlite:///").partition("?")[0]
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("ALTER TABLE live RENAME TO hidden")
            until(lambda: {event["child"] for event in worker.of("child_ended")} >= {"worker-0", "suspects"})
            other.execute("ALTER TABLE hidden RENAME TO live")
        job_id = cli.enqueue("add.enqueue(2, 2)")
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "completed")
        assert all(event["status"] > 0 for event in worker.of("child_ended"))
    assert "the worker cannot go on: " in errors.read_text()


def test_only_the_job_that_kills_its_workers_is_quarantined(cli: Cli) -> None:
    innocents = cli.python(
        """
        import asyncio, app
        async def main():
            jobs = await app.wait.enqueue_many([(2.0,)] * 8)
            jobs.append(await app.crash.enqueue())
            jobs += await app.wait.enqueue_many([(2.0,)] * 8)
            print(*(job.id for job in jobs))
            await app.jobs.close()
        asyncio.run(main())
        """
    ).split()
    killer = innocents.pop(8)
    with cli.worker("--workers", "17"):
        until(lambda: cli.json("jobs", "show", killer)["state"] == "quarantined", 60)
        until(lambda: cli.json("stats")["total"]["completed"] == 16, 60)
    jobs = [cli.json("jobs", "show", job_id) for job_id in innocents]
    assert {job["state"] for job in jobs} == {"completed"}
    assert {job["crashes"] for job in jobs} == {0}
    assert cli.json("jobs", "show", killer)["crashes"] == 3


def test_a_spinning_handler_is_ended_with_its_process_and_nobody_is_blamed(cli: Cli) -> None:
    spinning = cli.enqueue("spin.enqueue()")
    with cli.worker() as worker:
        until(lambda: worker.of("child_stuck"))
        until(lambda: cli.json("jobs", "show", spinning)["state"] == "failed")
        until(lambda: len([e for e in worker.of("child_started") if e["child"] == "worker-0"]) == 2)
        beside = cli.enqueue("add.enqueue(1, 2)")
        until(lambda: cli.json("jobs", "show", beside)["state"] == "completed")
    job = cli.json("jobs", "show", spinning)
    assert (job["crashes"], job["suspect"]) == (0, False)
    assert job["history"][-1]["outcome"] == "timed_out"


def test_children_stop_when_their_parent_is_killed(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    with cli.worker() as worker:
        until(lambda: len(worker.of("child_started")) == 2)
        pids = [event["pid"] for event in worker.of("child_started")]
        until(lambda: len(cli.json("stats")["workers"]) == 2)
        worker.process.kill()
        worker.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
