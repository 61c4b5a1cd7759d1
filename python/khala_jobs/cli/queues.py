"""``khala-jobs queues``: what waits where; pause, resume, clean."""

from __future__ import annotations

from typing import Any

import click

from khala_jobs.durations import number_in

from .common import age, client, emit, json_option, plain, run, table, url_option

_COLUMNS = (
    "queue",
    "waiting",
    "active",
    "delayed",
    "completed",
    "failed",
    "quarantined",
    "parked",
    "oldest",
    "paused",
)


@click.group(invoke_without_command=True)
@url_option
@json_option
@click.pass_context
def queues(ctx: click.Context, url: str | None, as_json: bool) -> None:
    """Queues with their counts, or one of the commands below."""
    if ctx.invoked_subcommand is not None:
        return

    async def work() -> dict[str, Any]:
        async with client(url) as found:
            return dict(await found.queues.all_stats())

    stats = run(work())
    rows = [
        (
            name,
            *(s[c] for c in _COLUMNS[1:-2]),
            age(s["oldest_waiting_at"]),
            "paused" if s["paused"] else "",
        )
        for name, s in stats.items()
    ]
    emit(stats, as_json, lambda console: console.print(table("", _COLUMNS, rows)))


@queues.command("pause")
@click.argument("queue")
@url_option
@json_option
def pause(queue: str, url: str | None, as_json: bool) -> None:
    """Start no more jobs of QUEUE, in any process; running ones finish."""
    _switch(queue, url, as_json, paused=True)


@queues.command("resume")
@click.argument("queue")
@url_option
@json_option
def resume(queue: str, url: str | None, as_json: bool) -> None:
    """Undo pause."""
    _switch(queue, url, as_json, paused=False)


def _switch(queue: str, url: str | None, as_json: bool, *, paused: bool) -> None:
    async def work() -> None:
        async with client(url) as found:
            change = found.queues.pause if paused else found.queues.resume
            await change(queue, actor="cli")

    run(work())
    emit(
        {"queue": queue, "paused": paused},
        as_json,
        lambda c: c.print(f"{plain(queue)} {'paused' if paused else 'resumed'}", markup=False),
    )


@queues.command("clean")
@click.argument("queue", required=False, default="")
@click.option("--state", "states", multiple=True, default=("completed",), show_default=True)
@click.option("--older-than", help="Ended at least this long ago, e.g. 7d; seconds without a unit.")
@click.option("--keep", type=click.IntRange(0), help="The newest so many of each queue and state stay.")
@url_option
@json_option
def clean(
    queue: str,
    states: tuple[str, ...],
    older_than: str | None,
    keep: int | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Delete ended jobs of QUEUE (all queues without it) by age or count."""
    if older_than is None and keep is None:
        raise click.UsageError("give --older-than, --keep, or both")
    seconds = None if older_than is None else number_in(older_than)

    async def work() -> int:
        async with client(url) as found:
            return await found.queues.clean(
                queue=queue,
                states=states,  # type: ignore[arg-type]  # checked there
                older_than=older_than if seconds is None else seconds,
                keep=keep,
            )

    count = run(work())
    emit({"removed": count}, as_json, lambda console: console.print(f"{count} removed"))
