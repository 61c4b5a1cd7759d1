"""``khala-jobs dead``: jobs that failed for good or are quarantined."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from khala_jobs import JobProcessor
from khala_jobs.queues import DEAD, Filters

from .common import EXIT_FAILURES, client, emit, json_option, plain, run, table, url_option
from .jobs import as_dict, summary

_COLUMNS = ("id", "task", "queue", "state", "priority", "attempt", "enqueued", "reason")


@click.group(invoke_without_command=True)
@click.option("--queue", default="", help="Only this queue.")
@click.option("--task", default="", help="Only this task.")
@click.option("--error-type", default="", help="Only those whose latest error is of this class.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", default="", help="Where the previous page ended.")
@url_option
@json_option
@click.pass_context
def dead(
    ctx: click.Context,
    queue: str,
    task: str,
    error_type: str,
    limit: int,
    cursor: str,
    url: str | None,
    as_json: bool,
) -> None:
    """Dead letters, newest first, or one of the commands below."""
    if ctx.invoked_subcommand is not None:
        limited = ctx.get_parameter_source("limit") is ParameterSource.COMMANDLINE
        if queue or task or error_type or cursor or limited:
            raise click.UsageError(
                f"filters go after the command: khala-jobs dead {ctx.invoked_subcommand} --queue …"
            )
        return

    async def work() -> Any:
        async with client(url) as found:
            return await found.queues.dead(
                limit=limit, cursor=cursor, queue=queue, task=task, error_type=error_type
            )

    page = run(work())

    def show(console: Console) -> None:
        console.print(table("", _COLUMNS, (summary(job) for job in page.jobs)))
        if page.cursor:
            console.print(f"more: --cursor {page.cursor}")

    emit({"jobs": [as_dict(job) for job in page.jobs], "cursor": page.cursor}, as_json, show)


def _filters(command: Any) -> Any:
    for option in (
        click.argument("ids", nargs=-1),
        click.option("--all", "every", is_flag=True, help="All dead letters that match."),
        click.option("--queue", default="", help="Of this queue."),
        click.option("--task", default="", help="Of this task."),
        click.option("--error-type", default="", help="Whose latest error is of this class."),
        click.option("--limit", type=click.IntRange(1), help="The newest so many of those that match."),
        url_option,
        json_option,
    ):
        command = option(command)
    return command


def _apply(
    verb: str,
    ids: tuple[str, ...],
    every: bool,
    limit: int | None,
    filters: Filters,
    url: str | None,
    as_json: bool,
) -> None:
    """Requeue or purge the ids given, or all that match; which of the two must be said."""
    if bool(ids) == (every or any(filters.values())) or (ids and limit is not None):
        raise click.UsageError(
            "give ids, or --all, or at least one of --queue, --task, --error-type; --limit goes with the latter"
        )
    if limit is not None:
        filters["limit"] = limit
    done = "requeued" if verb == "requeue" else "purged"

    async def work() -> dict[str, Any]:
        async with client(url) as found:
            if ids:
                return await _each(found, verb, done, ids)
            change = found.queues.requeue_dead if verb == "requeue" else found.queues.purge_dead
            return {done: await change(actor="cli", **filters)}

    answer = run(work())
    refused: dict[str, str] = answer.get("refused", {})

    def show(console: Console) -> None:
        for job_id, why in refused.items():
            console.print(f"{plain(job_id)}  {why}", markup=False)
        console.print(f"{answer[done]} {done}")

    emit(answer, as_json, show)
    if refused:
        raise SystemExit(EXIT_FAILURES)


async def _each(found: JobProcessor, verb: str, done: str, ids: tuple[str, ...]) -> dict[str, Any]:
    """Change those of these jobs that are dead letters."""
    change = found.queues.retry if verb == "requeue" else found.queues.remove
    count, refused = 0, dict[str, str]()
    wanted = dict.fromkeys(ids)
    for job_id, info in zip(wanted, await found.queues.get_many(wanted), strict=True):
        if info is None:
            refused[job_id] = "no such job"
        elif info.state not in DEAD:
            refused[job_id] = f"no dead letter: it is {info.state}"
        else:
            count += await change(job_id, actor="cli")
    return {done: count, **({"refused": refused} if refused else {})}


def _command(verb: str, text: str) -> None:
    @dead.command(verb, help=text)
    @_filters
    def change(
        ids: tuple[str, ...],
        every: bool,
        queue: str,
        task: str,
        error_type: str,
        limit: int | None,
        url: str | None,
        as_json: bool,
    ) -> None:
        filters = Filters(queue=queue, task=task, error_type=error_type)
        _apply(verb, ids, every, limit, filters, url, as_json)


_command("requeue", "Run dead letters again, with a fresh retry budget.")
_command("purge", "Delete dead letters.")
