"""The loops that put jobs in, the same for every engine.

A loop returns its figures and notes in `sent` when each job was handed to the engine (or is due), in monotonic ns.
Concurrent lanes are coroutines, or threads where the engine's calls block.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from common.stats import spread_ms
from peers.ledger import Ledger, sent_file
from peers.protocol import Adapter, ledger_path
from peers.spec import LEVELS, SPARE, Call, Spec

LANES = 32
WAIT = 30.0  # seconds that a producer waits for a worker's first sign


class Plan:
    """The calls of a phase, in order, and where their times are noted."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.sent = sent_file(Path(spec.folder), spec.count + SPARE)
        self.rng = random.Random(7)
        self.body = "x" * spec.body
        self.lead = 0.0
        if spec.delays:  # far enough away that all are in before the first is due
            self.lead = time.time() + 1 + spec.count / 1000

    def call(self, i: int) -> Call:
        """The call for job `i`."""
        spec = self.spec
        args: tuple[Any, ...] = (i,)
        if spec.job == "sleep":
            args = (i, self.rng.uniform(0, spec.seconds) if spec.jitter else spec.seconds)
        elif self.body:
            args = (i, self.body)
        level = i % LEVELS if spec.priorities else None
        if not spec.delays:
            return Call(spec.job, args, None, level)
        due = self.lead + self.rng.uniform(0, spec.seconds)
        self.sent[i] = time.monotonic_ns() + int((due - time.time()) * 1e9)
        return Call(spec.job, args, due, level)

    def calls(self) -> Iterator[Call]:
        """All of them, in order."""
        return (self.call(i) for i in range(self.spec.count))

    def warm_calls(self) -> list[Call]:
        """A few no-ops numbered beyond the phase's own."""
        return [Call("noop", (i,)) for i in range(self.spec.count, self.spec.count + SPARE // 2)]

    def warmed(self) -> bool:
        """Whether a worker has run the warm-up jobs."""
        path = ledger_path(self.spec.folder, "0")
        if not path.exists():
            return False
        ledger = Ledger(path, self.spec.count + SPARE)
        return all(ledger.dones[call.args[0]] for call in self.warm_calls())


class Drawn:
    """An iterable that lanes on several threads draw from; each item goes to one of them."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self._lock:
            return next(self._items)


async def in_lanes(peer: Adapter, count: int, lane: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `count` of them at once; on threads of their own when the engine's calls block."""
    if not peer.blocking:
        await asyncio.gather(*(lane() for _ in range(count)))
        return
    threads = [threading.Thread(target=asyncio.run, args=(lane(),)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def single(peer: Adapter, plan: Plan) -> dict[str, Any]:
    """One at a time, each awaited."""
    times = []
    for call in plan.calls():
        before = time.perf_counter()
        await peer.enqueue(call)
        times.append(time.perf_counter() - before)
    return {"produced": len(times), **spread_ms(times)}


async def lanes(peer: Adapter, plan: Plan) -> dict[str, Any]:
    """One at a time in each of `LANES` lanes."""
    calls = Drawn(plan.calls())

    async def lane() -> None:
        for call in calls:
            await peer.enqueue(call)

    await in_lanes(peer, LANES, lane)
    return {"produced": plan.spec.count}


async def bulk(peer: Adapter, plan: Plan) -> dict[str, Any]:
    """By the engine's bulk call, `batch` jobs each."""
    calls = plan.calls()
    while batch := list(islice(calls, plan.spec.batch)):
        await peer.enqueue_many(batch)
    return {"produced": plan.spec.count}


async def open_loop(peer: Adapter, plan: Plan) -> dict[str, Any]:
    """Poisson arrivals, whatever becomes of them."""
    arrival = time.monotonic()
    for i in range(plan.spec.count):
        arrival += plan.rng.expovariate(plan.spec.rate)
        await asyncio.sleep(max(0.0, arrival - time.monotonic()))
        plan.sent[i] = time.monotonic_ns()
        await peer.enqueue(plan.call(i))
    return {"produced": plan.spec.count}


async def closed_loop(peer: Adapter, plan: Plan) -> dict[str, Any]:
    """`concurrency` lanes that await each result before the next job; for `seconds`, or `count`."""
    numbers = Drawn(range(plan.spec.count))
    ends = time.monotonic() + plan.spec.seconds
    times: list[float] = []
    errors: list[str] = []

    async def lane() -> None:
        for i in numbers:
            before = time.perf_counter()
            try:
                await peer.run(plan.call(i))
            except Exception as error:  # noqa: BLE001  an engine's errors are its own; they are counted
                errors.append(str(error) or type(error).__name__)
            times.append(time.perf_counter() - before)
            if time.monotonic() >= ends:
                return

    await in_lanes(peer, plan.spec.concurrency, lane)
    if len(errors) == len(times):
        raise RuntimeError(f"no job gave a result: {errors[0]}")
    return {"produced": len(times), "errors": len(errors), **spread_ms(times, "result_")}


async def nothing(_peer: Adapter, _plan: Plan) -> dict[str, Any]:
    """Only the warm-up."""
    return {"produced": 0}


LOOPS = {
    "single": single,
    "lanes": lanes,
    "bulk": bulk,
    "open": open_loop,
    "closed": closed_loop,
    "nothing": nothing,
}


async def warm_up(peer: Adapter, plan: Plan) -> None:
    """Have a worker run a few jobs.

    Raises:
        TimeoutError: It did not.
    """
    for call in plan.warm_calls():
        await peer.enqueue(call)
    deadline = time.monotonic() + WAIT
    while not plan.warmed():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no worker ran a job within {WAIT} s")
        await asyncio.sleep(0.01)


async def produce(peer: Adapter, spec: Spec) -> dict[str, Any]:
    """Run the phase's loop; its figures, with the rate and the CPU time a job of this process."""
    plan = Plan(spec)
    await peer.open()
    try:
        if spec.warm:
            await warm_up(peer, plan)
        cpu, start = time.process_time(), time.perf_counter()
        figures = await LOOPS[spec.produce](peer, plan)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    finally:
        await peer.close()
    jobs = figures["produced"]
    return {
        **figures,
        "seconds": seconds,
        "jobs_per_s": jobs / seconds,
        "client_us": cpu / max(1, jobs) * 1e6,
    }
