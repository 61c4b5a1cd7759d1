"""The documents are true: their snippets run and print what they say, and what is generated is current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from khala_jobs import _core

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
README_LINES = 150


def snippets() -> list[tuple[str, str]]:
    """(code, what it prints) of every Python block of the README."""
    blocks = BLOCK.findall(README)
    found = []
    for at, (language, text) in enumerate(blocks):
        if language == "python":
            following = blocks[at + 1] if at + 1 < len(blocks) else ("python", "")
            found.append((text, following[1] if following[0] == "" else ""))
    return found


def test_the_readme_has_snippets_and_stays_short() -> None:
    assert len(snippets()) == 3
    assert README.count("\n") <= README_LINES


@pytest.mark.parametrize("number", range(3))
def test_a_snippet_of_the_readme_prints_what_it_says(number: int, tmp_path: Path) -> None:
    """Later snippets continue the earlier ones."""
    code = "\n".join(code for code, _ in snippets()[: number + 1])
    expected = "".join(prints for _, prints in snippets()[: number + 1])
    if number == 1:
        code += "\nasyncio.run(tidy_in_worker())\n"
        code = code.replace(
            "asyncio.run(tidy_in_worker())",
            "async def tidy_in_worker():\n    async with jobs:\n        await tidy()\nasyncio.run(tidy_in_worker())",
        )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(expected), done.stdout


def test_the_diagram_is_that_of_the_lifecycle_table() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    between = text.split("<!-- diagram:begin -->")[1].split("<!-- diagram:end -->")[0]
    assert between.strip() == f"```mermaid\n{_core.engine.diagram().strip()}\n```"


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "bench").rglob("*.md"),
    ]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
