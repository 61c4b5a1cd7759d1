"""The engine against the interpreter: exits, forks, threads that hold the GIL, loops that end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_caller import DONE, LEASE, Caller, core, run_script, start_script

# KHALA_JOBS_EXITS=200 where time does not matter.
EXITS = int(os.environ.get("KHALA_JOBS_EXITS", "40"))


def count_of(kind: str) -> int:
    """Descriptors ("fd") or threads ("task") of this process."""
    return sum(1 for _ in Path(f"/proc/self/{kind}").iterdir())


# Leaves with jobs in every state of delivery: in the inbox, undelivered, delivered, running.
EXIT = """
    import sys, threading, time
    from engine_caller import Caller, core
    url, way, nap = sys.argv[1], sys.argv[2], float(sys.argv[3])

    def work():
        caller = Caller(url, lease_ms=300)
        options = core.JobOptions(queue="q", task="t")
        caller.work(8, tasks=["t", "khala.sleep"])
        caller.enqueue(b"[5]", task="khala.sleep")
        for n in range(1000000):
            caller.engine.enqueue(caller.port, next(caller.tickets), options, [b"[]"] * 5)
            caller.pump()
            caller.engine.settle([(lease, 0, b"1", None) for lease in caller.leases[4:] if lease.start()])
            del caller.leases[4:]
            caller.replies.clear()
            while caller.engine.inbox_full:
                caller.pump(0.01)
            if way != "thread" and time.monotonic() > leave_at:
                return caller

    leave_at = time.monotonic() + nap
    if way == "thread":
        def forever():
            try:
                work()
            except Exception as error:
                if type(error).__name__ != "Closed":
                    raise
        threading.Thread(target=forever, daemon=True).start()
        time.sleep(nap)
    else:
        kept = work()
    if way == "raise":
        raise SystemExit(7)
    if way == "cycle":
        kept.me = kept
        del kept
"""


@pytest.mark.parametrize("way", ["return", "thread", "raise", "cycle"])
def test_twenty_exits_with_jobs_in_flight(url: str, way: str) -> None:
    for n in range(20 // 4):
        done = run_script(EXIT, url, way, str(0.02 * n))
        assert done.returncode == (7 if way == "raise" else 0), done.stderr
        assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_exits_on_one_file(tmp_path: Path) -> None:
    for n in range(EXITS):
        way = ["return", "thread", "raise", "cycle"][n % 4]
        done = run_script(EXIT, f"sqlite:///{tmp_path}/jobs.db", way, str(0.003 * (n % 17)))
        assert done.returncode == (7 if way == "raise" else 0), (n, way, done.stderr)
        assert done.stderr == "", (n, way)


def test_an_exit_gives_jobs_back(tmp_path: Path, open_caller: Callable[..., Caller]) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    source = """
        import sys
        from engine_caller import Caller
        caller = Caller(sys.argv[1])
        caller.enqueue(b"[]", b"[]", ids=["a", "b"])
        caller.work(2)
        caller.started(), caller.lease()
    """
    assert run_script(source, url).returncode == 0
    caller = open_caller(url)
    assert [caller.row(i)["state"] for i in ("a", "b")] == ["ready", "ready"]
    assert [caller.row(i)["attempt"] for i in ("a", "b")] == [0, 0]


def test_a_forked_child_is_told_so_and_the_parent_goes_on(url: str) -> None:
    source = """
        import os, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python >= 3.12 says that it is risky, too
        from engine_caller import Caller, core
        from khala_jobs.errors import Forked
        caller = Caller(sys.argv[1])
        caller.enqueue(b"[]", ids=["a"])
        caller.work(1)
        lease = caller.lease()
        pid = os.fork()
        if pid == 0:
            refused = 0
            options = core.JobOptions(queue="q", task="t")
            for call in (
                lambda: caller.engine.get(caller.port, 1, ["a"]),
                lambda: caller.engine.enqueue(caller.port, 1, options, [b"[]"]),
                lambda: caller.engine.settle([(lease, 0, b"1", None)]),
                lambda: caller.engine.close(),
                lambda: caller.port.drain(),
                lambda: core.Port(),
                lambda: core.Engine.open("memory://"),
                lambda: core.Engine.open(sys.argv[1]),
            ):
                try:
                    call()
                except Forked:
                    refused += 1
            del caller
            sys.exit(100 + refused)  # an ordinary exit: destructors and exit hooks run
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 108, status
        assert lease.start()
        caller.engine.settle([(lease, 0, b"1", None)])
        assert caller.ask("watch", ["a"])["state"] == "completed"
        assert caller.engine.close()
    """
    done = run_script(source, url)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_child_of_a_parent_without_an_engine_may_open_one(url: str) -> None:
    source = """
        import os, sys
        from engine_caller import Caller, core
        core.Engine.open("memory://").close()
        pid = os.fork()
        if pid == 0:
            caller = Caller(sys.argv[1])
            caller.enqueue(b"[]", ids=["a"])
            caller.close()
            sys.exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    """
    done = run_script(source, url)
    assert (done.returncode, done.stderr) == (0, "")


# A second process on the same file, with nothing to do but to take what lapses; and to notice how late the machine lets
# a process run that wants to every 5 ms.
IDLE = """
    import select, sys, time
    from engine_caller import Caller
    caller = Caller(sys.argv[1], lease_ms=1_200)
    caller.work(1, worker="idle")
    print("ready", flush=True)
    late, last = 0.0, time.monotonic()
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        caller.pump(0)
        late, last = max(late, time.monotonic() - last - 0.005), time.monotonic()
    print(len(caller.leases), round(late * 1000))
    caller.close()
"""


def test_a_handler_that_holds_the_gil_keeps_its_job(
    tmp_path: Path, open_caller: Callable[..., Caller]
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    caller = open_caller(url, lease_ms=1_200)
    (job_id,) = caller.enqueue(b"[]")
    caller.work(1, worker="busy")
    lease = caller.started()
    beside = start_script(IDLE, url)
    assert beside.stdout.readline() == "ready\n"
    ctypes.PyDLL(None).usleep(3_000_000)  # PyDLL: the GIL is not released
    caller.engine.settle([(lease, DONE, b"1", None)])
    row = caller.ask("watch", [job_id])
    told, _ = beside.communicate("\n", timeout=30)
    claimed, late_ms = map(int, told.split())
    assert (row["state"], row["attempt"], row["worker"]) == ("completed", 1, "busy")
    assert claimed == 0
    assert caller.engine.stats["lost"] == 0
    assert caller.engine.stats["renewals"] >= 3
    assert caller.engine.stats["max_renew_gap_ms"] <= 500 + late_ms


def test_a_busy_interpreter_does_not_hold_up_renewals(caller: Caller) -> None:
    caller.close()
    busy = Caller("memory://", lease_ms=900)
    busy.enqueue(b"[]")
    busy.work(1)
    lease = busy.started()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        sum(range(10_000))
    busy.engine.settle([(lease, DONE, b"1", None)])
    busy.until(lambda: busy.engine.stats["settles"] == 1)
    assert busy.engine.stats["lost"] == 0
    busy.close()


async def collect(port: Any, wanted: int, kind: int) -> list[Any]:
    """Items of a kind, through the loop's own reader."""
    loop = asyncio.get_running_loop()
    found: list[Any] = []
    done = loop.create_future()

    def drain() -> None:
        found.extend(a for k, a, _ in port.drain() if k == kind)
        if len(found) >= wanted and not done.done():
            done.set_result(None)

    loop.add_reader(port.fd, drain)
    try:
        await asyncio.wait_for(done, 20)
    finally:
        loop.remove_reader(port.fd)
    return found


def loops() -> list[Any]:
    factories: list[Any] = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    try:
        import uvloop
    except ImportError:
        return factories
    return [*factories, pytest.param(uvloop.new_event_loop, id="uvloop")]


@pytest.mark.parametrize("factory", loops())
def test_a_loop_that_ends_gives_its_jobs_back(
    url: str, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    caller = Caller(url)
    ids = caller.enqueue(*[b"[]"] * 6)
    loop = factory()
    port = core.Port()
    caller.engine.start_worker(port, 1, worker="w", queues=[("q", 4)], tasks=["t"], slots=4)
    leases = loop.run_until_complete(collect(port, 2, LEASE))
    assert leases[0].start()
    loop.close()
    port.close()
    caller.until(lambda: [caller.state(i) for i in ids] == ["ready"] * 6)
    assert not any(lease.start() for lease in leases)
    caller.close()


def test_many_loops_leave_no_descriptors_behind() -> None:
    engine = core.Engine.open("memory://")

    async def ask() -> None:
        port = core.Port()
        engine.get(port, 1, ["x"])
        assert await collect(port, 1, 0) == [1]
        port.close()

    asyncio.run(ask())
    before = count_of("fd")
    for _ in range(100):
        asyncio.run(ask())
    assert count_of("fd") <= before
    engine.close()


def test_opening_and_closing_leaves_nothing_behind(url: str) -> None:
    def left() -> tuple[int, int]:
        return count_of("fd"), count_of("task")

    core.Engine.open(url).close()
    fds, tasks = left()
    for _ in range(30):
        caller = Caller(url)
        caller.enqueue(b"[]")
        caller.close()
        del caller
    deadline = time.monotonic() + 10
    while left()[0] > fds or left()[1] > tasks:
        assert time.monotonic() < deadline, (left(), fds, tasks)
        time.sleep(0.01)


def test_an_engine_that_is_dropped_closes_itself(url: str) -> None:
    tasks = count_of("task")
    engine = core.Engine.open(url)
    del engine
    deadline = time.monotonic() + 10
    while count_of("task") > tasks:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_idle_worker_asks_at_most_one_question_a_second(
    url: str, open_caller: Callable[..., Caller]
) -> None:
    caller = open_caller(url)
    caller.work()
    time.sleep(2.5)  # what a new worker wants to know
    before, began = caller.engine.stats["store_queries"], time.monotonic()
    time.sleep(5)
    asked = caller.engine.stats["store_queries"] - before
    assert asked <= time.monotonic() - began + 1  # it may have been longer
