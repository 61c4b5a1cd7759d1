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

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Final, cast

from khala_jobs._core.text import MAX_CHARS, MAX_ITEMS, SIMILARITY_FLOOR, Features, unread
from khala_jobs._core.text import judge as judge_features
from khala_jobs.errors import InvalidArgument
from khala_jobs.shown import shown

from .guard_core import GUARD
from .guard_reason import Kind, Reason
from .guard_text import normalize

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
    "judge_many",
]

_NUMBERS: Final = (float, Real)  # the first is told at a glance
_ROUNDING: Final = 1e-3  # by how much the cosine of two float16 rows may exceed one
# What `judge` remembers of texts given as strings: at most about 150 MB.
_CACHED_TEXTS: Final = 4096
_CACHED_CHARS: Final = 1000


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

_Words = tuple[str, ...]
#: Kind; code, kind and sentence of each reason with the words that belong into it; extras.
_Found = tuple[Kind, list[tuple[str, Kind, str, _Words]], tuple[_Words, _Words]]


def analyse(text: str) -> Features:
    """Read one text: the half of a judgement that depends on it alone.

    Args:
        text: Any string. Beyond ``MAX_CHARS`` characters or ``MAX_ITEMS`` words and values only equality will be
            looked at.

    Returns:
        Its features; cheap to keep (a few KB for a sentence or two) and safe to share between threads.
    """
    if len(text) > MAX_CHARS:
        return unread(text)
    plain = normalize(text)
    return GUARD.analyse(plain, plain.isupper())


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
    return _verdict(_read(a, "a"), _read(b, "b"), _checked(cosine))


def judge_many(pairs: Iterable[tuple[str, str]], cosines: Iterable[float]) -> list[Verdict]:
    """Judge many pairs, reading each text once.

    Args:
        pairs: Two texts each.
        cosines: One for each pair.

    Returns:
        The verdicts of ``judge``, in the order of the pairs.

    Raises:
        InvalidArgument: As ``judge``; or there are not as many cosines as pairs.
    """
    both, scores = list(pairs), list(cosines)
    if len(both) != len(scores):
        raise InvalidArgument("cosines", f"{len(scores)} for {len(both)} pairs")
    known: dict[str, Features] = {}

    def read(text: str, field: str) -> Features:
        features = known.get(text) if isinstance(cast("object", text), str) else None
        if features is None:
            features = known[text] = _read(text, field)
        return features

    return [
        _verdict(read(a, "a"), read(b, "b"), _checked(cosine))
        for (a, b), cosine in zip(both, scores, strict=True)
    ]


def _checked(cosine: float) -> float:
    if not isinstance(cast("object", cosine), _NUMBERS) or not (
        -1.0 - _ROUNDING <= cosine <= 1.0 + _ROUNDING  # also refuses NaN
    ):
        raise InvalidArgument("cosine", f"must be a number from -1 to 1, got {shown(cosine)}")
    return cosine


def _verdict(a: Features, b: Features, cosine: float) -> Verdict:
    found = cast("_Found | None", judge_features(a, b, cosine))
    if found is None:
        return _DUPLICATE
    kind, told, extras = found
    reasons = [Reason(code, sentence.format(*words), of) for code, of, sentence, words in told]
    return Verdict(kind, tuple(reasons), extras)


def _read(text: str | Features, field: str) -> Features:
    if isinstance(text, str):
        return _remembered(text) if len(text) <= _CACHED_CHARS else analyse(text)
    if not isinstance(cast("object", text), Features):
        raise InvalidArgument(field, f"expected a text, got {type(text).__name__}")
    return text


_remembered: Final = lru_cache(maxsize=_CACHED_TEXTS)(analyse)
