"""Taking one figure of one engine: a server, a producer, workers, clocks, and an exact verdict."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.stats import percentile, spread_ms
from peers.cases import Case
from peers.install import Place
from peers.ledger import Ledger, Notes, Verdict, sent_file
from peers.protocol import About, ledger_path
from peers.server import Server, pinned, running
from peers.spec import LEVELS, SPARE, Spec

POLL = 0.005  # seconds between looks at a ledger or at the store
STALLED = 20.0  # seconds without progress after which a run is over
STALLED_CRASH = 100.0  # the same where engines wait for leases and locks to end
KILL_EVERY, KILLS = 5.0, 6


@dataclass(frozen=True)
class Engine:
    """An engine that is here to be measured."""

    key: str
    about: About
    place: Place


@dataclass
class Bench:
    """What the figures of one engine in one case share while they are taken.

    Attributes:
        server: None for a store that is no server.
        folder: Of ledgers and logs.
        worker_core: Where producer and workers are kept.
        workers: Those started so far, by name.
    """

    engine: Engine
    case: Case
    spec: Spec
    server: Server | None
    folder: Path
    worker_core: int | None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def _start(self, role: str, worker: str, spec: Spec, **options: Any) -> subprocess.Popen[bytes]:
        command = [*pinned(self.worker_core), *self.engine.place.command, role, worker, spec.to_text()]
        return subprocess.Popen(command, env={**os.environ, **self.engine.place.environment}, **options)

    def produce(self, spec: Spec) -> dict[str, Any]:
        """Run a producer to its end; its figures.

        Raises:
            RuntimeError: It failed; the text ends with what it said.
        """
        process = self._start("produce", "-", spec, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise RuntimeError("the producer did not end within 300 s") from None
        lines = out.decode().strip().splitlines()
        if process.returncode or not lines:
            raise RuntimeError(f"the producer failed: {err.decode()[-1500:]}")
        figures: dict[str, Any] = json.loads(lines[-1])
        return figures

    def work(self, worker: str = "0") -> subprocess.Popen[bytes]:
        """Start a worker; it runs until `stop`."""
        with (self.folder / f"worker-{worker}.log").open("wb") as log:
            process = self._start("work", worker, self.spec, stdout=log, stderr=log)
        self.workers[worker] = process
        return process

    def stop(self) -> None:
        """End all workers; what they did is in their ledgers."""
        for process in self.workers.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def ledger(self, worker: str = "0") -> Ledger:
        return Ledger(ledger_path(self.spec.folder, worker), self.spec.count + SPARE)

    @contextmanager
    def left(self) -> Iterator[Callable[[], int]]:
        """A function that says how many jobs are not yet settled in the store."""
        about = self.engine.about
        if about.left_by_url is not None:
            with about.left_by_url(self.spec.url) as left:
                yield left
        elif about.left is not None and self.server is not None:
            by_client, client = about.left, self.server.client
            yield lambda: by_client(client)
        else:
            raise RuntimeError("nothing says what is left in the store")

    def log_tail(self) -> str:
        """What the workers said last."""
        return "".join(path.read_text()[-800:] for path in sorted(self.folder.glob("worker-*.log")))


def cpu_ns(pid: int) -> int:
    """CPU time of a whole process so far; what clock_getcpuclockid(3) gives."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def wait_done(bench: Bench, notes: Notes, stalled: float = STALLED) -> bool:
    """Wait until all jobs have completed; False when nothing has moved for `stalled` seconds."""
    last, moved = notes.undone(), time.monotonic()
    while last:
        time.sleep(POLL)
        undone = notes.undone()
        now = time.monotonic()
        if undone != last:
            last, moved = undone, now
        elif now - moved > stalled:
            return False
        if all(process.poll() is not None for process in bench.workers.values()):
            raise RuntimeError(f"the worker ended: {bench.log_tail()[-1500:]}")
    return True


def wait_settled(left: Callable[[], int], patience: float = STALLED) -> int:
    """Wait until nothing is left in the store; what is left when patience ends."""
    deadline = time.monotonic() + patience
    remaining = left()
    while remaining and time.monotonic() < deadline:
        time.sleep(POLL)
        remaining = left()
    return remaining


def checked(verdict: Verdict, left: int, runs: int = 1) -> dict[str, Any]:
    """The verdict as figures.

    Args:
        verdict: What the ledgers say.
        left: What the store says is not settled.
        runs: Starts that each job should take.
    """
    return {
        "jobs": verdict.expected,
        "lost": verdict.lost,
        "twice": verdict.twice,
        "extra_runs": verdict.runs - runs * verdict.expected,
        "left": left,
        "exact": verdict.exact and left == 0,
    }


def preload(bench: Bench) -> dict[str, Any]:
    """Put all jobs of the case in before a worker starts, as fast as the engine can."""
    bulk = "bulk" not in bench.engine.about.absent
    return bench.produce(bench.spec.with_(produce="bulk" if bulk else "single", batch=1000))


def take_produce(bench: Bench) -> dict[str, Any]:
    """Enqueue only; exactly as many jobs must be in the store."""
    before = bench.server.usage() if bench.server else None
    figures = bench.produce(bench.spec)
    if bench.server and before:
        after = bench.server.usage()
        figures |= after.since(before, figures["produced"])
        figures["bytes"] = (after.bytes - before.bytes) / figures["produced"]
    with bench.left() as left:
        found = left()
    return {
        **figures,
        "jobs": bench.spec.count,
        "lost": bench.spec.count - found,
        "exact": found == bench.spec.count,
    }


def order_is_strict(notes: Notes) -> bool:
    """Whether jobs of a more urgent priority all ran before others, first in first out within each."""
    started = notes.started()
    ran = sorted(range(notes.count), key=started.__getitem__)
    urgent_first = sorted(range(notes.count), key=lambda i: (-(i % LEVELS), i))
    return ran == urgent_first


def take_drain(bench: Bench) -> dict[str, Any]:
    """A worker works off what was put in before; from the first start to the last job settled in the store."""
    spec = bench.spec
    produced = preload(bench)
    ledger = bench.ledger()
    notes = Notes([ledger], spec.count)
    before = bench.server.usage() if bench.server else None
    with bench.left() as left:
        worker = bench.work()
        done = wait_done(bench, notes)
        remaining = wait_settled(left) if done else left()
        end = time.monotonic_ns()
        cpu = cpu_ns(worker.pid) - ledger.head[1]
    figures: dict[str, Any] = {key: produced[key] for key in ("version", "python")}
    figures |= checked(notes.verdict(), remaining, 2 if spec.job == "fail_once" else 1)
    figures["rss_mib"] = rss_mib(worker.pid)
    if done:
        figures["jobs_per_s"] = spec.count / ((end - notes.began) / 1e9)
        figures["client_us"] = cpu / spec.count / 1000
    if bench.server and before:
        figures |= bench.server.usage().since(before, spec.count)
    if spec.priorities:
        figures["strict"] = order_is_strict(notes)
    return figures


def take_open(bench: Bench) -> dict[str, Any]:
    """An idle worker, and jobs that come when they come: how long until each starts."""
    bench.work()
    produced = bench.produce(bench.spec)
    notes = Notes([bench.ledger()], bench.spec.count)
    wait_done(bench, notes)
    with bench.left() as left:
        remaining = wait_settled(left)
    sent = sent_file(bench.folder, bench.spec.count + SPARE)
    waits = [(start - sent[i]) / 1e9 for i, start in enumerate(notes.started()) if start]
    figures = {key: produced[key] for key in ("version", "python")}
    return {**figures, **checked(notes.verdict(), remaining), **spread_ms(waits)}


def take_delayed(bench: Bench) -> dict[str, Any]:
    """Jobs that are due later: how late each starts. None may start early by more than the store's unit of time."""
    figures = take_open(bench)
    sent = sent_file(bench.folder, bench.spec.count + SPARE)
    started = Notes([bench.ledger()], bench.spec.count).started()
    early = [(sent[i] - start) / 1e6 for i, start in enumerate(started) if start and start < sent[i]]
    return {**figures, "earliest_ms": max(early, default=0.0)}


def take_closed(bench: Bench) -> dict[str, Any]:
    """Producer and worker together; the producer waits for each result."""
    bench.work()
    before = bench.server.usage() if bench.server else None
    figures = bench.produce(bench.spec)
    notes = Notes([bench.ledger()], figures["produced"])
    wait_done(bench, notes)
    if bench.server and before:
        figures |= bench.server.usage().since(before, figures["produced"])
    with bench.left() as left:
        remaining = wait_settled(left)
    return {**figures, **checked(notes.verdict(), remaining)}


def take_idle(bench: Bench) -> dict[str, Any]:
    """A worker with nothing to do: commands and CPU a second."""
    worker = bench.work()
    produced = bench.produce(bench.spec)
    time.sleep(2.0)  # what follows the last job, such as a first look for more, is not idleness
    before, cpu = bench.server.usage() if bench.server else None, cpu_ns(worker.pid)
    time.sleep(bench.spec.seconds)
    figures = {key: produced[key] for key in ("version", "python")}
    figures["cpu_percent"] = (cpu_ns(worker.pid) - cpu) / bench.spec.seconds / 1e7
    figures["rss_mib"] = rss_mib(worker.pid)
    if bench.server and before:
        after = bench.server.usage()
        figures["commands_per_s"] = (after.commands - before.commands) / bench.spec.seconds
    return figures


def take_crash(bench: Bench) -> dict[str, Any]:
    """Two workers; every few seconds one is killed with its jobs running, and another takes its place."""
    produced = preload(bench)
    ledgers = {name: bench.ledger(name) for name in map(str, range(KILLS + 2))}
    for name in ("0", "1"):
        bench.work(name)
    notes = Notes(list(ledgers.values()), bench.spec.count)
    while not all(ledgers[name].head[0] for name in ("0", "1")):
        time.sleep(POLL)
    victims: dict[int, tuple[str, int]] = {}  # job -> who held it, and when it was killed
    for turn in range(KILLS):
        time.sleep(KILL_EVERY)
        name = str(turn)
        os.kill(bench.workers[name].pid, signal.SIGKILL)
        bench.workers[name].wait()
        now, ledger = time.monotonic_ns(), ledgers[name]
        for i in range(bench.spec.count):
            if ledger.starts[i] > ledger.dones[i]:
                victims[i] = (name, now)
        bench.work(str(turn + 2))
    with bench.left() as left:
        wait_done(bench, notes, STALLED_CRASH)
        remaining = wait_settled(left)
    again = []
    for i, (name, killed) in victims.items():
        later = [led.latest[i] for n, led in ledgers.items() if n != name and led.latest[i] > killed]
        if later:
            again.append((min(later) - killed) / 1e9)
    figures: dict[str, Any] = {key: produced[key] for key in ("version", "python")}
    figures |= checked(notes.verdict(), remaining)
    figures |= {"killed_running": len(victims), "run_again": len(again)}
    figures["extra_runs"] -= len(again)  # those are owed
    if again:
        figures |= {"again_p50_s": percentile(again, 0.5), "again_max_s": max(again)}
    return figures


TAKE: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "produce": take_produce,
    "drain": take_drain,
    "open": take_open,
    "delayed": take_delayed,
    "closed": take_closed,
    "idle": take_idle,
    "crash": take_crash,
}


def spec_of(case: Case, about: About, url: str, folder: Path, scale: float) -> Spec:
    """What the engine is asked to do in this case; threads are held to the number that pays, counts to its pace."""
    spec = Spec(url, str(folder), 0).with_(**case.spec)
    if about.threads is not None and (spec.job != "sleep" or case.kind == "crash") and case.kind != "closed":
        spec = spec.with_(concurrency=min(spec.concurrency, about.threads))
    count = case.count
    if case.kind == "crash":
        count = int(KILL_EVERY * KILLS * 2 * spec.concurrency / spec.seconds * 0.9)
    elif case.kind == "closed":
        count = min(count, 1_000_000)
    elif case.kind != "idle":
        pace = (
            about.slow
            if case.kind in ("drain", "delayed") or spec.produce == "bulk"
            else max(0.1, about.slow)
        )
        if case.kind == "open" or case.key == "W8":
            pace = 1.0
        count = max(50, int(count * pace * scale))
    return spec.with_(count=count)


def take(
    engine: Engine,
    case: Case,
    *,
    scale: float = 1.0,
    aof: bool = False,
    cores: tuple[int | None, int | None] = (0, 1),
    url: str | None = None,
) -> dict[str, Any]:
    """Take one figure.

    Args:
        engine: Which.
        case: What.
        scale: Multiplies the number of jobs.
        aof: Whether the server keeps an append-only file.
        cores: Of the server, and of producer and workers; None = wherever.
        url: Use this store instead of a server (``{path}`` in it stands for a file in a fresh folder).

    Raises:
        RuntimeError: A process of the engine failed.
    """
    with tempfile.TemporaryDirectory(prefix="peers-") as name, ExitStack() as stack:
        folder = Path(name)
        own: AbstractContextManager[Server | None] = (
            running(folder, core=cores[0], aof=aof) if url is None else nullcontext()
        )
        server = stack.enter_context(own)
        address = server.url if server else str(url).replace("{path}", f"{folder}/bench.db")
        spec = spec_of(case, engine.about, address, folder, scale)
        bench = Bench(engine, case, spec, server, folder, cores[1])
        stack.callback(bench.stop)
        return TAKE[case.kind](bench)
