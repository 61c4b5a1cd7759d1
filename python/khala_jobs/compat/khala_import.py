"""Jobs that KHALA's own processor left in Redis, taken over by the durable engine.

KHALA keeps a hash ``job:<id>`` for each job and a sorted set ``job:queue`` of those that wait. What a processor has
taken out of the set and not finished is known only by its hash: KHALA forgets such jobs when the processor dies.
Here they are `stranded` and run like those that wait, so the old processor must be stopped before anything is moved.

What the store would not take is found while reading, before anything is moved, and left where it is. Keys of KHALA's
are deleted only for jobs that the store has (handover.py).
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
from khala_jobs.durations import instant_ms
from khala_jobs.errors import InvalidArgument
from khala_jobs.failure import from_text
from khala_jobs.handover import Row, batches, hand_over, why_unfit
from khala_jobs.options import PAYLOAD_BYTES, core_arguments, count

from ._khala_options import PRIORITIES, retry_of
from ._khala_types import JobDefinition, JobStatus, job_from_mapping, job_to_mapping
from .khala import QUEUE

_QUEUE_KEY: Final = b"job:queue"
_PREFIX: Final = b"job:"
_SCAN_COUNT: Final = 1000
_DAY_MS: Final = 86_400_000
_DEAD_LETTER_MS: Final = 30 * _DAY_MS  # how long the core keeps them at least (job/lifecycle.hpp)
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
        unreadable: One line for each hash that is no job of KHALA's, or none that a store would take: a name or a
            payload that is too long, say. They are left where they are.
        moved: Jobs that the target has now and had not before.
        existed: Jobs that the target had already, under the same id, and has now.
        left: Why other jobs were left where they are, by id: the target removed a job of that id less than 24 hours
            ago, or has a different one under it.
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
    left: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    """A job that can be moved."""

    key: bytes
    row: Row


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
        QueueFull: KHALA's queue is bounded in the target and has no room; what was moved before stays moved.
        Error: One of the stores failed.
    """
    link = await asyncio.to_thread(_core.redis.Link, source)
    found = KhalaImport(apply)
    keep_ms = int(target.settings.history_retention * _DAY_MS)
    movable = await asyncio.to_thread(_read, link, found, keep_ms)
    if not apply:
        return found
    await target.open()
    movable.sort(key=lambda job: int(job.row["enqueued_at"]))  # first in, first out
    keys = {job.row["id"]: job.key for job in movable}
    for batch in batches(job.row for job in movable):
        handed = await hand_over(target, batch, actor="import-khala", same=_is_same)
        found.moved += len(handed.moved)
        found.existed += len(handed.existed)
        found.left |= handed.left
        if not keep and handed.held:
            await asyncio.to_thread(_delete, link, [keys[job_id] for job_id in handed.held])
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


def _read(link: Any, found: KhalaImport, keep_ms: int) -> list[_Found]:
    """Every job that can be moved; all that was found is counted."""
    (members,) = _call(link, [["ZRANGE", _QUEUE_KEY, "0", "-1"]])
    queued = set(members)
    seen: set[bytes] = set()  # SCAN may name a key twice
    movable: list[_Found] = []
    for page in _keys(link):
        keys = [key for key in dict.fromkeys(page) if key not in seen]
        for key, flat in zip(keys, _call(link, [["HGETALL", key] for key in keys]), strict=True):
            if not flat:
                continue  # it expired since it was named
            seen.add(key)
            try:
                job = _job(key, flat)
                row = None if job.status in _ENDED else _fit_row(job, keep_ms)
            except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
                name = key.decode(errors="replace")
                found.unreadable.append(f"{name}: {type(error).__name__}: {error}")
                continue
            _count(found, job, key in queued)
            if row is not None:
                movable.append(_Found(key, row))
    found.expired = len(queued - seen)
    return movable


def _job(key: bytes, flat: list[bytes]) -> JobDefinition:
    mapping = {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2], strict=True)}
    job = job_from_mapping(mapping)
    if key != _PREFIX + job.job_id.encode():
        raise InvalidArgument("job_id", f"the key holds the job {job.job_id!r}")
    return job


def _count(found: KhalaImport, job: JobDefinition, is_queued: bool) -> None:
    if job.status in _ENDED:
        found.ended += 1
    elif job.status is JobStatus.FAILED:
        found.failed += 1
    elif is_queued:
        found.waiting += 1
    else:
        found.stranded += 1


def _fit_row(job: JobDefinition, keep_ms: int) -> Row:
    """The job as a row that a store takes.

    Raises:
        InvalidArgument: None would take it; says why.
        ValueError: A field has no form in the store.
    """
    row = _row(job, keep_ms)
    if why := why_unfit(row, max_payload_bytes=PAYLOAD_BYTES):
        raise InvalidArgument("", why)
    return row


def _is_same(row: Row, held: Row) -> bool:
    """Whether both are one job of KHALA's, also when how it stands was written differently."""
    try:
        ours, theirs = (orjson.loads(each["payload"])["job"]["payload"] for each in (row, held))
    except (ValueError, KeyError, TypeError):
        return False
    return bool(row["task"] == held["task"] and ours == theirs)


def _row(job: JobDefinition, keep_ms: int) -> Row:
    """The job as a row of the store; failed runs of KHALA count against its retries."""
    now_ms = int(time.time() * 1000)
    created_ms = _instant_ms(job.created_at, "created_at")
    due_ms = _instant_ms(job.scheduled_at, "scheduled_at") if job.scheduled_at is not None else 0
    failures = count(job.retry_count, "retry_count")
    options = {
        "queue": QUEUE,
        "priority": PRIORITIES[job.priority],
        "timeout": job.timeout_seconds,
        "retry": retry_of(job.max_retries),
    }
    row = core_arguments(f"khala.{job.job_type}", options) | {
        "id": job.job_id,
        "payload": _payload(job),
        "result_ttl_ms": keep_ms,
        "enqueued_at": created_ms,
        "run_at": due_ms,
        "due_at": max(created_ms, due_ms),
        "state": "scheduled" if due_ms > now_ms else "ready",
        "attempt": failures,
        "failures": failures,
    }
    if job.status is JobStatus.FAILED:
        _, error = from_text("KhalaError", job.error_message or "failed before the import")
        row |= {
            "state": "failed",
            "error": error,
            "reason": "failed under KHALA's own processor",
            "closed_at": now_ms,
            "keep_until": now_ms + max(keep_ms, _DEAD_LETTER_MS),
        }
    return row


def _payload(job: JobDefinition) -> bytes:
    try:
        return orjson.dumps({"job": job_to_mapping(job)})
    except (ValueError, TypeError) as error:
        raise InvalidArgument("payload", f"cannot be stored as JSON: {error}") from None


def _instant_ms(moment: datetime, field_name: str) -> int:
    """UTC milliseconds; KHALA's times are UTC, also where they do not say so."""
    return instant_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC), field_name)


def _delete(link: Any, keys: list[bytes]) -> None:
    """Out of KHALA's queue, and the hashes."""
    _call(link, [["ZREM", _QUEUE_KEY, *keys], ["DEL", *keys]])
