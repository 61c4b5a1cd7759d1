"""The command line as users have it: a process, its output, its exit status."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

APP = """
    import asyncio, ctypes, os, signal, time
    from khala_jobs import Cancel, Context, JobProcessor, Retry

    jobs = JobProcessor(os.environ["APP_URL"], workers=int(os.environ.get("APP_WORKERS", "4")), grace=2)

    @jobs.task
    async def add(a: int, b: int) -> int:
        return a + b

    @jobs.task(retry=None)
    async def fail(text: str) -> None:
        raise ValueError(text)

    @jobs.task
    async def wait(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "waited"

    @jobs.task
    async def wait_for(path: str) -> str:  # says beside it that it has begun
        open(path + ".begun", "w").close()
        while not os.path.exists(path):
            await asyncio.sleep(0.01)
        return "came"

    @jobs.task
    def deaf(ctx: Context) -> None:  # hears of its cancellation only when it is let
        while not (os.path.exists("heard") and ctx.cancelled):
            time.sleep(0.01)
        raise Cancel

    @jobs.task
    def crash() -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    @jobs.task(timeout=0.2, hard_timeout=0.4, retry=None)
    async def spin() -> None:
        while True:
            time.sleep(0.01)
"""


@dataclass
class Cli:
    """Runs ``khala-jobs`` on one store."""

    folder: Path
    url: str

    def environment(self) -> dict[str, str]:
        return {**os.environ, "APP_URL": self.url, "BG_JOBS_URL": self.url, "COLUMNS": "200"}

    def process(
        self, *arguments: str, timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "khala_jobs.cli", *arguments], cwd=self.folder,
            env={**self.environment(), **environment}, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def run(self, *arguments: str, status: int = 0, timeout: float = 60, **environment: str) -> str:
        done = self.process(*arguments, timeout=timeout, **environment)
        assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if status == 0 or done.stdout else done.stderr

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status))

    def python(self, code: str) -> str:
        """Run code against the app module; what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def enqueue(self, call: str) -> str:
        """Enqueue ``task(arguments)`` of the app, given as text with ``.enqueue``; the id."""
        return self.python(
            f"""
            import asyncio, app
            async def main():
                print((await app.{call}).id)
                await app.jobs.close()
            asyncio.run(main())
            """
        )

    @contextlib.contextmanager
    def worker(self, *arguments: str, errors: IO[str] | None = None) -> Iterator[Worker]:
        """A supervisor with its children; what they print on standard error goes to `errors` when that is given."""
        process = subprocess.Popen(
            [sys.executable, "-m", "khala_jobs.cli", "worker", "app:jobs", "--json", *arguments],
            cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        worker = Worker(process)
        try:
            yield worker
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)
            worker.reader.join(10)
            assert process.stdout is not None
            process.stdout.close()


@dataclass
class Worker:
    """A supervisor process and the events it printed."""

    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self.events.append(json.loads(line))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e.get("event") == event]

    def pid_of(self, child: str) -> int:
        return int([e for e in self.of("child_started") if e["child"] == child][-1]["pid"])


def until(look: Callable[[], Any], seconds: float = 40) -> Any:
    """The first true answer of `look`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not come true in {seconds} s")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    return Cli(tmp_path, f"sqlite:///{tmp_path / 'jobs.db'}?synchronous=normal")
