"""What an adapter says of one engine.

An adapter module has `ABOUT` and a class `Adapter`. The runner imports it for `ABOUT` in its own venv, so the engine
itself is imported inside the class only. `Adapter` is made in a process of the engine's venv, once a phase: to put jobs
in (`enqueue`, `enqueue_many`, `result`) or to work (`work`, which returns only when the process is stopped). All of
them run the same handlers, which the adapter registers with the engine.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import peers.ledger
from peers.spec import Call, Spec


@dataclass(frozen=True)
class About:
    """What the runner must know of an engine, and what a reader must know of its figures.

    Attributes:
        name: As its own documents write it.
        requires: Requirements for pip; empty = the project's own venv.
        npm: Packages for npm, beside them.
        python: The oldest Python that it runs on.
        package: The distribution whose version is printed.
        configuration: How it is set up here, in one sentence, and by which advice.
        keeps_results: How results are kept where a workload asks for it; empty = it keeps none.
        crash: What becomes of a job whose worker is killed, in its own terms.
        left: Given a client of the store, the jobs not yet settled in it, at no cost that a figure would show;
            None = `left_by_url`.
        left_by_url: The same for an engine that answers by its own API; a context manager that gives a function.
        absent: Workload or feature -> why it has no figure. Keys as in `peers.cases`.
        slow: Jobs are counted down to this share, for an engine that would take minutes.
        threads: The largest number of its threads that pays; None = it runs coroutines.
    """

    name: str
    requires: tuple[str, ...]
    package: str
    configuration: str
    crash: str
    npm: tuple[str, ...] = ()
    python: tuple[int, int] = (3, 11)
    keeps_results: str = ""
    left: Callable[[Any], int] | None = None
    left_by_url: Callable[[str], Any] | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    slow: float = 1.0
    threads: int | None = None


class FirstRunError(RuntimeError):
    """What `fail_once` raises at a job's first start, where the engine retries on any error."""


class Handlers:
    """The bodies of all jobs; every engine runs these.

    Args:
        spec: The phase.
        ledger: Where starts and completions are noted; a producer has none, and runs no handlers.

    Attributes:
        again: Makes the error that `fail_once` raises, for engines that want one of their own for a retry.
        coroutines: Handler by name, for engines that run coroutines.
        functions: The same for engines that run functions.
    """

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        self.spec = spec
        self._ledger = ledger
        self.again: Callable[[], Exception] = FirstRunError

        async def noop(i: int, body: str = "") -> int:
            return self._noop(i)

        async def sleep(i: int, seconds: float) -> int:
            self.ledger.start(i)
            await asyncio.sleep(seconds)
            self.ledger.done(i)
            return i

        async def fail_once(i: int) -> int:
            return self._fail_once(i)

        def noop_function(i: int, body: str = "") -> int:
            return self._noop(i)

        def sleep_function(i: int, seconds: float) -> int:
            self.ledger.start(i)
            time.sleep(seconds)
            self.ledger.done(i)
            return i

        def fail_once_function(i: int) -> int:
            return self._fail_once(i)

        self.coroutines: dict[str, Callable[..., Any]] = {
            "noop": noop,
            "sleep": sleep,
            "fail_once": fail_once,
        }
        self.functions: dict[str, Callable[..., Any]] = {
            "noop": noop_function,
            "sleep": sleep_function,
            "fail_once": fail_once_function,
        }

    @property
    def ledger(self) -> peers.ledger.Ledger:
        if self._ledger is None:
            raise RuntimeError("a producer runs no handlers")
        return self._ledger

    def _noop(self, i: int) -> int:
        self.ledger.start(i)
        self.ledger.done(i)
        return i

    def _fail_once(self, i: int) -> int:
        if self.ledger.start(i) == 1:
            raise self.again()
        self.ledger.done(i)
        return i


def with_context(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler behind a first argument that some engines pass."""

    async def run(_context: Any, *args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    return run


class Adapter:
    """One engine in one process: a producer, or a worker.

    The calls are coroutines for every engine. Those of an engine that blocks block inside and never suspend; it says so
    by `blocking`, and then concurrent producers are threads.

    Args:
        spec: The phase.
        ledger: See `Handlers`.
    """

    blocking: ClassVar[bool] = False

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        self.spec = spec
        self.handlers = Handlers(spec, ledger)

    async def open(self) -> None:
        """Connect a producer."""

    async def close(self) -> None:
        """Disconnect it."""

    async def enqueue(self, call: Call) -> Any:
        """Put one job in, and return when the store has it; gives what `result` takes."""
        raise NotImplementedError

    async def enqueue_many(self, calls: Sequence[Call]) -> None:
        """Put jobs in by the engine's own bulk call; only for an engine whose `absent` does not name ``bulk``."""
        raise NotImplementedError

    async def result(self, handle: Any) -> Any:
        """Wait for a job's result as the engine recommends; only where `absent` does not name ``await``."""
        raise NotImplementedError

    async def run(self, call: Call) -> Any:
        """Put one job in and wait for its result."""
        return await self.result(await self.enqueue(call))

    def work(self) -> None:
        """Run one worker until the process is stopped."""
        run_coroutine(self.work_async())

    async def work_async(self) -> None:
        """The same, for engines whose workers are coroutines."""
        raise NotImplementedError


def run_coroutine(coroutine: Any) -> Any:
    """Run it on uvloop where the venv has it, as engines whose documents advise it have."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def forever() -> None:
    """Block until the process is stopped, for engines whose workers are threads."""
    threading.Event().wait()


def held(
    redis: Any,
    *,
    lists: Iterable[str] = (),
    hashes: Iterable[str] = (),
    streams: Iterable[str] = (),
    zsets: Iterable[str] = (),
) -> int:
    """Entries of these keys together, in one round trip that takes the server no time to speak of."""
    with redis.pipeline(transaction=False) as pipe:
        for key in lists:
            pipe.llen(key)
        for key in hashes:
            pipe.hlen(key)
        for key in streams:
            pipe.xlen(key)
        for key in zsets:
            pipe.zcard(key)
        return sum(pipe.execute())


def ledger_path(folder: str, name: str) -> Path:
    """Where the ledger of worker `name` of a figure lies."""
    return Path(folder) / f"ledger-{name}"
