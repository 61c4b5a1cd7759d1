"""A child process that runs sync handlers of ``process=True`` tasks, one at a time.

``python -m khala_jobs.child <requests> <replies> <stops>``, with three pipe ends: requests come in on the first,
everything else goes out on the second. A request names a handler to import, its payload, and the run. Replies:
``{"progress": [count, total, message]}`` and ``{"step": [name, fields]}`` any number of times, then one
``{"result": …}``, ``{"error": …}``, ``{"retry": …}``, ``{"snooze": …}``, ``{"cancel": …}`` or ``{"stopped": why}``.
``{"fence": …, "stop": why}`` on the third pipe sets ``ctx.cancelled`` of that run. SIGTERM and SIGINT, which go to
whole groups, do nothing here: the parent decides. The end of the request pipe means that it is gone, and ends the
process at once, whatever it is doing.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import queue
import signal
import sys
import threading
import time
from typing import Any, Final

from . import failure, outcomes, wire
from .base_job import BaseJob, define_class
from .connection import mark_child
from .context import context_of
from .definition import Definition
from .errors import InvalidArgument
from .outcomes import DONE, FAIL, Verdict, asked_for, checked_size, outcome_of
from .resources import Resources
from .retry import Outcome
from .run import Run, StaticLease, running
from .shown import utf8_of
from .task import Task, Tasks

# Of the fields of one step together; the parent writes them into one line of a log.
STEP_CHARACTERS: Final = 64 * 1024


class ChildHost:
    """Passes what a handler reports on to the parent."""

    def __init__(self, worker: str, out: int) -> None:
        self.worker = worker
        self.resources = Resources()
        self._out = out
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """One message, whole, from whichever thread."""
        with self._lock:
            wire.send(self._out, message)

    def progress(self, run: Run, count: int, total: int, message: str) -> None:  # noqa: ARG002
        """As `Context.progress`."""
        self.send({"progress": [count, total, message]})

    def step(self, run: Run, name: str, fields: dict[str, Any]) -> None:  # noqa: ARG002
        """As `Context.step`."""
        texts = {utf8_of(key): utf8_of(value) for key, value in fields.items()}
        size = sum(map(len, texts.values()))
        if size > STEP_CHARACTERS:
            raise InvalidArgument("step", f"{size} characters of fields, {STEP_CHARACTERS} is the limit")
        self.send({"step": [utf8_of(name), texts]})


class CurrentRun:
    """The run of this process, and what is asked of it. A request to stop may come before the run that it means."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._asked: tuple[int, str] = (0, "")  # fence and why
        self._lock = threading.Lock()

    def begin(self, run: Run) -> None:
        """From now on this one."""
        with self._lock:
            self._run = run
            self._tell()

    def end(self) -> None:
        """From now on none."""
        with self._lock:
            self._run = None

    def stop(self, fence: int, why: str) -> None:
        """Ask the run with this fence to stop."""
        with self._lock:
            self._asked = (fence, why)
            self._tell()

    def _tell(self) -> None:
        fence, why = self._asked
        if self._run is not None and self._run.lease.fence == fence:
            self._run.stop = self._run.stop or why


def main() -> None:
    """Serve until the request pipe ends."""
    requests, out, stops = (int(fd) for fd in sys.argv[1:4])
    mark_child()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    current = CurrentRun()
    for number in (signal.SIGTERM, signal.SIGINT):  # not ignored: what a handler starts would inherit that
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=_read_requests, args=(requests, inbox), daemon=True).start()
    threading.Thread(target=_read_stops, args=(stops, current), daemon=True).start()
    while True:
        request = inbox.get()
        host = ChildHost(request["worker"], out)
        lease = StaticLease(
            **{
                **request["lease"],
                "payload": request["payload"].encode(),
                "headers": request["headers"].encode(),
            }
        )
        run = Run(lease, host, time.monotonic())
        current.begin(run)
        try:
            reply = _run(request["target"], run, lease.payload)
        finally:
            current.end()
        host.send(reply)


def _read_requests(fd: int, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    while (request := wire.receive(fd)) is not None:
        inbox.put(request)
    os._exit(0)  # the parent is gone; whatever runs here can settle nothing any more


def _read_stops(fd: int, current: CurrentRun) -> None:
    while (asked := wire.receive(fd)) is not None:
        current.stop(asked["fence"], asked["stop"])


def _run(target: str, run: Run, payload: bytes) -> dict[str, Any]:
    """One handler, and what became of it."""
    token = running.set(run)
    try:
        definition = _import(target)
        args, kwargs = definition.arguments.decode(payload)
        given = (context_of(run),) if definition.takes_context else ()
        try:
            value = definition.function(*given, *args, **kwargs)
        except Outcome as outcome:
            value = outcome
        answer = outcome_of(value)
        if answer is not None:
            return _reply(asked_for(answer))
        return _reply(checked_size((DONE, definition.results.encode(value), None)))
    except asyncio.CancelledError as error:
        match run.stop:
            case "":  # the handler's own doing
                return _reply((FAIL, failure.from_exception(error), False))
            case "timeout":
                late = failure.timeout_of(run.lease.soft_timeout_ms, error)
                return _reply((FAIL, failure.from_exception(late), False))
            case why:
                return {"stopped": why}
    except BaseException as error:  # noqa: BLE001 - a handler's exception becomes its outcome
        return _reply((FAIL, failure.from_exception(error), False))
    finally:
        running.reset(token)


def _reply(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the last message; small enough to be one, since a result is checked before."""
    code, first, second = verdict
    match code:
        case outcomes.DONE:
            return {"result": first.decode()}
        case outcomes.RETRY:
            reason, error = second if isinstance(second, tuple) else (second, None)
            return {"retry": [first, reason, None if error is None else error.decode()]}
        case outcomes.SNOOZE:
            return {"snooze": [first, second, None]}
        case outcomes.CANCEL:
            return {"cancel": first}
    names, text = first
    return {"error": [names, text.decode()]}


def _import(target: str) -> Definition:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if isinstance(found, type) and issubclass(found, BaseJob):
        return define_class(found)
    if inspect.isroutine(
        found
    ):  # made a task by a call, under another name: jobs.task(process=True)(function)
        found = Tasks().task(process=True)(found)
    if not isinstance(found, Task):
        raise InvalidArgument(
            "process", f"{target} is no task in a child process: is it defined conditionally?"
        )
    return found.definition


if __name__ == "__main__":
    main()
