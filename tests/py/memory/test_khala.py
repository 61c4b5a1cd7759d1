"""KHALA's real classes satisfy the ports: for mypy, at run time, and with the six jobs on its memories."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.memory import ports
from khala_jobs.memory.codec import read_memory, write_memory
from khala_jobs.memory.jobs import (
    ArchivalJob,
    CleanupJob,
    ConsolidationJob,
    DecayScoringJob,
    DeduplicationJob,
    PromotionJob,
)
from khala_jobs.memory.model import Tier
from khala_jobs.memory.times import time_to_us

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)

TYPED = """
from khala_jobs.memory.ports import (
    LifecycleServicePort, MemoryPort, MemoryServicePort, RepositoryPort, TemporalServicePort
)
from khala.domain.memory.entities import Memory
from khala.domain.memory.repository import MemoryRepository
from khala.domain.memory.services import MemoryService
from khala.application.services.memory_lifecycle import MemoryLifecycleService
from khala.application.services.temporal_analyzer import TemporalAnalysisService
from khala.infrastructure.persistence.surrealdb_repository import SurrealDBMemoryRepository


def memory(value: Memory) -> MemoryPort:
    return value


def repository(value: MemoryRepository) -> RepositoryPort[Memory]:
    return value


def surreal(value: SurrealDBMemoryRepository) -> RepositoryPort[Memory]:
    return value


def service(value: MemoryService) -> MemoryServicePort:
    return value


def lifecycle(value: MemoryLifecycleService) -> LifecycleServicePort:
    return value


def temporal(value: TemporalAnalysisService) -> TemporalServicePort:
    return value
"""
WRONG = TYPED.replace("def service(value: MemoryService)", "def service(value: Memory)")


def mypy(khala: Any, tmp_path: Path, text: str) -> str:
    pytest.importorskip("mypy", reason="mypy is not installed")
    (tmp_path / "typed.py").write_text(text)
    package = Path(ports.__file__).resolve().parents[2]
    options = [
        "--follow-imports=silent",
        "--ignore-missing-imports",
        "--no-strict-optional",
        "--cache-dir",
        str(tmp_path),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--explicit-package-bases", "typed.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={**os.environ, "MYPYPATH": f"{khala.checkout}:{package}"},
    )
    return done.stdout


@pytest.mark.slow
def test_mypy_accepts_khala_s_classes(khala: Any, tmp_path: Path) -> None:
    found = mypy(khala, tmp_path, TYPED)
    assert "checked 1 source file" in found or "no issues found in 1 source file" in found
    assert "typed.py:" not in found


@pytest.mark.slow
def test_mypy_would_have_refused(khala: Any, tmp_path: Path) -> None:
    assert 'got "Memory", expected "MemoryServicePort"' in mypy(khala, tmp_path, WRONG)


@pytest.mark.parametrize(
    ("module", "name", "port"),
    [
        ("ports", "MemoryRepository", ports.RepositoryPort),
        ("services", "MemoryService", ports.MemoryServicePort),
        ("lifecycle", "MemoryLifecycleService", ports.LifecycleServicePort),
        ("temporal", "TemporalAnalysisService", ports.TemporalServicePort),
    ],
)
def test_methods_and_parameters_fit(khala: Any, module: str, name: str, port: Any) -> None:
    theirs = getattr(getattr(khala, module), name)
    methods = [n for n, member in vars(port).items() if inspect.isfunction(member) and not n.startswith("_")]
    assert methods
    for method in methods:
        ours, real = getattr(port, method), getattr(theirs, method)
        assert inspect.iscoroutinefunction(real) == inspect.iscoroutinefunction(ours), method
        for parameter in inspect.signature(ours).parameters.values():
            found = inspect.signature(real).parameters
            if parameter.kind is not inspect.Parameter.POSITIONAL_ONLY:
                assert parameter.name in found, (method, parameter.name)
        assert len(inspect.signature(real).parameters) == len(inspect.signature(ours).parameters), method


def native(
    khala: Any, memory_id: str, content: str, *, age_days: float = 1, angle: Any = None, **fields: Any
) -> Any:
    values = khala.values
    tier = values.MemoryTier(fields.pop("tier", "short_term"))
    importance = values.ImportanceScore(fields.pop("importance", 0.5))
    vector = None if angle is None else values.EmbeddingVector([float(x) for x in angle], model="m")
    moment = NOW - timedelta(days=age_days)
    times = dict.fromkeys(("created_at", "updated_at", "accessed_at"), moment)
    return khala.entities.Memory(
        id=memory_id,
        user_id="ada",
        content=content,
        tier=tier,
        importance=importance,
        embedding=vector,
        **times,
        **fields,
    )


def test_reading_and_writing_the_real_memory(khala: Any, lab: Any) -> None:
    memory = native(
        khala, "a", "tea", tags=["x"], scope="work", access_count=3, angle=[0.5, 0.5], metadata={"k": 1}
    )
    assert isinstance(memory, ports.MemoryPort)
    ours, issues = read_memory(memory)
    assert issues == []
    assert (ours.tier, ours.importance, ours.model_id, ours.scope) == (Tier.SHORT_TERM, 0.5, "m", "work")
    assert ours.created_us == time_to_us(NOW) - lab.day_us
    changed = write_memory(
        memory, {"tier": "long_term", "decay_score": 0.25, "archived": True, "duplicate_of": "b"}
    )
    assert type(changed) is khala.entities.Memory
    assert changed.tier is khala.values.MemoryTier.LONG_TERM
    assert changed.decay_score == khala.values.DecayScore(0.25)
    assert changed.is_archived
    assert changed.metadata == {"k": 1, "duplicate_of": "b"}
    assert changed.tags == ["x"]
    assert memory.metadata == {"k": 1}


async def test_the_six_jobs_on_khala_s_memories_and_service(khala: Any, lab: Any, tmp_path: Path) -> None:
    khala.at(NOW)
    memories = [
        native(khala, "used", "used", tier="working", access_count=9, importance=0.95),
        native(khala, "old", "old", age_days=200, importance=0.1),
        native(khala, "tea1", "I like tea", tier="long_term", angle=[1, 0]),
        native(khala, "tea2", "I like tea", tier="long_term", angle=[1, 0]),
        native(khala, "hike1", "Ada hikes with Rex.", angle=[0, 1]),
        native(khala, "hike2", "She has 3 dogs.", angle=[0.4, 0.9]),
        native(khala, "expired", "gone", metadata={"expires_at": "2025-01-01T00:00:00Z"}),
    ]
    repository = lab.ForeignRepository(memories)
    jobs = lab.jobs(
        repository,
        memory_service=khala.services.MemoryService(),
        journal=tmp_path / "journal.db",
        clock=lambda: time_to_us(NOW),
    )
    expected = {
        DecayScoringJob: {"scored": 7},
        PromotionJob: {"promoted": 1},
        DeduplicationJob: {"merged": 1},
        ConsolidationJob: {"consolidated": 1},
        ArchivalJob: {"archived": 1},
        CleanupJob: {"cleaned": 1},
    }
    for kind, counts in expected.items():
        options = {"force": True} if kind is ConsolidationJob else {}
        for each in (counts, {}):
            report = await kind(user_id="ada", **options).run(lab.context(jobs))
            assert report["errors"] == []
            assert {name: n for name, n in report["counts"].items() if name in lists() and n} == each, kind
    await jobs.close()
    state = repository.memories
    assert state["used"].tier is khala.values.MemoryTier.LONG_TERM
    assert state["tea2"].metadata["duplicate_of"] == "tea1"
    assert state["old"].is_archived
    assert "expired" not in state
    (summary,) = [m for m in state.values() if "consolidated_from" in m.metadata]
    assert type(summary) is khala.entities.Memory
    assert state["hike1"].metadata["consolidated_into"] == summary.id
    assert summary.tier is khala.values.MemoryTier.LONG_TERM
    service = khala.temporal.TemporalAnalysisService(db_client=object())
    assert state["tea1"].decay_score.value == service.calculate_decay_score(memories[2]).value


async def test_khala_s_service_decides_whether_it_is_time(khala: Any, lab: Any, tmp_path: Path) -> None:
    few = [native(khala, f"{n:03}", "same fact", angle=[1, 0]) for n in range(100)]
    repository = lab.ForeignRepository(few)
    jobs = lab.jobs(
        repository, memory_service=khala.services.MemoryService(), journal=tmp_path / "journal.db"
    )
    report = await ConsolidationJob(user_id="ada").run(lab.context(jobs))
    assert report["counts"]["consolidated"] == 0
    repository.memories["more"] = native(khala, "more", "same fact", angle=[1, 0])
    report = await ConsolidationJob(user_id="ada").run(lab.context(jobs))
    assert report["counts"]["consolidated"] == 6
    await jobs.close()


def lists() -> list[str]:
    from khala_jobs.memory.report import LISTS

    return list(LISTS.values())
