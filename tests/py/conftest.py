"""A real redis-server for the tests that want one: one a test session, a prefix of its own for each test."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DEADLINE = 20.0


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """The socket of a server that is started for this session and ended with it."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: scripts/setup_system.sh installs it"
    with tempfile.TemporaryDirectory(prefix="khala-redis-") as folder:  # short: socket paths are
        path = Path(folder) / "socket"
        options = {"port": "0", "unixsocket": str(path), "save": "", "appendonly": "no", "dir": folder}
        line = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        with subprocess.Popen(line, stdout=subprocess.DEVNULL) as server:
            end = time.monotonic() + DEADLINE
            while not _answers(path):
                assert server.poll() is None, "redis-server ended"
                assert time.monotonic() < end, "redis-server does not answer"
                time.sleep(0.01)
            yield path
            server.kill()


@pytest.fixture(scope="session")
def new_redis_url(redis_socket: Path) -> Callable[[], str]:
    """Makes the URL of an empty store at every call."""
    numbers = itertools.count(1)
    return lambda: f"redis+unix://{redis_socket}?db=1&prefix=test{next(numbers)}"
