"""The parent of worker processes: starts them, replaces those that die, ends those that hang.

The parent opens no store and runs no handler, so nothing a handler does can take it down. Each child gets the write
end of a pipe and says on it, one JSON object a line:

* ``{"event": "open", "store": PATH}``: which store it works on, so that the parent can explain a death it causes;
* ``{"event": "stuck", "task": …, "where": …}``: a handler is past its hard time-out and cannot be stopped from
  inside. The job is settled already; the process is only good for being ended.
* ``{"event": "closed"}``: it has closed the store and holds nothing. What is left is the interpreter's end, and
  nothing is lost where that takes too long and is cut short.

Blame: jobs that were started in a process that dies become suspects, unless the death is explained. The parent
explains every death it causes. Suspects run in a child of their own with one slot, which is why the others refuse
them: a job that kills its worker then takes nothing down with it, and nothing innocent is ever beside it.

The other direction: a child holds the read end of a second pipe whose write end only the parent has. End of file
there means that the parent is gone, and the child stops as on SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _core

logger = logging.getLogger(__name__)

# A child that lived shorter than this when it died is started again only after a wait that doubles each time.
QUICK_DEATH_SECONDS = 10.0
RESTART_WAIT_SECONDS = 0.5
RESTART_WAIT_MAX_SECONDS = 30.0
# From the first SIGTERM to a child until SIGKILL, beyond the grace period that the child itself grants its handlers.
STOP_MARGIN_SECONDS = 5.0
MESSAGE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start one kind of child.

    Attributes:
        name: For logs: ``worker-0``, ``suspects``.
        arguments: Command line after ``python -m khala_jobs.cli``.
    """

    name: str
    arguments: tuple[str, ...]


@dataclass(slots=True)
class _Child:
    spec: ChildSpec
    process: asyncio.subprocess.Process | None = None
    store: str = ""
    started: float = 0.0
    quick_deaths: int = 0
    closed: bool = False
    ended_by_us: str = ""
    buffer: bytes = field(default=b"", repr=False)


class Supervisor:
    """Keeps a set of children running until it is asked to stop.

    Args:
        specs: The children to keep.
        grace: Seconds that a child may take to finish its running handlers when it is stopped.
        announce: Called with one event dict for everything worth telling (started, died, stuck, stopping).
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        grace: float,
        announce: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._children = [_Child(spec) for spec in specs]
        self._grace = grace
        self._announce = announce or (lambda event: logger.info("%s", event))
        self._stop = asyncio.Event()
        self._signals = 0
        self._life_read, self._life_write = os.pipe()

    async def run(self) -> int:
        """Run until a SIGTERM or SIGINT; 1 when a child then had to be killed before it closed its store, else 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop, number)
        try:
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(self._keep(child))
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            os.close(self._life_write)
            os.close(self._life_read)
        return 1 if any(child.ended_by_us == "deadline" for child in self._children) else 0

    def request_stop(self, number: signal.Signals) -> None:
        """Pass a stop on to the children; the second one makes them cancel their handlers."""
        self._signals += 1
        self._stop.set()
        self._announce({"event": "stopping", "signal": number.name, "times": self._signals})
        for child in self._children:
            if child.process is not None and child.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)

    async def _keep(self, child: _Child) -> None:
        """Start the child again whenever it dies, until a stop was asked for."""
        while not self._stop.is_set():
            await self._run_once(child)
            if self._stop.is_set():
                return
            quick = time.monotonic() - child.started < QUICK_DEATH_SECONDS
            child.quick_deaths = child.quick_deaths + 1 if quick else 0
            if child.quick_deaths:
                wait = min(RESTART_WAIT_SECONDS * 2 ** (child.quick_deaths - 1), RESTART_WAIT_MAX_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._stop.wait()

    async def _run_once(self, child: _Child) -> None:
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)
        arguments = [*child.spec.arguments, "--supervised", f"{write_fd},{self._life_read}"]
        child.started, child.closed, child.ended_by_us, child.buffer = time.monotonic(), False, "", b""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "khala_jobs.cli", *arguments, pass_fds=(write_fd, self._life_read)
            )
        finally:
            os.close(write_fd)
        child.process = process
        loop = asyncio.get_running_loop()
        loop.add_reader(read_fd, self._read_messages, child, read_fd)
        self._announce({"event": "child_started", "child": child.spec.name, "pid": process.pid})
        try:
            if self._stop.is_set():  # asked to stop while it was being started
                process.send_signal(signal.SIGTERM)
            await self._wait(child, process)
        finally:
            loop.remove_reader(read_fd)
            self._read_messages(child, read_fd)
            os.close(read_fd)
        self._announce(
            {
                "event": "child_ended",
                "child": child.spec.name,
                "pid": process.pid,
                "status": process.returncode,
                "reason": child.ended_by_us or "by itself",
            }
        )

    async def _wait(self, child: _Child, process: asyncio.subprocess.Process) -> None:
        """Wait for the child's end; after a stop was asked for, no longer than the grace period and a margin."""
        ended = asyncio.ensure_future(process.wait())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await asyncio.wait({ended}, timeout=self._grace + STOP_MARGIN_SECONDS)
            if not ended.done():
                self._kill(child, "deadline")
            await ended
        finally:
            stopping.cancel()

    def _read_messages(self, child: _Child, read_fd: int) -> None:
        try:
            data = os.read(read_fd, MESSAGE_BYTES)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(read_fd)
            return
        *lines, child.buffer = (child.buffer + data).split(b"\n")
        if len(child.buffer) > MESSAGE_BYTES:
            child.buffer = b""  # no message is that long: not one of ours
        for line in lines:
            self._on_message(child, line)

    def _on_message(self, child: _Child, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            logger.warning("child %s sent something that is no message: %.100r", child.spec.name, line)
            return
        match message.get("event"):
            case "open":
                child.store = str(message.get("store", ""))
            case "closed":
                child.closed = True
            case "stuck":
                self._announce({**message, "child": child.spec.name, "event": "child_stuck"})
                self._kill(child, "stuck")
            case _:
                self._announce({**message, "child": child.spec.name})

    def _kill(self, child: _Child, reason: str) -> None:
        """End a child with SIGKILL, having said that nobody in it is to blame."""
        process = child.process
        if process is None or process.returncode is not None or child.ended_by_us:
            return
        child.ended_by_us = reason
        explained = not child.store or _core.engine.explain_death(child.store, process.pid)
        if child.closed and not explained:  # the store does not know it any longer: it held nothing
            child.ended_by_us = "slow exit"
        elif not explained:
            logger.warning("the death of %s (pid %d) could not be explained", child.spec.name, process.pid)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
