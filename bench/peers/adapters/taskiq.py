"""taskiq with the Redis stream broker of taskiq-redis: acknowledged, so that a crash loses nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import peers.ledger
from peers.protocol import About
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec


def _left(redis: Any) -> int:
    """Entries not yet delivered to its consumer group, and delivered ones not acknowledged; it deletes none."""
    groups = redis.xinfo_groups("taskiq")
    return int(groups[0]["lag"] or 0) + int(groups[0]["pending"])


ABOUT = About(
    name="taskiq",
    requires=("taskiq~=0.13", "taskiq-redis~=1.2", "hiredis", "uvloop"),
    package="taskiq",
    configuration="`RedisStreamBroker`, `RedisAsyncResultBackend`, uvloop and hiredis, `run_receiver_task("
    "max_async_tasks=concurrency)` without validation of parameters, results looked for every 2 ms; "
    "dropped: no result backend",
    keeps_results="`RedisAsyncResultBackend`, one hour",
    crash="stream entries idle for 10 minutes are claimed; no sign of life",
    left=_left,
    absent={
        "bulk": "no bulk call",
        "W5": "no priorities on Redis",
        "W13": "its default reclaims after 10 minutes, whether the worker lives or not",
    },
    slow=0.3,
)


class Adapter(Base):
    """See `ABOUT`."""

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from taskiq import SimpleRetryMiddleware
        from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

        broker: Any = RedisStreamBroker(spec.url, consumer_id="0")
        if spec.results:
            broker = broker.with_result_backend(RedisAsyncResultBackend(spec.url, result_ex_time=3600))
        if spec.retries:
            broker = broker.with_middlewares(SimpleRetryMiddleware(default_retry_count=3))
        self.broker = broker
        self.source: Any = None
        self.tasks: dict[str, Any] = {
            name: broker.task(task_name=name, retry_on_error=spec.retries)(handler)
            for name, handler in self.handlers.coroutines.items()
        }
        if spec.delays:
            from taskiq_redis import ListRedisScheduleSource

            self.source = ListRedisScheduleSource(spec.url)

    async def open(self) -> None:
        await self.broker.startup()

    async def close(self) -> None:
        await self.broker.shutdown()

    async def enqueue(self, call: Call) -> Any:
        task = self.tasks[call.task]
        if call.due is not None:
            return await task.schedule_by_time(self.source, datetime.fromtimestamp(call.due, UTC), *call.args)
        return await task.kiq(*call.args)

    async def result(self, handle: Any) -> Any:
        return await handle.wait_result(check_interval=0.002, timeout=30)

    async def work_async(self) -> None:
        from taskiq import TaskiqScheduler
        from taskiq.api import run_receiver_task, run_scheduler_task

        self.broker.is_worker_process = True
        working = [
            run_receiver_task(
                self.broker,
                max_async_tasks=self.spec.concurrency,
                validate_params=False,
                run_startup=True,
            )
        ]
        if self.source is not None:
            scheduler = TaskiqScheduler(self.broker, [self.source])
            working.append(
                run_scheduler_task(
                    scheduler, interval=timedelta(seconds=1), loop_interval=timedelta(seconds=1)
                )
            )
        await asyncio.gather(*working)
