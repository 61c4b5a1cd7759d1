"""RQ. Its handlers are found by their import path, so they are functions of this module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import peers.ledger
from peers.protocol import About, Handlers, held
from peers.protocol import Adapter as Base
from peers.spec import LEVELS, Call, Spec

_current: list[Handlers] = []


def noop(i: int, body: str = "") -> Any:
    return _current[0].functions["noop"](i, body)


def sleep(i: int, seconds: float) -> Any:
    return _current[0].functions["sleep"](i, seconds)


def fail_once(i: int) -> Any:
    return _current[0].functions["fail_once"](i)


HANDLERS = {"noop": noop, "sleep": sleep, "fail_once": fail_once}


def _left(redis: Any) -> int:
    """Waiting, started and scheduled jobs of its queues."""
    names = ("default", *(f"level{level}" for level in range(LEVELS)))
    return held(
        redis,
        lists=[f"rq:queue:{name}" for name in names],
        zsets=[f"rq:{kind}:{name}" for kind in ("wip", "scheduled") for name in names],
    )


ABOUT = About(
    name="RQ",
    requires=("rq~=3.0", "hiredis"),
    package="rq",
    configuration="`SimpleWorker` (no fork a job), one job at a time as it always works; a queue a priority; dropped: "
    "`result_ttl=0`",
    keeps_results="500 s (its default)",
    crash="a started job is failed when its worker's TTL ends (420 s by default); retried only if asked",
    left=_left,
    absent={
        "W8": "one job at a time in a process",
        "W13": "a killed worker's job is noticed after its TTL, 420 s by default",
    },
    slow=0.025,
    threads=1,
)


class Adapter(Base):
    """See `ABOUT`."""

    blocking: ClassVar[bool] = True

    def __init__(self, spec: Spec, ledger: peers.ledger.Ledger | None) -> None:
        super().__init__(spec, ledger)
        from redis import Redis
        from rq import Queue, Retry

        _current[:] = [self.handlers]
        self.redis = Redis.from_url(spec.url)
        names = [f"level{n}" for n in reversed(range(LEVELS))] if spec.priorities else ["default"]
        self.queues = [Queue(name, connection=self.redis) for name in names]  # the most urgent first
        self.options: dict[str, Any] = {} if spec.results else {"result_ttl": 0}
        if spec.retries:
            self.options["retry"] = Retry(max=2)

    def _queue(self, call: Call) -> Any:
        return self.queues[0 if call.level is None else LEVELS - 1 - call.level]

    async def enqueue(self, call: Call) -> Any:
        function = HANDLERS[call.task]
        if call.due is not None:
            due = datetime.fromtimestamp(math.ceil(call.due), UTC)  # whole seconds are what it keeps
            return self._queue(call).enqueue_at(due, function, *call.args, **self.options)
        return self._queue(call).enqueue(function, *call.args, **self.options)

    async def enqueue_many(self, calls: Sequence[Call]) -> None:
        from rq import Queue

        for queue in self.queues:
            mine = [call for call in calls if self._queue(call) is queue]
            if mine:
                queue.enqueue_many(
                    [Queue.prepare_data(HANDLERS[c.task], c.args, **self.options) for c in mine]
                )

    async def result(self, handle: Any) -> Any:
        return handle.latest_result(timeout=30).return_value

    def work(self) -> None:
        from rq import SimpleWorker

        worker = SimpleWorker(self.queues, connection=self.redis)
        worker.work(with_scheduler=self.spec.delays, logging_level="ERROR")
