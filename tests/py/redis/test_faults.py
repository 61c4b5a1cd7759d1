"""What becomes of jobs when the server, or the way to it, fails: a real server, real processes, a real engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable

import pytest

from khala_jobs import EnqueueUnknown, _core
from khala_jobs.errors import Error, InvalidArgument, StoreDenied, StoreFull, StoreUnavailable, Unsupported

from ..redis_server import Proxy, Server
from .conftest import Work

NewServer = Callable[..., Server]
NewProxy = Callable[[Server], Proxy]
NewWork = Callable[..., Work]


NOTICED_WITHIN = 10.0  # seconds: a link whose other end is gone without a word
RESUMED_WITHIN = 2.0  # seconds after the server is back


async def enqueue_until_it_works(work: Work, n: int, seconds: float = 30) -> float:
    """Seconds until an enqueue (under one id) was answered; errors of a store that is away are swallowed."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            try:
                await work.note.options(id=f"again-{n}").enqueue(n)
            except (StoreUnavailable, EnqueueUnknown):
                await asyncio.sleep(0.01)
            else:
                return time.monotonic() - started


# --- the server goes and comes back --------------------------------------------------------------------------------


async def test_a_killed_server_with_an_append_only_file_loses_nothing(
    new_server: NewServer, new_work: NewWork
) -> None:
    server = new_server(appendonly="yes")
    work = new_work(server.url())
    assert (await work.jobs.open()).info["durability"] == "disk_1s"
    await work.jobs.start()
    made = await work.note.enqueue_many([(n,) for n in range(200)])
    assert {job.durability for job in made} == {"disk_1s"}
    await work.held(4)
    await work.note.options(delay="2s").enqueue_many([(n,) for n in range(20)])
    server.end()
    with pytest.raises(StoreUnavailable):
        await work.note.enqueue(1)
    work.release.set()  # they end while there is nobody to tell
    await asyncio.to_thread(server.start)
    took = await enqueue_until_it_works(work, 0)
    assert took <= RESUMED_WITHIN
    await work.check_each_once(225)
    assert work.jobs.engine_stats["store_resets"] == 0


async def test_a_server_that_forgot_everything_is_reported(
    new_server: NewServer, new_work: NewWork, caplog: pytest.LogCaptureFixture
) -> None:
    server = new_server()
    work = new_work(server.url())
    await work.jobs.start()
    waiting = await work.note.options(delay="1h", id="later").enqueue(1)
    assert not waiting.existed
    server.end()
    await asyncio.to_thread(server.start)
    with caplog.at_level(logging.CRITICAL):
        async with asyncio.timeout(30):
            while work.jobs.metrics.store_resets == 0:
                await asyncio.sleep(0.02)
    assert work.jobs.engine_stats["store_resets"] == 1
    assert any("store_reset" in record.getMessage() for record in caplog.records)
    again = await work.note.options(id="later").enqueue(1)
    assert not again.existed
    await work.check_each_once(1)


async def test_killed_connections_are_replaced(new_server: NewServer, new_work: NewWork) -> None:
    server = new_server()
    work = new_work(server.url())
    await work.jobs.start()
    for n in range(20):
        await asyncio.to_thread(server.command, "CLIENT KILL TYPE normal SKIPME yes")
        await asyncio.to_thread(server.command, "CLIENT KILL TYPE pubsub")
        await enqueue_until_it_works(work, n)
    await work.check_each_once(20)


async def test_a_server_that_stands_still_for_two_leases_costs_no_job(
    new_server: NewServer, new_work: NewWork
) -> None:
    server = new_server()
    work = new_work(server.url(), lease=1.0)
    await work.jobs.start()
    ids = await work.held(4)
    server.pause()
    await asyncio.sleep(2.0)  # the length of the pause is what is tested
    server.resume()
    await enqueue_until_it_works(work, 0)
    work.release.set()
    await work.check_each_once(5)
    for job_id in ids:  # nobody else took them meanwhile
        assert (await work.jobs.queues.get(job_id)).attempt == 1


async def test_work_goes_on_when_a_server_that_was_silent_beyond_every_deadline_is_back(
    new_server: NewServer, new_work: NewWork
) -> None:
    server = new_server()
    work = new_work(server.url("silence_ms=300&connect_ms=300"))
    await work.jobs.start()
    await work.held(4)
    waiting = asyncio.create_task(enqueue_until_it_works(work, 0))
    server.pause()
    work.release.set()  # they end while there is nobody to tell
    await asyncio.sleep(3.0)  # ten deadlines: requests and greetings are given up again and again
    server.resume()
    back = time.monotonic()
    await enqueue_until_it_works(work, 1)
    produced = time.monotonic() - back
    await waiting
    await work.until_stats(completed=6, waiting=0, active=0)
    worked = time.monotonic() - back
    assert produced <= RESUMED_WITHIN
    assert worked <= RESUMED_WITHIN
    await work.check_each_once(6)


async def test_two_servers_and_a_failover_with_confirmed_writes(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    primary = new_server(repl_diskless_sync_delay="0")
    replica = new_server(replicaof=f"127.0.0.1 {primary.port}")
    async with asyncio.timeout(30):
        while b"state=online" not in await asyncio.to_thread(primary.command, "INFO replication"):
            await asyncio.sleep(0.02)
    proxy = new_proxy(primary)
    work = new_work(primary.url("durability=replicated(1)", port=proxy.port))
    assert (await work.jobs.open()).info["durability"] == "replicated(1)"
    acknowledged = [(await work.note.options(delay="1h").enqueue(n)).id for n in range(100)]
    primary.end()
    await asyncio.to_thread(replica.command, "REPLICAOF NO ONE")
    proxy.upstream = replica.port
    spare = new_server(replicaof=f"127.0.0.1 {replica.port}", repl_diskless_sync_delay="0")
    assert spare.port
    found = new_work(replica.url())
    kept = await found.jobs.queues.get_many(acknowledged)
    assert [job for job in kept if job is None] == []


# --- the way to it -------------------------------------------------------------------------------------------------


async def test_a_half_open_link_is_noticed(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    server = new_server()
    proxy = new_proxy(server)
    work = new_work(server.url(port=proxy.port), lease=15.0)
    await work.jobs.start()
    ids = await work.held(2)
    proxy.stall()
    took = await enqueue_until_it_works(work, 0)
    assert took <= NOTICED_WITHIN
    work.release.set()
    await work.check_each_once(3)
    for job_id in ids:
        assert (await work.jobs.queues.get(job_id)).attempt == 1


async def test_an_enqueue_whose_answer_is_lost_says_so_and_may_be_repeated(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    server = new_server()
    proxy = new_proxy(server)
    work = new_work(server.url(port=proxy.port))
    await work.note.options(delay="1h").enqueue(0)
    proxy.cut_reply_to(b"FCALL")
    with pytest.raises(EnqueueUnknown) as caught:
        await work.note.options(delay="1h").enqueue(1)
    job_id = caught.value.job_id
    assert job_id in str(caught.value)
    again = await work.note.options(delay="1h", id=job_id).enqueue(1)
    assert again.existed, "the server had it"
    proxy.cut_reply_to(b"FCALL")
    with pytest.raises(EnqueueUnknown) as many:
        await work.note.options(delay="1h").enqueue_many([(n,) for n in range(3)])
    assert len(many.value.job_ids) == 3
    assert (await work.jobs.queues.stats())["delayed"] == 5


async def test_a_connection_that_is_cut_all_the_time(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    server = new_server()
    proxy = new_proxy(server)
    work = new_work(server.url(port=proxy.port), lease=1.0)
    await work.jobs.start()
    for n in range(40):
        if n % 2:
            proxy.cut()
        else:
            proxy.cut_reply_to(b"FCALL")
        await enqueue_until_it_works(work, n)
    await work.check_each_once(40)


# --- the server refuses --------------------------------------------------------------------------------------------


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
    await enqueue_until_it_works(work, 0)
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
    await enqueue_until_it_works(work, 0)
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


async def test_jobs_whose_claim_was_not_answered_need_not_wait_for_their_lease(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    server = new_server()
    proxy = new_proxy(server)
    worker = new_work(server.url(port=proxy.port), lease=60.0)
    producer = new_work(server.url())
    await worker.jobs.start()
    made = []
    for n in range(5):
        proxy.cut_reply_to(b"_exchange")  # the next claim, of this job or of one before
        made.append(await producer.note.enqueue(n))
        async with asyncio.timeout(20):  # far less than the lease
            assert await made[-1].result() == n
    await worker.check_each_once(5)
