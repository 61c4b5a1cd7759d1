"""What the commands share: options, output, errors, and the way from a URL to a client."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import re
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table
from rich.text import Text

from khala_jobs import JobProcessor
from khala_jobs.errors import Error

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

EXIT_FAILURES = 1
EXIT_USAGE = 2
EXIT_STORE = 3
PIPE_WIDTH = 250
# Control characters but tab and line feed, line separators, marks of text direction, halves of characters.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
LOG_LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def log_to_stderr(level: int) -> None:
    """Standard output is for answers: a command that runs jobs sends its logs, one line each, elsewhere."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s")


def logs_option(command: F) -> F:
    """``--logs``: a command whose answer is a report logs errors only, unless it is asked for more."""
    return click.option("--logs", is_flag=True, help="Show the log lines of the jobs as well.")(command)


def log_level(logs: bool) -> str:
    """What `logs_option` means, as a name of `LOG_LEVELS`."""
    return "info" if logs else "error"


def _or_of_parent(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """An option given before the name of a subcommand holds for the subcommand, unless it is given there as well."""
    name, given = parameter.name or "", ParameterSource.COMMANDLINE
    parent = ctx.parent
    if (
        parent is not None
        and ctx.get_parameter_source(name) is not given
        and parent.get_parameter_source(name) is given
    ):
        return parent.params[name]
    return value


def url_option(command: F) -> F:
    """``--url``: which store; BG_JOBS_URL and then the embedded default when it is not given."""
    text = "Store, e.g. sqlite:///jobs.db."
    return click.option("--url", envvar="BG_JOBS_URL", show_envvar=True, callback=_or_of_parent, help=text)(
        command
    )


def json_option(command: F) -> F:
    """``--json``: one JSON document on standard output instead of text."""
    return click.option("--json", "as_json", is_flag=True, callback=_or_of_parent, help="Answer in JSON.")(
        command
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end; an error of ours becomes one sentence and an exit status."""
    try:
        return asyncio.run(work)
    except Error as error:
        click.echo(f"khala-jobs: {error}", err=True)
        refused_input = isinstance(error, ValueError | LookupError)
        raise SystemExit(EXIT_USAGE if refused_input else EXIT_STORE) from None


@contextlib.asynccontextmanager
async def client(url: str | None, *, create: bool = False) -> AsyncIterator[JobProcessor]:
    """A processor that runs nothing: enqueue, read, manage.

    Args:
        url: Of the store; that of the settings when there is none.
        create: Make the store if there is none. A command that looks would otherwise answer a mistyped path with
            an empty store, in which all is well.
    """
    jobs = JobProcessor(url)
    try:
        await jobs.open(create=create)
        yield jobs
    finally:
        await jobs.close()


def load(target: str) -> Any:
    """The object that ``module:object`` names, with the working directory importable.

    Raises:
        click.BadParameter: No such module or object; the text says which.
    """
    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise click.BadParameter(f"{target!r} is not of the form module:object", param_hint="TARGET")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise click.BadParameter(
            f"{module_name!r} is no name of a module, such as app.main", param_hint="TARGET"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # noqa: BLE001 - the module's own code
        raise click.BadParameter(_why_not_imported(module_name, error), param_hint="TARGET") from None
    for name in path.split("."):
        if not hasattr(found, name):
            raise click.BadParameter(f"{module_name} has no {path!r}", param_hint="TARGET")
        found = getattr(found, name)
    return found


def _why_not_imported(module: str, error: Exception) -> str:
    """One sentence, with the place where the module's own code went wrong."""
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        return f"no module named {error.name!r}"
    if isinstance(error, Error):  # of what makes a JobProcessor at import, and a setting is wrong
        return f"cannot import {module}: {error}"
    what = f"{type(error).__name__}: {error}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    if isinstance(error, SyntaxError) or not frames or frames[-1].filename == __file__:
        return f"cannot import {module}: {what}"  # a SyntaxError says where itself
    return f"cannot import {module}: {what} ({frames[-1].filename}, line {frames[-1].lineno})"


def console_for(*, stderr: bool = False) -> Console:
    """Standard output, or error, for people. A pipe has no width: whoever reads it wants whole lines."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def emit(value: Any, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print `value` as JSON, or let `show` print it for people."""
    if as_json:
        text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
        click.echo(text.decode())
    else:
        show(console_for())


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A plain table; numbers to the right. Cells are shown as they are, whatever a job wrote into them."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    listed = [list(row) for row in rows]
    for index, column in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[index], int | float) for row in listed)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        made.add_row(*(Text("" if cell is None else plain(str(cell))) for cell in row))
    return made


def plain(text: str) -> str:
    """Text of others for a terminal: what would steer the terminal, or turn the line round, is written out."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def age(moment: datetime | None) -> str:
    """How long ago, in the largest unit that fits: ``12 s``, ``3 min``, ``5 h``, ``2 d``."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def by_name(mapping: Mapping[str, T], name: str | None) -> dict[str, T]:
    """All of `mapping`, or the one entry named."""
    return dict(mapping) if name is None else {name: mapping[name]}
