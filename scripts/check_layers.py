#!/usr/bin/env python3
"""Check that every include and every import points the allowed way.

C++: a file of cpp/<folder> may include headers of its own folder and of those that its
``khala_library(... DEPS ...)`` names, directly or through them. So the link graph is the rule, and this check
holds the headers to it, which the linker does not see. Tests may include anything.

Python: ``PARTS`` below says what of the package its subpackages may import; the job API imports none of them.
``_core`` is imported only by the modules that ``CORE_USERS`` names, and no module imports itself through others,
not even late, in a function.

Exit status 1 and one line per breach.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CPP = ROOT / "cpp"
PACKAGE = ROOT / "python" / "khala_jobs"

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s+"([^"]+)"', re.MULTILINE)
LIBRARY = re.compile(r"khala_library\(\s*([\w/]+)(.*?)\)", re.DOTALL)
KEYWORDS = {"SOURCES", "DEPS", "LINK", "SQL", "NAMESPACE"}


class Breach(NamedTuple):
    """One include or import that goes the wrong way."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.what}"


def declared_dependencies(cpp: Path = CPP) -> dict[str, set[str]]:
    """The DEPS of every library, as written: folder -> folders."""
    declared: dict[str, set[str]] = {}
    for lists in sorted(cpp.rglob("CMakeLists.txt")):
        text = re.sub(r"#.*", "", lists.read_text(encoding="utf-8"))
        for folder, rest in LIBRARY.findall(text):
            keyword = ""
            declared[folder] = set()
            for word in rest.split():
                if word in KEYWORDS:
                    keyword = word
                elif keyword == "DEPS":
                    declared[folder].add(word)
    return declared


def reachable(declared: dict[str, set[str]]) -> dict[str, set[str]]:
    """Every folder with all folders it may include, itself among them."""

    def visit(folder: str, seen: set[str]) -> set[str]:
        if folder not in seen:
            seen.add(folder)
            for dependency in declared.get(folder, set()):
                visit(dependency, seen)
        return seen

    return {folder: visit(folder, set()) for folder in declared}


def folder_of(path: str, folders: set[str]) -> str:
    """The innermost declared folder that holds a path relative to cpp/, or its first part."""
    parent = Path(path).parent
    while parent.as_posix() not in folders and parent != Path():
        parent = parent.parent
    return parent.as_posix() if parent != Path() else Path(path).parts[0]


def check_includes(cpp: Path = CPP) -> list[Breach]:
    """Breaches of the C++ rule."""
    declared = declared_dependencies(cpp)
    allowed = reachable(declared)
    folders = set(declared)
    breaches = []
    for file in sorted([*cpp.rglob("*.hpp"), *cpp.rglob("*.cpp")]):
        own = folder_of(file.relative_to(cpp).as_posix(), folders)
        if own == "bind":  # on top of everything
            continue
        text = file.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            other = folder_of(match[1], folders)
            if other not in allowed.get(own, {own}):
                line = text.count("\n", 0, match.start()) + 1
                breaches.append(
                    Breach(file, line, f"{own} must not include {match[1]}: {other} is not in its DEPS")
                )
    return breaches


# By module prefix below khala_jobs. The command line, the compatibility names and the test helpers are on top of
# everything. The memory lifecycle is plain functions but for the modules that make jobs of it.
TOP = ("cli", "compat", "testing")
PARTS: dict[str, tuple[str, ...]] = {
    "similarity": ("_core", "errors", "shown"),
    "memory": ("_core", "errors", "shown", "similarity"),
}
FREE = ("memory.jobs", "memory.memory_jobs", "memory.lifecycle")
CORE_USERS = (
    "bridge",
    "supervisor",
    "similarity",
    "memory.decay",
    "memory.guard",
    "memory.guard_core",
    "cli",
    "compat.khala_import",
)


def module_name(file: Path, package: Path) -> str:
    """``memory.plan`` for .../khala_jobs/memory/plan.py; empty for the package itself."""
    parts = file.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(tree: ast.AST, module: str, *, is_package: bool) -> list[tuple[int, str]]:
    """(line, module below khala_jobs) for every import of the package's own modules."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = module.split(".") if module else []
                cut = node.level - 1 if is_package else node.level
                base = base[: len(base) - cut] if cut else base
                start = ".".join(["khala_jobs", *base, *(node.module or "").split(".")]).rstrip(".")
            else:
                start = node.module or ""
            names = [start, *(f"{start}.{alias.name}" for alias in node.names)]
        else:
            continue
        found += [(node.lineno, n.removeprefix("khala_jobs.")) for n in names if n.startswith("khala_jobs.")]
    return found


def below(module: str, prefix: str) -> bool:
    """Whether ``module`` is ``prefix`` or inside it."""
    return module == prefix or module.startswith(f"{prefix}.")


def check_imports(package: Path = PACKAGE) -> list[Breach]:
    """Breaches of the Python rules."""
    breaches = set()
    for file in sorted(package.rglob("*.py")):
        module = module_name(file, package)
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
        for line, imported in imported_modules(tree, module, is_package=file.name == "__init__.py"):
            if what := objection(module, imported):
                breaches.add(Breach(file, line, what))
    return sorted(breaches)


def objection(module: str, imported: str) -> str:
    """Why one module must not import the other; empty when it may."""
    is_top = any(below(module, top) for top in TOP)
    if below(imported, "_core") and not any(below(module, user) for user in CORE_USERS):
        return f"only {', '.join(CORE_USERS)} may import _core"
    head = imported.split(".", maxsplit=1)[0]
    part = module.split(".", maxsplit=1)[0]
    if not module or is_top or head == part:
        return ""
    if part in PARTS and module not in FREE:
        allowed = head in PARTS[part]
    else:
        allowed = head not in {*TOP, *PARTS} or (part == "memory" and head == "similarity")
    return "" if allowed else f"{module} must not import {head}"


def check_cycles(package: Path = PACKAGE) -> list[str]:
    """Modules that import themselves through others, one line a group."""
    files = {module_name(file, package): file for file in package.rglob("*.py")}
    imports: dict[str, set[str]] = {}
    for module, file in files.items():
        tree = without_type_checking(ast.parse(file.read_text(encoding="utf-8")))
        named = imported_modules(tree, module, is_package=file.name == "__init__.py")
        # What a module takes from its own package by name (``from . import rows``) is in the list by itself.
        imports[module] = {other for _, other in named if other in files and not below(module, other)}
    beyond = reachable(imports)
    through = {m: {x for n in imports[m] for x in beyond[n]} for m in imports}
    groups = {
        tuple(sorted(x for x in through[m] if m in through.get(x, set()))) for m in imports if m in through[m]
    }
    return [f"khala_jobs: {', '.join(group)} import each other" for group in sorted(groups)]


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The tree without what only type checkers read."""

    class Remover(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | None:
            is_guard = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            return None if is_guard else self.generic_visit(node)

    return ast.fix_missing_locations(Remover().visit(tree))


def main() -> int:
    """Print the breaches."""
    breaches = [*check_includes(), *check_imports(), *check_cycles()]
    for breach in breaches:
        print(breach)
    if not breaches:
        libraries = len(declared_dependencies())
        print(f"layers: {libraries} C++ libraries and the Python package import the right way")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
