"""Child processes for ``process=True`` handlers: each runs one job at a time and can be killed.

Children are started fresh (never forked from a process with threads) and kept for the next job. One that is
killed or dies fails the job that it ran and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from . import wire

# For a child whose pipe has ended to be gone itself. One that lives on has closed the pipe, and is of no use.
END_SECONDS: Final = 2.0


class ChildDied(Exception):
    """The child process ended while it ran the job."""


class Child:
    """One child process. `run` is called by one thread at a time; `kill` by any."""

    def __init__(self) -> None:
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        stops, self._stops = os.pipe()
        os.set_blocking(self._stops, False)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "khala_jobs.child", str(requests), str(replies), str(stops)],
                pass_fds=(requests, replies, stops),
                stdin=subprocess.DEVNULL,
                env=environment,
            )
        finally:
            os.close(requests)
            os.close(replies)
            os.close(stops)

    @property
    def alive(self) -> bool:
        """Whether it could take a job."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def run(self, request: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Run one job; blocks.

        Args:
            request: What child.py expects.
            report: Called with every message before the last one.

        Whenever this raises the child is gone: what it still had to say must not be taken for the next job's.

        Raises:
            ChildDied: The process ended before it replied, or what it sent was no message.
        """
        try:
            wire.send(self._requests, request)
            while (message := wire.receive(self._replies)) is not None:
                if "progress" not in message and "step" not in message:
                    return message
                report(message)
        except OSError:
            pass  # a broken pipe is the end of the child, as an end of file is
        except ValueError as error:
            self._end()
            raise ChildDied(f"the child process {self.pid} sent what is no message ({error})") from None
        except BaseException:
            self._end()
            raise
        try:
            status = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            status = self._end()
        how = (
            f"was ended by signal {signal.Signals(-status).name}"
            if status < 0
            else f"exited with status {status}"
        )
        raise ChildDied(f"the child process {self.pid} {how}")

    def stop(self, fence: int, why: str) -> None:
        """Tell the handler of this run to stop (``ctx.cancelled``); never blocks."""
        with contextlib.suppress(OSError):  # gone, or stopped for so long that the pipe is full
            wire.send(self._stops, {"fence": fence, "stop": why})

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _end(self) -> int:
        """End it now; blocks until it is gone, and gives its status."""
        self.kill()
        return self._process.wait()

    def close(self) -> None:
        """End it and free what it holds; blocks until it is gone."""
        self._end()
        for fd in (self._requests, self._replies, self._stops):
            with contextlib.suppress(OSError):
                os.close(fd)


class ChildProcesses:
    """Idle children, ready for the next job. Thread-safe."""

    def __init__(self) -> None:
        self._idle: list[Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def take(self) -> Child:
        """An idle child, or a new one."""
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    return child
                child.close()
        return Child()

    def give_back(self, child: Child) -> None:
        """Keep a child for the next job, or end it if it is no good or nobody will come."""
        with self._lock:
            if child.alive and not self._closed:
                self._idle.append(child)
                return
        child.close()

    def close(self) -> None:
        """End the idle ones, and from now on every one that is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()
