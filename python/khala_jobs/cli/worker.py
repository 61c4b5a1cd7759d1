"""``khala-jobs worker module:object``: run a processor's tasks until a signal says stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from typing import Any, Literal

import click

from khala_jobs import JobProcessor, settings
from khala_jobs.errors import InvalidArgument
from khala_jobs.supervisor import ChildSpec, Supervisor

from .common import LOG_LEVELS, console_for, json_option, load, log_to_stderr, run

Suspects = Literal["none", "only", "at_most_one"]
_NAMES = {
    "child_started": "started",
    "child_ended": "ended",
    "child_stuck": "stuck: ending it",
    "stopping": "stopping",
}


@click.command()
@click.argument("target")
@click.option(
    "--processes", "-p", type=click.IntRange(1, 256), default=1, show_default=True, help="Worker processes."
)
@click.option("--workers", "-w", type=click.IntRange(1, 10_000), help="Jobs at once in each process.")
@click.option("--url", help="Store to work on instead of the processor's own.")
@click.option(
    "--supervised", hidden=True, help="This is a child: fd of its messages, fd of its parent's life."
)
@click.option("--suspects", hidden=True, default="none", type=click.Choice(["none", "only", "at_most_one"]))
@click.option(
    "--log-level",
    type=click.Choice(list(LOG_LEVELS)),
    default="info",
    show_default=True,
    help="Of the lines on standard error.",
)
@json_option
def worker(
    target: str,
    processes: int,
    workers: int | None,
    url: str | None,
    supervised: str | None,
    suspects: Suspects,
    log_level: str,
    as_json: bool,
) -> None:
    """Run the tasks of TARGET (module:object, a JobProcessor) in supervised processes.

    A process that dies is replaced; one whose handler cannot be stopped is ended. Jobs that were running in a process
    that died run again in a process of their own, so that one that kills its worker is found without harming others.
    SIGTERM stops gracefully; a second one cancels what runs.
    """
    log_to_stderr(LOG_LEVELS[log_level])
    jobs = load(target)
    if not isinstance(jobs, JobProcessor):
        raise click.BadParameter(
            f"{target} is of type {type(jobs).__name__}, not a JobProcessor", param_hint="TARGET"
        )
    if supervised is not None:
        message_fd, life_fd = (int(part) for part in supervised.split(","))
        run(_serve(jobs, message_fd, life_fd, suspects, workers, url))
        return
    common = ["worker", target, "--log-level", log_level, *(["--url", url] if url is not None else [])]
    sized = [*common, "--workers", str(workers)] if workers is not None else common
    specs = [ChildSpec(f"worker-{i}", (*sized, "--suspects", "none")) for i in range(processes)]
    specs.append(ChildSpec("suspects", (*common, "--workers", "1", "--suspects", "only")))
    raise SystemExit(run(_supervise(target, jobs, url, specs, as_json)))


def _check(target: str, jobs: JobProcessor, url: str | None) -> None:
    """Refuse what would make every child die at its start, or run without ever doing anything."""
    if url is not None:
        settings.check_url(url)
    for definition in jobs:
        definition.prepare()
    if not jobs.settings.enabled:
        raise InvalidArgument("enabled", "is false (BG_JOBS_ENABLED, or in code), so nothing would run")
    if not jobs.definitions:
        raise InvalidArgument(
            "TARGET", f"{target} has no tasks: import the modules that add them before it is looked at"
        )
    if (jobs.url if url is None else url).startswith("memory://"):
        raise InvalidArgument(
            "url",
            "memory:// is a store of one process alone, so nobody could give these workers a job: "
            "use sqlite:///… or redis://…",
        )


async def _supervise(
    target: str, jobs: JobProcessor, url: str | None, specs: list[ChildSpec], as_json: bool
) -> int:
    _check(target, jobs, url)
    console = console_for(stderr=True)

    def announce(event: dict[str, Any]) -> None:
        if as_json:
            click.echo(json.dumps(event))
            return
        what = _NAMES.get(event["event"], event["event"])
        who = event.get("child", "")
        details = " ".join(f"{k}={v}" for k, v in event.items() if k not in ("event", "child"))
        line = " ".join(part for part in ("khala-jobs", who, what, details) if part)
        console.print(line, markup=False, soft_wrap=True)

    return await Supervisor(specs, grace=jobs.grace, announce=announce).run()


async def _serve(
    jobs: JobProcessor,
    message_fd: int,
    life_fd: int,
    suspects: Suspects,
    workers: int | None,
    url: str | None,
) -> None:
    """One child: work until SIGTERM, or until the parent is gone."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    closing: list[asyncio.Task[None]] = []

    def on_signal() -> None:
        if stop.is_set() and closing:
            jobs.cancel_running()
        stop.set()

    def on_life() -> None:
        if not os.read(life_fd, 1):
            loop.remove_reader(life_fd)
            on_signal()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    os.set_blocking(life_fd, False)
    loop.add_reader(life_fd, on_life)
    jobs.configure_worker(url=url, workers=workers, suspects=suspects, supervised_fd=message_fd)
    await jobs.start()
    try:
        _tell(message_fd, {"event": "open", "store": jobs.info["location"], "pid": os.getpid()})
        await jobs.wait_until(stop)
    finally:
        closing.append(asyncio.create_task(jobs.close()))
        await closing[0]
        _tell(message_fd, {"event": "closed"})


def _tell(message_fd: int, message: dict[str, Any]) -> None:
    """Send the parent a message, if it is still there."""
    with contextlib.suppress(BrokenPipeError):
        os.write(message_fd, json.dumps(message).encode() + b"\n")
