"""Celery with Redis as broker and result backend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import peers.ledger
from peers.protocol import About, FirstRunError, held
from peers.protocol import Adapter as Base
from peers.spec import LEVELS, Call, Spec


def _left(redis: Any) -> int:
    """Waiting messages, a list a priority, and those delivered but not acknowledged."""
    queues = ["celery", *(f"celery\x06\x16{step}" for step in range(1, LEVELS))]
    return held(redis, lists=queues, hashes=["unacked"])


ABOUT = About(
    name="Celery",
    requires=("celery[redis]~=5.7", "hiredis"),
    package="celery",
    configuration="Redis broker and results, `--pool=threads --concurrency=10`, prefetch multiplier 64 as its guide "
    "advises for short tasks, no gossip, mingle or heartbeat; dropped: `ignore_result`",
    keeps_results="one day (its default)",
    crash="acknowledged before the run by default: lost; with `acks_late` back after one hour",
    left=_left,
    absent={
        "bulk": "no bulk call (a group sends one by one)",
        "W13": "acknowledges before it runs a task; with `acks_late` the task waits an hour for its visibility timeout",
    },
    slow=0.1,
    threads=10,
)


class Adapter(Base):
    """See `ABOUT`."""

    blocking: ClassVar[bool] = True

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from celery import Celery

        self.app = Celery("bench", broker=spec.url, backend=spec.url)
        self.app.conf.update(
            task_ignore_result=not spec.results,
            worker_prefetch_multiplier=1 if spec.priorities else 64,
            broker_connection_retry_on_startup=True,
            broker_transport_options={
                "priority_steps": list(range(LEVELS)),
                "queue_order_strategy": "priority",
            }
            if spec.priorities
            else {},
        )
        options: dict[str, Any] = {}
        if spec.retries:
            options = {"autoretry_for": (FirstRunError,), "max_retries": 2, "default_retry_delay": 0.001}
        self.tasks: dict[str, Any] = {
            name: self.app.task(name=name, **options)(handler)
            for name, handler in self.handlers.functions.items()
        }

    async def enqueue(self, call: Call) -> Any:
        task = self.tasks[call.task]
        if call.due is not None:
            return task.apply_async(call.args, eta=datetime.fromtimestamp(call.due, UTC))
        if call.level is not None:  # with Redis as the broker, 0 is the most urgent
            return task.apply_async(call.args, priority=LEVELS - 1 - call.level)
        return task.delay(*call.args)

    async def result(self, handle: Any) -> Any:
        return handle.get(timeout=30, interval=0.002)

    def work(self) -> None:
        self.app.worker_main(
            [
                "worker",
                "--pool=threads",
                f"--concurrency={self.spec.concurrency}",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
                "--loglevel=ERROR",
            ]
        )
