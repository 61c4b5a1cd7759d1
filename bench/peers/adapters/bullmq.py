"""BullMQ, which runs on Node; `bullmq.mjs` beside this file is its producer and its worker."""

from __future__ import annotations

from typing import Any

from peers.protocol import About, held

KEY = "bull:bench"


def _left(redis: Any) -> int:
    """Waiting, prioritized, delayed and active jobs."""
    return held(
        redis,
        lists=[f"{KEY}:wait", f"{KEY}:active"],
        zsets=[f"{KEY}:prioritized", f"{KEY}:delayed"],
    )


ABOUT = About(
    name="BullMQ",
    requires=(),
    npm=("bullmq@^6.7.0", "ioredis@^5.0.0"),
    package="bullmq",
    configuration="Node and ioredis, one `Worker` with `concurrency`, bulk by `addBulk`; kept: its default; dropped: "
    "`removeOnComplete: true`",
    keeps_results="with the job, without limit (its default)",
    crash="a lock of 30 s that the event loop renews; stalled jobs are looked for every 30 s",
    left=_left,
)
