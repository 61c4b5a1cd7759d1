"""What the tests of the memory lifecycle share: builders, plain-NumPy kernels, and KHALA if there is one."""

from __future__ import annotations

import importlib
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from khala_jobs.memory import Memory, MemoryJobs, SqliteMemoryRepository, frame_of
from khala_jobs.memory.kernels import CompiledKernels, columns
from khala_jobs.memory.times import time_to_us
from khala_jobs.resources import Resources

from .lifecycle_kit import corpus

# Shared machines pause: how long an example takes says nothing about it.
settings.register_profile("khala", deadline=None)
settings.load_profile("khala")

DAY_US = 86_400_000_000
NOW_US = time_to_us(datetime(2025, 6, 1, 12, tzinfo=UTC))


class OracleKernels:
    """The kernels in plain NumPy and Python: slow, and obviously what they claim to be."""

    @staticmethod
    def find_pairs(matrix: Any, threshold: float, groups: Any = None) -> Any:
        rows = np.asarray(matrix, dtype=np.float64)
        found = []
        for i in range(len(rows)):
            for j in range(i + 1, len(rows)):
                if groups is not None and groups[i] != groups[j]:
                    continue
                same = rows[i].tobytes() == rows[j].tobytes()
                norms = np.linalg.norm(rows[i]) * np.linalg.norm(rows[j])
                cosine = 1.0 if same else float(rows[i] @ rows[j] / norms)
                if cosine >= threshold:
                    found.append((i, j, cosine))
        return columns(found)

    @staticmethod
    def star_clusters(pairs: Any, rank: Any) -> Any:
        near: dict[int, dict[int, float]] = {}
        for i, j, cosine in zip(pairs.i.tolist(), pairs.j.tolist(), pairs.score.tolist(), strict=True):
            near.setdefault(i, {})[j] = cosine
            near.setdefault(j, {})[i] = cosine
        order = sorted(range(len(rank)), key=lambda row: rank[row])
        centres: set[int] = set()
        for row in order:
            if not centres & near.get(row, {}).keys():
                centres.add(row)
        canonical = list(range(len(rank)))
        for row in order:
            if row not in centres:
                canonical[row] = max(centres & near[row].keys(), key=lambda c: (near[row][c], -rank[c]))
        return SimpleNamespace(canonical=np.array(canonical, dtype=np.int64))

    @staticmethod
    def decay_scores(importance: Any, age: Any, half_life: Any, model: str = "khala_compat") -> Any:
        def one(value: float, days: float, scale: float) -> float:
            x = -max(days, 0.0) / scale
            return min(value * (math.exp(x) if model == "khala_compat" else 2.0**x), 1.0)

        rows = zip(importance.tolist(), age.tolist(), half_life.tolist(), strict=True)
        return SimpleNamespace(score=np.array([one(*row) for row in rows]))


@dataclass(frozen=True)
class Verdict:
    kind: str
    reasons: tuple[str, ...] = ()


def agree(a: str, b: str, cosine: float) -> Verdict:
    """A guard that lets every pair pass."""
    return Verdict("duplicate")


class HashEmbedder:
    """Unit vectors out of the text's bytes: equal texts get equal vectors, others do not."""

    model_id = "hash-8"
    dim = 8

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str], progress: object = None) -> Any:
        self.texts += texts
        rows = [np.random.default_rng(list(text.encode()) or [0]).normal(size=8) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


class ForeignTier(Enum):
    WORKING = "working"
    SHORT_TERM = "short_term"
    LONG_TERM = "long_term"
    SCRATCHPAD = "scratchpad"


@dataclass(frozen=True)
class ForeignScore:
    value: float


@dataclass(frozen=True)
class ForeignVector:
    values: list[float]
    model: str | None = None
    version: str | None = None


@dataclass
class ForeignMemory:
    """A memory in KHALA's shape, with a field that we do not know."""

    user_id: str
    content: str
    tier: ForeignTier = ForeignTier.WORKING
    importance: ForeignScore = field(default_factory=lambda: ForeignScore(0.5))
    id: str = ""
    embedding: ForeignVector | None = None
    scope: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = datetime(2025, 6, 1, tzinfo=UTC)
    updated_at: datetime = datetime(2025, 6, 1, tzinfo=UTC)
    accessed_at: datetime = datetime(2025, 6, 1, tzinfo=UTC)
    access_count: int = 0
    verification_score: float = 0.0
    confidence: float = 1.0
    is_archived: bool = False
    decay_score: ForeignScore | None = None
    tags: list[str] = field(default_factory=list)


class ForeignRepository:
    """A repository with KHALA's methods and nothing else, in a dictionary."""

    def __init__(self, memories: Sequence[Any] = ()) -> None:
        self.memories: dict[str, Any] = {memory.id: memory for memory in memories}
        self.calls: list[tuple[str, Any]] = []
        self.before: Callable[[str, Any], None] = lambda name, argument: None

    def _call(self, name: str, argument: Any) -> None:
        self.calls.append((name, argument))
        self.before(name, argument)

    async def create(self, memory: Any) -> str:
        self._call("create", memory)
        self.memories[memory.id] = memory
        return str(memory.id)

    async def get_by_id(self, memory_id: str) -> Any:
        self._call("get_by_id", memory_id)
        return self.memories.get(memory_id)

    async def update(self, memory: Any) -> None:
        self._call("update", memory)
        self.memories[memory.id] = memory

    async def delete(self, memory_id: str) -> None:
        self._call("delete", memory_id)
        self.memories.pop(memory_id, None)

    async def get_by_tier(self, user_id: str, tier: str, limit: int = 100) -> list[Any]:
        self._call("get_by_tier", (user_id, tier, limit))
        found = [
            m
            for m in self.memories.values()
            if m.user_id == user_id and m.tier.value == tier and not m.is_archived
        ]
        return found[:limit]

    async def find_duplicate_groups(self, user_id: str) -> list[list[Any]]:
        groups: dict[str, list[Any]] = {}
        for memory in self.memories.values():
            groups.setdefault(memory.content, []).append(memory)
        return [group for group in groups.values() if len(group) > 1]


class Context:
    """What a handler sees of its job, and what it reported."""

    def __init__(self, job_id: str, resources: Resources) -> None:
        self.job_id = job_id
        self.resources = resources
        self.cancelled = False
        self.reports: list[tuple[int, int, str]] = []
        self.steps: list[tuple[str, dict[str, Any]]] = []

    async def progress(self, count: int, total: int = 0, message: str = "") -> None:
        self.reports.append((count, total, message))

    def step(self, name: str, **fields: Any) -> None:
        self.steps.append((name, fields))


class Lab:
    """Builders, by name."""

    now_us = NOW_US
    day_us = DAY_US
    oracle = OracleKernels()
    Verdict = Verdict
    HashEmbedder = HashEmbedder
    ForeignMemory = ForeignMemory
    ForeignRepository = ForeignRepository
    ForeignScore = ForeignScore
    ForeignTier = ForeignTier
    ForeignVector = ForeignVector
    agree = staticmethod(agree)
    frame = staticmethod(frame_of)

    @staticmethod
    def memory(
        memory_id: str = "m", content: str | None = None, *, age_days: float = 1.0, **fields: Any
    ) -> Memory:
        """A memory of user "ada" that is a day old."""
        created = NOW_US - round(age_days * DAY_US)
        text = f"content of {memory_id}" if content is None else content
        if isinstance(fields.get("embedding"), list | tuple):
            fields["embedding"] = np.array(fields["embedding"], dtype=np.float32)
        values: dict[str, Any] = {
            "created_us": created,
            "updated_us": created,
            "accessed_us": created,
            **fields,
        }
        return Memory(id=memory_id, user_id=values.pop("user_id", "ada"), content=text, **values)

    @staticmethod
    def unit(angle: float, dim: int = 4) -> Any:
        """A unit vector at an angle (radians) from the first axis, in the plane of the first two."""
        row = np.zeros(dim, dtype=np.float32)
        row[0], row[1] = math.cos(angle), math.sin(angle)
        return row

    @staticmethod
    def foreign(
        memory_id: str, content: str | None = None, *, age_days: float = 1.0, **fields: Any
    ) -> ForeignMemory:
        """The same in KHALA's shape."""
        created = datetime(2025, 6, 1, 12, tzinfo=UTC) - timedelta(days=age_days)
        text = f"content of {memory_id}" if content is None else content
        values: dict[str, Any] = {
            "created_at": created,
            "updated_at": created,
            "accessed_at": created,
            **fields,
        }
        return ForeignMemory(id=memory_id, user_id=values.pop("user_id", "ada"), content=text, **values)

    @staticmethod
    def jobs(repository: Any, **options: Any) -> MemoryJobs:
        """`MemoryJobs` with a fixed clock and a guard that agrees to everything."""
        return MemoryJobs(repository, **{"judge": agree, "clock": lambda: NOW_US, **options})

    @staticmethod
    def context(jobs: MemoryJobs, job_id: str = "detached") -> Context:
        """A context whose resources have the jobs."""
        resources = Resources()
        jobs.provide(resources)
        return Context(job_id, resources)

    @staticmethod
    async def everything(repository: SqliteMemoryRepository) -> list[dict[str, Any]]:
        """Every field of every memory, in order."""
        return [memory.to_json() for memory in await repository.list_page(limit=1_000_000)]


@pytest.fixture(scope="session")
def lab() -> type[Lab]:
    return Lab


@pytest.fixture(scope="session")
def kernels() -> Any:
    """The compiled kernels."""
    return CompiledKernels()


@pytest.fixture
async def repository(tmp_path: Path) -> Any:
    async with SqliteMemoryRepository(tmp_path / "memories.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def khala() -> Iterator[SimpleNamespace]:
    """KHALA's modules, with their clock under control: ``khala.at(datetime)`` sets what they take for now."""
    checkout = os.environ.get("KHALA_CHECKOUT")
    if not checkout:
        pytest.skip("KHALA_CHECKOUT is not set to a checkout of yuichiinumaru/khala-agentmemory")
    sys.path.insert(0, checkout)
    names = {
        "entities": "khala.domain.memory.entities",
        "values": "khala.domain.memory.value_objects",
        "services": "khala.domain.memory.services",
        "ports": "khala.domain.memory.repository",
        "temporal": "khala.application.services.temporal_analyzer",
        "lifecycle": "khala.application.services.memory_lifecycle",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            modules = {short: importlib.import_module(name) for short, name in names.items()}
        except ImportError as error:
            pytest.skip(f"KHALA at {checkout} cannot be imported: {error}")

    class Clock(datetime):
        moment = datetime(2025, 6, 1, 12, tzinfo=UTC)

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return cls.moment

    def at(moment: datetime) -> None:
        Clock.moment = moment

    patched = [modules["entities"], modules["temporal"], modules["lifecycle"]]
    for module in patched:
        module.datetime = Clock
    try:
        yield SimpleNamespace(**modules, at=at, checkout=Path(checkout))
    finally:
        for module in patched:
            module.datetime = datetime
        sys.path.remove(checkout)


@pytest.fixture
async def jobs(repository: SqliteMemoryRepository, lab: Any) -> MemoryJobs:
    """The lifecycle jobs over a repository in which each of them has something to do."""
    await repository.create_many(corpus(lab))
    return lab.jobs(repository)
