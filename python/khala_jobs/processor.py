"""`JobProcessor`: one object for an application's jobs. It composes and does little itself.

* It is a collection of tasks (`Tasks`): ``@jobs.task``, ``jobs.include(…)``.
* Entered (``async with jobs:``) it runs them with a `WorkerPool` until it is left. Never entered it is a
  client:
  enqueueing, results and management open the store on the first call; ``await jobs.close()`` at the end.
* ``jobs.queues`` looks at queues and jobs and changes them; ``jobs.resources`` holds what handlers depend on;
  ``jobs.metrics`` counts.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar, Unpack

from . import context, settings
from .base_job import BaseJob
from .bridge import engine as core
from .connection import Connection
from .definition import Definition
from .durations import Duration, to_ms
from .errors import InvalidArgument, NotFound, QueueFull
from .info import JobInfo
from .job import Job
from .logs import JobLog
from .metrics import Metrics
from .options import EnqueueOptions, core_arguments, merge
from .queue_values import Queue
from .queues import QueueManager
from .resources import Resources
from .retry import DEFAULT_RETRY, RetryOption, retry_policy
from .run import running
from .task import Tasks
from .worker import WorkerPool

R = TypeVar("R")

BATCH_JOBS: Final = 10_000
BATCH_BYTES: Final = 16 * 1024 * 1024
DEFAULT_QUEUE: Final = "default"
_FULL, _REFUSED, _EXISTS = 2, 3, 1


class JobProcessor(Tasks):
    """Durable background jobs.

    Args:
        url: Where jobs are kept: ``sqlite:///jobs.db``, ``sqlite:////var/lib/jobs.db?synchronous=normal``,
            ``memory://`` (of this object alone).
        workers: Jobs that run at once in this process.
        lease: After the death of a worker its jobs run elsewhere after this long at the latest.
        grace: On stop, how long running handlers may take to finish.
        retention: How long closed jobs and their results are kept unless queue, task or enqueue say
            otherwise.
        queues: Queues to serve besides those of the tasks: names, `Queue` objects, or a mapping of names to
            how many
            of their jobs may run at once.
        timeout: Of tasks that do not say otherwise.
        retry: Of tasks that do not say otherwise; the default is ``Retry.exponential(3)``.
        queue_size: Jobs that may wait in a queue that does not say otherwise; 0 = no limit.
        max_crashes: Deaths of workers after which the job to blame is quarantined.
        log_rate: Successful runs a second that are logged; 0 = all (logs.py).
        lag_warning: Time for which the event loop must not turn before the handler that blocks it is named.
        enabled: False: never run jobs in this process.

    What is not given comes from ``BG_JOBS_*`` variables, then from the defaults of `Settings`.

    Raises:
        InvalidArgument: An argument or variable is wrong; one sentence that says what.
    """

    def __init__(
        self,
        url: str | None = None,
        workers: int | None = None,
        *,
        lease: Duration | None = None,
        grace: Duration | None = None,
        retention: Duration | None = None,
        queues: Iterable[str | Queue] | Mapping[str, int] = (),
        timeout: Duration | None = None,
        retry: RetryOption = DEFAULT_RETRY,
        queue_size: int | None = None,
        max_crashes: int | None = None,
        log_rate: int | None = None,
        lag_warning: Duration | None = None,
        enabled: bool | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings.load(
            url=url,
            max_concurrent=workers,
            lease=lease,
            grace=grace,
            history_retention=None if retention is None else to_ms(retention, "retention") / (86_400 * 1000),
            timeout=timeout,
            queue_size=queue_size,
            max_crashes=max_crashes,
            log_rate=log_rate,
            lag_warning=lag_warning,
            enabled=enabled,
        )
        self._supervised_fd = -1
        self._clock: Any = None  # khala_jobs.testing puts one here
        self._connection = Connection(self.settings.url, self._open_options)
        self._log = JobLog(self.settings.log_rate)
        self._pool: WorkerPool | None = None
        self._configured: set[str] = set()  # queues whose settings were written to the store
        self._configured_for = (0, 0)
        self._resources = Resources()
        self.metrics = Metrics()
        self.queues = QueueManager(self._connection, self._log, self.job)
        self._defaults = {
            "queue": DEFAULT_QUEUE,
            "retry": retry_policy(retry),
            "keep": self.settings.history_retention * 86_400,
            "timeout": self.settings.timeout or None,
        }
        self._serve(queues)
        self.attach(self)

    def _serve(self, queues: Iterable[str | Queue] | Mapping[str, int]) -> None:
        self._served: list[str] = []
        if isinstance(queues, str):
            raise InvalidArgument("queues", f"expected a list of names: write [{queues!r}]")
        if isinstance(queues, Mapping):
            queues = [Queue(name, concurrency=limit) for name, limit in queues.items()]
        for queue in queues:
            if isinstance(queue, Queue):
                self.queues.define(queue)
            self._served.append(queue.name if isinstance(queue, Queue) else queue)

    # --- life ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where jobs are kept."""
        return self._connection.url

    @property
    def info(self) -> dict[str, Any]:
        """The opened store: kind, durability, location, engine_version, bundled, schema_version, details.

        Raises:
            Closed: It is not open.
        """
        found: dict[str, Any] = self._connection.engine.info
        return found

    @property
    def grace(self) -> float:
        """Seconds that running handlers may take to finish when the worker stops."""
        return self.settings.grace

    @property
    def resources(self) -> Resources:
        """What handlers depend on."""
        return self._resources

    @property
    def is_running(self) -> bool:
        """Whether jobs are run here now."""
        return self._pool is not None

    @property
    def worker_id(self) -> str:
        """Of the running worker; empty when there is none."""
        return self._pool.worker if self._pool is not None else ""

    def configure_worker(
        self,
        *,
        url: str | None = None,
        workers: int | None = None,
        queues: Iterable[str] | Mapping[str, int] | None = None,
        suspects: Literal["none", "at_most_one", "only"] | None = None,
        supervised_fd: int | None = None,
    ) -> None:
        """Override how the worker of this process runs, before it is started; for whoever starts workers.

        Args:
            url: Work on this store instead.
            workers: Jobs that run at once.
            queues: Serve these only.
            suspects: What to do with jobs that ran in a process that died.
            supervised_fd: Where to report a handler that cannot be stopped, so that this process is replaced.
        """
        if self._connection.is_open:
            raise InvalidArgument("configure_worker", "the store is open already")
        if url is not None:
            settings.check_url(url)
            self._connection.url = url
        changes = {"max_concurrent": workers, "suspects": suspects}
        self.settings = self.settings.model_copy(update={k: v for k, v in changes.items() if v is not None})
        if queues is not None:
            self._serve(queues)
            self._only_served = True
        if supervised_fd is not None:
            self._supervised_fd = supervised_fd

    _only_served = False

    async def open(self) -> Self:
        """Open the store without running jobs. Calls that need it do this by themselves."""
        await self._connection.open()
        return self

    async def start(self) -> None:
        """Open the store and begin to run jobs in this loop.

        Raises:
            InvalidArgument: A task cannot work as it is written, or a worker is running already.
            Error: The store cannot be opened.
        """
        if self._pool is not None:
            raise InvalidArgument("jobs", "the worker is running already")
        for definition in self:
            definition.prepare()
        engine = await self._connection.open()
        for queue in self._queue_names():
            await self._configure_queue(queue)
        if not self.settings.enabled:
            return
        await self._resources.start()
        pool = WorkerPool(
            engine,
            self._connection.here(),
            self.definitions,
            [(name, self._concurrency(name)) for name in self._queue_names()],
            self.settings,
            self._resources,
            self._log,
            self.metrics,
            supervised=self._supervised_fd >= 0,
        )
        pool.start()
        self._pool = pool

    async def stop(self, grace: Duration | None = None) -> None:
        """Stop running jobs, in the steps that worker.py tells; a second call cancels handlers.

        The store stays open.

        Args:
            grace: Instead of the constructor's.
        """
        pool = self._pool
        if pool is None:
            return
        await pool.stop(self.settings.grace if grace is None else to_ms(grace, "grace") / 1000)
        if self._pool is pool:
            self._pool = None
            await self._resources.stop()

    def cancel_running(self) -> None:
        """While `stop` or `close` waits for handlers: cancel them now."""
        if self._pool is not None:
            self._pool.hurry()

    async def close(self) -> None:
        """Stop, write what is left, close the store. A later call opens it again."""
        await self.stop()
        await self._connection.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run_until_stopped(self) -> None:
        """Run jobs until SIGTERM or SIGINT, then stop gracefully; a second signal cancels the handlers."""
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        await self.start()

        def on_signal() -> None:
            if stopped.is_set():
                self.cancel_running()
            stopped.set()

        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, on_signal)
        try:
            await stopped.wait()
            await self.close()
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    # --- jobs ---------------------------------------------------------------------------------------------

    async def enqueue(self, job: BaseJob[R], **options: Unpack[EnqueueOptions]) -> Job[R]:
        """Put one job of a class in.

        Args:
            job: An instance of an included `BaseJob` class.
            **options: `EnqueueOptions`.
        """
        enqueuer = self.of(job)
        return await (enqueuer.options(**options) if options else enqueuer).enqueue(job)

    def job(self, job_id: str) -> Job[Any]:
        """A handle on a job by id; nothing is asked. Its result comes as plain JSON values."""
        return Job(job_id, self, None)

    # --- what handles ask (job.py) ------------------------------------------------------------------------

    async def closed_row(self, job_id: str) -> Mapping[str, Any]:
        """The row of a job when it is closed."""
        engine = await self._connection.open()
        row: Mapping[str, Any] | None = await self._connection.here().closed_row(engine, job_id)
        if row is None:
            raise NotFound("job", f"there is no job {job_id}")
        return row

    async def info_of(self, job_id: str) -> JobInfo:
        """As `QueueManager.get`."""
        return await self.queues.get(job_id)

    async def cancel_job(self, job_id: str, reason: str) -> bool:
        """As `QueueManager.cancel`."""
        return await self.queues.cancel(job_id, reason)

    # --- what tasks ask (task.py) -------------------------------------------------------------------------

    async def put(
        self, definition: Definition, options: Mapping[str, Any], payloads: list[bytes], cache: dict[str, Any]
    ) -> list[Job[Any]]:
        """Put jobs of one task in, all or none.

        Args:
            definition: Of the task.
            options: Of this enqueue.
            payloads: One a job.
            cache: Of whoever holds the options, to keep them in the core's form.

        Raises:
            InvalidArgument: More than a call may carry, or an option that is refused.
            QueueFull: They do not fit, and none was put in.
        """
        connection = self._connection
        engine = connection.engine if connection.is_open else await connection.open()
        bridge = connection.here()
        merged, core_options = self._core_options(definition, options, cache)
        queue = merged["queue"]
        version = (self.queues.version, connection.opened_count)
        if queue not in self._configured or self._configured_for != version:
            await self._configure_queue(queue)
        if len(payloads) > 1:
            _check_batch(payloads)
        while engine.inbox_full:  # all who wait are woken together
            await bridge.request(engine.wait_space)
        ids = [merged["id"]] if "id" in merged else None
        future, given = bridge.submit(engine.enqueue, core_options, payloads, ids)
        codes: bytes = await future
        if _FULL in codes or _REFUSED in codes:
            raise QueueFull(
                "queue", f"{queue} is full ({len(payloads)} more do not fit): nothing was enqueued"
            )
        self.metrics.of(queue, definition.name).enqueued += len(given)
        return [
            Job(job_id, self, definition, existed=code == _EXISTS)
            for job_id, code in zip(given, codes, strict=True)
        ]

    def _core_options(
        self, definition: Definition, options: Mapping[str, Any], cache: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """All layers of options, and the core's form of them."""
        parent = running.get()
        correlation = context.current_correlation_id()
        plain = parent is None and not correlation
        if plain and cache.get("version") == self.queues.version:
            return cache["options"]  # type: ignore[no-any-return]
        queue = options.get("queue") or definition.options.get("queue") or DEFAULT_QUEUE
        defined = self.queues.defined.get(queue)
        layers = (self._defaults, defined.job_options() if defined else {}, definition.options, options)
        merged = merge(*layers)
        arguments = core_arguments(definition.name, {k: v for k, v in merged.items() if k != "id"})
        if correlation:
            arguments.setdefault("correlation_id", correlation)
        if parent is not None:
            arguments["parent_id"] = parent.lease.id
        found = merged, core.JobOptions(**arguments)
        if plain:
            cache.update(version=self.queues.version, options=found)
        return found

    # --- queues -------------------------------------------------------------------------------------------

    def _queue_names(self) -> list[str]:
        """Queues that a worker here serves."""
        if self._only_served:
            return self._served
        of_tasks = (definition.options.get("queue", DEFAULT_QUEUE) for definition in self)
        return list(dict.fromkeys([*self._served, *self.queues.defined, *of_tasks, DEFAULT_QUEUE]))

    def _concurrency(self, queue: str) -> int:
        defined = self.queues.defined.get(queue)
        limit = defined.concurrency if defined is not None else None
        return self.settings.max_concurrent if limit is None else min(limit, self.settings.max_concurrent)

    async def _configure_queue(self, name: str) -> None:
        """Write what was said about a queue in code to the store; once, until either changes."""
        version = (self.queues.version, self._connection.opened_count)
        if self._configured_for != version:
            self._configured.clear()
            self._configured_for = version
        if name in self._configured:
            return
        defined = self.queues.defined.get(name)
        changes: dict[str, Any] = {}
        limit = self.settings.queue_size or None
        if defined is not None:
            limit = defined.max_length if defined.max_length is not None else limit
            changes["defaults"] = defined.stored_defaults()
            if defined.ageing is not None:
                changes["ageing_ms"] = to_ms(defined.ageing, "ageing")
        if limit is not None:
            changes["max_length"] = limit
        if changes:
            await self._connection.ask("change_queue", name, **changes)
        self._configured.add(name)

    def _open_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "lease_ms": round(self.settings.lease * 1000),
            "max_crashes": self.settings.max_crashes,
            "supervised_fd": self._supervised_fd,
        }
        if self._clock is not None:
            options["clock"] = self._clock
        return options


def _check_batch(payloads: list[bytes]) -> None:
    if len(payloads) > BATCH_JOBS:
        raise InvalidArgument(
            "calls", f"{len(payloads)} jobs in one call, {BATCH_JOBS} is the limit: pass chunk= to split them"
        )
    size = sum(map(len, payloads))
    if size > BATCH_BYTES:
        raise InvalidArgument(
            "calls",
            f"{size} bytes in one call, {BATCH_BYTES} is the limit: pass a smaller chunk= to split them",
        )
