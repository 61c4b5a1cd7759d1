"""Every test of the public API runs on every store, with the real engine."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from khala_jobs import JobProcessor

DEADLINE = 30.0


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh store of each kind."""
    if request.param == "memory":
        return "memory://"
    if request.param == "redis":
        return str(request.getfixturevalue("new_redis_url")())
    return f"sqlite:///{tmp_path}/jobs.db?synchronous=normal"


@pytest.fixture
async def make(url: str) -> AsyncIterator[Callable[..., JobProcessor]]:
    """Makes processors on the test's store, and closes them after it."""
    made: list[JobProcessor] = []

    def new(**options: Any) -> JobProcessor:
        processor = JobProcessor(url, **{"workers": 4, "grace": 5, "retry": None, **options})
        made.append(processor)
        return processor

    yield new
    for processor in made:
        await processor.close()


@pytest.fixture
def jobs(make: Callable[..., JobProcessor]) -> JobProcessor:
    """One processor."""
    return make()


@pytest.fixture
def handlers(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The text of the test file's ``MODULE`` as a module that child processes can import."""
    name = f"handlers_of_{tmp_path.name.replace('-', '_')}_{os.getpid()}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(request.module.MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    sys.modules.pop(name, None)


async def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait until `condition` (which may be async) gives something true."""
    end = time.monotonic() + DEADLINE
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {DEADLINE} s")
        await asyncio.sleep(0.005)


async def order_of_old_and_young(jobs: JobProcessor, queue: str) -> list[str]:
    """In which order a job of low priority that has waited 0.2 s and a new one of higher priority run."""
    ran: list[str] = []

    @jobs.task(queue=queue)
    async def note(name: str) -> None:
        ran.append(name)

    await note.options(priority=0).enqueue("old and low")
    await asyncio.sleep(0.2)  # its age
    await note.options(priority=5).enqueue("young and higher")
    async with jobs:
        await eventually(lambda: len(ran) == 2)
    return ran
