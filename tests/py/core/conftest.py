"""Fixtures of the bare engine. What they hand out is in engine_caller.py, which scripts import, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.errors import Unsupported

sys.path.insert(0, str(Path(__file__).parent))

from engine_caller import Caller, core


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def open_caller() -> Iterator[Callable[..., Caller]]:
    callers: list[Caller] = []

    def make(url: str, **options: Any) -> Caller:
        callers.append(Caller(url, **options))
        return callers[-1]

    yield make
    for caller in callers:
        caller.close()


@pytest.fixture
def caller(url: str, open_caller: Callable[..., Caller]) -> Caller:
    return open_caller(url)


@pytest.fixture
def failpoints() -> Iterator[Callable[[str], None]]:
    """Arms failpoints of this process; skips in builds that have none."""
    try:
        core.configure_failpoints("")
    except Unsupported:
        pytest.skip("built without failpoints")
    yield core.configure_failpoints
    core.configure_failpoints("")
