"""``khala-jobs``: the command line.

One module a subject. Every command can answer in JSON (``--json``, one document on standard output) and then prints
nothing else there; tables and progress are for people and go away when the output is no terminal. Commands are
thin: what they do can be done with `JobProcessor` as well.

Exit status: 0 done, 1 done with failures that the output names, 2 bad input or no such thing, 3 the store refused.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from khala_jobs import __version__

# Command: its module, and its line in the list. Modules are imported when first used: `khala-jobs --help` must not load
# NumPy.
_COMMANDS = {
    "worker": ("worker", "Run the tasks of a JobProcessor in supervised processes."),
    "jobs": ("jobs", "List, show and change jobs."),
    "queues": ("queues", "Queues with their counts; pause, resume, clean."),
    "dead": ("dead", "Dead letters: list, requeue, purge."),
    "stats": ("stats", "Counts by queue and task, and the workers."),
    "doctor": ("doctor", "Versions, the store's durability, and what is wrong with it."),
    "memory": ("memory", "The memory lifecycle on a file of one's own."),
    "migrate": ("migrate", "Move all jobs of a store to another."),
    "import-khala": ("migrate", "Take over the jobs of KHALA's own processor."),
    "redis-acl": ("redis", "Print the ACL command for a Redis user of this package."),
    "redis-library": ("redis", "Print the function library for Redis."),
    "demo": ("demo", "The memory lifecycle as durable jobs, one worker killed."),
}


# What a full disk, a quota or a limit makes of a write. (A closed pipe is click's to handle.)
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _Lazy(click.Group):
    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            _drop_output()
            click.echo(f"khala-jobs: cannot write the output: {error.strerror}", err=True)
            sys.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="khala-jobs")
def main() -> None:
    """Durable background jobs and memory maintenance."""


def _drop_output() -> None:
    """Have what standard output still buffers go nowhere: the interpreter would fail on it once more as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
