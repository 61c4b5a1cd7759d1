"""A primary that dies and a replica that takes its place: what is lost, and what runs again.

The replica is cut off by a proxy that carries its link no further. Stopping its process would not do: what the primary
has sent by then lies in the buffers of the connection, and a replica that goes on reads it there, the primary dead or
not.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from khala_jobs import Context, EnqueueUnknown
from khala_jobs.errors import StoreUnavailable

from ..redis_server import Proxy, Server
from .conftest import NewProxy, NewServer, NewWork, Work

CONFIRMED = "durability=replicated(1)&silence_ms=4000"  # WAIT takes at most half of the silence
LONG = 60.0  # a lease that does not end during a test
PRODUCERS = 8


def offset(server: Server) -> int:
    """How much of the stream of writes this server has."""
    found = re.search(rb"\nmaster_repl_offset:(\d+)", server.command("INFO replication"))
    assert found
    return int(found[1])


@dataclass
class Pair:
    """A primary and its replica; clients use `front`, where the primary is first and the replica later."""

    new_server: NewServer
    primary: Server
    replica: Server
    link: Proxy  # from the replica to the primary
    front: Proxy

    @classmethod
    async def start(cls, new_server: NewServer, new_proxy: NewProxy) -> Pair:
        primary = new_server(repl_diskless_sync_delay="0")
        link = new_proxy(primary)
        replica = new_server(replicaof=f"127.0.0.1 {link.port}", repl_diskless_sync_delay="0")
        await until_online(primary)
        return cls(new_server, primary, replica, link, new_proxy(primary))

    def url(self, parameters: str = "") -> str:
        return self.primary.url(parameters, port=self.front.port)

    async def isolate(self) -> None:
        """The replica has everything that was acknowledged before this was called, and gets nothing after it."""
        wanted = await asyncio.to_thread(offset, self.primary)
        async with asyncio.timeout(30):
            while await asyncio.to_thread(offset, self.replica) < wanted:
                await asyncio.sleep(0.01)
        await asyncio.to_thread(self.link.stall)

    async def rejoin(self) -> None:
        """The replica comes back by itself and is sent what it has missed."""
        await asyncio.to_thread(self.replica.command, "CLIENT KILL TYPE master")

    async def fail_over(self, *, spare: bool = False) -> None:
        """The primary is gone for good, its replica takes its place, if need be with a `spare` replica of its own."""
        behind = await asyncio.to_thread(offset, self.primary) - await asyncio.to_thread(offset, self.replica)
        assert behind > 0, "the replica was not cut off"
        self.primary.end()
        await asyncio.to_thread(self.replica.command, "REPLICAOF NO ONE")
        if spare:
            await asyncio.to_thread(self.new_server, replicaof=f"127.0.0.1 {self.replica.port}")
            await until_online(self.replica)
        self.front.upstream = self.replica.port


async def until_online(primary: Server) -> None:
    async with asyncio.timeout(30):
        while b"state=online" not in await asyncio.to_thread(primary.command, "INFO replication"):
            await asyncio.sleep(0.02)


@dataclass
class Run:
    attempt: int
    fence: int


@dataclass
class Ledger:
    """Tasks of a processor that note every run: `step` ends at once, `wait` when `work.release` is set."""

    work: Work
    runs: dict[int, list[Run]] = field(default_factory=lambda: defaultdict(list))
    ended: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        @self.work.jobs.task
        async def step(ctx: Context, n: int) -> int:
            self.runs[n].append(Run(ctx.attempt, ctx.fence))
            self.ended[n] += 1
            return n

        @self.work.jobs.task
        async def wait(ctx: Context, n: int) -> int:
            self.runs[n].append(Run(ctx.attempt, ctx.fence))
            self.work.entered.release()
            await self.work.release.wait()
            self.ended[n] += 1
            return n

        self.step, self.wait = step, wait

    async def until_entered(self, count: int) -> None:
        for _ in range(count):
            await asyncio.wait_for(self.work.entered.acquire(), 30)

    async def until_ended(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.ended.total() < count:
                await asyncio.sleep(0.01)

    def fences(self) -> list[int]:
        return [run.fence for runs in self.runs.values() for run in runs]

    def numbers(self, runs: int) -> set[int]:
        """Of the jobs that ran so many times."""
        return {n for n, found in self.runs.items() if len(found) == runs}


async def put(task: Any, numbers: Iterable[int]) -> dict[int, str]:
    """Enqueue jobs with these numbers; their ids."""
    numbers = list(numbers)
    made = await task.enqueue_many([(n,) for n in numbers])
    return dict(zip(numbers, (job.id for job in made), strict=True))


async def lost_of(work: Work, acknowledged: dict[int, str]) -> set[int]:
    """Numbers of the jobs that the store does not have."""
    found = await work.jobs.queues.get_many(list(acknowledged.values()))
    return {n for n, job in zip(acknowledged, found, strict=True) if job is None}


async def check(work: Work, accepted: int) -> None:
    """So many completions were accepted, the store is sound, and nobody took it for another one."""
    assert sum(counter.completed for counter in await work.jobs.queues.counters()) == accepted
    assert await work.jobs.queues.check() == []
    assert work.jobs.engine_stats["store_resets"] == 0


# --- below `replicated` ----------------------------------------------------------------------------------------------


async def test_without_confirmation_what_the_replica_never_got_is_lost_or_runs_again(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    pair = await Pair.start(new_server, new_proxy)
    work = new_work(pair.url())
    ledger = Ledger(work)
    await work.jobs.start()
    done = await put(ledger.step, range(40))
    await work.until_stats(completed=40)
    held = await put(ledger.wait, range(100, 108))
    await ledger.until_entered(8)
    backlog = await put(ledger.step, range(200, 220))
    await pair.isolate()
    unseen = await put(ledger.step, range(300, 330))
    unseen |= await put(ledger.step.options(delay="1h"), range(400, 410))
    work.release.set()
    await work.until_stats(completed=98, delayed=10)
    assert ledger.numbers(1) == ledger.runs.keys(), "nothing has run twice before the failover"
    newest = max(ledger.fences())

    await pair.fail_over()
    await work.until_stats(completed=68, waiting=0, active=0, delayed=0)
    assert await lost_of(work, done | held | backlog | unseen) == unseen.keys()
    assert ledger.numbers(2) == held.keys() | backlog.keys()
    assert ledger.numbers(1) == done.keys() | set(range(300, 330))
    again = {n: ledger.runs[n][1] for n in ledger.numbers(2)}
    assert min(run.fence for run in again.values()) > newest
    assert {again[n].attempt for n in backlog} == {1}, "their first start was lost with the primary"

    for n, job_id in unseen.items():
        assert not (await ledger.step.options(id=job_id).enqueue(n)).existed
    await work.until_stats(completed=108, waiting=0, active=0)
    await check(work, 108)


@pytest.mark.parametrize("ended", [False, True], ids=["still_running", "ended_meanwhile"])
async def test_a_run_whose_claim_the_replica_never_got_is_fenced_off(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork, ended: bool
) -> None:
    pair = await Pair.start(new_server, new_proxy)
    work = new_work(pair.url(), lease=LONG)
    ledger = Ledger(work)
    made = await put(ledger.wait, range(4))
    await pair.isolate()
    await work.jobs.start()
    await ledger.until_entered(4)
    newest = max(ledger.fences())
    behind = asyncio.create_task(pair.fail_over())
    if ended:  # there is nobody to tell, or only the one who is going to die
        work.release.set()
        await ledger.until_ended(4)
    await behind
    await ledger.until_entered(4)
    work.release.set()
    await work.until_stats(completed=4, waiting=0, active=0)
    assert ledger.numbers(2) == made.keys()
    for n, job_id in made.items():
        assert ledger.runs[n][1].fence > newest
        assert (await work.jobs.queues.get(job_id)).fence == ledger.runs[n][1].fence
    await check(work, 4)


# --- replicated(1) ---------------------------------------------------------------------------------------------------


@dataclass
class Unconfirmed:
    """Work at `replicated(1)` while the replica is cut off."""

    work: Work
    ledger: Ledger
    acknowledged: dict[int, str]
    unknown: dict[int, str]


async def unconfirmed(pair: Pair, work: Work) -> Unconfirmed:
    """Jobs that were confirmed as done (20), as running (4; they end now) and as waiting (10), and 15 that were not."""
    ledger = Ledger(work)
    await work.jobs.start()
    assert work.jobs.info["durability"] == "replicated(1)"
    acknowledged = await put(ledger.step, range(20))
    await work.until_stats(completed=20)
    acknowledged |= await put(ledger.wait, range(100, 104))
    await ledger.until_entered(4)  # all that may run at once
    acknowledged |= await put(ledger.step, range(200, 210))
    await pair.isolate()
    unknown: dict[int, str] = {}
    with pytest.raises(EnqueueUnknown, match="0 of 1 replicas") as many:
        await put(ledger.step, range(300, 312))
    unknown |= zip(range(300, 312), many.value.job_ids, strict=True)
    alone = await asyncio.gather(*map(ledger.step.enqueue, range(312, 315)), return_exceptions=True)
    for n, error in zip(range(312, 315), alone, strict=True):
        assert isinstance(error, EnqueueUnknown), error
        unknown[n] = error.job_id
    work.release.set()
    await work.until_stats(completed=24)  # as the primary has it; the replica does not
    assert work.jobs.engine_stats["settles"] == 20, "an outcome counts as delivered when it is confirmed"
    assert ledger.runs.keys() == {*range(20), *range(100, 104)}, "nothing begins while no claim is confirmed"
    return Unconfirmed(work, ledger, acknowledged, unknown)


async def test_with_confirmation_a_failover_loses_nothing_and_nothing_runs_again(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    pair = await Pair.start(new_server, new_proxy)
    was = await unconfirmed(pair, new_work(pair.url(CONFIRMED), workers=4, lease=LONG))
    newest = max(was.ledger.fences())
    await pair.fail_over(spare=True)
    await was.work.until_stats(completed=34, waiting=0, active=0)
    assert await lost_of(was.work, was.acknowledged) == set()
    assert await lost_of(was.work, was.unknown) == was.unknown.keys()
    assert was.ledger.numbers(1) == was.acknowledged.keys()
    assert min(was.ledger.runs[n][0].fence for n in range(200, 210)) > newest
    for n, job_id in was.unknown.items():
        assert not (await was.ledger.step.options(id=job_id).enqueue(n)).existed
    await was.work.until_stats(completed=49, waiting=0, active=0)
    assert was.ledger.numbers(1) == was.acknowledged.keys() | was.unknown.keys()
    await check(was.work, 49)


async def test_a_replica_that_comes_back_confirms_what_it_missed(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    pair = await Pair.start(new_server, new_proxy)
    was = await unconfirmed(pair, new_work(pair.url(CONFIRMED), workers=4, lease=LONG))
    other = Ledger(
        new_work(pair.url(CONFIRMED))
    )  # its connection has written nothing that could be confirmed
    with pytest.raises(EnqueueUnknown):  # that the primary has it is not what was asked for
        await other.step.options(id=was.unknown[300]).enqueue(300)
    await pair.rejoin()
    await was.work.until_stats(30, completed=49, waiting=0, active=0)  # far sooner than leases end
    for n, each in was.unknown.items():
        assert (await was.ledger.step.options(id=each).enqueue(n)).existed
    assert was.ledger.numbers(1) == was.acknowledged.keys() | was.unknown.keys()
    await check(was.work, 49)


async def test_what_an_unconfirmed_claim_took_need_not_wait_for_its_lease(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork
) -> None:
    pair = await Pair.start(new_server, new_proxy)
    was = await unconfirmed(pair, new_work(pair.url(CONFIRMED), workers=4, lease=LONG))
    first = asyncio.create_task(was.ledger.step.options(id="first").enqueue(400))
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(pair.primary.command, "HEXISTS {khala}:asked first"):
            await asyncio.sleep(0.01)
    # While the first waits to be confirmed: so it goes out together with the outcomes and another claim.
    second = asyncio.create_task(was.ledger.step.options(id="second").enqueue(401))
    answers = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(answer) for answer in answers] == [EnqueueUnknown, EnqueueUnknown]
    await pair.rejoin()
    await was.work.until_stats(10, completed=51, waiting=0, active=0)
    await check(was.work, 51)


# --- while producers and workers go on -------------------------------------------------------------------------------


@dataclass
class Stream:
    """Enqueues job after job, each until it is acknowledged, and notes what was known of the replica then."""

    ledger: Ledger
    phase: str = "replicating"
    acknowledged: dict[int, tuple[str, str]] = field(default_factory=dict)  # phases of its begin and its end
    refused: Counter[str] = field(default_factory=Counter)  # phase -> answers that acknowledge nothing
    stopping: bool = False

    async def run(self, first: int) -> None:
        for n in itertools.count(first, PRODUCERS):
            if self.stopping:
                return
            begun = self.phase
            while not await self.offer(n):
                await asyncio.sleep(0.01)
            self.acknowledged[n] = (begun, self.phase)

    async def offer(self, n: int) -> bool:
        try:
            await self.ledger.step.options(id=f"job-{n}").enqueue(n)
        except (StoreUnavailable, EnqueueUnknown):
            self.refused[self.phase] += 1
            return False
        return True

    def within(self, *phases: str) -> set[int]:
        """Jobs whose enqueue began and ended in these phases."""
        return {n for n, seen in self.acknowledged.items() if {*seen} <= {*phases}}

    async def until(self, count: int, phase: str) -> None:
        async with asyncio.timeout(30):
            while len(self.within(phase)) < count:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("level", ["memory", "replicated(1)"])
async def test_a_failover_while_producers_and_workers_go_on(
    new_server: NewServer, new_proxy: NewProxy, new_work: NewWork, level: str
) -> None:
    confirmed = level != "memory"
    pair = await Pair.start(new_server, new_proxy)
    work = new_work(pair.url(CONFIRMED if confirmed else ""), lease=LONG if confirmed else 5.0)
    stream = Stream(Ledger(work))
    await work.jobs.start()
    async with asyncio.TaskGroup() as producers:
        for first in range(PRODUCERS):
            producers.create_task(stream.run(first))
        await stream.until(100, "replicating")
        closed = {job.arguments["n"] async for job in work.jobs.queues.scan(states="completed")}
        stream.phase = "being cut off"
        await pair.isolate()
        stream.phase = "cut off"
        if confirmed:
            async with asyncio.timeout(30):
                while stream.refused["cut off"] < PRODUCERS:
                    await asyncio.sleep(0.01)
        else:
            await stream.until(100, "cut off")
        stream.phase = "failing over"
        await pair.fail_over(spare=confirmed)
        stream.phase = "replaced"
        await stream.until(100, "replaced")
        stream.stopping = True
    await work.until_stats(waiting=0, active=0)

    lost = await lost_of(work, {n: f"job-{n}" for n in stream.acknowledged})
    again = {n for n, runs in stream.ledger.runs.items() if len(runs) > 1}
    safe = stream.within("replicating") | stream.within("replaced")
    assert not lost & safe
    assert not again & (closed | stream.within("replaced"))
    if confirmed:
        assert lost == set()
        assert again == set()
        assert stream.within("cut off") == set(), "nothing was acknowledged"
    else:
        assert lost >= stream.within("cut off")
        assert lost
    await check(work, len(stream.acknowledged) - len(lost))
