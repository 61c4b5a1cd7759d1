"""streaQ: Redis Streams and functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import peers.ledger
from peers.protocol import About, held
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec

LANES = ["low", "medium", "high", "critical"]


def _left(redis: Any) -> int:
    """Entries of its streams (deleted when done) and of its sorted sets of delayed jobs."""
    lanes = ("normal", *LANES)
    return held(
        redis,
        streams=[f"streaq:default:queues:{lane}" for lane in lanes],
        zsets=[f"streaq:default:queues:delayed:{lane}" for lane in lanes],
    )


ABOUT = About(
    name="streaQ",
    requires=("streaq~=7.2", "uvloop"),
    package="streaq",
    configuration="`Worker(concurrency=…)` with its own prefetch, uvloop, `run_async()`, bulk by `enqueue_many`; "
    "dropped: `ttl=0`",
    keeps_results="5 minutes (its default)",
    crash="entries idle for 60 s are claimed by another worker",
    left=_left,
    absent={},
    slow=0.15,
)


class Adapter(Base):
    """See `ABOUT`."""

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from streaq import StreaqRetry, Worker

        options: dict[str, Any] = {"priorities": list(LANES)} if spec.priorities else {}
        self.worker = Worker(
            redis_url=spec.url, concurrency=spec.concurrency, handle_signals=False, **options
        )
        self.handlers.again = lambda: StreaqRetry("again", delay=0.001)
        kept: dict[str, Any] = {} if spec.results else {"ttl": 0}
        self.tasks: dict[str, Any] = {
            name: self.worker.task(name=name, silent=True, max_tries=3, **kept)(handler)
            for name, handler in self.handlers.coroutines.items()
        }

    async def open(self) -> None:
        await self.worker.__aenter__()

    async def close(self) -> None:
        await self.worker.__aexit__(None, None, None)

    def _task(self, call: Call) -> Any:
        task = self.tasks[call.task].enqueue(*call.args)
        if call.due is not None:
            return task.start(schedule=datetime.fromtimestamp(call.due, UTC))
        if call.level is not None:
            return task.start(priority=LANES[call.level])
        return task

    async def enqueue(self, call: Call) -> Any:
        return await self._task(call)

    async def enqueue_many(self, calls: Sequence[Call]) -> None:
        await self.worker.enqueue_many([self._task(call) for call in calls])

    async def result(self, handle: Any) -> Any:
        return await handle.result(timeout=30)

    async def work_async(self) -> None:
        await self.worker.run_async()
