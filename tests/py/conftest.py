"""Real redis-servers for the tests that want one. KHALA_REDIS_SERVER names another program, such as valkey-server."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .redis_server import Server


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """The socket of a server that is started for this session and ended with it."""
    with tempfile.TemporaryDirectory(prefix="khala-redis-") as folder:  # short: socket paths are
        server = Server(Path(folder))
        yield server.socket_path
        server.end()


@pytest.fixture(scope="session")
def new_redis_url(redis_socket: Path) -> Callable[[], str]:
    """Makes the URL of an empty store at every call."""
    numbers = itertools.count(1)
    return lambda: f"redis+unix://{redis_socket}?db=1&prefix=test{next(numbers)}"


@pytest.fixture
def new_server() -> Iterator[Callable[..., Server]]:
    """Starts a server of this test with the options given, ``_`` for ``-``; all are ended after it."""
    servers: list[Server] = []
    with tempfile.TemporaryDirectory(prefix="khala-redis-") as folder:

        def start(**options: str) -> Server:
            servers.append(Server(Path(folder) / str(len(servers)), **options))
            return servers[-1]

        yield start
        for server in servers:
            server.end()
