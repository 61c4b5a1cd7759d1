"""The benchmarks are programs beside the package; their folder goes on the path as their own runner has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import khala_jobs

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import measure  # noqa: E402
from peers.install import Place  # noqa: E402


@pytest.fixture
def engine() -> Callable[..., measure.Engine]:
    """Makes engines whose child is this venv's Python: `engine(key, module, **environment)`."""

    def make(key: str, module: str, **environment: str) -> measure.Engine:
        import importlib

        package = Path(khala_jobs.__file__).parents[1]  # the one under test, wherever it is installed
        path = f"{ROOT / 'bench'}:{Path(__file__).resolve().parent}:{package}"
        place = Place((sys.executable, "-m", "peers.child", module), {"PYTHONPATH": path, **environment})
        return measure.Engine(key, importlib.import_module(module).ABOUT, place)

    return make
