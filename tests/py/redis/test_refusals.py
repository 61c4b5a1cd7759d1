"""What becomes of jobs while the server answers, and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from khala_jobs import _core
from khala_jobs.errors import Error, InvalidArgument, StoreDenied, StoreFull, Unsupported

from ..redis_server import Server
from .conftest import NewServer, NewWork, Work


async def test_a_lost_library_is_loaded_again(new_server: NewServer, new_work: NewWork) -> None:
    server = new_server()
    work = new_work(server.url())
    await work.jobs.start()
    for n in range(20):
        await asyncio.to_thread(server.command, "FUNCTION FLUSH")
        await asyncio.to_thread(server.command, "SCRIPT FLUSH")
        await work.note.enqueue(n)
    await work.check_each_once(20)
    assert work.jobs.engine_stats["store_errors"] == 0


def grant(server: Server, *more: str) -> str:
    """A user with the least rights; its name and password for a URL."""
    line = _core.redis.acl_line("worker", "khala", may_load=False, may_read_config=False)
    server.call(*line.replace("PASSWORD", "secret").split(), *more)
    return "worker:secret"


async def test_a_lost_library_that_the_user_may_not_load(new_server: NewServer, new_work: NewWork) -> None:
    server = new_server()
    user = grant(server)
    work = new_work(server.url(user=user))
    with pytest.raises(StoreDenied, match=r"khala-jobs redis-library \| redis-cli"):
        await work.jobs.open()
    server.call("FUNCTION", "LOAD", _core.redis.library())
    await work.jobs.start()
    await work.note.enqueue(1)
    await asyncio.to_thread(server.command, "FUNCTION FLUSH")
    with pytest.raises(StoreDenied, match=r"khala-jobs redis-library \| redis-cli"):
        await work.note.enqueue(2)
    await asyncio.to_thread(server.call, "FUNCTION", "LOAD", _core.redis.library())
    await work.note.enqueue(3)
    await work.check_each_once(2)


async def test_rights_that_are_taken_away_and_given_back(new_server: NewServer, new_work: NewWork) -> None:
    server = new_server()
    work = new_work(server.url(user=grant(server, "+function|load")))
    await work.jobs.start()
    await work.held(2)
    await asyncio.to_thread(server.command, "ACL SETUSER worker -fcall")
    with pytest.raises(StoreDenied, match="fcall"):
        await work.note.enqueue(1)
    await asyncio.to_thread(server.command, "ACL SETUSER worker +fcall")
    await asyncio.to_thread(server.command, "ACL SETUSER worker resetpass >other")
    await asyncio.to_thread(server.command, "CLIENT KILL USER worker")
    with pytest.raises(StoreDenied) as refused:
        await work.note.enqueue(2)
    assert "secret" not in str(refused.value)
    await asyncio.to_thread(server.command, "ACL SETUSER worker >secret")
    work.release.set()
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreDenied):
                await work.note.enqueue(3)
                break
            await asyncio.sleep(0.05)
    await work.check_each_once(3)


async def test_a_server_that_still_loads(new_server: NewServer, new_work: NewWork) -> None:
    server = new_server()
    work = new_work(server.url())
    await work.jobs.start()
    await work.held(2)
    await work.note.options(delay="1h").enqueue_many([(n,) for n in range(300)])
    await asyncio.to_thread(server.command, "SAVE")
    server.end()
    # Microseconds a key, and a look at its clients from time to time.
    server.options |= {"key-load-delay": "5000", "loading-process-events-interval-bytes": "1024"}
    await asyncio.to_thread(server.start)
    refused = await _until_refused(work)
    assert (refused.code, "loading" in str(refused)) == ("unavailable", True), refused
    work.release.set()
    await work.enqueue_until_it_works(0)
    await work.until_stats(completed=3, active=0, delayed=300)


@pytest.mark.parametrize("reason", ["readonly", "noreplicas", "misconf", "busy"])
async def test_a_server_that_refuses_for_a_while(
    new_server: NewServer, new_work: NewWork, reason: str
) -> None:
    server = new_server(busy_reply_threshold="50")
    work = new_work(server.url())
    await work.jobs.start()
    await work.held(2)
    blocked = await asyncio.to_thread(_begin, server, reason)
    refused = await _until_refused(work)
    assert refused.code in {"unavailable", "busy", "unknown_outcome"}, refused
    work.release.set()
    await asyncio.to_thread(blocked)
    await work.enqueue_until_it_works(0)
    await work.until_stats(completed=3, active=0)
    assert sum(counter.completed for counter in await work.jobs.queues.counters()) == 3


async def _until_refused(work: Work) -> Error:
    """The error of an enqueue; the first ones may still get through."""
    for n in range(500):
        try:
            await work.note.options(delay="1h", id=f"tried-{n}").enqueue(n)
        except Error as error:
            return error
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was refused")


def _begin(server: Server, reason: str) -> Callable[[], object]:
    """Make the server refuse; what ends it."""
    if reason == "readonly":
        server.command("REPLICAOF 127.0.0.1 1")
        return lambda: server.command("REPLICAOF NO ONE")
    if reason == "noreplicas":
        server.command("CONFIG SET min-replicas-to-write 1")
        return lambda: server.command("CONFIG SET min-replicas-to-write 0")
    if reason == "misconf":
        folder = server.folder / "gone"
        folder.mkdir()
        server.command(f"CONFIG SET dir {folder}")
        server.call("CONFIG", "SET", "save", "3600 1")
        folder.rmdir()
        server.command("BGSAVE")
        deadline = time.monotonic() + 10
        while b"rdb_last_bgsave_status:err" not in server.command("INFO persistence"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return lambda: server.call("CONFIG", "SET", "save", "")
    server.command("PING")  # a connection made later would not be greeted
    link = _core.redis.Link(server.url("silence_ms=60000"))
    spinning = threading.Thread(target=link.call, args=([["EVAL", "while true do end", "0"]],))
    spinning.start()

    def end() -> None:
        server.command("SCRIPT KILL")
        spinning.join()

    return end


async def test_a_server_without_memory_refuses_new_jobs_only(
    new_server: NewServer, new_work: NewWork
) -> None:
    server = new_server()
    work = new_work(server.url(), lease=1.0)
    await work.jobs.start()
    ids = await work.held(4)
    await asyncio.to_thread(server.command, "CONFIG SET maxmemory 1")
    with pytest.raises(StoreFull, match="maxmemory"):
        await work.note.enqueue(1)
    await asyncio.sleep(2.5)  # more than two leases: they have to be renewed
    work.release.set()
    await work.until_stats(completed=4, active=0)
    for job_id in ids:
        assert (await work.jobs.queues.get(job_id)).attempt == 1
    await asyncio.to_thread(server.command, "CONFIG SET maxmemory 0")
    await work.note.enqueue(2)
    await work.check_each_once(5)


@pytest.mark.parametrize(
    ("options", "parameters", "text"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, "", "maxmemory-policy"),
        ({"cluster-enabled": "yes"}, "", "cluster"),
        ({}, "durability=disk_1s", "durability"),
        ({"requirepass": "secret"}, "", "password"),
    ],
)
async def test_an_unfit_server_is_refused_at_the_start(
    new_server: NewServer, new_work: NewWork, options: dict[str, str], parameters: str, text: str
) -> None:
    server = new_server(**options)
    with pytest.raises((Unsupported, StoreDenied, InvalidArgument), match=text):
        await new_work(server.url(parameters)).jobs.start()
