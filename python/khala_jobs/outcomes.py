"""What became of runs, on its way to the engine.

Outcomes leave in batches of `BATCH`, or when the loop has gone round once, whichever is first: the engine
then settles them in one transaction while Python goes on. (One batch a turn would make the two take turns.)
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from . import failure
from .errors import Error, InvalidArgument
from .retry import Cancel, Outcome, Retry, Snooze
from .shown import text_of

DONE, FAIL, RETRY, SNOOZE, CANCEL, RELEASE = range(6)
ENDINGS: Final = ("completed", "failed", "retried", "snoozed", "cancelled", "released")
BATCH: Final = 25
REASON_BYTES: Final = 1024
RESULT_BYTES: Final = 1024 * 1024

Verdict = tuple[int, Any, Any]
"""An outcome without its lease: (DONE, result, None), (FAIL, (class names, error text), timed out),
(RETRY, delay in ms, reason or (reason, error text)), (SNOOZE, delay in ms, reason), (CANCEL, reason, None) or
(RELEASE, reason, None)."""

_INDEX = re.compile(r"\d+")


class Outcomes:
    """The outcomes of one worker that the engine has not got yet. Used in the loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: Any) -> None:
        self._loop = loop
        self._settle = engine.settle
        self._batch: list[tuple[Any, int, Any, Any]] = []

    def add(self, lease: Any, verdict: Verdict) -> None:
        """Settle a lease, soon."""
        batch = self._batch
        batch.append((lease, *verdict))
        if len(batch) == 1:
            self._loop.call_soon(self.flush)
        elif len(batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand over what there is now."""
        batch, self._batch = self._batch, []
        while batch:
            try:
                self._settle(batch)
            except InvalidArgument as error:
                batch = _without_refused(batch, error)
            except Error:
                return  # closed or failed: the engine gives the leases back
            else:
                return


def _without_refused(
    batch: list[tuple[Any, int, Any, Any]], error: InvalidArgument
) -> list[tuple[Any, int, Any, Any]]:
    """The batch with the item that the core refused turned into a failure that says why."""
    found = _INDEX.search(error.field)
    if found is None or int(found[0]) >= len(batch):
        raise error
    index = int(found[0])
    lease = batch[index][0]
    part = error.field.rpartition("].")[2]
    text = failure.from_text("InvalidArgument", f"{part}: {error.message}", ValueError)
    if batch[index][2] == text:
        raise error  # this very text was refused: nothing better can be said
    batch[index] = (lease, FAIL, text, False)
    return batch


def outcome_of(value: object) -> Outcome | None:
    """What a handler returned instead of a result, if it did; a class counts as its instance, as after ``raise``.

    Raises:
        InvalidArgument: The class needs arguments.
    """
    if isinstance(value, Outcome):
        return value
    if not isinstance(value, type) or not issubclass(value, Outcome):
        return None
    try:
        return value()
    except TypeError:
        name = value.__name__
        raise InvalidArgument(
            "result", f"the class {name} does not say enough: make an instance, {name}(…)"
        ) from None


def asked_for(outcome: Outcome) -> Verdict:
    """What a handler answered instead of a result; its attributes may have been changed since it was made."""
    if isinstance(outcome, Retry):
        reason = reason_text(outcome.reason)
        cause = outcome.__cause__ or (None if outcome.__suppress_context__ else outcome.__context__)
        told = reason if cause is None else (reason, failure.from_exception(cause)[1])
        return RETRY, int(outcome.delay_ms), told
    if isinstance(outcome, Snooze):
        return SNOOZE, int(outcome.delay_ms), reason_text(outcome.reason)
    if isinstance(outcome, Cancel):
        return CANCEL, reason_text(outcome.reason), None
    return FAIL, failure.from_exception(outcome), False


def reason_of(verdict: Verdict) -> str:
    """Why, of any verdict but DONE and FAIL."""
    if verdict[0] in (CANCEL, RELEASE):
        return str(verdict[1])
    return str(verdict[2][0] if isinstance(verdict[2], tuple) else verdict[2])


def checked_size(verdict: Verdict, limit: int = RESULT_BYTES) -> Verdict:
    """The verdict, or the failure that a result beyond `limit` bytes is."""
    if verdict[0] == DONE and len(verdict[1]) > limit:
        error = InvalidArgument("result", f"{len(verdict[1])} bytes, {limit} is the limit")
        return FAIL, failure.from_exception(error), False
    return verdict


def reason_text(reason: object) -> str:
    """A reason, cut to what the core stores."""
    data = text_of(reason).encode("utf-8", "replace")
    if len(data) <= REASON_BYTES:
        return data.decode()
    return data[: REASON_BYTES - 4].decode("utf-8", "ignore") + "…"
