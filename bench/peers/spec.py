"""What one phase of a figure is asked to do; it crosses to the peer's process as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

SPARE = 16  # numbers behind `count`, for jobs that only warm a worker up
LEVELS = 4  # priorities in the workload that has them; 3 is the most urgent


@dataclass(frozen=True)
class Spec:
    """One phase: what is put in, and how it is worked off.

    Attributes:
        url: The store.
        folder: Where the ledgers of this figure lie.
        count: Jobs; they are numbered from 0.
        job: Which handler: ``noop``, ``sleep`` or ``fail_once``.
        produce: Which loop puts them in: one of `peers.produce.LOOPS`.
        concurrency: Jobs that a worker runs at once, where the engine can.
        batch: Jobs a call, in bulk.
        body: Bytes of text beside the number in each payload.
        results: Whether results are kept in the store.
        priorities: Whether jobs carry one of `LEVELS` priorities, by turns.
        retries: Whether a failed job is to be run again, at once or after a millisecond.
        delays: Whether jobs are due later, so that an engine that needs a scheduler runs one.
        seconds: What a ``sleep`` job sleeps; how long a closed loop lasts; how long the due times are spread.
        jitter: Whether ``sleep`` jobs sleep between 0 and `seconds` instead.
        rate: Arrivals a second of an open loop.
        warm: Whether the producer first waits until a worker has run a few jobs beyond `count`.
        crash: Whether workers will be killed, so that notes may not be held back.
    """

    url: str
    folder: str
    count: int
    job: str = "noop"
    produce: str = "single"
    concurrency: int = 100
    batch: int = 1000
    body: int = 0
    results: bool = True
    priorities: bool = False
    retries: bool = False
    delays: bool = False
    seconds: float = 0.0
    jitter: bool = False
    rate: float = 50.0
    warm: bool = False
    crash: bool = False

    def with_(self, **changes: Any) -> Spec:
        return replace(self, **changes)

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> Spec:
        return Spec(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Call:
    """One job to put in.

    Attributes:
        task: Name of the handler.
        args: Its arguments; the first is the job's number.
        due: Unix time in seconds before which it must not run; None = now.
        level: 0 to `LEVELS` - 1, larger runs sooner; None = no priority asked for.
    """

    task: str
    args: tuple[Any, ...]
    due: float | None = None
    level: int | None = None
