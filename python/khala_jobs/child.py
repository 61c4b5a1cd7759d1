"""A child process that runs sync handlers of ``process=True`` tasks, one at a time.

``python -m khala_jobs.child <requests> <replies>``, with two pipe ends: requests come in on one, everything
else goes out on the other. A request names a handler to import, its payload, and the run. Replies:
``{"progress": [count, total, message]}`` and ``{"step": [name, fields]}`` any number of times, then one
``{"result": …}``, ``{"error": …}``, ``{"retry": …}``, ``{"snooze": …}`` or ``{"cancel": …}``. SIGTERM sets
``ctx.cancelled``; the end of the request pipe means that the parent is gone, and ends the process at once,
whatever it is doing.
"""

from __future__ import annotations

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


def main() -> None:
    """Serve until the request pipe ends."""
    requests, out = int(sys.argv[1]), int(sys.argv[2])
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    current: list[Run] = []

    def on_term(_number: int, _frame: object) -> None:
        for run in current:
            run.stop = run.stop or "cancelled"

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    threading.Thread(target=_read_requests, args=(requests, inbox), daemon=True).start()
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
        current[:] = [run]
        try:
            reply = _run(request["target"], run, lease.payload)
        finally:
            current.clear()
        host.send(reply)


def _read_requests(fd: int, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    while (request := wire.receive(fd)) is not None:
        inbox.put(request)
    os._exit(0)  # the parent is gone; whatever runs here can settle nothing any more


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
