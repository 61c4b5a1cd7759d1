"""A guard against merging memories that look alike and say different things.

Embedding models put texts on the same subject side by side. "Alice manages Bob" and "Bob manages Alice"
have cosine 0.988 on MiniLM, "Always rebase" and "Never rebase" 0.981, a true paraphrase such as "I love
hiking with my dog" and "Hiking with my dog is something I love" 0.954: no threshold keeps the last and
drops the first two. So every pair above the threshold is read, by rules, before it may be merged; no model
and no network is involved, and the same pair always gets the same verdict.

The burden of proof is on "duplicate". A pair is one only if each difference between the two texts is
explained: function words, word forms, known synonyms, passive voice, another spelling of the same number or
date. A difference that is not explained sends the pair to people (or to a model of theirs). Wrongly asking
costs a glance, wrongly merging costs a fact.

The rules read English. Of other languages the guard understands numbers, dates, addresses and names; for
the rest it asks for the same words in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Final, cast

from khala_jobs.errors import InvalidArgument
from khala_jobs.shown import shown

from .guard_compare import Comparison, compare
from .guard_detect import DETECTORS
from .guard_features import MAX_CHARS, MAX_ITEMS, Features
from .guard_reader import analyse
from .guard_reason import Kind, Reason

__all__ = [
    "MAX_CHARS",
    "MAX_ITEMS",
    "SIMILARITY_FLOOR",
    "Features",
    "Kind",
    "Reason",
    "Verdict",
    "analyse",
    "judge",
]

SIMILARITY_FLOOR: Final = 0.50
"""Below this cosine unequal texts are "distinct" whatever their words; a job's threshold lies above it."""

_ROUNDING: Final = 1e-3  # by how much the cosine of two float16 rows may exceed one
# What `judge` remembers of texts given as strings: at most about 150 MB.
_CACHED_TEXTS: Final = 4096
_CACHED_CHARS: Final = 1000
_WEAK: Final = frozenset({"detail"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a pair is.

    Attributes:
        kind: "duplicate": may be merged. "update": the same fact with another value or at another time, the
            newer one probably holds. "conflict": they contradict each other. "distinct": two facts.
        reasons: Why it is not a duplicate; empty if it is.
        extras: Of a duplicate, what the first text says beyond the second, and the second beyond the first, as it
            stands there. Who merges keeps the text whose counterpart has none.
    """

    kind: Kind
    reasons: tuple[Reason, ...] = ()
    extras: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def is_duplicate(self) -> bool:
        """Whether the pair may be merged."""
        return self.kind == "duplicate"


_DUPLICATE: Final = Verdict("duplicate")


def judge(a: str | Features, b: str | Features, cosine: float) -> Verdict:
    """Judge a pair of similar texts.

    Symmetric in kind: ``judge(a, b, c).kind == judge(b, a, c).kind``.

    Args:
        a: One text, or its features from ``analyse``; short texts judged lately are remembered.
        b: The other.
        cosine: Similarity of their embeddings, -1 to 1.

    Returns:
        The verdict. Texts that are equal but for white space and Unicode form are duplicates at any cosine.

    Raises:
        InvalidArgument: ``cosine`` is not a number from -1 to 1, or a text is none.
    """
    if (
        not isinstance(cast("object", cosine), Real) or not -1.0 - _ROUNDING <= cosine <= 1.0 + _ROUNDING
    ):  # also refuses NaN
        raise InvalidArgument("cosine", f"must be a number from -1 to 1, got {shown(cosine)}")
    left, right = _read(a, "a"), _read(b, "b")
    if left.text == right.text:
        return _DUPLICATE
    early = _unreadable(left, right, cosine)
    if early is not None:
        return Verdict("distinct", (early,))
    comparison = compare(left, right)
    reasons = tuple(reason for detector in DETECTORS for reason in detector(comparison))
    if reasons:
        return Verdict(_kind(reasons), reasons)
    return Verdict("duplicate", extras=_extras(comparison)) if comparison.restated else _DUPLICATE


def _read(text: str | Features, field: str) -> Features:
    if isinstance(text, str):
        return _features(text)
    if not isinstance(cast("object", text), Features):
        raise InvalidArgument(field, f"expected a text, got {type(text).__name__}")
    return text


def _extras(comparison: Comparison) -> tuple[tuple[str, ...], tuple[str, ...]]:
    one, other = (
        tuple(item.surface for item in (*words, *values) if item.kind != "symbol")
        for words, values in zip(comparison.rest, comparison.values, strict=True)
    )
    return one, other


def _unreadable(a: Features, b: Features, cosine: float) -> Reason | None:
    """Reasons that leave nothing to compare."""
    if a.too_long or b.too_long:
        return Reason(
            "too_long", f"not equal, and longer than {MAX_CHARS} characters or {MAX_ITEMS} words", "distinct"
        )
    if not a.items and not b.items:
        return None if a.links == b.links else Reason("empty", "nothing to compare", "distinct")
    if not a.items or not b.items:
        return Reason("empty", "one text states nothing", "distinct")
    if cosine < SIMILARITY_FLOOR:
        return Reason("similarity", f"cosine {cosine:.3f} is below {SIMILARITY_FLOOR}", "distinct")
    return None


def _kind(reasons: tuple[Reason, ...]) -> Kind:
    """A told change is an update; else contradiction outweighs difference, new value and mere detail."""
    if any(reason.code == "change" for reason in reasons):
        return "update"
    strong = {reason.kind for reason in reasons if reason.code not in _WEAK}
    for kind in ("conflict", "distinct", "update"):
        if kind in strong:
            return kind
    return "distinct"


def _features(text: str) -> Features:
    return _remembered(text) if len(text) <= _CACHED_CHARS else analyse(text)


@lru_cache(maxsize=_CACHED_TEXTS)
def _remembered(text: str) -> Features:
    return analyse(text)
