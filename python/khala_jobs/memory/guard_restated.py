"""Whether two texts tell the same at different length or in other words, although not every word is explained.

People who report one event choose other words and leave other things out: no list of synonyms explains that. What
tells it from a contradiction is *where* the unexplained words stand. A contradiction, made or met, is small: it puts
another word into the same place of the same sentence. A restatement differs in several places at once, or says
something that the other leaves out, while most words are shared. So, and only among texts of some length:

* One word or value against one is never a restatement, however long the texts are.
* Words in the same place (between the same neighbors) are one only in texts of many words.
* A short text must not leave out a name or the value of an attribute ("staging" of a server).
* A longer one may leave out a name, and a value if it has none of that kind. Nothing is lost by that: whoever
  merges keeps the text that says more (deduplication.py).

What is recognised as a contradiction (another number, a denial, an opposite, roles, tense) is one here as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from .guard_features import VALUE_KINDS, Features, Item
from .guard_meanings import has_attribute

__all__ = ["is_restated"]

_LONG: Final = 8  # items from which a text is long enough to leave out names and values

_LEAST: Final = 5
_VERY_LONG: Final = 10  # items from which other words in the same place are style
_SHARE: Final = 2 / 5  # of each text may be unexplained if both have unexplained words
_LEFT_OUT_SHARE: Final = 1 / 2  # of one text may be left out by the other
_SPECIFIC: Final = VALUE_KINDS | {"name"}


def is_restated(
    a: Features, b: Features, rest: tuple[Sequence[Item], Sequence[Item]], same: Mapping[str, str]
) -> bool:
    """Whether what is unexplained is a matter of wording and length.

    Args:
        a: One text.
        b: The other.
        rest: Unexplained words and values of each.
        same: Key in ``b`` -> key in ``a`` of words that mean the same.
    """
    left, right = ([item for item in side if item.kind != "symbol"] for side in rest)
    size_a, size_b = _size(a), _size(b)
    shortest = min(size_a, size_b)
    if shortest < _LEAST or (len(left) == 1 and len(right) == 1):
        return False
    share = _SHARE if left and right else _LEFT_OUT_SHARE
    if len(left) > share * size_a or len(right) > share * size_b:
        return False
    if (
        left
        and right
        and shortest < _VERY_LONG
        and not _places(a, left, {}).isdisjoint(_places(b, right, same))
    ):
        return False
    return (
        _may_leave_out(left, b, shortest)
        and _may_leave_out(right, a, shortest)
        and not _both_name(left, right)
    )


def _may_leave_out(extra: Sequence[Item], other: Features, shortest: int) -> bool:
    """Whether the other text may be silent about this."""
    if shortest < _LONG:
        return not any(item.kind in _SPECIFIC or has_attribute(item.key) for item in extra)
    if "user" in other.persons and any(item.kind == "name" for item in extra):
        return False  # the user's name, as like as not
    # Another date beside the same date is told, not left out: "on Monday instead of Friday".
    told = {item.kind for item in other.items if item.kind in VALUE_KINDS}
    return not any(item.kind in told for item in extra)


def _both_name(left: Sequence[Item], right: Sequence[Item]) -> bool:
    return all(any(item.kind in _SPECIFIC for item in side) for side in (left, right))


def _size(features: Features) -> int:
    return sum(item.kind != "pronoun" for item in features.items)


def _places(features: Features, unexplained: Sequence[Item], same: Mapping[str, str]) -> set[tuple[str, str]]:
    """The neighbors between which unexplained words stand."""
    marks = {id(item) for item in unexplained}
    found: set[tuple[str, str]] = set()
    before, inside = "", False
    for item in features.items:
        if item.kind == "pronoun":
            continue
        if id(item) in marks:
            inside = True
            continue
        key = same.get(item.key, item.key)
        if inside:
            found.add((before, key))
        before, inside = key, False
    if inside:
        found.add((before, ""))
    return found
