"""Options of tasks and of single enqueues: names, types, and how layers of them become what the core takes.

The layers, each overriding the one before: the `JobProcessor`'s defaults, the queue's, the task's,
``.options(…)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, TypedDict

import orjson

from .durations import DURATION_MAX_MS, Duration, instant_ms, to_ms
from .errors import InvalidArgument
from .retry import RetryOption, retry_policy
from .shown import shown

PRIORITY_MAX: Final = 255
COUNT_MAX: Final = 2**31 - 1  # of counts that the core keeps; each of its stores has room for it
BATCH_JOBS: Final = 10_000  # in one call
BATCH_BYTES: Final = 16 * 1024 * 1024  # of payload in one call
PAYLOAD_BYTES: Final = 1024 * 1024  # of one job (base/limits.hpp)
# From the soft time-out, when the handler is asked to stop, to the hard one, when its time is over.
HARD_TIMEOUT_AFTER_MS: Final = 5_000


class Priority(IntEnum):
    """Named priorities; any whole number 0..255 will do, larger runs sooner."""

    LOW = 2
    MEDIUM = 5
    HIGH = 8
    CRITICAL = 10


class JobOptions(TypedDict, total=False):
    """What a task, a queue or an enqueue may say about jobs.

    Keys:
        queue: Name of the queue; default ``"default"``.
        priority: 0..255, larger runs sooner.
        timeout: After this long the handler is asked to stop (cancelled, or ``ctx.cancelled``); ``None`` =
            never.
        hard_timeout: After this long the run is over whatever the handler does; default `timeout` + 5 s.
        retry: Policy, number of retries, or ``None``.
        expires: A job not started by then expires: a duration since enqueue, or a datetime.
        keep: How long the closed job and its result are kept; 0 = removed at the next clean-up. Dead letters
            stay 30 days at least.
        headers: Strings to go with the job.
        tenant: On whose behalf.
    """

    queue: str
    priority: int
    timeout: Duration | None
    hard_timeout: Duration | None
    retry: RetryOption
    expires: Duration | datetime | None
    keep: Duration
    headers: Mapping[str, str]
    tenant: str


class TaskOptions(JobOptions, total=False):
    """`JobOptions`, and what belongs to a task only.

    Keys:
        name: Under which the task is stored with jobs; default: the function's, or the class's, name.
        version: Number from 0 stored with jobs, for code that must tell old payloads from new ones.
        process: Run each job of this sync handler in a child process that can be killed.
    """

    name: str
    version: int
    process: bool


class EnqueueOptions(JobOptions, total=False):
    """`JobOptions`, and what belongs to one enqueue only.

    Keys:
        delay: Not before this long from now; ``None`` = at once.
        at: Not before then (a datetime with a time zone); ``None`` = at once.
        id: Id of the job (1..128 bytes); enqueuing the same id again changes nothing.
        correlation_id: Default: that of the running job, or of `khala_jobs.correlation`, or the job's own id.
    """

    delay: Duration | None
    at: datetime | None
    id: str
    correlation_id: str


NAMES: Final = frozenset(EnqueueOptions.__annotations__)
TASK_NAMES: Final = frozenset(TaskOptions.__annotations__)


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers win."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    return merged


def check_names(options: Mapping[str, Any], allowed: frozenset[str] = NAMES, what: str = "option") -> None:
    """Refuse unknown names of options, or of what they are.

    Raises:
        InvalidArgument: With the nearest name that exists.
    """
    for name in options:
        if name not in allowed:
            raise InvalidArgument(name, f"no such {what}{nearest(name, allowed)}")


def nearest(name: str, known: frozenset[str]) -> str:
    """``": did you mean X?"`` when something known is close, else nothing."""
    import difflib

    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f": did you mean {close[0]}?" if close else ""


def kept_options(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a task's options those that its jobs get, all checked: the others say what the task is.

    Raises:
        InvalidArgument: An option is of the wrong kind or contradicts another.
    """
    kept = {key: value for key, value in options.items() if key not in {"name", "process"}}
    core_arguments(task, kept)
    return kept


def core_arguments(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of the core's ``JobOptions``; what the core itself checks is left to it.

    Raises:
        InvalidArgument: An option is of the wrong kind or contradicts another.
    """
    check_names(options, NAMES | {"version"})
    core: dict[str, Any] = {"task": task, "queue": text(options.get("queue", "default"), "queue")}
    core["priority"] = priority(options.get("priority", Priority.MEDIUM))
    core |= _times(options)
    core |= _timeouts(options)
    if "retry" in options:
        core["retry"] = retry_policy(options["retry"]).text
    if "keep" in options:
        core["result_ttl_ms"] = to_ms(options["keep"], "keep")
    for name in ("correlation_id", "tenant"):
        if name in options:
            core[name] = text(options[name], name)
    if "headers" in options:
        core["headers"] = _headers(options["headers"])
    if "version" in options:
        core["task_version"] = count(options["version"], "version")
    return core


def count(value: object, field: str, *, least: int = 0, most: int = COUNT_MAX) -> int:
    """A whole number that the core can take, checked.

    Raises:
        InvalidArgument: It is none, or outside `least`..`most`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArgument(field, f"expected a whole number from {least} to {most}, got {shown(value)}")
    return int(value)


def priority(value: object) -> int:
    """A priority, checked.

    Raises:
        InvalidArgument: It is no whole number, or outside 0..255.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(
            "priority", f"expected Priority.HIGH or a whole number 0..255, got {shown(value)}"
        )
    if not 0 <= value <= PRIORITY_MAX:
        raise InvalidArgument("priority", f"{shown(value)} is outside 0..{PRIORITY_MAX}")
    return int(value)


def _times(options: Mapping[str, Any]) -> dict[str, int]:
    """From when the job may start, and until when."""
    delay, at, expires = options.get("delay"), options.get("at"), options.get("expires")
    core: dict[str, int] = {}
    if delay is not None and at is not None:
        raise InvalidArgument("delay", "give delay or at, not both")
    if delay is not None:
        core["delay_ms"] = to_ms(delay, "delay")
    if at is not None:
        core["run_at"] = instant_ms(at, "at")
    if isinstance(expires, datetime):
        core["expires_at"] = instant_ms(expires, "expires")
    elif expires is not None:
        core["expires_ms"] = _positive(expires, "expires")
    # Durations count from the store's clock, which is not known here: like is compared with like.
    for start, end in (("delay_ms", "expires_ms"), ("run_at", "expires_at")):
        if start in core and end in core and core[end] <= core[start]:
            raise InvalidArgument(
                "expires", f"not after {'at' if delay is None else 'delay'}: the job could never run"
            )
    return core


def _timeouts(options: Mapping[str, Any]) -> dict[str, int]:
    soft, hard = options.get("timeout"), options.get("hard_timeout")
    core: dict[str, int] = {}
    if soft is not None:
        core["soft_timeout_ms"] = _positive(soft, "timeout")
        hard_ms = core["soft_timeout_ms"] + HARD_TIMEOUT_AFTER_MS
        core["hard_timeout_ms"] = min(hard_ms, DURATION_MAX_MS)  # after the longest of all there is no later
    if hard is not None:
        core["hard_timeout_ms"] = _positive(hard, "hard_timeout")
        if core["hard_timeout_ms"] < core.get("soft_timeout_ms", 0):
            raise InvalidArgument("hard_timeout", "shorter than timeout")
    return core


def _positive(value: Duration, field: str) -> int:
    milliseconds = to_ms(value, field)
    if milliseconds == 0:
        raise InvalidArgument(field, "must be longer than 0 (None = no limit)")
    return milliseconds


def text(value: object, field: str) -> str:
    """A text that the core can take; what a name may look like is its business.

    Raises:
        InvalidArgument: It is no text, or none that UTF-8 can express.
    """
    if not isinstance(value, str):
        raise InvalidArgument(field, f"expected text, got {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(field, "has a lone surrogate, which UTF-8 cannot express") from None
    return value


def _headers(headers: object) -> bytes:
    if not isinstance(headers, Mapping):
        raise InvalidArgument("headers", f"expected a mapping of strings, got {type(headers).__name__}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidArgument(f"headers.{name}", "names and values must be strings")
    try:
        return orjson.dumps(dict(headers))
    except TypeError as error:
        raise InvalidArgument("headers", str(error)) from None
