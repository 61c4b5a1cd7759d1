"""arq on Redis."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import peers.ledger
from peers.protocol import About, with_context
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec


def _left(redis: Any) -> int:
    """A job stays in the queue's sorted set until it is finished."""
    return int(redis.zcard("arq:queue"))


ABOUT = About(
    name="arq",
    requires=("arq~=0.28", "hiredis", "uvloop"),
    package="arq",
    configuration="`Worker(max_jobs=concurrency, poll_delay=0.01)` (0.5 s by default), results looked for every "
    "2 ms, hiredis and uvloop; dropped: `keep_result=0`",
    keeps_results="one hour (its default)",
    crash="its in-progress key expires after the job's timeout (300 s by default) and 10 s",
    left=_left,
    absent={
        "bulk": "no bulk call",
        "W5": "no priorities",
        "W13": "a killed worker's jobs wait for the job's timeout, 310 s by default",
    },
    slow=0.15,
)


class Adapter(Base):
    """See `ABOUT`."""

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from arq.connections import RedisSettings

        self.settings = RedisSettings.from_dsn(spec.url)
        self.pool: Any = None

    async def open(self) -> None:
        from arq import create_pool

        self.pool = await create_pool(self.settings)

    async def close(self) -> None:
        await self.pool.aclose()

    async def enqueue(self, call: Call) -> Any:
        if call.due is not None:
            due = datetime.fromtimestamp(call.due, UTC)
            return await self.pool.enqueue_job(call.task, *call.args, _defer_until=due)
        return await self.pool.enqueue_job(call.task, *call.args)

    async def result(self, handle: Any) -> Any:
        return await handle.result(timeout=30, poll_delay=0.002)

    async def work_async(self) -> None:
        from arq import Retry, Worker, func

        self.handlers.again = lambda: Retry(defer=0.001)
        worker = Worker(
            [func(with_context(handler), name=name) for name, handler in self.handlers.coroutines.items()],
            redis_settings=self.settings,
            max_jobs=self.spec.concurrency,
            poll_delay=0.01,
            keep_result=3600 if self.spec.results else 0,
            handle_signals=False,
        )
        await worker.async_run()
