"""The direction of includes and imports, and that the check of it finds what it should."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def check_layers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_layers", ROOT / "scripts" / "check_layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_tree_keeps_the_rules(check_layers: ModuleType) -> None:
    assert [str(b) for b in check_layers.check_includes()] == []
    assert [str(b) for b in check_layers.check_imports()] == []
    assert check_layers.check_cycles() == []


def test_the_core_is_cut_as_documented(check_layers: ModuleType) -> None:
    allowed = check_layers.reachable(check_layers.declared_dependencies())
    assert allowed["base"] == {"base"}
    assert allowed["job"] == {"job", "base"}
    assert "vec" not in allowed["engine"]
    assert allowed["vec"] == {"vec", "base"}
    assert "store/sqlite" not in allowed["store/memory"]
    assert "store/memory" not in allowed["store/sqlite"]


def test_includes_against_the_declared_direction_are_found(
    check_layers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_layers, "ROOT", tmp_path)
    cpp = tmp_path / "cpp"
    write(cpp / "low" / "CMakeLists.txt", "khala_library(low SOURCES low.cpp)")
    write(cpp / "mid" / "CMakeLists.txt", "khala_library(mid SOURCES mid.cpp DEPS low LINK eigen)")
    write(cpp / "mid" / "deep" / "CMakeLists.txt", "khala_library(mid/deep DEPS mid)  # DEPS high")
    write(cpp / "low" / "low.cpp", '#include <vector>\n\n#include "mid/mid.hpp"\n')
    write(cpp / "mid" / "mid.hpp", '#include "low/low.hpp"\n#include "mid/deep/inner.hpp"\n')
    write(cpp / "mid" / "deep" / "inner.hpp", '#include "low/low.hpp"\n#include "high/high.hpp"\n')

    breaches = [str(b) for b in check_layers.check_includes(cpp)]

    assert breaches == [
        "cpp/low/low.cpp:3: low must not include mid/mid.hpp: mid is not in its DEPS",
        "cpp/mid/deep/inner.hpp:2: mid/deep must not include high/high.hpp: high is not in its DEPS",
        "cpp/mid/mid.hpp:2: mid must not include mid/deep/inner.hpp: mid/deep is not in its DEPS",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "from khala_jobs.cli import main\n",
        "import khala_jobs.cli.worker\n",
        "from khala_jobs import cli\n",
        "from . import cli\n",
        "from .cli import main\n",
        "def late() -> None:\n    from khala_jobs.cli import main\n",
    ],
)
def test_imports_of_the_top_from_below_are_found(
    check_layers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(check_layers, "ROOT", tmp_path)
    package = tmp_path / "khala_jobs"
    write(package / "__init__.py", "")
    write(package / "cli.py", "from khala_jobs import engine\n")
    write(package / "engine.py", text)

    breaches = check_layers.check_imports(package)

    assert breaches
    assert {str(b).split(": ", 1)[1] for b in breaches} == {"engine must not import cli"}


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("processor", "memory.jobs", False),
        ("processor", "similarity", False),
        ("processor", "connection", True),
        ("processor", "_core", False),
        ("bridge", "_core.engine", True),
        ("similarity.joins", "errors", True),
        ("similarity.joins", "_core", True),
        ("similarity.joins", "processor", False),
        ("similarity.joins", "memory.frame", False),
        ("memory.plan", "similarity", True),
        ("memory.plan", "task", False),
        ("memory.plan", "_core", False),
        ("memory.jobs", "task", True),
        ("memory.jobs", "similarity", True),
        ("memory.jobs", "cli", False),
        ("cli.demo", "memory.corpus", True),
        ("testing", "bridge", True),
    ],
)
def test_who_may_import_whom(check_layers: ModuleType, module: str, imported: str, allowed: bool) -> None:
    assert (check_layers.objection(module, imported) == "") is allowed


def test_modules_that_import_each_other_are_found_also_when_they_do_so_late(
    check_layers: ModuleType, tmp_path: Path
) -> None:
    package = tmp_path / "khala_jobs"
    write(package / "a.py", "from .b import b\n")
    write(package / "b.py", "def b() -> None:\n    from .c import c\n")
    write(package / "c.py", "from . import a\n")
    write(package / "d.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import e\n")
    write(package / "e.py", "from . import a, d\n")
    assert check_layers.check_cycles(package) == ["khala_jobs: a, b, c import each other"]


def test_relative_imports_inside_packages_are_resolved(check_layers: ModuleType, tmp_path: Path) -> None:
    package = tmp_path / "khala_jobs"
    write(package / "memory" / "__init__.py", "from .plan import decay\n")
    write(package / "memory" / "plan.py", "from ..cli import main\nfrom . import decay\n")

    found = {str(b.file.name): b.what for b in check_layers.check_imports(package)}

    assert found == {"plan.py": "memory.plan must not import cli"}
