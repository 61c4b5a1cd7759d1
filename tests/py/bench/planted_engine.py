"""The smallest engine on a Redis list, which loses a job or runs one twice when PLANT says so.

Each kind of fault is a mistake that a real engine could make: a job dropped between two calls, a message delivered
again after it was acknowledged, one left behind in the store, one put in without being stored.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, ClassVar

import redis

from peers.protocol import About, forever
from peers.protocol import Adapter as Base
from peers.spec import Call

FAULTY = 7  # the job it happens to

ABOUT = About(
    name="planted",
    requires=(),
    package="redis",
    configuration="",
    crash="lost",
    left=lambda client: int(client.llen("jobs")) + int(client.llen("stuck")),
    absent={"bulk": "no bulk call", "W5": "no priorities"},
    threads=1,
)


class Adapter(Base):
    """See above."""

    blocking: ClassVar[bool] = True

    async def open(self) -> None:
        self.client: Any = redis.Redis.from_url(self.spec.url)
        self.plant = os.environ.get("PLANT", "")

    async def close(self) -> None:
        self.client.close()

    async def enqueue(self, call: Call) -> Any:
        if not (self.plant == "unstored" and call.args[0] == FAULTY):
            self.client.lpush("jobs", json.dumps([call.task, call.args]))
        return call.args[0]

    async def result(self, handle: Any) -> Any:
        return self.client.brpop(f"result:{handle}", timeout=30)

    def work(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()
        forever()

    def _serve(self) -> None:
        client, plant = redis.Redis.from_url(self.spec.url), os.environ.get("PLANT", "")
        while True:
            popped: Any = client.brpop(["jobs"], timeout=0)
            task, args = json.loads(popped[1])
            planted = plant if args[0] == FAULTY else ""
            if planted == "loss":
                continue
            if planted == "stuck":
                client.lpush("stuck", popped[1])
            for _ in range(2 if planted == "double" else 1):
                client.lpush(f"result:{args[0]}", self.handlers.functions[task](*args))
