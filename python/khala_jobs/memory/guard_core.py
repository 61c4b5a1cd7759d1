"""The guard's compiled half with the word lists it works by.

The rules (how words become base forms, how two texts are compared, what a difference means) are cpp/text; what it reads
and compares by, the lists of words and the shapes of values, are the ``guard_*`` modules beside this one. They are
handed over once, here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from khala_jobs._core.text import Guard

from .guard_forms import IRREGULAR
from .guard_lists import EXCLUSIVE_LIST, OPPOSITE_LIST, SYNONYM_LIST
from .guard_phrases import PHRASE_FORMS, PHRASE_OPPOSITES, PHRASES, SPELLING
from .guard_sets import SETS, TAGGED
from .guard_text import read_piece, scan
from .guard_values import VALUE_WORDS, measured, spelled
from .guard_words import MODALS, PRONOUNS, QUANTIFIERS, TENSE

__all__ = ["GUARD", "lists"]


def lists() -> dict[str, Any]:
    """All word lists, in the shape of cpp/text/lists.hpp."""
    return {
        "sets": {name: sorted(words) for name, words in SETS.items()},
        "tagged": {
            **TAGGED,
            "person": PRONOUNS,
            "quantifier": QUANTIFIERS,
            "modal": MODALS,
            "tense": TENSE,
            "spelling": SPELLING,
        },
        "irregular": PHRASE_FORMS | IRREGULAR,
        "values": VALUE_WORDS,
        "phrases": [(list(said), meant.split()) for said, meant in PHRASES.items()],
        "synonyms": [group.split() for group in _entries(SYNONYM_LIST)],
        "opposites": [*(_sides(pair, " : ") for pair in _entries(OPPOSITE_LIST)), *PHRASE_OPPOSITES],
        "attributes": [_attribute(line) for line in EXCLUSIVE_LIST.strip().splitlines()],
    }


def _entries(text: str) -> list[str]:
    return [entry for entry in text.replace("\n", "|").split("|") if entry.strip()]


def _sides(entry: str, separator: str) -> tuple[list[str], list[str]]:
    left, _, right = entry.partition(separator)
    return left.split(), right.split()


def _attribute(line: str) -> tuple[str, Sequence[str]]:
    (name,), values = _sides(line, ":")
    return name, values


GUARD: Final = Guard(lists(), piece=read_piece, scan=scan, measured=measured, spelled=spelled)
"""The one guard of the process; remembers the words and pieces it has met."""
