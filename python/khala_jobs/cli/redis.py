"""``khala-jobs redis-acl`` and ``redis-library``: what an administrator of a Redis server types.

Nothing here connects anywhere: the output is for ``redis-cli``, or for an ACL file.
"""

from __future__ import annotations

import re

import click

from khala_jobs import _core

from .common import emit, json_option

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _name(_ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise click.BadParameter("1 to 64 letters, digits and ._- are the limit", param_hint=parameter.name)
    return value


@click.command("redis-acl")
@click.option("--user", default="khala", show_default=True, callback=_name, help="Of the workers.")
@click.option("--prefix", default="khala", show_default=True, callback=_name, help="That of the store's URL.")
@click.option("--load", is_flag=True, help="Let it load the function library, so that nobody has to.")
@click.option(
    "--config", is_flag=True, help="Let it read CONFIG, so that it can tell how durable the store is."
)
@json_option
def redis_acl(user: str, prefix: str, load: bool, config: bool, as_json: bool) -> None:
    """Print the ACL command that gives a Redis user no more rights than the store needs.

    Put a password in PASSWORD's place and run it with redis-cli. Without --load an administrator loads the function
    library once for each version of this package: khala-jobs redis-library | redis-cli -x FUNCTION LOAD
    """
    line = _core.redis.acl_line(user, prefix, may_load=load, may_read_config=config)
    emit({"command": line}, as_json, lambda _console: click.echo(line))  # one line, however wide the terminal


@click.command("redis-library")
@json_option
def redis_library(as_json: bool) -> None:
    """Print the function library for: khala-jobs redis-library | redis-cli -x FUNCTION LOAD REPLACE."""
    code = _core.redis.library()
    emit({"library": code}, as_json, lambda _console: click.echo(code, nl=False))
