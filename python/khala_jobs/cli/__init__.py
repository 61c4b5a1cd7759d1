"""``khala-jobs``: the command line.

One module a subject. Every command can answer in JSON (``--json``, one document on standard output) and then prints
nothing else there; tables and progress are for people and go away when the output is no terminal. Commands are
thin: what they do can be done with `JobProcessor` as well.

Exit status: 0 done, 1 done with failures that the output names, 2 bad input or no such thing, 3 the store refused.
"""

from __future__ import annotations

import importlib

import click

from khala_jobs import __version__

# Imported when first used: `khala-jobs --help` must not load NumPy.
_COMMANDS = {
    "worker": "worker",
    "jobs": "jobs",
    "queues": "queues",
    "dead": "dead",
    "stats": "stats",
    "doctor": "doctor",
    "memory": "memory",
    "migrate": "migrate",
    "import-khala": "migrate",
    "redis-acl": "redis",
    "redis-library": "redis",
    "demo": "demo",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{_COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="khala-jobs")
def main() -> None:
    """Durable background jobs and memory maintenance."""
