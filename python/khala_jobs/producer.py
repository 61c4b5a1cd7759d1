"""The way in: jobs of tasks become rows of the store, all of a call or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from .bridge import Bridge, Unanswered
from .bridge import engine as core
from .connection import Connection
from .context import current_correlation_id
from .definition import Definition
from .errors import Closed, EnqueueUnknown, QueueFull, UnknownOutcome
from .job import Client, Job
from .metrics import Metrics
from .options import core_arguments, merge
from .queue_values import changes_for
from .queues import QueueManager
from .resources import Resources
from .run import running

DEFAULT_QUEUE: Final = "default"
_EXISTS, _FULL, _REFUSED = 1, 2, 3

OnPut = Callable[[Definition, Mapping[str, Any], list[bytes], list[Job[Any]]], Awaitable[None]]


class StoreProducer:
    """Puts the jobs of one `JobProcessor` in.

    Args:
        connection: To the store.
        queues: For what was defined about them.
        metrics: Count what was put in.
        defaults: Options of jobs about which nothing else was said.
        queue_size: Bound of queues that do not say otherwise; 0 = none.
        client: What the handles ask.
        resources: Of the processor, for tasks that are simply called.
    """

    def __init__(
        self,
        connection: Connection,
        queues: QueueManager,
        metrics: Metrics,
        defaults: Mapping[str, Any],
        queue_size: int,
        client: Client,
        resources: Resources,
    ) -> None:
        self.resources = resources
        self.on_put: OnPut | None = None  # awaited after every enqueue; for khala_jobs.testing
        self._connection, self._queues, self._metrics = connection, queues, metrics
        self._defaults, self._queue_size, self._client = defaults, queue_size, client
        self._configured: set[str] = set()  # queues about which the store was told
        self._configured_for = (0, 0)
        self._durability, self._durability_for = "", 0  # of the store, and as how many-th it was opened

    async def put(
        self, definition: Definition, options: Mapping[str, Any], payloads: list[bytes], cache: dict[str, Any]
    ) -> list[Job[Any]]:
        """Put jobs of one task in, all or none.

        Args:
            definition: Of the task.
            options: Of this enqueue.
            payloads: One a job; no more than a call may carry.
            cache: Of whoever holds the options, to keep them in the core's form.

        Raises:
            InvalidArgument: An option is refused.
            QueueFull: They do not fit, and none was put in.
            Closed: The store is being closed, and none was put in.
            EnqueueUnknown: The store's answer was lost; repeating it with the ids that it names is safe.
        """
        connection = self._connection
        engine = connection.engine if connection.is_open else await connection.open()
        bridge = connection.here()
        merged, core_options = self._core_options(definition, options, cache)
        queue = merged["queue"]
        version = (self._queues.version, connection.opened_count)
        if queue not in self._configured or self._configured_for != version:
            await self.configure_queue(queue)
        while engine.inbox_full:  # all who wait are woken together
            await bridge.request(engine.wait_space)
        ids = [merged["id"]] if "id" in merged else None
        future, given = bridge.submit(engine.enqueue, core_options, payloads, ids)
        try:
            codes: bytes = await future
        except (UnknownOutcome, Unanswered) as error:
            raise EnqueueUnknown(given, error.message) from None
        if self._durability_for != connection.opened_count:
            self._durability, self._durability_for = engine.info["durability"], connection.opened_count
        if _FULL in codes or _REFUSED in codes:
            raise await _full(engine, bridge, queue, len(payloads))
        self._metrics.of(queue, definition.name).enqueued += len(given)
        jobs: list[Job[Any]] = [
            Job(job_id, self._client, definition, existed=code == _EXISTS, durability=self._durability)
            for job_id, code in zip(given, codes, strict=True)
        ]
        if self.on_put is not None:
            await self.on_put(definition, merged, payloads, jobs)
        return jobs

    def _core_options(
        self, definition: Definition, options: Mapping[str, Any], cache: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """All layers of options, and the core's form of them."""
        parent = running.get()
        correlation = current_correlation_id()
        plain = parent is None and not correlation
        if plain and cache.get("version") == self._queues.version:
            return cache["options"]  # type: ignore[no-any-return]
        queue = options.get("queue") or definition.options.get("queue") or DEFAULT_QUEUE
        defined = self._queues.defined.get(queue)
        layers = (self._defaults, defined.job_options() if defined else {}, definition.options, options)
        merged = merge(*layers)
        arguments = core_arguments(definition.name, {k: v for k, v in merged.items() if k != "id"})
        if correlation:
            arguments.setdefault("correlation_id", correlation)
        if parent is not None:
            arguments["parent_id"] = parent.lease.id
        found = merged, core.JobOptions(**arguments)
        if plain:
            cache.update(version=self._queues.version, options=found)
        return found

    async def configure_queue(self, name: str) -> None:
        """Tell the store what was said about a queue in code; once, until either changes."""
        version = (self._queues.version, self._connection.opened_count)
        if self._configured_for != version:
            self._configured.clear()
            self._configured_for = version
        if name in self._configured:
            return
        rows = await self._connection.ask("counts", name)
        changes = changes_for(self._queues.defined.get(name), self._queue_size, rows[0] if rows else None)
        if changes:
            await self._connection.ask("change_queue", name, **changes)
        self._configured.add(name)


async def _full(engine: Any, bridge: Bridge, queue: str, count: int) -> QueueFull:
    """Why so many jobs were refused; the limit may be another process's."""
    why = f"{count} more do not fit, nothing was enqueued"
    try:
        rows = await bridge.request(engine.counts, queue)
    except Closed:  # meanwhile; it is not opened again for a number
        return QueueFull("queue", f"{queue} is full: {why}")
    return QueueFull(
        "queue", f"{queue} is full: {rows[0]['max_length'] if rows else 0} may wait in it, {why}"
    )
