"""A corpus (corpus.py) and the truth about it as values and as files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Corpus", "ForbiddenPair", "Truth", "read_truth", "write_corpus"]


@dataclass(frozen=True, slots=True)
class ForbiddenPair:
    """Two memories that must not be merged.

    Attributes:
        a: Id of one.
        b: Id of the other.
        family: Why not: a family of corpus_misses.py, "update", "other_user" or "other_scope".
        kind: "conflict", "update" or "distinct".
    """

    a: str
    b: str
    family: str
    kind: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a corpus.

    Attributes:
        as_of: RFC 3339 moment at which ages hold.
        duplicate_groups: Ids that say the same; every id is in at most one group, and ids of no group are
            unique.
        forbidden: Pairs that must not be merged. (Neither must any other pair across groups; these are the
            hard ones.)
        promoted: Id -> tier that the default promotion rules lead to.
        archived: Ids that the default archival rules archive.
        expired: Ids past their expiry and a day of grace.
        pinned: Ids that no job may change.
        counts: Memories by how they arose.
    """

    as_of: str
    duplicate_groups: tuple[tuple[str, ...], ...]
    forbidden: tuple[ForbiddenPair, ...]
    promoted: dict[str, str]
    archived: tuple[str, ...]
    expired: tuple[str, ...]
    pinned: tuple[str, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Memories as JSON objects, one a line of the input file, and the truth about them."""

    memories: tuple[dict[str, Any], ...]
    truth: Truth


def write_corpus(corpus: Corpus, memories: Path, truth: Path) -> None:
    """Write memories as JSON lines and the truth as one JSON object; both files are replaced."""
    lines = (json.dumps(memory, ensure_ascii=False) + "\n" for memory in corpus.memories)
    memories.write_text("".join(lines), encoding="utf-8")
    truth.write_text(json.dumps(asdict(corpus.truth), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_truth(path: Path) -> Truth:
    """Read what ``write_corpus`` wrote.

    Raises:
        ValueError: The file is not a truth file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Truth(
            as_of=data["as_of"],
            duplicate_groups=tuple(tuple(group) for group in data["duplicate_groups"]),
            forbidden=tuple(ForbiddenPair(**pair) for pair in data["forbidden"]),
            promoted=data["promoted"],
            archived=tuple(data["archived"]),
            expired=tuple(data["expired"]),
            pinned=tuple(data["pinned"]),
            counts=data["counts"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the truth file of a corpus: {error}") from error
