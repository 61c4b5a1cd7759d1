"""Jobs that KHALA's own processor left in Redis, taken over by the durable engine.

KHALA keeps a hash ``job:<id>`` for each job and a sorted set ``job:queue`` of those that wait. What a processor has
taken out of the set and not finished is known only by its hash: KHALA forgets such jobs when the processor dies.
Here they are `stranded` and run like those that wait, so the old processor must be stopped before anything is moved.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from khala_jobs import JobProcessor as Engine
from khala_jobs import _core
from khala_jobs.options import core_arguments

from ._khala_options import PRIORITIES, retry_of
from ._khala_types import JobDefinition, JobStatus, job_from_mapping, job_to_mapping
from .khala import QUEUE

_QUEUE_KEY: Final = b"job:queue"
_PREFIX: Final = b"job:"
_SCAN_COUNT: Final = 1000
_BATCH: Final = 500
_INSERTED: Final = 0
_DAY_MS: Final = 86_400_000
_ENDED = frozenset({JobStatus.COMPLETED, JobStatus.CANCELLED})


@dataclass(slots=True)
class KhalaImport:
    """What was found and, if applied, moved.

    Attributes:
        applied: False: nothing was changed.
        waiting: Jobs in KHALA's queue.
        stranded: Jobs that a processor had taken and not finished.
        failed: Jobs out of retries; they become dead letters.
        ended: Completed and cancelled jobs; they are left where they are.
        expired: Entries of the queue whose job is gone.
        unreadable: One line for each hash that is no job of KHALA's; they are left where they are.
        moved: Jobs that the target has now and had not before.
        existed: Jobs that the target had already, under the same id.
    """

    applied: bool
    waiting: int = 0
    stranded: int = 0
    failed: int = 0
    ended: int = 0
    expired: int = 0
    unreadable: list[str] = field(default_factory=list)
    moved: int = 0
    existed: int = 0


async def import_khala(
    source: str, target: Engine, *, apply: bool = False, keep: bool = False
) -> KhalaImport:
    """Move KHALA's jobs into a store.

    Args:
        source: URL of the Redis database that KHALA used, ``redis://localhost:6379/1``.
        target: The store.
        apply: False: count only, change nothing.
        keep: Leave KHALA's keys as they are. Then KHALA's own processor must not be started again.

    Returns:
        What was found and done. An import that was interrupted can be started again.

    Raises:
        Error: One of the stores failed.
    """
    link = await asyncio.to_thread(_core.redis.Link, source)
    found = KhalaImport(apply)
    queued, jobs = await asyncio.to_thread(_read, link, found)
    movable = [job for job in jobs if job.status not in _ENDED]
    found.ended = len(jobs) - len(movable)
    for job in movable:
        if job.status is JobStatus.FAILED:
            found.failed += 1
        elif job.job_id in queued:
            found.waiting += 1
        else:
            found.stranded += 1
    if not apply:
        return found
    await target.open()
    movable.sort(key=lambda job: _instant_ms(job.created_at))  # first in, first out
    keep_ms = int(target.settings.history_retention * _DAY_MS)
    for start in range(0, len(movable), _BATCH):
        batch = movable[start : start + _BATCH]
        codes: bytes = await target._connection.ask(  # noqa: SLF001 - of this package
            "import_rows", [_row(job, keep_ms) for job in batch], actor="import-khala"
        )
        found.moved += codes.count(_INSERTED)
        found.existed += len(codes) - codes.count(_INSERTED)
        if not keep:
            await asyncio.to_thread(_delete, link, [job.job_id for job in batch])
    return found


def _call(link: Any, commands: Iterable[list[str | bytes]]) -> list[Any]:
    answers: list[Any] = link.call(list(commands))
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _keys(link: Any) -> Iterator[list[bytes]]:
    cursor = b"0"
    while True:
        scan: list[str | bytes] = [
            "SCAN",
            cursor,
            "MATCH",
            "job:*",
            "COUNT",
            str(_SCAN_COUNT),
            "TYPE",
            "hash",
        ]
        ((cursor, keys),) = _call(link, [scan])
        yield [key for key in keys if key != _QUEUE_KEY]
        if cursor == b"0":
            return


def _read(link: Any, found: KhalaImport) -> tuple[set[str], list[JobDefinition]]:
    """Ids in KHALA's queue, and every job that can be read."""
    (members,) = _call(link, [["ZRANGE", _QUEUE_KEY, "0", "-1"]])
    queued = {member.removeprefix(_PREFIX).decode(errors="replace") for member in members}
    jobs: dict[str, JobDefinition] = {}  # SCAN may name a key twice
    for keys in _keys(link):
        for key, flat in zip(keys, _call(link, [["HGETALL", key] for key in keys]), strict=True):
            name = key.decode(errors="replace")
            try:
                mapping = {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2], strict=True)}
                job = job_from_mapping(mapping)
            except (KeyError, ValueError, TypeError) as error:
                found.unreadable.append(f"{name}: {type(error).__name__}: {error}")
                continue
            if name != f"job:{job.job_id}":
                found.unreadable.append(f"{name}: holds the job {job.job_id!r}")
                continue
            jobs[job.job_id] = job
    found.expired = len(queued - jobs.keys())
    return queued, list(jobs.values())


def _row(job: JobDefinition, keep_ms: int) -> dict[str, Any]:
    """The job as a row of the store; failed runs of KHALA count against its retries."""
    now_ms = int(time.time() * 1000)
    created_ms = _instant_ms(job.created_at)
    due_ms = _instant_ms(job.scheduled_at) if job.scheduled_at is not None else 0
    options = {
        "queue": QUEUE,
        "priority": PRIORITIES[job.priority],
        "timeout": job.timeout_seconds,
        "retry": retry_of(job.max_retries),
    }
    row = core_arguments(f"khala.{job.job_type}", options) | {
        "id": job.job_id,
        "payload": orjson.dumps({"job": job_to_mapping(job)}),
        "result_ttl_ms": keep_ms,
        "enqueued_at": created_ms,
        "run_at": due_ms,
        "due_at": max(created_ms, due_ms),
        "state": "scheduled" if due_ms > now_ms else "ready",
        "attempt": job.retry_count,
        "failures": job.retry_count,
    }
    if job.status is JobStatus.FAILED:
        error = {"type": "KhalaError", "mro": ["KhalaError", "Exception"], "traceback": ""}
        error["message"] = job.error_message or "failed before the import"
        row |= {
            "state": "failed",
            "error": orjson.dumps(error),
            "reason": "failed under KHALA's own processor",
            "closed_at": now_ms,
            "keep_until": now_ms + keep_ms,
        }
    return row


def _instant_ms(moment: datetime) -> int:
    """UTC milliseconds; KHALA's times are UTC, also where they do not say so."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _delete(link: Any, ids: list[str]) -> None:
    """Out of KHALA's queue, and the hashes."""
    keys: list[str | bytes] = [f"job:{job_id}" for job_id in ids]
    _call(link, [["ZREM", _QUEUE_KEY, *keys], ["DEL", *keys]])
