"""What each command prints, in text and in JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Cli, until


def test_help_names_every_command(cli: Cli) -> None:
    text = cli.run("--help")
    for name in (
        "worker",
        "jobs",
        "queues",
        "dead",
        "stats",
        "doctor",
        "memory",
        "migrate",
        "redis-acl",
        "demo",
    ):
        assert f"\n  {name} " in text


@pytest.mark.parametrize("command", [["queues"], ["jobs", "list"], ["stats", "--json"], ["--help"]])
def test_output_that_cannot_be_written_is_one_line(cli: Cli, command: list[str]) -> None:
    cli.enqueue("add.enqueue(2, 3)")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "khala_jobs.cli", *command], cwd=cli.folder, env=cli.environment(), stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "khala-jobs: cannot write the output: No space left on device\n"


def test_help_loads_no_command(cli: Cli) -> None:
    loaded = cli.python(
        """
        import sys
        from khala_jobs.cli import main
        main(["--help"], standalone_mode=False)
        print(sorted(name for name in sys.modules if name in {"numpy", "khala_jobs.memory"}))
        """
    )
    assert loaded.endswith("[]")


def test_a_job_from_enqueue_to_result(cli: Cli) -> None:
    job_id = cli.enqueue("add.enqueue(2, 3)")
    assert [job["state"] for job in cli.json("jobs", "list")["jobs"]] == ["ready"]
    with cli.worker():
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "completed")
    shown = cli.json("jobs", "show", job_id)
    assert shown["result"] == 5
    assert [attempt["outcome"] for attempt in shown["history"]] == ["completed"]
    assert "result  5" in cli.run("jobs", "show", job_id)


def test_dead_letters_are_listed_requeued_and_purged(cli: Cli) -> None:
    dead = cli.enqueue('fail.enqueue("no such table")')
    with cli.worker():
        until(lambda: cli.json("dead")["jobs"])
        letter = cli.json("dead")["jobs"][0]
        assert (letter["id"], letter["error"]["type"]) == (dead, "ValueError")
        assert "no such table" in cli.run("dead")
        assert cli.json("dead", "requeue", "--error-type", "KeyError") == {"requeued": 0}
        assert cli.json("dead", "requeue", "--task", "fail") == {"requeued": 1}
        until(lambda: cli.json("dead")["jobs"] and cli.json("jobs", "show", dead)["attempt"] == 2)
    assert cli.json("dead", "purge", "--all") == {"purged": 1}
    assert cli.json("dead")["jobs"] == []


def test_only_dead_letters_are_requeued_and_purged_by_id(cli: Cli) -> None:
    dead = cli.enqueue('fail.enqueue("no such table")')
    with cli.worker():
        until(lambda: cli.json("dead")["jobs"])
    waiting = cli.enqueue("add.enqueue(1, 1)")
    refused = {waiting: "no dead letter: it is ready", "nobody": "no such job"}
    assert cli.json("dead", "requeue", waiting, "nobody", status=1) == {"requeued": 0, "refused": refused}
    assert cli.json("dead", "purge", waiting, dead, dead, "nobody", status=1) == {
        "purged": 1,
        "refused": refused,
    }
    assert "no dead letter: it is ready" in cli.run("dead", "purge", waiting, status=1)
    assert cli.json("jobs", "show", waiting)["state"] == "ready"
    assert cli.json("dead")["jobs"] == []


def test_a_running_job_is_said_to_be_asked_not_cancelled(cli: Cli) -> None:
    job_id = cli.enqueue("deaf.enqueue()")
    with cli.worker():
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "running")
        assert cli.json("jobs", "cancel", job_id) == {job_id: "asked to stop: it is running"}
        (cli.folder / "heard").touch()
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "cancelled")


def test_dead_needs_to_know_which(cli: Cli) -> None:
    assert "--all" in cli.run("dead", "purge", status=2)
    for option in (("--queue", "x"), ("--limit", "5")):
        assert "after the command" in cli.run("dead", *option, "purge", "--all", status=2)
    assert "--limit goes with" in cli.run("dead", "purge", "some-id", "--limit", "5", status=2)


def test_a_limit_of_dead_letters_holds(cli: Cli) -> None:
    for _ in range(3):
        cli.enqueue('fail.enqueue("no such table")')
    with cli.worker():
        until(lambda: len(cli.json("dead")["jobs"]) == 3)
    assert cli.json("dead", "purge", "--all", "--limit", "1") == {"purged": 1}
    assert cli.json("dead", "requeue", "--task", "fail", "--limit", "1") == {"requeued": 1}
    assert len(cli.json("dead")["jobs"]) == 1


def test_jobs_are_cancelled_retried_and_removed(cli: Cli) -> None:
    job_id = cli.enqueue("add.options(delay='1h').enqueue(1, 1)")
    assert cli.json("jobs", "list", "--state", "scheduled")["jobs"][0]["id"] == job_id
    assert cli.json("jobs", "retry", job_id) == {job_id: "ready"}
    assert cli.json("jobs", "cancel", job_id, "--reason", "changed my mind") == {job_id: "cancelled"}
    assert "changed my mind" in cli.json("jobs", "show", job_id)["reason"]
    assert cli.json("jobs", "cancel", job_id, status=1) == {job_id: "it had ended already"}
    assert cli.json("jobs", "remove", job_id, "nobody", status=1) == {
        job_id: "removed",
        "nobody": "no such job",
    }
    twice = cli.enqueue("add.enqueue(1, 1)")
    assert cli.json("jobs", "remove", twice, twice) == {twice: "removed"}
    assert "no job" in cli.run("jobs", "show", job_id, status=2)


def test_queues_pause_resume_and_clean(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    cli.run("queues", "pause", "default")
    assert cli.json("queues")["default"]["paused"] is True
    with cli.worker() as worker:
        until(lambda: len(worker.of("child_started")) == 2)
        cli.run("queues", "resume", "default")
        until(lambda: cli.json("queues")["default"]["completed"] == 1)
    assert cli.json("queues", "clean", "--keep", "0") == {"removed": 1}
    assert "--older-than" in cli.run("queues", "clean", status=2)
    assert cli.json("queues", "clean", "--older-than", "0") == {"removed": 0}


def test_an_option_before_the_subcommand_holds_for_it(cli: Cli) -> None:
    other = f"sqlite:///{cli.folder / 'other.db'}"
    cli.enqueue("add.enqueue(1, 1)")
    Cli(cli.folder, other).enqueue("add.enqueue(1, 1)")
    cli.run("queues", "pause", "default")
    assert json.loads(cli.run("queues", "--url", other, "--json", "resume", "default")) == {
        "queue": "default",
        "paused": False,
    }
    assert cli.json("queues")["default"]["paused"] is True


def test_what_jobs_say_is_shown_as_it_is_and_steers_no_terminal(cli: Cli) -> None:
    text = r"GET [/api/users] [red]x[/red] \x1b[2J\x07\u202e"
    failed = cli.enqueue(f'fail.enqueue("{text}")')
    cancelled = cli.enqueue("wait.options(delay='1h', queue='[/q]').enqueue(1)")
    with cli.worker():
        until(lambda: cli.json("dead")["jobs"])
    cli.run("jobs", "cancel", cancelled, "--reason", text.encode().decode("unicode_escape"))
    assert "[/q] paused" in cli.run("queues", "pause", "[/q]")
    for shown in (
        cli.run("dead"),
        cli.run("jobs", "list"),
        cli.run("jobs", "show", failed),
        cli.run("jobs", "show", cancelled),
    ):
        assert text in shown
    assert "[/q]" in cli.run("stats")


def test_what_looks_at_a_store_makes_none(cli: Cli) -> None:
    for command in (["stats"], ["jobs", "list"], ["queues"], ["dead"], ["queues", "pause", "default"]):
        text = cli.run(*command, status=2)
        assert f"{cli.folder / 'jobs.db'} does not exist" in text
        assert text.count("\n") == 1
    report = cli.json("doctor")
    assert report["store"]["location"] is None
    assert report["store"]["engine_version"].startswith("3.")
    assert "none yet" in cli.run("doctor")
    assert list(cli.folder.glob("jobs.db*")) == []


def test_a_result_that_is_zero_is_shown(cli: Cli) -> None:
    job_id = cli.enqueue("add.options(priority=0).enqueue(2, -2)")
    assert "result" not in cli.run("jobs", "show", job_id)
    with cli.worker():
        until(lambda: cli.json("jobs", "show", job_id)["state"] == "completed")
    text = cli.run("jobs", "show", job_id)
    assert "result  0" in text
    assert "priority  0" in text


def test_stats_and_doctor(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    with cli.worker():
        until(lambda: cli.json("stats")["total"]["completed"] == 1)
        stats = cli.json("stats")
        assert stats["tasks"][0]["task"] == "add"
        assert stats["workers"]
        report = cli.json("doctor")
    assert report["violations"] == []
    assert report["store"]["kind"] == "sqlite"
    assert report["store"]["durability"] != "disk"
    assert any("power cut" in line for line in report["advice"])
    assert "invariants all hold" in cli.run("doctor")
    assert cli.run("doctor", "--diagram").startswith("stateDiagram")


def test_a_worker_that_was_killed_is_not_counted_as_alive(cli: Cli) -> None:
    cli.enqueue("wait.enqueue(60)")
    with cli.worker() as worker:
        until(lambda: len(cli.json("stats")["workers"]) == 2)
        assert {found["live"] for found in cli.json("stats")["workers"]} == {True}
        pids = [event["pid"] for event in worker.of("child_started")]
        # It would start others; were it killed first, its children would end in good order.
        worker.process.send_signal(signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        worker.process.kill()
    until(lambda: not any(found["live"] for found in cli.json("stats")["workers"]))
    assert len(cli.json("stats")["workers"]) == 2
    assert cli.run("stats").count("gone") == 2
    report = cli.json("doctor")
    assert report["workers"] == 0


def test_doctor_says_that_the_file_went_back_in_time(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    assert not any("went_back" in line for line in cli.json("doctor")["advice"])
    file = Path(cli.json("doctor")["store"]["location"])
    backup = file.read_bytes()
    cli.enqueue("add.enqueue(2, 2)")
    file.write_bytes(backup)
    assert any("went_back" in line and "backup" in line for line in cli.json("doctor")["advice"])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://localhost:port/1", "port"),
        ("sqlite:/jobs.db", "is no URL"),
        ("sqlit:///jobs.db", "did you mean sqlite"),
        ("sqlite:///jobs.db?synchronus=full", "synchron"),
        ("", "is no URL"),
        ("sqlite:///\udcff.db", "has a character"),
    ],
)
def test_a_typo_in_the_url_is_one_sentence(cli: Cli, url: str, says: str) -> None:
    text = cli.run("stats", "--url", url, status=2)
    assert says in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("app", "module:object"),
        ("nothing:jobs", "no module named 'nothing'"),
        ("app:tasks", "app has no 'tasks'"),
        ("app:add", "app:add is of type AsyncTask, not a JobProcessor"),
        ("../app:jobs", "'../app' is no name of a module"),
        ("faulty:jobs", "cannot import faulty: ZeroDivisionError: division by zero ("),
        ("unread:jobs", "cannot import unread: SyntaxError"),
        ("needy:jobs", "cannot import needy: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_wrong_target_says_what_is_wrong(cli: Cli, target: str, says: str) -> None:
    (cli.folder / "faulty.py").write_text("x = 1\n1 / 0\n")
    (cli.folder / "unread.py").write_text("def (:\n")
    (cli.folder / "needy.py").write_text("import nowhere\n")
    text = cli.run("worker", target, status=2)
    assert says in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("code", "options", "environment", "says"),
    [
        ("", ("--url", "sqlit:///x.db"), {}, "did you mean sqlite"),
        ("", (), {"BG_JOBS_LEAS": "3"}, "did you mean BG_JOBS_LEASE"),
        ("", (), {"BG_JOBS_ENABLED": "false"}, "nothing would run"),
        ("from khala_jobs import JobProcessor\njobs = JobProcessor('memory://')", (), {}, "has no tasks"),
        ("from app import jobs\n@jobs.task\ndef f(x: 'Nope'): ...", (), {}, "'Nope'"),
        ("", ("--url", "memory://"), {}, "url: memory:// is a store of one process alone"),
        (
            "from khala_jobs import JobProcessor\njobs = JobProcessor('memory://')\n@jobs.task\ndef f(): ...",
            (),
            {},
            "nobody could give these workers a job",
        ),
    ],
)
def test_what_no_worker_can_run_is_one_sentence_before_any_is_started(
    cli: Cli, code: str, options: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    (cli.folder / "other.py").write_text(code or "from app import jobs")
    done = cli.process("worker", "other:jobs", *options, **environment)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "started" not in done.stderr


def test_a_supervisor_says_one_thing_a_line_and_names_the_signal(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    process = subprocess.Popen(
        [sys.executable, "-m", "khala_jobs.cli", "worker", "app:jobs"],
        cwd=cli.folder, env={**cli.environment(), "COLUMNS": "20"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: len(cli.json("stats")["workers"]) == 2)
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=30)
    assert "khala-jobs stopping signal=SIGTERM times=1\n" in text
    assert all(said.startswith(("khala-jobs ", "{", "PIPELINE")) for said in text.splitlines())


def test_every_answer_can_be_had_as_json(cli: Cli) -> None:
    assert cli.json("doctor", "--diagram") == {"diagram": cli.run("doctor", "--diagram").removesuffix("\n")}
    assert cli.json("redis-library") == {"library": cli.run("redis-library")}


def test_an_age_in_odd_digits_is_one_sentence(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    text = cli.run("queues", "clean", "--older-than", "\u00b2", status=2)
    assert "older_than" in text
    assert text.count("\n") == 1


def test_what_only_counts_makes_no_store(cli: Cli) -> None:
    cli.enqueue("add.enqueue(1, 1)")
    source, target = cli.url, f"sqlite:///{cli.folder}/new/other.db"
    found = cli.json("migrate", source, target)
    assert (found["applied"], found["queues"]) == (False, {"default": {"ready": 1}})
    cli.run("import-khala", "sqlite:///no-redis.db", "--url", target, "--apply", status=2)
    assert not (cli.folder / "new").exists()
    assert cli.json("migrate", source, target, "--apply")["moved"] == 1
