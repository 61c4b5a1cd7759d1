"""What a worker that has nothing to do asks of the server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from ..redis_server import Server
from .conftest import Work

SECONDS = 12


def sent(server: Server) -> int:
    """Commands that a worker may send by itself, as the server counted them; not those inside scripts."""
    calls = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", server.call("INFO", "commandstats").decode()))
    return sum(int(calls.get(name, 0)) for name in ("fcall", "ping", "evalsha", "subscribe"))


async def test_an_idle_worker_sends_at_most_one_command_a_second(
    new_server: Callable[..., Server], new_work: Callable[..., Work]
) -> None:
    server = new_server()
    work = new_work(server.url())
    await work.jobs.start()
    work.release.set()
    await (await work.note.enqueue(1)).result(20)
    await asyncio.sleep(2)  # until it counts as idle
    before = sent(server)
    await asyncio.sleep(SECONDS)
    assert 0 < sent(server) - before <= SECONDS
    assert work.jobs.engine_stats["store_errors"] == 0
