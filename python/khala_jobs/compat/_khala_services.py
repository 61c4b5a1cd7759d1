"""The six handlers of KHALA's job types, on KHALA's own services.

Each hook takes a `JobDefinition` and answers a `JobResult`; a subclass may override any of them. Services are
looked up when a job needs them and not before, so that a process that only submits jobs never touches a
database, and a missing dependency fails the job that needs it with a sentence that names it.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ._khala_types import JobDefinition, JobResult

logger = logging.getLogger(__name__)

# One page of a scan over the memory table. A scan asks for further pages until one is short: nothing is cut off.
SCAN_PAGE = 5000

_FACADE = "khala_jobs.compat.khala"
TEMPORAL_MODULE = "khala.application.services.temporal_analyzer"

JobHandler = Callable[[dict[str, Any]], Awaitable[Any]]


class MissingDependency(RuntimeError):
    """A job needs something that is not there; the message names it and says how to supply it."""


def khala_attribute(module: str, name: str, needed_by: str) -> Any:
    """Import one of KHALA's own classes, or say which is missing and who needs it."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise MissingDependency(
            f"{needed_by} needs {module}.{name}, which cannot be imported here: {error}"
        ) from error


def _rows(response: Any) -> list[dict[str, Any]]:
    """Rows of a SurrealDB answer, which comes bare or wrapped in ``[{"result": [...]}]``."""
    if not isinstance(response, list) or not response:
        return []
    first = response[0]
    rows = first["result"] if isinstance(first, dict) and "result" in first else response
    return [row for row in rows or [] if isinstance(row, dict)]


def _record_id(row: dict[str, Any]) -> str:
    """``memory:abc`` -> ``abc``; a bare id stays as it is."""
    return str(row["id"]).split(":", 1)[-1]


class KhalaServices:
    """Mixin of `JobProcessor`: KHALA's clients and the six ``_execute_<type>`` hooks."""

    db_client: Any
    gemini_client: Any
    memory_service: Any
    _handlers: dict[str, JobHandler]

    def register_handler(self, job_type: str, handler: JobHandler) -> None:
        """Run `handler` for a job type; it wins over KHALA's own class.

        Args:
            job_type: For example ``"pattern_recognition"``.
            handler: ``async def handler(payload: dict) -> JSON value``.
        """
        self._handlers[job_type] = handler

    async def _execute_decay_scoring(self, job: JobDefinition) -> JobResult:
        """Decay of the given memories, or of every unarchived one (``scan_all``)."""
        started = time.perf_counter()
        memory_ids = [str(i) for i in job.payload.get("memory_ids") or []]
        if not memory_ids and job.payload.get("scan_all", False):
            rows = await self._scan("SELECT id FROM memory WHERE is_archived = false")
            memory_ids = [_record_id(row) for row in rows]
        if not memory_ids:
            return self._ok(job, {"processed": 0}, started)
        # What KHALA's tests put in the place of the service on the module that callers import, or the service itself.
        patched = vars(importlib.import_module(_FACADE)).get("TemporalAnalysisService")
        service_class = patched or khala_attribute(
            TEMPORAL_MODULE, "TemporalAnalysisService", "decay_scoring"
        )
        service = service_class(self._database("decay_scoring"))
        report = await service.batch_process_decay(memory_ids)
        if report["processed"] > 0:
            return self._ok(job, report, started)
        return self._failed(job, report, started, f"none of {len(memory_ids)} memories could be processed")

    async def _execute_consolidation(self, job: JobDefinition) -> JobResult:
        """Consolidation of one user's memories, or of every user's (``scan_all``)."""
        return await self._for_users(job, "consolidate_memories", "memories_consolidated")

    async def _execute_deduplication(self, job: JobDefinition) -> JobResult:
        """Deduplication of one user's memories, or of every user's (``scan_all``)."""
        return await self._for_users(job, "deduplicate_memories", "duplicates_removed")

    async def _execute_consistency_check(self, job: JobDefinition) -> JobResult:
        """KHALA's ConsistencyJob."""
        return await self._run_class(
            job, "khala.infrastructure.background.jobs.consistency_job", "ConsistencyJob"
        )

    async def _execute_index_repair(self, job: JobDefinition) -> JobResult:
        """KHALA's IndexRepairJob."""
        return await self._run_class(
            job, "khala.infrastructure.background.jobs.index_repair_job", "IndexRepairJob"
        )

    async def _execute_pattern_recognition(self, job: JobDefinition) -> JobResult:  # noqa: ARG002 - a hook
        """KHALA names this type and has no class for it: only a registered handler can run it."""
        raise MissingDependency(
            "no handler for job type 'pattern_recognition': KHALA has no PatternRecognitionJob class; "
            "give one with processor.register_handler('pattern_recognition', handler)"
        )

    async def _run_class(self, job: JobDefinition, module: str, name: str) -> JobResult:
        started = time.perf_counter()
        job_class = khala_attribute(module, name, job.job_type)
        instance = job_class(self._database(job.job_type), self._model(job.job_type))
        return self._ok(job, await instance.execute(job.payload), started)

    async def _run_handler(self, job: JobDefinition) -> JobResult:
        started = time.perf_counter()
        return self._ok(job, await self._handlers[job.job_type](job.payload), started)

    async def _for_users(self, job: JobDefinition, method: str, counted: str) -> JobResult:
        """Call one MemoryLifecycleService method per user; one user's failure does not stop the others."""
        started = time.perf_counter()
        needed_by = job.job_type
        lifecycle_class = khala_attribute(
            "khala.application.services.memory_lifecycle", "MemoryLifecycleService", needed_by
        )
        repository_class = khala_attribute(
            "khala.infrastructure.persistence.surrealdb_repository", "SurrealDBMemoryRepository", needed_by
        )
        database = self._database(needed_by)
        lifecycle = lifecycle_class(
            repository=repository_class(database), gemini_client=self._model(needed_by, required=False)
        )
        user_id = job.payload.get("user_id")
        users = [user_id] if user_id else []
        if not users and job.payload.get("scan_all"):
            rows = await self._scan("SELECT user_id FROM memory GROUP BY user_id")
            users = [row["user_id"] for row in rows if row.get("user_id")]
        total, failed = 0, {}
        for user in users:
            try:
                total += await getattr(lifecycle, method)(user)
            except Exception as error:  # one user's failure is counted and reported, the batch goes on
                logger.exception("%s failed for user %s", job.job_type, user)
                failed[str(user)] = f"{type(error).__name__}: {error}"
        report: dict[str, Any] = {
            counted: total,
            "processed": total,
            "users_processed": len(users) - len(failed),
        }
        if failed:
            report["users_failed"] = failed
        if users and len(failed) == len(users):
            return self._failed(job, report, started, f"{job.job_type} failed for every user: {failed}")
        return self._ok(job, report, started)

    async def _scan(self, select: str) -> list[dict[str, Any]]:
        """All rows of a SELECT, page by page, until a page is short."""
        rows: list[dict[str, Any]] = []
        async with self._database("scan_all").get_connection() as connection:
            while True:
                page = _rows(await connection.query(f"{select} LIMIT {SCAN_PAGE} START {len(rows)};"))
                rows += page
                if len(page) < SCAN_PAGE:
                    return rows

    def _database(self, needed_by: str) -> Any:
        if self.db_client is None:
            client = khala_attribute("khala.infrastructure.surrealdb.client", "SurrealDBClient", needed_by)
            try:
                self.db_client = client()
            except Exception as error:
                raise MissingDependency(
                    f"{needed_by} needs a SurrealDB client: set processor.db_client, or configure KHALA's own ({error})"
                ) from error
        return self.db_client

    def _model(self, needed_by: str, *, required: bool = True) -> Any:
        if self.gemini_client is None:
            try:
                client = khala_attribute("khala.infrastructure.gemini.client", "GeminiClient", needed_by)
                self.gemini_client = client(enable_cascading=False)
            except Exception as error:
                if required:
                    raise MissingDependency(
                        f"{needed_by} needs a Gemini client: set processor.gemini_client, "
                        f"or configure KHALA's own ({error})"
                    ) from error
                logger.warning("no Gemini client for %s: %s", needed_by, error)
        return self.gemini_client

    @staticmethod
    def _ok(job: JobDefinition, result: Any, started: float) -> JobResult:
        elapsed = (time.perf_counter() - started) * 1000
        return JobResult(job.job_id, True, result, elapsed, worker_id=job.worker_id)

    @staticmethod
    def _failed(job: JobDefinition, result: Any, started: float, error: str) -> JobResult:
        elapsed = (time.perf_counter() - started) * 1000
        return JobResult(job.job_id, False, result, elapsed, error, worker_id=job.worker_id)
