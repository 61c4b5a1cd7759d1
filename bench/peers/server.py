"""A redis-server of the benchmark's own: a free port, a folder for its files, one core."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

WAIT = 10.0  # seconds for the server to answer
LOOKS = ("info", "ping", "dbsize")  # commands of the runner itself, not counted


@dataclass(frozen=True)
class Usage:
    """What the server has done so far.

    Attributes:
        commands: Commands, those inside scripts counted too.
        reads: Reads from sockets: about one a round trip of a client.
        cpu_us: CPU time of the whole process.
        bytes: Memory in use for data.
    """

    commands: int
    reads: int
    cpu_us: float
    bytes: int

    def since(self, earlier: Usage, jobs: int) -> dict[str, float]:
        """Figures a job since an earlier look."""
        jobs = max(1, jobs)
        return {
            "commands": (self.commands - earlier.commands) / jobs,
            "reads": (self.reads - earlier.reads) / jobs,
            "server_us": (self.cpu_us - earlier.cpu_us) / jobs,
        }


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: For the engines, database 0.
        client: The runner's own connection.
    """

    url: str
    client: Any

    def usage(self) -> Usage:
        stats = self.client.info("commandstats")
        calls = {name.removeprefix("cmdstat_").split("|")[0]: 0 for name in stats}
        for name, row in stats.items():
            calls[name.removeprefix("cmdstat_").split("|")[0]] += row["calls"]
        cpu = self.client.info("cpu")
        return Usage(
            sum(count for name, count in calls.items() if name not in LOOKS),
            self.client.info("stats").get("total_reads_processed", 0),
            (cpu["used_cpu_user"] + cpu["used_cpu_sys"]) * 1e6,
            self.client.info("memory")["used_memory"],
        )

    def commands_by_name(self) -> dict[str, int]:
        """Calls of each command so far, most first."""
        stats = self.client.info("commandstats")
        rows = [(name.removeprefix("cmdstat_"), row["calls"]) for name, row in stats.items()]
        return dict(sorted(rows, key=lambda row: -row[1]))


def version() -> str | None:
    """The installed server's version; None = there is none."""
    program = shutil.which("redis-server")
    if program is None:
        return None
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()
    return next(word[2:] for word in words if word.startswith("v="))


def pinned(core: int | None) -> list[str]:
    """What goes before a command to keep it on a core; nothing on a machine of one."""
    if core is None or core >= (os.cpu_count() or 1) or shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", str(core)]


@contextmanager
def running(folder: Path, *, core: int | None = 0, aof: bool = False) -> Iterator[Server]:
    """A fresh server for as long as the block lasts.

    Args:
        folder: For its files.
        core: The core it is kept on.
        aof: Whether it writes its append-only file, synced every second; else it keeps nothing on disk.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    persistence = ["--appendonly", "yes", "--appendfsync", "everysec"] if aof else ["--appendonly", "no"]
    command = [
        *pinned(core),
        "redis-server",
        *("--port", str(port)),
        *("--bind", "127.0.0.1"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--logfile", str(folder / "redis.log")),
        *persistence,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    try:
        deadline = time.monotonic() + WAIT
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("redis-server does not answer") from None
                time.sleep(0.01)
        yield Server(f"redis://127.0.0.1:{port}/0", client)
    finally:
        client.close()
        process.terminate()
        process.wait(WAIT)
