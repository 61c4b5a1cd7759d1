"""Settings from the environment (``BG_JOBS_*``) and from code; what is given in code wins.

A variable that begins with ``BG_JOBS_`` and is no setting is an error that names the nearest one: a typo
must not quietly leave a default in force.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .durations import number_in, to_ms
from .errors import InvalidArgument
from .options import COUNT_MAX, nearest
from .shown import shown

PREFIX: Final = "BG_JOBS_"
DEFAULT_URL: Final = "sqlite:///khala_jobs.db"
SCHEMES: Final = ("memory", "sqlite", "redis", "rediss", "redis+unix")
# Known from the specifications, without effect while there is no scheduler and no health check.
WITHOUT_EFFECT: Final = {"SCHEDULER_INTERVAL": "scheduler", "HEALTH_CHECK_INTERVAL": "health check"}

# Settings that are arguments of `JobProcessor` under another name.
NAMES_IN_CODE: Final = {"max_concurrent": "workers", "history_retention": "retention"}
DAY_SECONDS: Final = 86_400


class Settings(BaseSettings):
    """Everything about a `JobProcessor` that is not a task. Durations are seconds, or text such as ``10m``.

    Attributes:
        url: Where jobs are kept: ``sqlite:///relative``, ``sqlite:////absolute``, ``redis://host:6379/1``
            (``rediss://`` with TLS, ``redis+unix:///socket``) or ``memory://``; add ``?synchronous=normal`` to a
            SQLite URL for more speed and less durability. In its path, ``%``, ``?`` and ``#`` are written ``%25``,
            ``%3F`` and ``%23``.
        enabled: False: never run jobs here, only enqueue and manage.
        max_concurrent: Jobs that run at once in this process (``workers=`` in code).
        queue_size: Jobs that may wait in a queue that does not say otherwise; 0 = no limit. Where processes
            differ, the one that began last to use the queue says it.
        history_retention: For how long closed jobs are kept unless their task says otherwise: days as a number, or
            text with a unit such as ``12h``.
        lease: After the death of a worker its jobs run elsewhere after this long at the latest, in seconds.
        grace: On stop, how long running handlers may take to finish, in seconds.
        timeout: Of tasks that do not say otherwise, in seconds; 0 = none.
        max_crashes: Deaths of workers after which the job to blame is quarantined.
        log_rate: Successful runs a second that are logged; 0 = all.
        lag_warning: Time in seconds for which the event loop must not turn before the worker says who
            blocks it.
        suspects: What this worker does with jobs that ran in a process that died.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    url: str = DEFAULT_URL
    enabled: bool = True
    max_concurrent: int = Field(4, ge=1, le=10_000)
    queue_size: int = Field(0, ge=0, le=COUNT_MAX)
    history_retention: float = Field(30.0, ge=0, le=3650)
    lease: float = Field(15.0, ge=0.3, le=3600)
    grace: float = Field(30.0, ge=0, le=86_400)
    timeout: float = Field(0.0, ge=0, le=3650 * DAY_SECONDS)
    max_crashes: int = Field(3, ge=1, le=100)
    log_rate: int = Field(100, ge=0, le=COUNT_MAX)
    lag_warning: float = Field(0.25, ge=0.02, le=3600)
    suspects: Literal["none", "at_most_one", "only"] = "at_most_one"

    def job_options(self) -> dict[str, Any]:
        """What they say about every job, as a layer of `JobOptions`."""
        return {"keep": self.history_retention * DAY_SECONDS, "timeout": self.timeout or None}

    @field_validator("lease", "grace", "timeout", "lag_warning", mode="before")
    @classmethod
    def _seconds(cls, value: object, info: Any) -> object:
        """Durations may have units."""
        number = number_in(value) if isinstance(value, str) else None
        return to_ms(value if number is None else number, info.field_name) / 1000

    @field_validator("history_retention", mode="before")
    @classmethod
    def _days(cls, value: object, info: Any) -> object:
        """So may this one, whose numbers are days."""
        if isinstance(value, str) and number_in(value) is None:
            return to_ms(value, info.field_name) / (DAY_SECONDS * 1000)
        return value

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        check_url(value)
        return value


def load(**given: Any) -> Settings:
    """The settings of this process.

    Args:
        **given: Settings from code; ``None`` = not given.

    Raises:
        InvalidArgument: A value is wrong, or a ``BG_JOBS_`` variable is no setting; one sentence that says
        what.
    """
    _check_variables(os.environ)
    return _made({name: value for name, value in given.items() if value is not None})


def changed(settings: Settings, **given: Any) -> Settings:
    """The same settings but for some.

    Args:
        settings: Those that stay, whatever the environment says by now.
        **given: Those that are other; ``None`` = not given.

    Raises:
        InvalidArgument: A value is wrong; one sentence that says what.
    """
    others = {name: value for name, value in given.items() if value is not None}
    return _made({**settings.model_dump(), **others})


def _made(values: Mapping[str, Any]) -> Settings:
    """Settings from these values in code, and for the rest from the environment."""
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        cause = first.get("ctx", {}).get("error")
        reason = (
            cause.message
            if isinstance(cause, InvalidArgument)
            else f"{first['msg']} (got {shown(first['input'])})"
        )
        source = NAMES_IN_CODE.get(name, name) if name in values else f"{PREFIX}{name.upper()}"
        raise InvalidArgument(source, reason) from None


def check_url(url: str) -> None:
    """Refuse a URL whose store does not exist; the path and its parameters are the store's business.

    Raises:
        InvalidArgument: With what is wrong, and what was probably meant.
    """
    if not url.isprintable():
        raise InvalidArgument("url", f"{shown(url)} has a character that no file name or address should have")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise InvalidArgument(
            "url", f"{url!r} is no URL: write sqlite:///jobs.db (relative), redis://host:6379/1 or memory://"
        )
    if scheme not in SCHEMES:
        hint = nearest(scheme, frozenset(SCHEMES))
        raise InvalidArgument(
            "url", f"there is no store for {scheme}://{hint or ': use sqlite:///…, redis://… or memory://'}"
        )
    if scheme == "sqlite" and not rest.startswith("/"):
        path = rest or "jobs.db"
        raise InvalidArgument(
            "url", f"{url!r} lacks a slash: write sqlite:///{path} (relative) or sqlite:////… (absolute)"
        )
    if scheme == "sqlite" and "#" in rest:
        raise InvalidArgument(
            "url", f"{url!r} has a #, which a URL's path cannot have: write %23 if it is in a name"
        )


def _check_variables(environment: Mapping[str, str]) -> None:
    known = frozenset(PREFIX + name.upper() for name in Settings.model_fields)
    in_code = {PREFIX + code.upper(): PREFIX + name.upper() for name, code in NAMES_IN_CODE.items()}
    for name in environment:
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known:
            continue
        missing = WITHOUT_EFFECT.get(upper.removeprefix(PREFIX))
        if missing is None:
            meant = in_code.get(upper)
            hint = nearest(upper, known) if meant is None else f": did you mean {meant}?"
            raise InvalidArgument(name, f"no setting of this name{hint}")
        warnings.warn(f"{name} has no effect: there is no {missing} in this version", stacklevel=4)
