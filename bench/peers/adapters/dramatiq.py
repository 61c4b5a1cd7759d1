"""dramatiq with its Redis broker."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import peers.ledger
from peers.protocol import About, forever, held
from peers.protocol import Adapter as Base
from peers.spec import Call, Spec


def _left(redis: Any) -> int:
    """Messages are in a hash a queue until they are acknowledged."""
    return held(redis, hashes=["dramatiq:default.msgs", "dramatiq:default.DQ.msgs"])


ABOUT = About(
    name="dramatiq",
    requires=("dramatiq[redis]~=2.2", "hiredis"),
    package="dramatiq",
    configuration="`RedisBroker`, its default middleware, one process of 8 threads (its default); kept: `Results` with "
    "`RedisBackend`",
    keeps_results="`RedisBackend`, 10 minutes",
    crash="messages of a worker without a heartbeat for 60 s are put back, at a random call",
    left=_left,
    absent={
        "bulk": "no bulk call",
        "W5": "priorities hold only among the messages that one worker has fetched",
    },
    slow=0.3,
    threads=8,
)


class Adapter(Base):
    """See `ABOUT`."""

    blocking: ClassVar[bool] = True

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        import dramatiq
        from dramatiq.brokers.redis import RedisBroker
        from dramatiq.results import Results
        from dramatiq.results.backends import RedisBackend

        self.broker = RedisBroker(url=spec.url)
        options: dict[str, Any] = {}
        if spec.results:
            self.broker.add_middleware(Results(backend=RedisBackend(url=spec.url)))
            options["store_results"] = True
        dramatiq.set_broker(self.broker)
        if spec.retries:
            options |= {"max_retries": 2, "min_backoff": 1, "max_backoff": 1}
        self.tasks: dict[str, Any] = {
            name: dramatiq.actor(handler, actor_name=name, **options)
            for name, handler in self.handlers.functions.items()
        }

    async def enqueue(self, call: Call) -> Any:
        task = self.tasks[call.task]
        if call.due is not None:
            delay = max(1, round((call.due - time.time()) * 1000))
            return task.send_with_options(args=call.args, delay=delay)
        return task.send(*call.args)

    async def result(self, handle: Any) -> Any:
        return handle.get_result(block=True, timeout=30_000)

    def work(self) -> None:
        from dramatiq import Worker

        Worker(self.broker, worker_threads=self.spec.concurrency).start()
        forever()
