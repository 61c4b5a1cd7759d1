"""
The job engine.
"""

from __future__ import annotations

import collections.abc
import typing

__all__: list[str] = [
    "Engine",
    "JobOptions",
    "Lease",
    "ManualClock",
    "Port",
    "backoff_preview",
    "check_json",
    "check_row",
    "close_all",
    "configure_failpoints",
    "diagram",
    "explain_death",
    "failpoint_hits",
    "native_tasks",
    "next_uuid7",
    "transitions",
]

class Lease:
    """
    A job that was handed to this worker. Attributes are read only.
    """
    @property
    def slot(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def attempt(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def crashes(self) -> int: ...
    @property
    def retries_left(self) -> int: ...
    @property
    def snoozes(self) -> int: ...
    @property
    def suspect(self) -> bool: ...
    @property
    def fence(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def parent_id(self) -> str: ...
    @property
    def retry(self) -> str: ...
    @property
    def task_version(self) -> int: ...
    @property
    def enqueued_at(self) -> int: ...
    @property
    def due_at(self) -> int: ...
    @property
    def started_at(self) -> int: ...
    @property
    def expires_at(self) -> int: ...
    @property
    def soft_timeout_ms(self) -> int: ...
    @property
    def hard_timeout_ms(self) -> int: ...
    def start(self) -> bool:
        """
        To be called right before entering the handler, by the thread that runs it. True once; False when the engine took the lease back: it must not be run or settled then.
        """
    def __repr__(self):
        """
        Return repr(self).
        """

class Port:
    """
    The way from engines to one event loop.
    """
    def __init__(self) -> None: ...
    def close(self) -> None:
        """
        After remove_reader. Engines take back what the worker on this port holds. Idempotent.
        """
    def drain(self, limit: typing.SupportsInt | typing.SupportsIndex = 256) -> list:
        """
        Up to `limit` items (kind, a, b), oldest first. The descriptor stays readable while more wait.
        """
    @property
    def depth(self) -> int:
        """
        Items that wait.
        """
    @property
    def fd(self) -> int:
        """
        An eventfd for loop.add_reader; -1 after close().
        """
    @property
    def lag_ms(self) -> int:
        """
        How long the oldest item has been waiting now; 0 when none waits.
        """
    @property
    def max_lag_ms(self) -> int:
        """
        The longest reported wait so far.
        """

class JobOptions:
    """
    What many jobs have in common; checked here, once. Immutable.
    """
    def __init__(
        self,
        *,
        queue: str,
        task: str,
        priority: typing.SupportsInt | typing.SupportsIndex = 5,
        delay_ms: typing.SupportsInt | typing.SupportsIndex = 0,
        run_at: typing.SupportsInt | typing.SupportsIndex = 0,
        expires_ms: typing.SupportsInt | typing.SupportsIndex = 0,
        expires_at: typing.SupportsInt | typing.SupportsIndex = 0,
        soft_timeout_ms: typing.SupportsInt | typing.SupportsIndex = 0,
        hard_timeout_ms: typing.SupportsInt | typing.SupportsIndex = 0,
        retry: str = "",
        result_ttl_ms: typing.SupportsInt | typing.SupportsIndex = 86400000,
        correlation_id: str = "",
        headers: bytes = b"{}",
        tenant: str = "",
        parent_id: str = "",
        task_version: typing.SupportsInt | typing.SupportsIndex = 0,
        max_payload_bytes: typing.SupportsInt | typing.SupportsIndex = 1048576,
    ) -> None: ...
    @property
    def queue(self) -> str: ...
    @property
    def task(self) -> str: ...

class ManualClock:
    """
    A clock that stands still until told otherwise. For tests.
    """
    def __init__(self, wall_ms: typing.SupportsInt | typing.SupportsIndex = 1767225600000) -> None: ...
    def advance(self, ms: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        Time passes; engines on this clock look at it.
        """
    @property
    def wall_ms(self) -> int: ...

class Engine:
    """
    A store, the thread that owns it, and the way in.
    """
    @staticmethod
    def open(
        url: str,
        *,
        lease_ms: typing.SupportsInt | typing.SupportsIndex = 15000,
        max_crashes: typing.SupportsInt | typing.SupportsIndex = 3,
        inbox_jobs: typing.SupportsInt | typing.SupportsIndex = 20000,
        inbox_bytes: typing.SupportsInt | typing.SupportsIndex = 67108864,
        create: bool = True,
        clock: ManualClock | None = None,
        supervised_fd: typing.SupportsInt | typing.SupportsIndex = -1,
        max_result_bytes: typing.SupportsInt | typing.SupportsIndex = 1048576,
    ) -> Engine: ...
    def change_queue(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        queue: str,
        *,
        paused: bool | None = None,
        max_length: typing.SupportsInt | typing.SupportsIndex | None = None,
        ageing_ms: typing.SupportsInt | typing.SupportsIndex | None = None,
        defaults: bytes | None = None,
        log_moves: bool | None = None,
        actor: str = "",
    ) -> None: ...
    def check(self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def close(self, deadline_ms: typing.SupportsInt | typing.SupportsIndex = 5000) -> bool:
        """
        False when the deadline passed and the thread was left behind. Idempotent.
        """
    def counts(
        self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex, queue: str = ""
    ) -> None: ...
    def enqueue(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        options: JobOptions,
        payloads: list,
        ids: typing.Any = None,
        actor: str = "",
    ) -> list[str]:
        """
        All or none of the jobs. Returns their ids; the reply is bytes, one code a job: 0 inserted, 1 exists, 2 full, 3 refused.
        """
    def enqueue_many(
        self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex, groups: list, actor: str = ""
    ) -> list[str]:
        """
        As enqueue, for a list of (options, payloads, ids or None).
        """
    def events(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        queue: str,
        after: typing.SupportsInt | typing.SupportsIndex = 0,
        limit: typing.SupportsInt | typing.SupportsIndex = 100,
    ) -> None: ...
    def get(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        ids: collections.abc.Sequence[str],
        history: bool = False,
    ) -> None: ...
    def import_rows(
        self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex, rows: list, actor: str = ""
    ) -> None:
        """
        Complete rows, as get answers them.
        """
    def list(self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex, query: dict) -> None: ...
    def manage(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        verb: str,
        ids: collections.abc.Sequence[str],
        reason: str = "",
        actor: str = "",
    ) -> None: ...
    def pause_claims(self) -> None: ...
    def progress(
        self,
        lease: typing.Any,
        count: typing.SupportsInt | typing.SupportsIndex,
        total: typing.SupportsInt | typing.SupportsIndex,
        message: str,
    ) -> None: ...
    def prune(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        *,
        queue: str = "",
        states: collections.abc.Sequence[str] = [],
        closed_before: typing.SupportsInt | typing.SupportsIndex = 0,
        keep_count: typing.SupportsInt | typing.SupportsIndex = -1,
        limit: typing.SupportsInt | typing.SupportsIndex = 1000,
    ) -> None: ...
    def reclaimed(self, slot: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def resume_claims(self) -> None: ...
    def set_work(
        self,
        *,
        queues: collections.abc.Sequence[tuple[str, typing.SupportsInt | typing.SupportsIndex]],
        tasks: collections.abc.Sequence[str],
    ) -> None:
        """
        What the worker serves from now on.
        """
    def settle(self, outcomes: list) -> None:
        """
        A list of (lease, kind, a, b[, cpu_ms]); either all of it is taken or it raises.
        """
    def start_worker(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        *,
        worker: str,
        queues: collections.abc.Sequence[tuple[str, typing.SupportsInt | typing.SupportsIndex]],
        tasks: collections.abc.Sequence[str],
        slots: typing.SupportsInt | typing.SupportsIndex,
        suspects: str = "at_most_one",
        version: str = "",
    ) -> None:
        """
        Replies None when it runs, InvalidArgument when one is running. A stopped one can be started again.
        """
    def stop_worker(
        self, port: Port | None = None, ticket: typing.SupportsInt | typing.SupportsIndex = 0
    ) -> None:
        """
        No more claims; what was not started is taken back. Replies None if there is a port.
        """
    def task_counters(self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def unwatch(self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def wait_space(self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        The reply, None, comes when inbox_full has become False.
        """
    def watch(
        self,
        port: Port,
        ticket: typing.SupportsInt | typing.SupportsIndex,
        ids: collections.abc.Sequence[str],
    ) -> None:
        """
        One reply for each id: the row of the closed job, or NotFound.
        """
    def workers(self, port: Port, ticket: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def inbox_full(self) -> bool: ...
    @property
    def info(self) -> dict: ...
    @property
    def stats(self) -> dict: ...

def backoff_preview(retry: str, count: typing.SupportsInt | typing.SupportsIndex) -> list[int]:
    """
    Waits in ms before the first retries of a policy, drawn once.
    """

def check_json(
    text: bytes,
    field: str,
    size_bytes: typing.SupportsInt | typing.SupportsIndex = 1048576,
    depth: typing.SupportsInt | typing.SupportsIndex = 128,
) -> None:
    """
    Raises InvalidArgument unless the bytes are JSON within the limits.
    """

def check_row(row: dict, max_payload_bytes: typing.SupportsInt | typing.SupportsIndex = 16777216) -> None:
    """
    Raises InvalidArgument for a row that import_rows would not take.
    """

def close_all() -> None:
    """
    Closes every engine of the process. Runs at exit by itself.
    """

def configure_failpoints(spec: str) -> None:
    """
    Arms failpoints; Unsupported in builds without them.
    """

def diagram() -> str:
    """
    The lifecycle as a Mermaid stateDiagram-v2.
    """

def explain_death(path: str, pid: typing.SupportsInt | typing.SupportsIndex) -> bool:
    """
    For a supervisor about to end a worker: nobody is to be blamed for that death. False when the process has no store open there.
    """

def failpoint_hits() -> dict[str, int]:
    """
    Hits of every failpoint since it was armed.
    """

def native_tasks() -> list[str]:
    """
    Names of the tasks that the native pool runs.
    """

def next_uuid7() -> str:
    """
    A fresh job id.
    """

def transitions() -> list[tuple[str, str, str]]:
    """
    The lifecycle as (from, to, cause).
    """
