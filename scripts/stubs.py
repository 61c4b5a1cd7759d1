#!/usr/bin/env python3
"""Write python/khala_jobs/_core/*.pyi from the built module, or compare with them (``--check``).

The stubs are generated, formatted by ruff and committed; ``make check`` compares, so that a changed binding is seen in
review as a changed signature. The build must be current: ``make stubs`` and ``make check`` see to it.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "python" / "khala_jobs" / "_core"
MODULE = "khala_jobs._core"


def complete_class(text: str, cls: type) -> str:
    """Add what stubgen cannot see of a class that is written against the C API: attributes and bound methods.

    Such attributes carry ``name: type`` as their docstring.
    """
    for name, member in vars(cls).items():
        if isinstance(member, types.MethodDescriptorType):
            text = text.replace(f"    @staticmethod\n    def {name}()", f"    def {name}(self)")
    attributes = [
        f"    @property\n    def {name}(self) -> {member.__doc__.removeprefix(f'{name}: ')}: ...\n"
        for name, member in vars(cls).items()
        if isinstance(member, types.GetSetDescriptorType) and (member.__doc__ or "").startswith(f"{name}: ")
    ]
    if not attributes:
        return text
    head = re.search(rf'^class {cls.__name__}:\n(    """.*?"""\n)?', text, re.MULTILINE | re.DOTALL)
    if head is None:
        raise RuntimeError(f"stubgen wrote no class {cls.__name__}")
    return text[: head.end()] + "".join(attributes) + text[head.end() :]


def complete(text: str, module: types.ModuleType) -> str:
    """The stub of one module, with the gaps of stubgen closed."""
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            text = complete_class(text, value)
    # An argument of a bound class that may be None.
    return re.sub(r"(\w+): (?!typing\.Any\b|object\b)([\w.]+) = None", r"\1: \2 | None = None", text)


def generate() -> dict[str, str]:
    """File name -> text, for the module and its submodules."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pybind11_stubgen",
                MODULE,
                "--output-dir",
                scratch,
                "--exit-code",
                "--numpy-array-use-type-var",
            ],
            check=True,
            cwd=ROOT,
        )
        written = sorted((Path(scratch) / MODULE.replace(".", "/")).glob("*.pyi"))
        for path in written:
            name = MODULE if path.stem == "__init__" else f"{MODULE}.{path.stem}"
            module = sys.modules.get(name) or importlib.import_module(name)
            path.write_text(complete(path.read_text(encoding="utf-8"), module), encoding="utf-8")
        ruff = [sys.executable, "-m", "ruff"]
        config = ["--config", str(ROOT / "pyproject.toml"), "--quiet", *map(str, written)]
        subprocess.run([*ruff, "check", "--fix-only", "--select", "I,UP,F401", *config], check=True)
        subprocess.run([*ruff, "format", *config], check=True)
        return {path.name: path.read_text(encoding="utf-8") for path in written}


def difference(generated: dict[str, str]) -> list[str]:
    """Lines of a unified diff between the committed and the generated stubs."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in STUBS.glob("*.pyi")}
    lines: list[str] = []
    for name in sorted(committed.keys() | generated.keys()):
        old, new = committed.get(name, ""), generated.get(name, "")
        lines += difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), f"committed/{name}", f"built/{name}"
        )
    return lines


def main() -> int:
    """Command line; 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description=f"Generate or check the stubs of {MODULE}.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()

    importlib.import_module(MODULE)
    generated = generate()
    if arguments.check:
        lines = difference(generated)
        sys.stdout.writelines(lines)
        print(
            "stubs: not those of the built module; run `make stubs`"
            if lines
            else "stubs: those of the built module"
        )
        return 1 if lines else 0
    STUBS.mkdir(exist_ok=True)
    for path in STUBS.glob("*.pyi"):
        path.unlink()
    for name, text in generated.items():
        (STUBS / name).write_text(text, encoding="utf-8")
    print(f"stubs: wrote {', '.join(sorted(generated))} in {STUBS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
