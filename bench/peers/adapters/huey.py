"""huey with its Redis storage. It deletes a task when it hands it out: a crash loses what was running."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import peers.ledger
from peers.protocol import About, forever
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec

NAME = "bench"


def _left(redis: Any) -> int:
    """Waiting and scheduled tasks; one that is running is in no place of the store."""
    queue = f"huey.redis.{NAME}"
    waiting = redis.zcard(queue) if redis.type(queue) == b"zset" else redis.llen(queue)
    return int(waiting) + int(redis.zcard(f"huey.schedule.{NAME}"))


ABOUT = About(
    name="huey",
    requires=("huey~=3.5", "redis>=5", "hiredis"),
    package="huey",
    configuration="`RedisHuey` (`PriorityRedisHuey` for W5), blocking pops, 4 threads, no periodic tasks; dropped: "
    "`results=False`",
    keeps_results="until read",
    crash="lost: a task is deleted when it is handed out",
    left=_left,
    absent={
        "bulk": "no bulk call",
        "W13": "a task is deleted when it is handed out, so a killed worker loses it",
    },
    slow=0.3,
    threads=4,
)


class Adapter(Base):
    """See `ABOUT`."""

    blocking: ClassVar[bool] = True

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from huey import PriorityRedisHuey, RedisHuey

        make = PriorityRedisHuey if spec.priorities else RedisHuey
        self.huey = make(
            NAME, url=spec.url, results=spec.results, utc=True, notify_result=spec.produce == "closed"
        )
        self.tasks: dict[str, Any] = {
            name: self.huey.task(name=name, retries=2 if spec.retries else 0)(handler)
            for name, handler in self.handlers.functions.items()
        }

    async def enqueue(self, call: Call) -> Any:
        task = self.tasks[call.task]
        if call.due is not None:
            return task.schedule(args=call.args, eta=datetime.fromtimestamp(call.due, UTC))
        if call.level is not None:
            return task(*call.args, priority=call.level)
        return task(*call.args)

    async def result(self, handle: Any) -> Any:
        return handle.get(blocking=True, timeout=30)

    def work(self) -> None:
        consumer = self.huey.create_consumer(
            workers=self.spec.concurrency, worker_type="thread", periodic=False, check_worker_health=False
        )
        consumer.start()
        forever()
