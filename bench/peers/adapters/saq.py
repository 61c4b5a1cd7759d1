"""SAQ on Redis."""

from __future__ import annotations

import math
from typing import Any

import peers.ledger
from peers.protocol import About, with_context
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec


def _left(redis: Any) -> int:
    """All jobs that are not finished are in one sorted set."""
    return int(redis.zcard("saq:default:incomplete"))


ABOUT = About(
    name="SAQ",
    requires=(
        "saq[redis,hiredis]~=0.26",
        "typing_extensions",
        "uvloop",
    ),  # it imports the second without asking for it
    package="saq",
    configuration="`Queue.from_url`, `Worker(concurrency=…)`, hiredis and uvloop, results looked for "
    "every 2 ms (0.5 s by default); dropped: `ttl=-1`",
    keeps_results="with the job, 10 minutes (its default)",
    crash="a job that outlives its own timeout (10 s by default) is swept, each minute; retried only if it may be",
    left=_left,
    absent={"bulk": "no bulk call", "W5": "priorities on PostgreSQL only"},
    slow=0.15,
)


class Adapter(Base):
    """See `ABOUT`."""

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from saq import Queue

        self.queue = Queue.from_url(spec.url)
        self.options: dict[str, Any] = {} if spec.results else {"ttl": -1}
        if spec.retries:
            self.options |= {"retries": 3, "retry_delay": 0.001}
        if spec.crash:
            self.options |= {"retries": 3}

    async def open(self) -> None:
        await self.queue.connect()

    async def close(self) -> None:
        await self.queue.disconnect()

    def _arguments(self, call: Call) -> dict[str, Any]:
        names = ("i", "seconds" if call.task == "sleep" else "body")
        return dict(zip(names, call.args, strict=False)) | self.options

    async def enqueue(self, call: Call) -> Any:
        if call.due is not None:
            return await self.queue.enqueue(call.task, scheduled=math.ceil(call.due), **self._arguments(call))
        return await self.queue.enqueue(call.task, **self._arguments(call))

    async def run(self, call: Call) -> Any:
        """One call does both."""
        return await self.queue.apply(call.task, timeout=30, poll_interval=0.002, **self._arguments(call))

    async def work_async(self) -> None:
        from saq import Worker

        await self.queue.connect()
        functions = [(name, with_context(handler)) for name, handler in self.handlers.coroutines.items()]
        await Worker(self.queue, functions, concurrency=self.spec.concurrency).start()
