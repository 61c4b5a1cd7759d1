"""ArdiQ: a Rust core on Redis Streams, handlers in Python."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import peers.ledger
from peers.protocol import About, held
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec

QUEUE = "bench"
LANES = ["low", "medium", "high", "critical"]


def _left(redis: Any) -> int:
    """Entries of its streams (deleted when acknowledged) and of its sets of delayed jobs."""
    lanes = ("default", *LANES)
    return held(
        redis,
        streams=[f"ardiq:{QUEUE}:queues:{lane}" for lane in lanes],
        zsets=[f"ardiq:{QUEUE}:queues:delayed:{lane}" for lane in lanes],
    )


ABOUT = About(
    name="ArdiQ",
    requires=("ardiq~=1.2", "uvloop"),
    package="ardiq",
    python=(3, 12),
    configuration="`Ardiq(concurrency=…)` with its own prefetch and msgpack, uvloop, `app.run()`, bulk by "
    "`enqueue_many`; dropped: `result_ttl_ms=1`",
    keeps_results="its default TTL",
    crash="stream entries idle for `idle_timeout_ms` are claimed by another worker",
    left=_left,
    absent={},
)


class Adapter(Base):
    """See `ABOUT`."""

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from ardiq import Ardiq

        options: dict[str, Any] = {} if spec.results else {"result_ttl_ms": 1}
        if spec.priorities:
            options |= {"priorities": LANES, "prefetch": spec.concurrency}
        self.app = Ardiq(redis_url=spec.url, queue_name=QUEUE, concurrency=spec.concurrency, **options)
        self.tasks: dict[str, Any] = {
            name: self.app.task(name=name, max_retries=2, backoff_ms=1)(handler)
            for name, handler in self.handlers.coroutines.items()
        }

    def _bound(self, call: Call) -> Any:
        task = self.tasks[call.task]
        if call.due is not None:
            return task.options(delay_ms=max(1, round((call.due - time.time()) * 1000)))
        if call.level is not None:
            return task.options(priority=LANES[call.level])
        return task

    async def enqueue(self, call: Call) -> Any:
        return await self._bound(call).enqueue(*call.args)

    async def enqueue_many(self, calls: Sequence[Call]) -> None:
        await self.app.enqueue_many([self._bound(call).prepare(*call.args) for call in calls])

    async def result(self, handle: Any) -> Any:
        return await handle.result(timeout=30)

    async def work_async(self) -> None:
        await self.app.run()
