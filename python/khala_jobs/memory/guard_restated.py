"""Whether two texts tell the same at different length or in other words, although not every word is explained.

People who report one event choose other words and leave other things out: no list of synonyms explains that. What
tells it from a contradiction is *where* the unexplained words stand. A contradiction, made or met, is small: it puts
another word into the same place of the same sentence. A restatement differs in several places at once, or says
something that the other leaves out, while most words are shared. So, and only among texts of some length:

* One word or value against one is never a restatement, however long the texts are.
* Short texts must not have unexplained words in the same place (between the same neighbors), none that is the value of
  an attribute ("staging" of a server), and no name that the other lacks.
* Longer texts may, and one of them may leave out names or values as well, if the rest is shared. Nothing is lost by that: whoever
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
_SHORT_SHARE: Final = 1 / 3  # of a text may be unexplained
_LONG_SHARE: Final = 1 / 2


def is_restated(a: Features, b: Features, rest: tuple[Sequence[Item], Sequence[Item]], same: Mapping[str, str]) -> bool:
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
    named = [any(item.kind == "name" for item in side) for side in (left, right)]
    valued = [any(item.kind in VALUE_KINDS for item in side) for side in (left, right)]
    if all(named) or all(valued):
        return False
    if shortest >= _LONG:
        return len(left) <= _LONG_SHARE * size_a and len(right) <= _LONG_SHARE * size_b
    if any(named) or any(valued) or any(has_attribute(item.key) for item in (*left, *right)):
        return False
    if len(left) > _SHORT_SHARE * size_a or len(right) > _SHORT_SHARE * size_b:
        return False
    return not left or not right or _places(a, left, {}).isdisjoint(_places(b, right, same))


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
