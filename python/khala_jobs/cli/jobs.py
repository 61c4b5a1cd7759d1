"""``khala-jobs jobs``: list, show, retry, cancel, remove."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import click
import orjson
from rich.console import Console

from khala_jobs.errors import NotFound
from khala_jobs.info import JobInfo
from khala_jobs.processor import JobProcessor

from .common import EXIT_FAILURES, age, client, emit, json_option, plain, run, table, url_option

SUMMARY_CHARACTERS = 100
REFUSED_RETRY = "it is ready, running or expired"
_COLUMNS = ("id", "task", "queue", "state", "priority", "attempt", "enqueued", "reason")


@click.group()
def jobs() -> None:
    """List, show and change jobs."""


def summary(job: JobInfo) -> tuple[Any, ...]:
    """The row of a job in a list."""
    why = job.reason
    if job.state == "failed" and job.error is not None:
        why = f"{job.error.type}: {job.error.message}".splitlines()[0][:SUMMARY_CHARACTERS]
    return (job.id, job.task, job.queue, job.state, job.priority, job.attempt, age(job.enqueued_at), why)


def as_dict(job: JobInfo) -> dict[str, Any]:
    """A job for JSON."""
    return dataclasses.asdict(job)


@jobs.command("list")
@click.option("--state", "states", multiple=True, help="Only these states; may be repeated.")
@click.option("--queue", default="", help="Only this queue.")
@click.option("--task", default="", help="Only this task.")
@click.option("--correlation-id", default="", help="Only with this correlation id.")
@click.option("--error-type", default="", help="Only those whose latest error is of this class.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", default="", help="Where the previous page ended.")
@click.option("--newest", is_flag=True, help="Newest first.")
@url_option
@json_option
def list_(
    states: tuple[str, ...],
    queue: str,
    task: str,
    correlation_id: str,
    error_type: str,
    limit: int,
    cursor: str,
    newest: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """List jobs that match every filter given."""

    async def work() -> Any:
        async with client(url) as found:
            return await found.queues.list(
                states=states,  # type: ignore[arg-type]  # checked there
                queue=queue,
                task=task,
                correlation_id=correlation_id,
                error_type=error_type,
                order="newest_first" if newest else "oldest_first",
                limit=limit,
                cursor=cursor,
            )

    page = run(work())

    def show(console: Console) -> None:
        console.print(table("", _COLUMNS, (summary(job) for job in page.jobs)))
        if page.cursor:
            console.print(f"more: --cursor {page.cursor}")

    emit({"jobs": [as_dict(job) for job in page.jobs], "cursor": page.cursor}, as_json, show)


@jobs.command("show")
@click.argument("job_id")
@url_option
@json_option
def show_(job_id: str, url: str | None, as_json: bool) -> None:
    """Show a job with its arguments, result, error and the history of its attempts."""

    async def work() -> JobInfo:
        async with client(url) as found:
            return await found.queues.get(job_id)

    job = run(work())

    def show(console: Console) -> None:
        fields = as_dict(job)
        history = fields.pop("history")
        error = fields.pop("error")
        for name, value in fields.items():
            always = name in ("priority", "attempt") or (name == "result" and job.state == "completed")
            if always or value not in (None, "", {}, 0, False):
                whole = isinstance(value, dict | list) or name == "result"
                text = orjson.dumps(value, default=str).decode() if whole else str(value)
                console.print(f"{name:>16}  {plain(text)}", markup=False)
        if error is not None:
            text = plain(f"{error.get('type')}: {error.get('message')}")
            console.print(f"{'error':>16}  {text}", markup=False)
        rows = [
            (
                a["number"],
                a["outcome"],
                a["started_at"],
                a["ended_at"],
                a["worker"],
                (a["error"] or {}).get("message"),
            )
            for a in history
        ]
        console.print(table("attempts", ("n", "outcome", "started", "ended", "worker", "error"), rows))

    emit(as_dict(job), as_json, show)


# What became of a job: done, refused, or done in the words given.
Verb = Callable[[JobProcessor, str], Awaitable[bool | str]]


def _change(
    ids: tuple[str, ...], url: str | None, as_json: bool, verb: Verb, done: str, refused: str
) -> None:
    """Apply `verb` to each id once; one that is missing does not stop the rest."""
    failed = False

    async def work() -> dict[str, str]:
        nonlocal failed
        answers: dict[str, str] = {}
        async with client(url) as found:
            for job_id in dict.fromkeys(ids):
                try:
                    verdict = await verb(found, job_id)
                    answers[job_id] = verdict if isinstance(verdict, str) else done if verdict else refused
                    failed |= not verdict
                except NotFound:
                    answers[job_id], failed = "no such job", True
        return answers

    answers = run(work())

    def show(console: Console) -> None:
        for job_id, answer in answers.items():
            console.print(f"{plain(job_id)}  {answer}", markup=False)

    emit(answers, as_json, show)
    if failed:
        raise SystemExit(EXIT_FAILURES)


@jobs.command("retry")
@click.argument("ids", nargs=-1, required=True)
@url_option
@json_option
def retry(ids: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Run jobs again: ended ones with a fresh retry budget, waiting ones at once."""
    _change(ids, url, as_json, lambda p, i: p.queues.retry(i, actor="cli"), "ready", REFUSED_RETRY)


@jobs.command("cancel")
@click.argument("ids", nargs=-1, required=True)
@click.option("--reason", default="", help="Kept with the job.")
@url_option
@json_option
def cancel(ids: tuple[str, ...], reason: str, url: str | None, as_json: bool) -> None:
    """Cancel jobs: waiting ones at once, running ones are told within a second."""

    async def verb(found: JobProcessor, job_id: str) -> bool | str:
        if not await found.queues.cancel(job_id, reason, actor="cli"):
            return False
        state = (await found.queues.get(job_id)).state
        return state == "cancelled" or f"asked to stop: it is {state}"

    _change(ids, url, as_json, verb, "cancelled", "it had ended already")


@jobs.command("remove")
@click.argument("ids", nargs=-1, required=True)
@url_option
@json_option
def remove(ids: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Delete jobs with their history; a running one must be cancelled first."""
    _change(
        ids, url, as_json, lambda p, i: p.queues.remove(i, actor="cli"), "removed", "it is running: cancel it"
    )
