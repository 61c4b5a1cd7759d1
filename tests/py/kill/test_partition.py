"""Workers on several hosts, played by network namespaces, of which one is cut off for longer than two leases."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from ..redis_server import Server
from .conftest import Fleet, until

LEASE = 1.0


@dataclass(frozen=True)
class Host:
    """A network namespace, and our end of the cable to it."""

    name: str
    cable: str
    address: str  # of this machine, as seen from there

    def cut(self) -> None:
        _ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        _ip("link", "set", self.cable, "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _make_host(number: int) -> Host:
    tag = uuid.uuid4().hex[:6]
    host = Host(f"khala-{tag}", f"kh{tag}", f"10.213.{number}.1")
    _ip("netns", "add", host.name)
    _ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("addr", "add", f"{host.address}/30", "dev", host.cable)
    _ip("link", "set", host.cable, "up")
    _ip("-n", host.name, "addr", "add", f"10.213.{number}.2/30", "dev", "eth0")
    _ip("-n", host.name, "link", "set", "eth0", "up")
    return host


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need the ip command (Debian: iproute2)")
    made: list[Host] = []
    first = int.from_bytes(os.urandom(1), "big") % 80 * 3  # other runs of this test have other networks
    try:
        try:
            made.extend(_make_host(first + n) for n in range(3))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not permitted here: {error.stderr.decode().strip()}")
        yield made
    finally:
        for host in made:
            subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)


async def test_a_host_that_is_cut_off_for_two_leases(
    hosts: list[Host], new_server: Callable[..., Server], fleet: Fleet
) -> None:
    port = new_server(bind="0.0.0.0", protected_mode="no").port
    fleet.url = f"redis://127.0.0.1:{port}/1"
    async with fleet.client() as (jobs, work, fail_once):
        ids = [job.id for job in await work.enqueue_many([(n, 0.05 + n % 7 * 0.1) for n in range(300)])]
        ids += [job.id for job in await fail_once.enqueue_many([(n,) for n in range(30)])]
        for host in hosts:
            fleet.start(
                "ip", "netns", "exec", host.name, URL=f"redis://{host.address}:{port}/1", LEASE=str(LEASE)
            )
        until(lambda: len({run.pid for runs in fleet.ledger().values() for run in runs}) == 3)
        hosts[0].cut()
        await asyncio.sleep(2.5 * LEASE)  # the length of the cut is what is tested
        hosts[0].mend()
        await fleet.until_completed(jobs, len(ids), 90)
        figures = await fleet.check(jobs, ids)
        print(figures)  # noqa: T201 - shown by pytest -s
        # The host that was cut off works again.
        pids: set[int] = set()
        async with asyncio.timeout(60):
            while len(pids) < 3:
                after = await work.enqueue_many([(n, 0.2) for n in range(30)])
                for job in after:
                    await job.result()
                pids = {run.pid for job in after for run in fleet.ledger()[job.id]}
