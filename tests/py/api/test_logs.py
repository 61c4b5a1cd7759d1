"""Log lines: what is written, under which names, and what it costs when nobody reads."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from khala_jobs import Cancel, Context, JobFailed, JobProcessor, Retry, Snooze
from khala_jobs.logs import JobLog, pipeline_line

Make = Callable[..., JobProcessor]

PIPELINE = re.compile(r"^PIPELINE_METRICS: step=(\S+) correlation_id=(\S+) job_id=(\S+)(.*)$")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="khala_jobs")
    return caplog


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "khala_jobs"]


def pipeline(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, str]]]:
    found = []
    for record in caplog.records:
        if record.name == "khala_jobs.pipeline":
            match = PIPELINE.match(record.getMessage())
            assert match is not None, record.getMessage()
            fields = dict(part.split("=", 1) for part in match[4].split())
            found.append((match[1], {"correlation_id": match[2], "job_id": match[3], **fields}))
    return found


async def run_all(jobs: JobProcessor) -> dict[str, str]:
    @jobs.task
    async def good(ctx: Context) -> None:
        ctx.step("workspace_complete", workspace="test", deleted_documents=10)
        ctx.step("quick", duration_ms=1500)

    @jobs.task(queue="q", retry=None)
    async def bad() -> None:
        raise ValueError("no such memory")

    @jobs.task
    async def other(kind: str) -> None:
        raise {"cancel": Cancel("gone"), "snooze": Snooze("1h", "wait"), "retry": Retry("1h", "again")}[kind]

    ids = {}
    async with jobs:
        job = await good.options(correlation_id="req-1").enqueue()
        await job.result(20)
        ids["good"] = job.id
        job = await bad.enqueue()
        await asyncio.wait([asyncio.ensure_future(job.result(20))])
        ids["bad"] = job.id
        for kind in ("cancel", "snooze", "retry"):
            ids[kind] = (await other.enqueue(kind)).id
        await jobs.wait_idle()
        while jobs.metrics.snapshot().processed < 5:
            await asyncio.sleep(0.005)
        await jobs.queues.pause("q", actor="ada")
        await jobs.queues.resume("q")
    return ids


async def test_every_change_is_one_event_with_the_agreed_fields(
    make: Make, lines: pytest.LogCaptureFixture
) -> None:
    ids = await run_all(make(retry=3))
    found = events(lines)
    for event in found:
        assert set(event) == {"timestamp", "correlationId", "level", "event", "data"}
    by_id = {(e["event"], e["data"].get("jobId")): e for e in found}
    started, done = by_id["job_started", ids["good"]], by_id["job_completed", ids["good"]]
    assert (started["correlationId"], started["level"], started["data"]["queue"]) == (
        "req-1",
        "info",
        "default",
    )
    assert done["data"]["duration"] >= 0
    failed = by_id["job_failed", ids["bad"]]
    assert failed["level"] == "error"
    assert failed["data"]["queue"] == "q"
    assert failed["data"]["error"] == "ValueError: no such memory"
    assert failed["correlationId"] == ids["bad"]
    assert by_id["job_cancelled", ids["cancel"]]["data"]["reason"] == "gone"
    assert by_id["job_snoozed", ids["snooze"]]["data"]["reason"] == "wait"
    assert by_id["job_retried", ids["retry"]]["data"]["reason"] == "again"
    assert by_id["queue_paused", None]["data"] == {"queue": "q", "actor": "ada"}
    assert ("queue_resumed", None) in by_id


async def test_pipeline_lines_at_start_at_each_step_and_at_the_end(
    make: Make, lines: pytest.LogCaptureFixture
) -> None:
    ids = await run_all(make(retry=3))
    good = [(step, fields) for step, fields in pipeline(lines) if fields["job_id"] == ids["good"]]
    assert [step for step, _ in good] == [
        "good_job_start",
        "good_workspace_complete",
        "good_quick",
        "good_job_complete",
    ]
    assert all(fields["correlation_id"] == "req-1" for _, fields in good)
    assert good[1][1]["deleted_documents"] == "10"
    assert int(good[1][1]["duration_ms"]) >= 0
    assert good[2][1]["duration_ms"] == "1500"
    assert good[3][1]["success_rate"] == "100.0%"
    assert int(good[3][1]["duration_ms"]) >= 0
    bad = [(step, fields) for step, fields in pipeline(lines) if fields["job_id"] == ids["bad"]]
    assert [step for step, _ in bad] == ["bad_job_start", "bad_job_failed"]
    assert bad[1][1]["success_rate"] == "0.0%"
    assert bad[1][1]["error"] == "ValueError"


async def test_by_default_only_failures_are_seen(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="khala_jobs")
    await run_all(make(retry=3))
    assert {event["event"] for event in events(caplog)} == {"job_failed"}
    assert pipeline(caplog) == []


@pytest.mark.parametrize("retries", [None, 1])
async def test_a_retry_that_there_is_none_left_for_is_a_failure(
    make: Make, caplog: pytest.LogCaptureFixture, retries: int | None
) -> None:
    caplog.set_level(logging.INFO, logger="khala_jobs")
    jobs = make(workers=1)

    @jobs.task(retry=retries)
    async def upstream() -> None:
        raise Retry(after=0, reason="503")

    async with jobs:
        job = await upstream.enqueue()
        with pytest.raises(JobFailed):
            await job.result(20)
        await jobs.wait_idle()
        snapshot = jobs.metrics.snapshot()
    ended = [e for e in events(caplog) if e["event"] in ("job_failed", "job_retried")]
    assert [e["event"] for e in ended] == ["job_retried"] * (retries or 0) + ["job_failed"]
    assert (ended[-1]["level"], ended[-1]["data"]["error"]) == ("error", "Retry: no retries left")
    assert ended[-1]["data"]["reason"] == "503"
    assert (snapshot.failed, snapshot.success_rate) == (1, 0.0)


async def test_runs_beyond_the_rate_are_left_out_whole_and_counted(
    make: Make, lines: pytest.LogCaptureFixture
) -> None:
    jobs = make(log_rate=5, workers=1)

    @jobs.task
    async def work(ctx: Context, n: int) -> None:
        ctx.step("half")
        if n == 99:
            raise ValueError

    async with jobs:
        handles = await work.enqueue_many([(n,) for n in range(100)])
        await asyncio.wait([asyncio.ensure_future(job.result(30)) for job in handles])
        await asyncio.sleep(1.1)
        await (await work.enqueue(0)).result(20)
    found = events(lines)
    started = [e["data"]["jobId"] for e in found if e["event"] == "job_started"]
    completed = [e["data"]["jobId"] for e in found if e["event"] == "job_completed"]
    assert len(started) < 100
    assert set(completed) <= set(started)
    steps = pipeline(lines)
    assert len([s for s, _ in steps if s == "work_half"]) == len(started)
    (failed,) = [e for e in found if e["event"] == "job_failed"]
    assert failed["data"]["error"] == "ValueError"
    left_out = sum(e["data"]["leftOut"] for e in found if e["event"] == "log_sampled")
    assert left_out + len(started) == 101


def test_no_rate_means_every_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="khala_jobs")
    log = JobLog(0)
    assert all(log.admit(100.0) for _ in range(10_000))
    caplog.set_level(logging.ERROR, logger="khala_jobs")
    assert not any(log.admit(200.0) for _ in range(10))


async def test_where_structlog_is_configured_lines_go_through_it(make: Make) -> None:
    jobs = make()

    @jobs.task
    async def work(ctx: Context) -> None:
        ctx.logger.info("inside", extra=1)

    try:
        with structlog.testing.capture_logs() as captured:
            structlog.configure(processors=structlog.get_config()["processors"])
            async with jobs:
                job = await work.enqueue()
                await job.result(20)
    finally:
        structlog.reset_defaults()
    by_event = {entry["event"]: entry for entry in captured}
    assert {"job_started", "job_completed", "PIPELINE_METRICS", "inside"} <= set(by_event)
    assert by_event["PIPELINE_METRICS"]["step"] == "work_job_complete"
    inside = by_event["inside"]
    assert (inside["job_id"], inside["task"], inside["attempt"], inside["extra"]) == (job.id, "work", 1, 1)


async def test_a_step_may_not_pose_as_another_job(make: Make) -> None:
    jobs = make()

    @jobs.task
    async def work(ctx: Context) -> str:
        try:
            ctx.step("x", job_id="other")
        except ValueError as error:
            return str(error)
        return "accepted"

    async with jobs:
        assert "job_id" in await (await work.enqueue()).result(20)


def test_the_package_configures_no_logging() -> None:
    script = """
import logging, structlog
before = list(logging.root.handlers), logging.root.level
from khala_jobs import JobProcessor
from khala_jobs.cli import main
JobProcessor("memory://")
assert (list(logging.root.handlers), logging.root.level) == before
assert logging.getLogger("khala_jobs").handlers == [] and logging.getLogger("khala_jobs").level == 0
assert not structlog.is_configured()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_value_cannot_end_its_line_nor_look_like_two() -> None:
    event = {
        "event": "PIPELINE_METRICS",
        "step": "a",
        "note": "x\nPIPELINE_METRICS: step=fake",
        "quote": 'a"b',
    }
    line = pipeline_line(None, "info", {**event, "plain": "a=b", "bad key\n": "\u2028\ud800", "path": "a\\b"})
    assert line == (
        'PIPELINE_METRICS: step=a note="x\\nPIPELINE_METRICS: step=fake" quote="a\\"b" plain=a=b '
        '"bad key\\n"="\\u2028\\ud800" path="a\\\\b"'
    )
