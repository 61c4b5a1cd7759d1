"""Tables in a document that people write: what stands between two marks is the program's, the rest theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a Markdown table; all columns but the first `left` are aligned to the right."""
    rules = ["---" if column < left else "---:" for column in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rules, *rows)]


def put(text: str, document: Path) -> None:
    """Put `text` between the two marks of `document`.

    Raises:
        ValueError: The document has no such marks, or more than one pair.
    """
    head, rest = document.read_text().split(BEGIN)
    _, tail = rest.split(END)
    document.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")
