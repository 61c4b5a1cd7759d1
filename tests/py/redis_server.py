"""A redis-server of one test, and a proxy in front of it that fails when told to."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from khala_jobs import _core

DEADLINE = 20.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(look: Callable[[], Any], seconds: float = 30) -> Any:
    """What `look` answers, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"did not come true in {seconds} s")


class Server:
    """On a free port of 127.0.0.1; may be ended and started again with its files.

    Args:
        folder: Of its files; made.
        **options: Of its configuration, ``_`` for ``-``.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.options = {"save": "", "enable-debug-command": "yes", "enable-protected-configs": "yes"}
        self.options |= {name.replace("_", "-"): value for name, value in options.items()}
        self.socket_path = folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: Any = None
        self._lock = threading.Lock()
        for _ in range(5):  # another process may take the port meanwhile
            self.port = free_port()
            if self.start():
                return
        raise AssertionError((folder / "log").read_text())

    def start(self) -> bool:
        """False when it ended at once."""
        program = shutil.which(os.environ.get("KHALA_REDIS_SERVER", "redis-server"))
        assert program, "redis-server is missing: scripts/setup_system.sh installs it"
        options = {
            "port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder),
            "unixsocket": str(self.socket_path), "logfile": str(self.folder / "log"), **self.options,
        }  # fmt: skip
        line = [
            program,
            *(word for name, value in options.items() for word in (f"--{name}", *value.split(" "))),
        ]
        self._process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1) as client,
            ):
                client.sendall(b"PING\r\n")
                if client.recv(1):
                    return True
            time.sleep(0.005)
        raise AssertionError("redis-server does not answer")

    def end(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(DEADLINE)
            self._process = None

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def url(self, parameters: str = "", *, user: str = "", port: int | None = None) -> str:
        at = f"{user}@" if user else ""
        return f"redis://{at}127.0.0.1:{port or self.port}/1" + (f"?{parameters}" if parameters else "")

    def call(self, *words: str | int) -> Any:
        """One command of an administrator, on a connection that is kept."""
        with self._lock:
            if self._admin is None:
                self._admin = _core.redis.Link(self.url())
            (answer,) = self._admin.call([[str(word) for word in words]])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def command(self, line: str) -> Any:
        """One command, words divided by blanks."""
        return self.call(*line.split())


class Proxy:
    """Forwards connections to a server, whose port may be changed; one thread."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._wake, self._wakened = socket.socketpair()
        self._selector.register(self._wakened, selectors.EVENT_READ, None)
        self._todo: list[Callable[[], None]] = []
        self._pairs: dict[
            socket.socket, tuple[socket.socket, bool]
        ] = {}  # other end; whether this is a server's
        self._cut_reply: bytes | None = None
        self._stalled: list[socket.socket] = []  # open, so that nobody hears of an end
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut_reply_to(self, word: bytes) -> None:
        """The next request that has this word in it is passed on, and its connection cut instead of the reply."""
        self._post(lambda: setattr(self, "_cut_reply", word))

    def stall(self) -> None:
        """The connections there are carry nothing any more and are not closed either; new ones work."""
        self._post(self._forget_all)

    def cut(self) -> None:
        """Close all connections."""
        self._post(self._close_all)

    def close(self) -> None:
        self._stopping = True
        self._wake.send(b"x")
        self._thread.join(DEADLINE)
        self._close_all()
        for end in (self._listener, self._wake, self._wakened, *self._stalled):
            end.close()

    # --- its thread ----------------------------------------------------------------------------------------

    def _post(self, act: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            act()
            done.set()

        self._todo.append(run)
        self._wake.send(b"x")
        assert done.wait(DEADLINE)

    def _run(self) -> None:
        doomed: set[socket.socket] = set()  # servers' ends whose next reply is not passed on
        while not self._stopping:
            for key, _ in self._selector.select():
                end = key.fileobj
                if end is self._wakened:
                    self._wakened.recv(64)
                    while self._todo:
                        self._todo.pop(0)()
                elif end is self._listener:
                    self._accept()
                elif end in self._pairs:
                    assert isinstance(end, socket.socket)
                    self._forward(end, doomed)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream), 2)
        except OSError:
            client.close()
            return
        for end, other, is_server in ((client, server, False), (server, client, True)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[end] = (other, is_server)
            self._selector.register(end, selectors.EVENT_READ, None)

    def _forward(self, end: socket.socket, doomed: set[socket.socket]) -> None:
        other, is_server = self._pairs[end]
        try:
            data = end.recv(65_536)
        except OSError:
            data = b""
        if not data or end in doomed:
            doomed.discard(end)
            self._close(end)
            return
        if not is_server and self._cut_reply is not None and self._cut_reply in data:
            self._cut_reply = None
            doomed.add(other)
        try:
            other.sendall(data)
        except OSError:
            self._close(end)

    def _close(self, end: socket.socket) -> None:
        for each in (end, self._pairs[end][0]):
            del self._pairs[each]
            self._selector.unregister(each)
            each.close()

    def _close_all(self) -> None:
        while self._pairs:
            self._close(next(iter(self._pairs)))

    def _forget_all(self) -> None:
        for end in self._pairs:
            self._selector.unregister(end)
        self._stalled += self._pairs
        self._pairs.clear()
