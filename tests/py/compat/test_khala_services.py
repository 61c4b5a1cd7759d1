"""The six handlers on stand-ins for KHALA's database; on the real services where a checkout is given."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.compat import khala
from khala_jobs.compat._khala_services import SCAN_PAGE


class Connection:
    """A database with `count` memories that answers SurrealDB's paged SELECTs."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.queries: list[str] = []

    async def query(self, text: str) -> list[dict[str, Any]]:
        self.queries.append(text)
        start = int(text.rsplit("START ", 1)[1].rstrip(";"))
        limit = int(text.rsplit("LIMIT ", 1)[1].split(maxsplit=1)[0])
        return [{"result": [{"id": f"memory:{i}"} for i in range(start, min(start + limit, self.count))]}]


class Database:
    def __init__(self, count: int) -> None:
        self.connection = Connection(count)

    @contextlib.asynccontextmanager
    async def get_connection(self) -> AsyncIterator[Connection]:
        yield self.connection


class Temporal:
    """Stands for TemporalAnalysisService."""

    processed: list[str]

    def __init__(self, database: Any) -> None:
        Temporal.processed = []

    async def batch_process_decay(self, ids: list[str]) -> dict[str, int]:
        Temporal.processed = ids
        return {"processed": len(ids)}


def job(job_type: str, payload: dict[str, Any]) -> khala.JobDefinition:
    return khala.JobDefinition("j", job_type, "", khala.JobPriority.LOW, payload, datetime.now(UTC))


async def test_scan_all_reads_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(khala, "TemporalAnalysisService", Temporal, raising=False)
    processor = khala.JobProcessor("memory://")
    processor.db_client = Database(2 * SCAN_PAGE + 3)
    result = await processor._execute_job(job("decay_scoring", {"scan_all": True}))
    assert result.success
    assert result.result == {"processed": 2 * SCAN_PAGE + 3}
    assert len(processor.db_client.connection.queries) == 3
    assert Temporal.processed[0] == "0"
    assert Temporal.processed[-1] == str(2 * SCAN_PAGE + 2)


async def test_nothing_to_decay_is_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(khala, "TemporalAnalysisService", Temporal, raising=False)
    processor = khala.JobProcessor("memory://")
    processor.db_client = Database(0)
    result = await processor._execute_job(job("decay_scoring", {"scan_all": True}))
    assert (result.success, result.result) == (True, {"processed": 0})


async def test_an_exception_of_a_hook_becomes_an_unsuccessful_result() -> None:
    class Broken(khala.JobProcessor):
        async def _execute_index_repair(self, job: khala.JobDefinition) -> khala.JobResult:
            raise RuntimeError("index is gone")

    result = await Broken("memory://")._execute_job(job("index_repair", {}))
    assert not result.success
    assert result.error == "RuntimeError: index is gone"


async def test_an_unsupported_type_is_named() -> None:
    result = await khala.JobProcessor("memory://")._execute_job(job("dreaming", {}))
    assert result.error == "ValueError: Unsupported job type: dreaming"


CHECKOUT = os.environ.get("KHALA_CHECKOUT", "")


@pytest.mark.skipif(not CHECKOUT, reason="KHALA_CHECKOUT names no checkout of KHALA")
def test_khalas_own_tests_pass() -> None:
    script = Path(__file__).parents[3] / "scripts" / "khala_tests.py"
    run = subprocess.run(
        [sys.executable, script, CHECKOUT], capture_output=True, text=True, check=False, timeout=600
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert "9 passed" in run.stdout
