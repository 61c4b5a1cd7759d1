"""Who ran what, and when: a file of plain arrays that handlers write and the runner reads.

One file a worker process, mapped shared, so that notes outlive a SIGKILL; a note costs well under a microsecond. Layout
(little-endian, `n` records): two int64 (monotonic ns at the first start, CPU ns of the process until then), n int64
(first start of each job, ns), n int64 (latest start), n uint8 (starts), n uint8 (completions); both counts stop at 255.
Beside it `sent`: n int64, when each job was put in or is due, by the same clock. CLOCK_MONOTONIC is the machine's, so
times of different processes compare.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEADER = 16
RECORD = 18


class Ledger:
    """A worker's own file of notes.

    Args:
        path: The file; it is made when it does not exist.
        count: Records.
    """

    def __init__(self, path: Path, count: int) -> None:
        size = HEADER + RECORD * count
        with path.open("a+b") as file:
            file.truncate(size)
            self._map = mmap.mmap(file.fileno(), size)
        whole = memoryview(self._map)
        self.head = whole[:HEADER].cast("q")
        times = whole[HEADER : HEADER + 16 * count].cast("q")
        self.first = times[:count]
        self.latest = times[count:]
        self.starts = whole[HEADER + 16 * count : HEADER + 17 * count]
        self.dones = whole[HEADER + 17 * count :]

    def start(self, i: int) -> int:
        """Job `i` starts; returns which start of it this is in this process, from 1."""
        now = time.monotonic_ns()
        if not self.head[0]:
            self.head[1] = time.process_time_ns()
            self.head[0] = now
        if not self.first[i]:
            self.first[i] = now
        self.latest[i] = now
        starts = min(255, self.starts[i] + 1)
        self.starts[i] = starts
        return starts

    def done(self, i: int) -> None:
        """Job `i` has done its work."""
        self.dones[i] = min(255, self.dones[i] + 1)

    def undone(self, count: int) -> int:
        """How many of the first `count` jobs have not completed here."""
        return bytes(self.dones[:count]).count(0)


def sent_file(folder: Path, count: int) -> memoryview:
    """The mapped int64 array of when jobs were put in; made when it does not exist."""
    with (folder / "sent").open("a+b") as file:
        file.truncate(8 * count)
        return memoryview(mmap.mmap(file.fileno(), 8 * count)).cast("q")


@dataclass(frozen=True)
class Verdict:
    """What a run comes to, exactly.

    Attributes:
        expected: Jobs put in.
        done: Distinct jobs whose handler completed.
        lost: Jobs whose handler never completed.
        twice: Jobs whose handler completed more than once.
        runs: Starts of handlers, all together.
    """

    expected: int
    done: int
    lost: int
    twice: int
    runs: int

    @property
    def exact(self) -> bool:
        return self.done == self.expected and not self.lost and not self.twice


class Notes:
    """The ledgers of all workers of one figure, read together.

    Args:
        ledgers: One a worker process.
        count: How many jobs, from number 0, are looked at.
    """

    def __init__(self, ledgers: Sequence[Ledger], count: int) -> None:
        self.ledgers = ledgers
        self.count = count

    def undone(self) -> int:
        """Jobs that no worker has completed."""
        if len(self.ledgers) == 1:
            return self.ledgers[0].undone(self.count)
        rows = [bytes(ledger.dones[: self.count]) for ledger in self.ledgers]
        return sum(not any(row) for row in zip(*rows, strict=True))

    def verdict(self) -> Verdict:
        dones = [sum(ledger.dones[i] for ledger in self.ledgers) for i in range(self.count)]
        starts = sum(sum(bytes(ledger.starts[: self.count])) for ledger in self.ledgers)
        done = sum(1 for times in dones if times)
        return Verdict(self.count, done, self.count - done, sum(1 for times in dones if times > 1), starts)

    def started(self) -> list[int]:
        """Monotonic ns of each job's first start anywhere; 0 = never."""
        return [
            min((ledger.first[i] for ledger in self.ledgers if ledger.first[i]), default=0)
            for i in range(self.count)
        ]

    @property
    def began(self) -> int:
        """Monotonic ns of the first start of any job; 0 = none yet."""
        return min((ledger.head[0] for ledger in self.ledgers if ledger.head[0]), default=0)
