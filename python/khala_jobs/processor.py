"""`JobProcessor`: one object for an application's jobs. It composes and does little itself.

* It is a collection of tasks (`Tasks`): ``@jobs.task``, ``jobs.include(…)``.
* Entered (``async with jobs:``) it runs them with a `WorkerPool` until it is left. Never entered it is a
  client: enqueueing, results and management open the store on the first call; ``await jobs.close()`` at the end.
* ``jobs.queues`` looks at queues and jobs and changes them; ``jobs.resources`` holds what handlers depend on;
  ``jobs.metrics`` counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack

from . import settings
from .base_job import BaseJob
from .connection import Connection
from .durations import Duration, to_ms
from .errors import InvalidArgument, NotFound
from .info import JobInfo
from .job import Job
from .logs import JobLog
from .metrics import Metrics
from .options import EnqueueOptions, text
from .producer import DEFAULT_QUEUE, OnPut, StoreProducer
from .queue_values import Queue
from .queues import QueueManager
from .resources import Resources
from .retry import DEFAULT_RETRY, RetryOption, retry_policy
from .served import ServedQueues
from .signals import until_signalled
from .task import Tasks
from .worker import WorkerPool

R = TypeVar("R")


class JobProcessor(Tasks):
    """Durable background jobs.

    Args:
        url: Where jobs are kept: ``sqlite:///jobs.db``, ``sqlite:////var/lib/jobs.db?synchronous=normal``
            (folders that are missing are made), ``redis://host:6379/1``, ``memory://`` (of this object alone).
        workers: Jobs that run at once in this process.
        lease: After the death of a worker its jobs run elsewhere after this long at the latest.
        grace: On stop, how long running handlers may take to finish.
        retention: How long closed jobs and their results are kept unless queue, task or enqueue say
            otherwise.
        queues: Queues to serve besides those of the tasks: names, `Queue` objects, or a mapping of names to
            how many of their jobs may run at once.
        timeout: Of tasks that do not say otherwise.
        retry: Of tasks that do not say otherwise; the default is ``Retry.exponential(3)``.
        queue_size: Jobs that may wait in a queue that does not say otherwise; 0 = no limit. Where processes
            differ, the one that began last to use the queue says it.
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
        self._clock: Any = None
        self._connection = Connection(self.settings.url, self._open_options)
        self._log = JobLog(self.settings.log_rate)
        self._pool: WorkerPool | None = None
        self._starting = False
        self._resources = Resources()
        self.metrics = Metrics()
        self.queues = QueueManager(self._connection, self._log, self.job, self.on_added)
        defaults = {"queue": DEFAULT_QUEUE, "retry": retry_policy(retry), **self.settings.job_options()}
        size = self.settings.queue_size
        self._intake = StoreProducer(
            self._connection, self.queues, self.metrics, defaults, size, self, self._resources
        )
        self.attach(self._intake)
        self._served = ServedQueues(self.queues, self)
        self._served.name(queues)

    # --- life ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where jobs are kept."""
        return self._connection.url

    @property
    def info(self) -> dict[str, Any]:
        """What the opened store says of itself.

        kind, durability, location, identity (one word a store, whatever URL it was opened by), engine_version, bundled,
        schema_version, details.

        Raises:
            Closed: It is not open.
        """
        return dict(self._connection.engine.info)

    @property
    def engine_stats(self) -> dict[str, int]:
        """Counters of this process's engine: claims, commits, renewals, store_queries and more.

        Raises:
            Closed: The store is not open.
        """
        return dict(self._connection.engine.stats)

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
        return self._pool is not None and self._pool.is_working

    @property
    def worker_id(self) -> str:
        """Of the running worker; empty when there is none."""
        return self._pool.worker if self._pool is not None and self._pool.is_working else ""

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
        self.settings = settings.changed(self.settings, max_concurrent=workers, suspects=suspects)
        if queues is not None:
            self._served.name(queues, only=True)
        if supervised_fd is not None:
            self._supervised_fd = supervised_fd

    async def open(self, *, create: bool = True) -> Self:
        """Open the store without running jobs. Calls that need it do this by themselves.

        Args:
            create: Make the SQLite file if there is none.

        Raises:
            NotFound: There is none, and none is to be made.
            Error: The store cannot be opened.
        """
        await self._connection.open(create=create)
        return self

    async def start(self) -> None:
        """Open the store and begin to run jobs in this loop. After `stop` it can be started again.

        Raises:
            InvalidArgument: A task cannot work as it is written, or a worker is running already.
            Error: The store cannot be opened.
            Forked: This process is a fork of the one that opened the store.
            Exception: What a resource raised when it was opened. A store that this call opened is closed again.
        """
        self._connection.check_process()
        if self._pool is not None and not self._pool.is_working:
            await (self.close() if self._pool.failure else self.stop())
        if self._pool is not None or self._starting:
            raise InvalidArgument("jobs", "the worker is running already")
        self._starting, was_open = True, self._connection.is_open
        try:
            await self._start()
        except BaseException:
            if not was_open:
                await self._connection.close()
            raise
        finally:
            self._starting = False

    async def _start(self) -> None:
        for definition in self:
            definition.prepare()
        engine = await self._connection.open()
        for queue in self._served.names():
            await self._intake.configure_queue(queue)
        if not self.settings.enabled:
            return
        await self._resources.start()
        pool = WorkerPool(
            engine,
            self._connection.here(),
            self.definitions,
            self._served.work(self.settings.max_concurrent),
            self.settings,
            self._resources,
            self._log,
            self.metrics,
            supervised=self._supervised_fd >= 0,
        )
        self._pool = pool
        try:
            await pool.start()
        except BaseException:
            self._pool = None
            await self._resources.stop()
            raise

    async def stop(self, grace: Duration | None = None) -> None:
        """Stop running jobs, in the steps that worker.py tells; a second call cancels handlers.

        The store stays open. A caller that is cancelled stops waiting; the worker goes on stopping.

        Args:
            grace: Instead of the constructor's.

        Raises:
            InvalidArgument: A handler of this worker calls, or another event loop than its own.
            Forked: This process is a fork of the one that started it.
        """
        pool = self._pool
        if pool is None:
            return
        self._connection.check_process()
        await pool.stop(self.settings.grace if grace is None else to_ms(grace, "grace") / 1000)
        if self._pool is pool:
            self._pool = None
            await self._resources.stop()

    def cancel_running(self) -> None:
        """While `stop` or `close` waits for handlers: cancel them now."""
        if self._pool is not None:
            self._pool.hurry()

    async def close(self) -> None:
        """Stop, answer what was asked before, close the store. A call after that opens it again.

        Raises:
            InvalidArgument: As `stop`; then the worker runs on and the store stays open.
            Exception: What a resource raised when it was closed; the worker is stopped and the store closed.
        """
        try:
            await self.stop()
        finally:
            if self._pool is None:
                await self._connection.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run_until_stopped(self) -> None:
        """Run jobs until SIGTERM or SIGINT, then stop gracefully; a second signal cancels the handlers.

        Raises:
            Closed: As `wait_until`.
        """
        await self.start()
        with until_signalled(self.cancel_running) as stopped:
            try:
                await self.wait_until(stopped)
            finally:
                await self.close()

    async def wait_until(self, stopped: asyncio.Event) -> None:
        """Wait until somebody sets the event, as long as the worker that runs here works.

        Args:
            stopped: Set when it is time to stop the worker; nothing is stopped here.

        Raises:
            Closed: Its engine failed (the store is damaged, say, or its rights are gone for good), so that nothing
                more will be run; says why.
        """
        if self._pool is not None:
            await self._pool.wait_until(stopped)
        else:
            await stopped.wait()

    def on_added(self) -> None:
        """A task was added or a queue defined; a running worker takes it up."""
        if self._pool is not None and self._pool.is_working:
            self._pool.set_work(self._served.work(self.settings.max_concurrent))

    # --- jobs ----------------------------------------------------------------------------------------------

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
        return Job(text(job_id, "job_id"), self, None)

    # --- for khala_jobs.testing ----------------------------------------------------------------------------

    def redirect(self, url: str, *, clock: Any = None, on_put: OnPut | None = None) -> Callable[[], None]:
        """Work on another store until the returned function is called; both while the store is closed.

        Args:
            url: Of the other store.
            clock: A ``ManualClock`` of the core, or None.
            on_put: Awaited after every enqueue.
        """
        if self._connection.is_open:
            raise InvalidArgument("jobs", "the store is open: close it first")
        before = (self._connection.url, self._clock, self.settings)

        def restore() -> None:
            self._connection.url, self._clock, self.settings = before
            self._intake.on_put = None

        self._connection.url, self._clock = url, clock
        self._intake.on_put = on_put
        self.settings = self.settings.model_copy(update={"enabled": True})
        return restore

    @property
    def engine(self) -> Any:
        """The core's engine.

        Raises:
            Closed: It is not open.
        """
        return self._connection.engine

    @property
    def served_queues(self) -> frozenset[str]:
        """Queues whose jobs are run here now; empty when none are."""
        return self._pool.queues if self._pool is not None else frozenset()

    async def wait_idle(self) -> None:
        """Wait until no handler runs here and every outcome is with the engine."""
        if self._pool is not None:
            await self._pool.wait_idle()

    # --- what handles ask (job.py) -------------------------------------------------------------------------

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

    def _open_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "lease_ms": round(self.settings.lease * 1000),
            "max_crashes": self.settings.max_crashes,
            "supervised_fd": self._supervised_fd,
        }
        if self._clock is not None:
            options["clock"] = self._clock
        return options
