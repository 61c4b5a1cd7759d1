"""Notes of starts and completions, and what they come to."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

from peers.ledger import Ledger, Notes, sent_file


def test_what_was_noted_is_read_by_another_mapping(tmp_path: Path) -> None:
    worker = Ledger(tmp_path / "ledger-0", 5)
    assert worker.start(3) == 1
    assert worker.start(3) == 2
    worker.done(3)
    reader = Ledger(tmp_path / "ledger-0", 5)
    assert list(reader.starts) == [0, 0, 0, 2, 0]
    assert list(reader.dones) == [0, 0, 0, 1, 0]
    assert 0 < reader.head[0] == reader.first[3] <= reader.latest[3]
    assert reader.undone(5) == 4
    assert reader.undone(3) == 3


def test_counts_stop_instead_of_starting_over(tmp_path: Path) -> None:
    worker = Ledger(tmp_path / "ledger-0", 1)
    for _ in range(300):
        worker.start(0)
        worker.done(0)
    assert (worker.starts[0], worker.dones[0]) == (255, 255)


def test_workers_are_read_together(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path / "ledger-0", 4), Ledger(tmp_path / "ledger-1", 4)
    for worker, job in ((one, 0), (one, 1), (two, 1), (two, 2)):
        worker.start(job)
        worker.done(job)
    notes = Notes([one, two], 4)
    assert notes.undone() == 1
    verdict = notes.verdict()
    assert (verdict.done, verdict.lost, verdict.twice, verdict.runs) == (3, 1, 1, 4)
    assert not verdict.exact
    assert notes.started()[3] == 0
    assert notes.started()[1] == one.first[1]
    assert notes.began == one.first[0]


def test_once_each_is_exact(tmp_path: Path) -> None:
    worker = Ledger(tmp_path / "ledger-0", 3)
    for job in (2, 0, 1):
        worker.start(job)
        worker.done(job)
    assert Notes([worker], 3).verdict().exact


def _note_and_wait(path: Path, ready: multiprocessing.synchronize.Event) -> None:
    ledger = Ledger(path, 2)
    ledger.start(0)
    ledger.done(0)
    ledger.start(1)
    ready.set()
    signal.pause()


def test_notes_outlive_a_kill(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    worker = context.Process(target=_note_and_wait, args=(tmp_path / "ledger-0", ready))
    worker.start()
    assert ready.wait(30)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    notes = Ledger(tmp_path / "ledger-0", 2)
    assert (list(notes.starts), list(notes.dones)) == ([1, 1], [1, 0])


def test_times_of_arrival_are_shared(tmp_path: Path) -> None:
    sent_file(tmp_path, 3)[1] = 42
    assert list(sent_file(tmp_path, 3)) == [0, 42, 0]
