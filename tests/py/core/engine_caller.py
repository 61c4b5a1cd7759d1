"""A caller of the bare engine: no asyncio, so that every test decides itself when the port is drained."""

from __future__ import annotations

import itertools
import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from khala_jobs import _core

core = _core.engine
REPLY, LEASE, STOP, ABANDON, FATAL, LAG, LOST = range(7)
DONE, FAIL, RETRY, SNOOZE, CANCEL, RELEASE = range(6)
DEADLINE_SECONDS = 20.0


class Caller:
    """One port and what came through it."""

    def __init__(self, url: str, **options: Any) -> None:
        self.engine = core.Engine.open(url, **options)
        self.port = core.Port()
        self.tickets = itertools.count(1)
        self.replies: dict[int, list[Any]] = {}
        self.leases: list[Any] = []
        self.others: list[tuple[int, Any, Any]] = []

    def pump(self, seconds: float = 0.0) -> None:
        select.select([self.port.fd], [], [], seconds)
        for kind, a, b in self.port.drain():
            if kind == REPLY:
                self.replies.setdefault(a, []).append(b)
            elif kind == LEASE:
                self.leases.append(a)
            elif kind != LAG:
                self.others.append((kind, a, b))

    def until(self, condition: Callable[[], Any]) -> Any:
        """Pump until the condition holds; its value."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (value := condition()):
            assert time.monotonic() < deadline, "nothing came"
            self.pump(0.01)
        return value

    def reply(self, ticket: int) -> Any:
        self.until(lambda: self.replies.get(ticket))
        value = self.replies[ticket].pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    def ask(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        """Call a verb that takes a port and a ticket, and wait for its answer."""
        ticket = next(self.tickets)
        getattr(self.engine, verb)(self.port, ticket, *args, **kwargs)
        return self.reply(ticket)

    def enqueue(self, *payloads: bytes, ids: list[str] | None = None, **options: Any) -> list[str]:
        ticket = next(self.tickets)
        form = core.JobOptions(**({"queue": "q", "task": "t"} | options))
        made: list[str] = self.engine.enqueue(self.port, ticket, form, list(payloads), ids)
        assert self.reply(ticket) == bytes(len(payloads))
        return made

    def work(self, slots: int = 4, **options: Any) -> None:
        self.ask(
            "start_worker",
            **({"worker": "w", "queues": [("q", slots)], "tasks": ["t"], "slots": slots} | options),
        )

    def lease(self) -> Any:
        return self.until(lambda: self.leases and self.leases.pop(0))

    def started(self) -> Any:
        lease = self.lease()
        assert lease.start()
        return lease

    def row(self, job_id: str) -> dict[str, Any]:
        (row,) = self.ask("get", [job_id], True)
        assert row is not None
        return row

    def state(self, job_id: str) -> str:
        return str(self.row(job_id)["state"])

    def close(self) -> None:
        self.port.close()
        self.engine.close()


def start_script(source: str, *args: str) -> subprocess.Popen[str]:
    """Python source in a process of its own, with this directory importable."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(source), *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )


def run_script(source: str, *args: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    process = start_script(source, *args)
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
