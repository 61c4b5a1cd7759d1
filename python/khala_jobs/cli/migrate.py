"""``khala-jobs migrate`` and ``import-khala``: jobs from elsewhere. Both only count unless told to move."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import click
from rich.console import Console

from khala_jobs import JobProcessor
from khala_jobs.compat.khala_import import import_khala as move_khala
from khala_jobs.migrate import migrate as move

from .common import EXIT_FAILURES, client, emit, json_option, plain, run, table, url_option

LEFT_SHOWN = 20
_apply_option = click.option("--apply", is_flag=True, help="Do it. Without this nothing is changed.")
_keep_option = click.option("--keep", is_flag=True, help="Leave the jobs in the source as well.")


@contextlib.asynccontextmanager
async def _target(url: str | None) -> AsyncIterator[JobProcessor]:
    """Where jobs are to go; opened, and made, only when there are jobs to be moved."""
    jobs = JobProcessor(url)
    try:
        yield jobs
    finally:
        await jobs.close()


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--queue", "queues", multiple=True, help="Only this queue; may be given more than once.")
@_apply_option
@_keep_option
@json_option
def migrate(
    source: str, target: str, queues: tuple[str, ...], apply: bool, keep: bool, as_json: bool
) -> None:
    """Move all jobs of the store SOURCE to the store TARGET, with their ids, order and history.

    For example: khala-jobs migrate sqlite:///jobs.db redis://localhost:6379/1 --apply
    """

    async def work() -> dict[str, Any]:
        async with client(source) as old, _target(target) as new:
            return dataclasses.asdict(await move(old, new, queues=queues, apply=apply, keep=keep))

    found = run(work())

    def show(console: Console) -> None:
        rows = [(name, sum(s.values()), _in_words(s)) for name, s in found["queues"].items()]
        console.print(table("", ("queue", "jobs", "of them"), rows))
        if apply:
            console.print(
                f"{found['moved']} moved, {found['existed']} were there already, "
                f"{found['deleted']} deleted from the source, {found['running']} left because they run"
            )
            _show_left(console, found["left"])
        else:
            console.print("nothing was changed: --apply moves them")

    emit(found, as_json, show)
    _exit_for(found["left"])


@click.command("import-khala")
@click.argument("source")
@url_option
@_apply_option
@_keep_option
@json_option
def import_khala(source: str, url: str | None, apply: bool, keep: bool, as_json: bool) -> None:
    """Take over the jobs that KHALA's own processor left in the Redis database SOURCE. Stop that processor first.

    Waiting jobs will run, those that a dead processor had taken as well; failed ones become dead letters. For example:
    khala-jobs import-khala redis://localhost:6379/1 --url redis://localhost:6379/1 --apply
    """

    async def work() -> dict[str, Any]:
        async with _target(url) as new:
            return dataclasses.asdict(await move_khala(source, new, apply=apply, keep=keep))

    found = run(work())

    def show(console: Console) -> None:
        names = ("waiting", "stranded", "failed", "ended", "expired", "unreadable")
        console.print(
            table(
                "",
                ("KHALA's jobs", "count"),
                [(n, len(found[n]) if n == "unreadable" else found[n]) for n in names],
            )
        )
        for line in found["unreadable"]:
            console.print(f"  ! {plain(line)}", markup=False, soft_wrap=True)
        if apply:
            console.print(f"{found['moved']} moved, {found['existed']} were there already")
            _show_left(console, found["left"])
        else:
            console.print("nothing was changed: --apply moves them")

    emit(found, as_json, show)
    _exit_for(found["left"] or (apply and found["unreadable"]))


def _show_left(console: Console, left: dict[str, str]) -> None:
    """What is in the source still, and why."""
    if not left:
        return
    console.print(f"{len(left)} left in the source:")
    for job_id, why in list(left.items())[:LEFT_SHOWN]:
        console.print(f"  ! {plain(job_id)}: {plain(why)}", markup=False, soft_wrap=True)
    if len(left) > LEFT_SHOWN:
        console.print(f"  … and {len(left) - LEFT_SHOWN} more; --json names all")


def _exit_for(left: object) -> None:
    if left:
        raise SystemExit(EXIT_FAILURES)


def _in_words(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items())
