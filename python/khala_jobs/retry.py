"""What a failed run does next: retry policies, and three words to answer with instead of a result.

A policy is data that travels with the job, so that any process can decide about any job; the decision
itself is made in the core. `Retry`, `Snooze` and `Cancel` may be raised or returned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from .durations import DURATION_MAX_MS, Duration, to_ms
from .errors import InvalidArgument
from .shown import mro_names, shown, text_of

Jitter = Literal["none", "full", "equal"]
ErrorClass = type[BaseException] | str
ErrorClasses = ErrorClass | Sequence[ErrorClass]

KINDS: Final = ("none", "fixed", "linear", "exponential", "delays")
JITTERS: Final = ("none", "full", "equal")
FACTOR_MAX: Final = 1000
MAX_RETRIES = 1_000_000
DELAYS_COUNT = 64
ERROR_NAMES_COUNT = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after which wait a failed run is repeated; made by the constructors of `Retry`.

    Attributes:
        kind: ``none``, ``fixed``, ``linear``, ``exponential`` or ``delays``.
        max_retries: Runs after the first one that may end in an error.
        base_ms: First wait.
        factor: Multiplier of exponential waits.
        cap_ms: Longest wait; 0 = no cap of its own.
        jitter: ``full`` draws from 0..wait, ``equal`` from wait/2..wait.
        delays_ms: The explicit waits of ``delays``; the last one repeats.
        on: Names of the error classes that are retried; empty = all.
        not_on: Names that are not, even when `on` has them.
    """

    kind: Literal["none", "fixed", "linear", "exponential", "delays"]
    max_retries: int = 0
    base_ms: int = 0
    factor: float = 2.0
    cap_ms: int = 0
    jitter: Jitter = "none"
    delays_ms: tuple[int, ...] = ()
    on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()
    text: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidArgument("retry.kind", f"expected one of {', '.join(KINDS)}, got {shown(self.kind)}")
        if self.jitter not in JITTERS:
            raise InvalidArgument(
                "retry.jitter", f"expected one of {', '.join(JITTERS)}, got {shown(self.jitter)}"
            )
        _check_count(self.max_retries, "retry.max_retries")
        factor: object = self.factor
        if not isinstance(factor, int | float) or isinstance(factor, bool) or not 1 <= factor <= FACTOR_MAX:
            raise InvalidArgument(
                "retry.factor", f"expected a number from 1 to {FACTOR_MAX}, got {shown(factor)}"
            )
        for name, wait in (("base_ms", self.base_ms), ("cap_ms", self.cap_ms), *self._numbered_delays()):
            _check_wait(wait, f"retry.{name}")
        if len(self.delays_ms) > DELAYS_COUNT:
            raise InvalidArgument(
                "retry.delays", f"{len(self.delays_ms)} delays, {DELAYS_COUNT} is the limit"
            )
        object.__setattr__(self, "text", self._to_text())

    def _numbered_delays(self) -> list[tuple[str, int]]:
        return [(f"delays_ms[{index}]", wait) for index, wait in enumerate(self.delays_ms)]

    def _to_text(self) -> str:
        if self.kind == "none":
            return ""
        data: dict[str, object] = {"kind": self.kind, "max": self.max_retries}
        if self.kind == "delays":
            data["delays_ms"] = self.delays_ms
        else:
            data |= {"base_ms": self.base_ms, "jitter": self.jitter}
            if self.kind == "exponential":
                data["factor"] = self.factor
            if self.cap_ms:
                data["cap_ms"] = self.cap_ms
        if self.on:
            data["on"] = self.on
        if self.not_on:
            data["not_on"] = self.not_on
        return json.dumps(data, separators=(",", ":"))

    def with_attempts(self, attempts: int) -> RetryPolicy:
        """The same waits for another number of runs in all (`attempts` >= 1)."""
        _check_count(attempts - 1, "attempts")
        if attempts == 1:
            return RetryPolicy("none")
        kind = "fixed" if self.kind == "none" else self.kind
        return replace(self, kind=kind, max_retries=attempts - 1)


class Outcome(Exception):
    """Base of what a handler raises or returns instead of a result.

    Attributes:
        reason: Why, for people. What is no text is told as its ``str()``: ``raise Cancel(error)`` is common, and no
            time to be strict.
    """

    reason: str = ""


class Retry(Outcome):
    """Run this job again; counts against the retry budget like a failure.

    Args:
        after: Wait until then; ``None`` = as the job's policy says.
        reason: Kept with the job, for people.

    Raised ``from`` an exception, or while one is handled, that exception is kept as the error of the attempt.

    The constructors `exponential`, `fixed`, `linear`, `delays` and `none` make policies for ``retry=``.
    """

    delay_ms: int = -1

    def __init__(self, after: Duration | None = None, reason: str = "") -> None:
        super().__init__(after, reason)
        self.delay_ms = -1 if after is None else to_ms(after, "Retry.after")
        self.reason = text_of(reason)

    @staticmethod
    def exponential(
        max_retries: int = 3,
        *,
        base: Duration = 1,
        factor: float = 2.0,
        cap: Duration = 3600,
        jitter: Jitter = "equal",
        on: ErrorClasses = (),
        not_on: ErrorClasses = (),
    ) -> RetryPolicy:
        """Waits base, base*factor, base*factor², … up to `cap`.

        Args:
            max_retries: Runs after the first.
            base: First wait.
            factor: Multiplier, >= 1.
            cap: Longest wait.
            jitter: ``equal`` (default) waits between half and all of it, ``full`` between nothing and all
                of it.
            on: Only errors of these classes (or names of classes) and of their subclasses are retried; one
                may stand alone.
            not_on: Errors of these are not.
        """
        return RetryPolicy(
            "exponential",
            max_retries,
            base_ms=to_ms(base, "retry.base"),
            factor=factor,
            cap_ms=to_ms(cap, "retry.cap"),
            jitter=jitter,
            on=_names(on, "retry.on"),
            not_on=_names(not_on, "retry.not_on"),
        )

    @staticmethod
    def fixed(
        max_retries: int = 3,
        delay: Duration = 60,
        *,
        jitter: Jitter = "none",
        on: ErrorClasses = (),
        not_on: ErrorClasses = (),
    ) -> RetryPolicy:
        """The same wait each time. Arguments as in `exponential`."""
        return RetryPolicy(
            "fixed",
            max_retries,
            base_ms=to_ms(delay, "retry.delay"),
            jitter=jitter,
            on=_names(on, "retry.on"),
            not_on=_names(not_on, "retry.not_on"),
        )

    @staticmethod
    def linear(
        max_retries: int = 3,
        step: Duration = 60,
        *,
        cap: Duration = 3600,
        jitter: Jitter = "none",
        on: ErrorClasses = (),
        not_on: ErrorClasses = (),
    ) -> RetryPolicy:
        """Waits step, 2*step, 3*step, … up to `cap`. Arguments as in `exponential`."""
        return RetryPolicy(
            "linear",
            max_retries,
            base_ms=to_ms(step, "retry.step"),
            cap_ms=to_ms(cap, "retry.cap"),
            jitter=jitter,
            on=_names(on, "retry.on"),
            not_on=_names(not_on, "retry.not_on"),
        )

    @staticmethod
    def delays(
        *delays: Duration,
        max_retries: int | None = None,
        on: ErrorClasses = (),
        not_on: ErrorClasses = (),
    ) -> RetryPolicy:
        """Explicit waits, such as ``Retry.delays(60, 300, 1800)``; never jittered.

        Args:
            *delays: One wait per retry.
            max_retries: More retries than delays repeat the last one; ``None`` = one per delay.
            on: As in `exponential`.
            not_on: As in `exponential`.
        """
        if not delays:
            raise InvalidArgument("retry.delays", "name at least one delay, or use Retry.none()")
        return RetryPolicy(
            "delays",
            len(delays) if max_retries is None else max_retries,
            delays_ms=tuple(to_ms(delay, f"retry.delays[{i}]") for i, delay in enumerate(delays)),
            on=_names(on, "retry.on"),
            not_on=_names(not_on, "retry.not_on"),
        )

    @staticmethod
    def none() -> RetryPolicy:
        """The first error is final."""
        return RetryPolicy("none")


class Snooze(Outcome):
    """Run this job again later without spending an attempt of its retry budget.

    Args:
        delay: Wait until then.
        reason: Kept with the job, for people.
    """

    delay_ms: int = 0

    def __init__(self, delay: Duration, reason: str = "") -> None:
        super().__init__(delay, reason)
        self.delay_ms = to_ms(delay, "Snooze.delay")
        self.reason = text_of(reason)


class Cancel(Outcome):
    """End this job for good; it counts as cancelled, not as failed.

    Args:
        reason: Kept with the job, for people.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = text_of(reason)


RetryOption = RetryPolicy | int | None
"""A policy, a number of retries with the default waits, or ``None`` for no retries."""


def retry_policy(value: RetryOption | object) -> RetryPolicy:
    """The policy that a ``retry=`` option means.

    Raises:
        InvalidArgument: It is none of the three.
    """
    if isinstance(value, RetryPolicy):
        return value
    if value is None:
        return RetryPolicy("none")
    if isinstance(value, int) and not isinstance(value, bool):
        _check_count(value, "retry")
        return DEFAULT_RETRY.with_attempts(value + 1)
    raise InvalidArgument(
        "retry", f"expected a policy such as Retry.exponential(3), a number or None, got {shown(value)}"
    )


def error_names(kind: type[BaseException]) -> list[str]:
    """Names under which a policy finds this class: of it and its bases, most derived first.

    A class of the standard builtins has its plain name; any other also its name with the module, so that
    ``redis.exceptions.ConnectionError`` can be told from the builtin ``ConnectionError``.
    """
    return mro_names(kind)[:ERROR_NAMES_COUNT]


def _names(classes: object, argument: str) -> tuple[str, ...]:
    given = (classes,) if isinstance(classes, str | type) else classes
    if not isinstance(given, Iterable):
        raise InvalidArgument(argument, f"expected error classes or their names, got {shown(classes)}")
    names = []
    for item in given:
        if isinstance(item, str) and item:
            names.append(item)
        elif isinstance(item, type) and issubclass(item, BaseException):
            names.append(error_names(item)[0 if item.__module__ == "builtins" else 1])
        else:
            raise InvalidArgument(argument, f"expected error classes or their names, got {shown(item)}")
    if len(names) > ERROR_NAMES_COUNT:
        raise InvalidArgument(argument, f"{len(names)} names, {ERROR_NAMES_COUNT} is the limit")
    return tuple(names)


def _check_count(value: object, argument: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(argument, f"expected a whole number, got {shown(value)}")
    if not 0 <= value <= MAX_RETRIES:
        raise InvalidArgument(argument, f"{shown(value)} is outside 0..{MAX_RETRIES}")


def _check_wait(value: object, argument: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= DURATION_MAX_MS:
        raise InvalidArgument(argument, f"expected milliseconds from 0 to ten years, got {shown(value)}")


DEFAULT_RETRY: Final = Retry.exponential()
