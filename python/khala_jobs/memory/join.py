"""Joins of a run: in blocks that its journal keeps, with progress, and stopped when the job is.

A planner knows nothing of this: it gets `RunKernels` and asks for pairs as ever. The finished blocks of a killed
attempt are in the run's own journal; the next attempt, which loads the same memories, takes them from there and
joins the rest. Blocks are dropped when the unit's plan is stored, or the unit is finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from khala_jobs.errors import Interrupted
from khala_jobs.similarity import BLOCK_PAIRS, Checkpoint, Pairs, find_pairs_in_blocks
from khala_jobs.similarity.blocks import eta_seconds
from khala_jobs.similarity.values import BlockCertificate, Float32Matrix, Int32Column, PairColumns

from .journal import JournalFile
from .kernels import CompiledKernels

__all__ = ["JoinSettings", "Joined", "RunKernels", "Watcher"]

_TELL_EVERY_S: Final = 1.0

T = TypeVar("T")


class Watcher(Protocol):
    """What a join needs of the job that waits for it. Called from the thread that joins."""

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""

    def tell(self, message: str) -> None:
        """Say how far the join is."""


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How the joins of a run are done.

    Args:
        threads: Threads of one join; None for one for each processor.
        block_pairs: Row pairs between two checkpoints.
    """

    threads: int | None = 1
    block_pairs: int = BLOCK_PAIRS


@dataclass(slots=True)
class Joined:
    """What the joins of this attempt came to, for the report; hashes of pairs are summed modulo 2^64."""

    joins: int = 0
    blocks: int = 0
    blocks_reused: int = 0
    pairs: int = 0
    pairs_evaluated: int = 0
    seconds: float = 0.0
    planned_seconds: float = 0.0
    isa: str = ""
    set_hash: int = 0

    def add(self, pairs: Pairs) -> None:
        """Add a join."""
        certificate = pairs.certificate
        assert isinstance(certificate, BlockCertificate)
        self.joins += 1
        self.blocks += certificate.blocks
        self.blocks_reused += certificate.blocks_reused
        self.pairs += certificate.pairs
        self.pairs_evaluated += certificate.pairs_evaluated
        self.seconds += certificate.seconds
        self.planned_seconds += float(certificate.plan["seconds"])
        self.isa = certificate.isa
        self.set_hash = (self.set_hash + certificate.set_hash) % 2**64

    def to_json(self) -> dict[str, Any]:
        """As in the report."""
        return {
            "joins": self.joins,
            "blocks": self.blocks,
            "blocks_reused": self.blocks_reused,
            "pairs": self.pairs,
            "pairs_evaluated": self.pairs_evaluated,
            "seconds": round(self.seconds, 6),
            "planned_seconds": round(self.planned_seconds, 6),
            "isa": self.isa,
            "set_hash": f"{self.set_hash:016x}",
        }


class _JournalCheckpoint:
    """Blocks in the journal of a run, reached from a thread beside the event loop that owns it."""

    def __init__(self, journal: JournalFile, run_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self._journal, self._run_id, self._loop = journal, run_id, loop

    def load(self, key: str) -> Mapping[int, bytes]:
        return self._wait(self._journal.load_blocks(self._run_id, key))

    def save(self, key: str, block: int, pairs: bytes) -> None:
        self._wait(self._journal.save_block(self._run_id, key, block, pairs))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class RunKernels(CompiledKernels):
    """The compiled kernels, with joins in blocks.

    Made on the event loop, used in the planner's thread.

    Args:
        settings: How joins are done.
        watcher: The job.
        joined: Where to note what was done.
        journal: Where blocks are kept; None for a dry run, which leaves no trace.
        run_id: The run.
        clock: Seconds, for the time left.
    """

    def __init__(
        self,
        settings: JoinSettings,
        watcher: Watcher,
        joined: Joined,
        journal: JournalFile | None,
        run_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._watcher, self._joined, self._clock = settings, watcher, joined, clock
        self._planned: float | None = None
        self._checkpoint: Checkpoint | None = (
            None if journal is None else _JournalCheckpoint(journal, run_id, asyncio.get_running_loop())
        )

    def find_pairs(  # type: ignore[override]  # an instance has settings, the class has none
        self, matrix: Float32Matrix, threshold: float, groups: Int32Column, /
    ) -> PairColumns:
        """`khala_jobs.similarity.find_pairs_in_blocks`.

        Raises:
            Interrupted: The job was asked to stop; finished blocks are kept.
        """
        pairs = find_pairs_in_blocks(
            matrix,
            threshold,
            self._checkpoint,
            groups=groups,
            block_pairs=self._settings.block_pairs,
            threads=self._settings.threads,
            progress=self._progress(),
            planned=self._expect,
        )
        self._joined.add(pairs)
        return pairs

    def _expect(self, seconds: float) -> None:
        self._planned = seconds

    def _progress(self) -> Callable[[int, int], None]:
        first: tuple[float, int] | None = None
        told = -_TELL_EVERY_S

        def progress(done: int, total: int) -> None:
            nonlocal first, told
            if self._watcher.cancelled:
                raise Interrupted("join", "the job was asked to stop; it goes on from its last block")
            now = self._clock()
            first = first or (now, done)
            if now - told >= _TELL_EVERY_S and total:
                told = now
                left = eta_seconds(first[0], now, first[1], done, total, self._planned)
                eta = "" if left is None else f", {left:.0f} s left"
                self._watcher.tell(f"join: {100 * done // total} % of {total} pairs{eta}")

        return progress
