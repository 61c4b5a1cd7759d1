"""What becomes of jobs when the server, or the way to it, fails: a real server, real processes, a real engine."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from khala_jobs import EnqueueUnknown
from khala_jobs.errors import StoreUnavailable

from .conftest import NewProxy, NewServer, NewWork

NOTICED_WITHIN = 10.0  # seconds: a link whose other end is gone without a word
RESUMED_WITHIN = 2.0  # seconds after the server is back


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
    took = await work.enqueue_until_it_works(0)
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
        await work.enqueue_until_it_works(n)
    await work.check_each_once(20)


async def test_a_drain_outlives_killed_connections_and_lost_libraries(
    new_server: NewServer, new_work: NewWork
) -> None:
    count = 20_000
    server = new_server()
    work = new_work(server.url(), workers=64)
    await work.note.enqueue_many(((n,) for n in range(count)), chunk=5_000)
    await work.jobs.start()
    for interruption in range(40):
        before = len(work.ran)
        await asyncio.to_thread(server.command, "CLIENT KILL TYPE normal SKIPME yes")
        if interruption % 4 == 0:
            await asyncio.to_thread(server.command, "FUNCTION FLUSH")
        async with asyncio.timeout(30):
            while len(work.ran) < min(before + 200, count):
                await asyncio.sleep(0.001)
    await work.check_each_once(count)
    assert sorted(work.ran) == list(range(count))


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
    await work.enqueue_until_it_works(0)
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
    waiting = asyncio.create_task(work.enqueue_until_it_works(0))
    server.pause()
    work.release.set()  # they end while there is nobody to tell
    await asyncio.sleep(3.0)  # ten deadlines: requests and greetings are given up again and again
    server.resume()
    back = time.monotonic()
    await work.enqueue_until_it_works(1)
    produced = time.monotonic() - back
    await waiting
    await work.until_stats(completed=6, waiting=0, active=0)
    worked = time.monotonic() - back
    assert produced <= RESUMED_WITHIN
    assert worked <= RESUMED_WITHIN
    await work.check_each_once(6)


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
    took = await work.enqueue_until_it_works(0)
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
        await work.enqueue_until_it_works(n)
    await work.check_each_once(40)


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
