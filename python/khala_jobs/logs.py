"""Every log line of this package is written here.

Two loggers, so that they can be switched apart:

* ``khala_jobs``: one event a change, with the fields ``timestamp``, ``correlationId``, ``level``, ``event``
  and ``data`` (``queue``, ``jobId``, ``duration`` in ms, ``error``, …). Events: job_started, job_completed,
  job_failed, job_retried, job_snoozed, job_cancelled, job_released, queue_paused, queue_resumed, and warnings
  of the worker.
* ``khala_jobs.pipeline``: ``PIPELINE_METRICS: step=<task>_job_start correlation_id=… job_id=…`` at the start
  of a run, at each ``ctx.step()`` and at its end, then with ``duration_ms`` and ``success_rate``.

The package configures nothing. Where structlog is configured, lines go through it; otherwise they go to the
standard loggers of these names, which by default show warnings and errors only, and a line that nobody sees
is not formatted.

Lines about runs that go well are limited to `LOG_RATE` runs a second (``BG_JOBS_LOG_RATE``, 0 = no limit):
a run is logged with all its lines or not at all, and one event ``log_sampled`` a second says how many were
left out. Failures are never left out.

A logger that raises (a processor of the application's, a pipe whose reader is gone) loses its line and nothing else:
the first time that happens, standard error says so.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from .failure import safe_text
from .metrics import TaskMetrics
from .run import Run
from .shown import class_name, text_of

LOG_RATE: Final = 100
EVENTS: Final = "khala_jobs"
PIPELINE: Final = "khala_jobs.pipeline"
_NO_WORD: Final = frozenset(' "\\')


def pipeline_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """A structlog processor: ``PIPELINE_METRICS: key=value key=value``."""
    name = event.pop("event")
    return " ".join([f"{name}:", *(f"{_value(key)}={_value(item)}" for key, item in event.items())])


def _value(item: Any) -> str:
    """One word, or a JSON string: whatever a value is, it can neither end the line nor look like two values."""
    text = text_of(item)
    if text and text.isprintable() and not _NO_WORD & set(text):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def logger(name: str) -> Any:
    """The logger of that name: structlog's where it is configured, else the standard one, rendered here."""
    if structlog.is_configured():
        return structlog.get_logger(name)
    render = pipeline_line if name == PIPELINE else structlog.processors.JSONRenderer()
    return structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.contextvars.merge_contextvars, render],
    )


def _enabled(log: Any, level: int) -> bool:
    for name in ("is_enabled_for", "isEnabledFor"):
        ask = getattr(log, name, None)
        if callable(ask):
            return bool(ask(level))
    return True


class JobLog:
    """The lines of one `JobProcessor`.

    Args:
        rate: Runs a second whose lines are written when all goes well; 0 = all.
    """

    def __init__(self, rate: int = LOG_RATE) -> None:
        self._rate = rate
        self._events = logger(EVENTS)
        self._pipeline = logger(PIPELINE)
        self._refill_at = 0.0
        self._budget = 0.0
        self._left_out = 0
        self._on = False
        self._complained = False

    def admit(self, now: float) -> bool:
        """Whether the run that starts at `now` (seconds, any steady clock) gets its lines."""
        if now >= self._refill_at:
            self._refill(now)
        if self._budget > 0:
            self._budget -= 1
            return True
        self._left_out += 1
        return False

    def _refill(self, now: float) -> None:
        """Once a second: look at the loggers' levels, and say what was left out."""
        if self._on and self._left_out:
            self._write(logging.INFO, "log_sampled", "", {"leftOut": self._left_out, "rate": self._rate})
        try:
            self._events, self._pipeline = logger(EVENTS), logger(PIPELINE)
            self._on = _enabled(self._events, logging.INFO) or _enabled(self._pipeline, logging.INFO)
        except Exception as error:  # noqa: BLE001 - the application's own code; see the module
            self._complain(error)
        self._left_out = 0
        self._refill_at = now + 1.0
        self._budget = 0.0 if not self._on else float(self._rate or "inf")

    def started(self, run: Run) -> None:
        """A handler is about to be entered."""
        self._write(logging.INFO, "job_started", run.correlation_id, _data(run))
        self._step(run, "job_start", {})

    def step(self, run: Run, name: str, fields: dict[str, Any]) -> None:
        """A handler reached a step of its own."""
        self._step(run, name, fields)

    def ended(
        self,
        run: Run,
        ending: str,
        duration_ms: float,
        counters: TaskMetrics,
        *,
        error: str = "",
        reason: str = "",
    ) -> None:
        """A run ended as `ending`: completed, failed, retried, snoozed, cancelled, released."""
        failed = ending == "failed"
        data = {**_data(run), "duration": round(duration_ms, 3)}
        if error:
            data["error"] = error
        if reason:
            data["reason"] = reason
        self._write(logging.ERROR if failed else logging.INFO, f"job_{ending}", run.correlation_id, data)
        fields: dict[str, Any] = {
            "duration_ms": round(duration_ms),
            "success_rate": f"{100 * counters.success_rate:.1f}%",
            "queue": run.lease.queue,
            "attempt": run.lease.attempt,
        }
        if failed:
            fields["error"] = error.split(":", 1)[0]
        self._step(run, {"completed": "job_complete"}.get(ending, f"job_{ending}"), fields)

    def queue(self, event: str, queue: str, actor: str) -> None:
        """``queue_paused`` or ``queue_resumed``."""
        self._write(logging.INFO, event, "", {"queue": queue, **({"actor": actor} if actor else {})})

    def worker(self, level: int, event: str, run: Run | None = None, **data: Any) -> None:
        """Something about the worker itself; `level` as in `logging`."""
        about = _data(run) if run is not None else {}
        self._write(level, event, run.correlation_id if run is not None else "", {**about, **data})

    def _write(self, level: int, event: str, correlation_id: str, data: dict[str, Any]) -> None:
        try:
            if not _enabled(self._events, level):
                return
            name = logging.getLevelName(level).lower()
            getattr(self._events, name)(
                event,
                timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
                correlationId=correlation_id,
                level=name,
                data=data,
            )
        except Exception as error:  # noqa: BLE001 - the application's own code; see the module
            self._complain(error)

    def _step(self, run: Run, name: str, fields: dict[str, Any]) -> None:
        try:
            if _enabled(self._pipeline, logging.INFO):
                self._pipeline.info(
                    "PIPELINE_METRICS",
                    **{
                        "step": f"{run.lease.task}_{name}",
                        "correlation_id": run.correlation_id,
                        "job_id": run.lease.id,
                        **fields,
                    },
                )
        except Exception as error:  # noqa: BLE001 - the application's own code; see the module
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Once: where else, when it is the log that does not work."""
        if self._complained:
            return
        self._complained = True
        line = f"khala_jobs: a log line was lost, jobs go on: {class_name(type(error))}: {safe_text(error)}"
        with contextlib.suppress(Exception):  # standard error may be closed, too
            print(line, file=sys.stderr)  # noqa: T201 - see above


def _data(run: Run) -> dict[str, Any]:
    return {
        "queue": run.lease.queue,
        "jobId": run.lease.id,
        "task": run.lease.task,
        "attempt": run.lease.attempt,
    }
