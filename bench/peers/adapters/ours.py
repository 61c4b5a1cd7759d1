"""khala_jobs itself, on any store that its processes can share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import peers.ledger
from peers.protocol import About
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec

CHUNK = 5000
LEVELS = (10, 90, 170, 250)


@contextmanager
def _left(url: str) -> Iterator[Callable[[], int]]:
    """Asks a client of our own, kept open, how many jobs are not closed."""
    from khala_jobs import JobProcessor

    with asyncio.Runner() as runner:
        jobs = JobProcessor(url)

        async def left() -> int:
            stats = await jobs.queues.stats("default")
            return int(stats["waiting"] + stats["active"] + stats["delayed"])

        try:
            yield lambda: runner.run(left())
        finally:
            runner.run(jobs.close())


ABOUT = About(
    name="khala_jobs",
    requires=(),
    package="khala-jobs",
    configuration="`JobProcessor(url, workers=concurrency)`, async handlers, every default (results, history, fenced "
    "leases, logs); dropped: `keep=0`",
    keeps_results="in the store, one day",
    crash="lease of 15 s, renewed off the event loop; a process known to be dead is noticed sooner",
    left_by_url=_left,
)


class Adapter(Base):
    """See `ABOUT`."""

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from khala_jobs import JobProcessor, Retry

        self.jobs = JobProcessor(spec.url, workers=spec.concurrency)
        options: dict[str, Any] = {} if spec.results else {"keep": 0}
        if spec.retries:
            options["retry"] = Retry.fixed(2, 0.001)
        self.tasks: dict[str, Any] = {
            name: self.jobs.task(name=name, **options)(handler)
            for name, handler in self.handlers.coroutines.items()
        }
        self.by_level = [self.tasks["noop"].options(priority=level) for level in LEVELS]

    async def close(self) -> None:
        await self.jobs.close()

    def _task(self, call: Call) -> Any:
        if call.due is not None:
            return self.tasks[call.task].options(at=datetime.fromtimestamp(call.due, UTC))
        if call.level is not None:
            return self.by_level[call.level]
        return self.tasks[call.task]

    async def enqueue(self, call: Call) -> Any:
        return await self._task(call).enqueue(*call.args)

    async def enqueue_many(self, calls: Sequence[Call]) -> None:
        if calls[0].level is not None:
            for level, task in enumerate(self.by_level):
                await task.enqueue_many((c.args for c in calls if c.level == level), chunk=CHUNK)
        else:
            await self._task(calls[0]).enqueue_many((call.args for call in calls), chunk=CHUNK)

    async def result(self, handle: Any) -> Any:
        return await handle.result(timeout=30)

    async def work_async(self) -> None:
        async with self.jobs:
            await asyncio.Event().wait()
