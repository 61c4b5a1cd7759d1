"""The detectors: each a small pure function from one comparison to the reasons it finds.

A reason has a *code* that never changes (programs may branch on it) and a sentence for people that names the words. Its
kind says what the difference usually means: "conflict", the two cannot both be meant; "update", the same fact with
another value, so that the newer one may replace the older; "distinct", two facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from . import guard_detect_content as content
from . import guard_detect_statement as statement
from .guard_compare import Comparison
from .guard_reason import Reason

__all__ = ["DETECTORS", "Detector"]

Detector = Callable[[Comparison], Iterator[Reason]]

DETECTORS: Final[tuple[Detector, ...]] = (
    statement.polarity,
    statement.quantifiers,
    statement.modality,
    statement.tense,
    content.values,
    content.bounds,
    content.counts,
    content.counted,
    statement.relations,
    statement.roles,
    statement.persons,
    content.attributes,
    content.change,
    content.names,
    content.wording,
    statement.question,
    statement.language,
)
"""In the order in which reasons are listed."""
