"""What reaches a worker while jobs run: stops, time-outs, lost leases, and what it may say about them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable

import pytest
from engine_caller import ABANDON, CANCEL, DONE, FAIL, LAG, LOST, STOP, Caller, core

from khala_jobs.errors import InvalidArgument

SECOND = 1_000


@pytest.fixture
def clock() -> core.ManualClock:
    return core.ManualClock()


def test_a_cancelled_job_is_stopped(caller: Caller) -> None:
    (job_id,) = caller.enqueue(b"[]")
    caller.work()
    lease = caller.started()
    assert caller.ask("manage", "cancel", [job_id], "changed my mind") == ["requested"]
    caller.until(lambda: (STOP, lease.slot, "cancelled") in caller.others)
    caller.engine.settle([(lease, CANCEL, "as you wish", None)])
    caller.until(lambda: caller.state(job_id) == "cancelled")


def test_a_job_cancelled_before_it_began_does_not_begin(caller: Caller) -> None:
    (job_id,) = caller.enqueue(b"[]")
    caller.work()
    lease = caller.lease()
    assert caller.ask("manage", "cancel", [job_id]) == ["requested"]
    caller.until(lambda: caller.state(job_id) == "cancelled")
    assert not lease.start()
    assert not caller.others


def test_timeouts(open_caller: Callable[..., Caller], clock: core.ManualClock, url: str) -> None:
    caller = open_caller(url, clock=clock)
    (job_id,) = caller.enqueue(b"[]", soft_timeout_ms=5 * SECOND, hard_timeout_ms=8 * SECOND)
    caller.work(1)
    lease = caller.started()
    clock.advance(5 * SECOND)
    caller.until(lambda: (STOP, lease.slot, "timeout") in caller.others)
    clock.advance(3 * SECOND)
    caller.until(lambda: (ABANDON, lease.slot, "timeout") in caller.others)
    caller.until(lambda: caller.state(job_id) == "failed")
    assert json.loads(caller.row(job_id)["error"])["type"] == "TimeoutError"
    caller.engine.settle([(lease, DONE, b'"late"', None)])
    caller.until(lambda: (LOST, job_id, lease.fence) in caller.others)
    caller.enqueue(b"[]", ids=["next"])
    assert not caller.leases, "the slot is not free before it is reclaimed"
    caller.engine.reclaimed(lease.slot)
    assert caller.lease().id == "next"


def test_a_stuck_handler_is_reported(open_caller: Callable[..., Caller], clock: core.ManualClock) -> None:
    read_fd, write_fd = os.pipe()
    try:
        caller = open_caller("memory://", clock=clock, supervised_fd=write_fd)
        (job_id,) = caller.enqueue(b"[]", hard_timeout_ms=SECOND)
        caller.work(1)
        lease = caller.started()
        clock.advance(SECOND)
        caller.until(lambda: caller.others)
        clock.advance(2 * SECOND)
        line = os.read(read_fd, 1000)
    finally:
        os.close(read_fd)
        os.close(write_fd)
    assert line.endswith(b"\n")
    report = json.loads(line)
    assert (report["event"], report["slot"], report["job"], report["task"]) == (
        "stuck",
        lease.slot,
        job_id,
        "t",
    )
    assert report["pid"] == os.getpid()


def test_progress_is_visible_while_the_job_runs(
    open_caller: Callable[..., Caller], clock: core.ManualClock, url: str
) -> None:
    caller = open_caller(url, clock=clock)
    (job_id,) = caller.enqueue(b"[]")
    caller.work(1)
    lease = caller.started()
    for n in range(10):
        caller.engine.progress(lease, n, 10, f"page {n}")
    assert caller.row(job_id)["progress_count"] == 0, "it waits for the next renewal"
    clock.advance(SECOND)
    caller.until(lambda: caller.row(job_id)["progress_count"] == 9)
    row = caller.row(job_id)
    assert (row["progress_total"], row["progress_message"]) == (10, "page 9")
    with pytest.raises(InvalidArgument, match="message"):
        caller.engine.progress(lease, 1, 2, "x" * 2000)


def test_a_job_of_two_workers_is_told_when_its_lease_is_gone(
    open_caller: Callable[..., Caller], tmp_path: os.PathLike[str]
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    caller = open_caller(url)
    (job_id,) = caller.enqueue(b"[]")
    caller.work(1)
    lease = caller.started()
    other = open_caller(url)
    # Somebody cancels from elsewhere, where the job is not held: the worker hears of it at its next look.
    assert other.ask("manage", "cancel", [job_id]) == ["requested"]
    caller.until(lambda: (STOP, lease.slot, "cancelled") in caller.others)
    caller.engine.settle([(lease, FAIL, (["CancelledError"], b"{}"), False)])
    other.until(lambda: other.state(job_id) == "cancelled")


def test_jobs_from_another_process_wake_an_idle_worker(
    open_caller: Callable[..., Caller], tmp_path: os.PathLike[str]
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    worker = open_caller(url)
    worker.work(1)
    producer = open_caller(url)
    for _ in range(20):
        (job_id,) = producer.enqueue(b"[]")
        ticket = next(producer.tickets)
        producer.engine.watch(producer.port, ticket, [job_id])
        lease = worker.started()
        worker.engine.settle([(lease, DONE, b"1", None)])
        assert producer.reply(ticket)["state"] == "completed"


def test_stopping_takes_back_what_was_not_started(caller: Caller) -> None:
    ids = caller.enqueue(*[b"[]"] * 4)
    caller.work(3)
    leases = [caller.lease() for _ in range(3)]
    assert leases[0].start()
    assert caller.ask("stop_worker") is None
    assert [lease.start() for lease in leases[1:]] == [False, False]
    caller.until(lambda: [caller.state(i) for i in ids] == ["running", "ready", "ready", "ready"])
    assert caller.row(ids[1])["attempt"] == 0
    caller.engine.settle([(leases[0], DONE, b"1", None)])
    caller.until(lambda: caller.state(ids[0]) == "completed")


def test_a_closed_port_releases_what_it_held(
    caller: Caller, open_caller: Callable[..., Caller], url: str
) -> None:
    ids = caller.enqueue(*[b"[]"] * 3)
    caller.work(2)
    lease = caller.started()
    caller.port.close()
    caller.port.close()
    assert caller.port.fd == -1
    assert caller.port.drain() == []
    caller.port = core.Port()
    caller.until(lambda: [caller.state(i) for i in ids] == ["ready"] * 3)
    assert [caller.row(i)["attempt"] for i in ids] == [0, 0, 0]
    caller.engine.settle([(lease, DONE, b"1", None)])
    assert caller.state(ids[0]) == "ready", "nothing can be settled for a lease that was given back"


def test_one_worker_an_engine(caller: Caller) -> None:
    caller.work()
    with pytest.raises(InvalidArgument, match="one engine runs one"):
        caller.work()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"slots": 0}, "slots"),
        ({"queues": []}, "queues"),
        ({"queues": [("q", 0)]}, "queues"),
        ({"worker": ""}, "worker"),
        ({"suspects": "some"}, "suspects"),
    ],
)
def test_a_worker_is_checked(caller: Caller, options: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        caller.work(**options)  # type: ignore[arg-type]
    assert caught.value.field == field
    caller.work()


def test_a_port_that_is_not_drained_reports_the_lag(caller: Caller) -> None:
    caller.work()
    caller.engine.get(caller.port, 10_000, [])
    deadline = time.monotonic() + 10
    while caller.port.lag_ms <= 100:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    items = caller.port.drain()
    assert items[0][0] == LAG
    assert items[0][1] == -1
    assert items[0][2] > 100
    assert caller.port.lag_ms == 0
    assert caller.port.max_lag_ms > 100


def test_a_drain_is_bounded_and_the_descriptor_stays_readable(caller: Caller) -> None:
    tickets = range(10_000, 10_600)
    for ticket in tickets:
        caller.engine.get(caller.port, ticket, [])
    caller.until(lambda: caller.port.depth == 0 and len(caller.replies) == len(tickets))
    assert all(len(caller.replies[ticket]) == 1 for ticket in tickets)


def test_threads_may_start_and_settle(caller: Caller) -> None:
    count = 200
    caller.enqueue(*[b"[]"] * count)
    caller.work(8)
    seen: list[str] = []

    def run(lease: object) -> None:
        assert lease.start()  # type: ignore[attr-defined]
        seen.append(lease.id)  # type: ignore[attr-defined]
        caller.engine.settle([(lease, DONE, b"1", None)])

    threads = []
    for _ in range(count):
        thread = threading.Thread(target=run, args=(caller.lease(),))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    caller.until(lambda: caller.engine.stats["settles"] == count)
    assert len(set(seen)) == count
