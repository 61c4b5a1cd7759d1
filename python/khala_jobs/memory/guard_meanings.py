"""How two different words relate: the same, opposites, two values of one attribute, or nothing known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from .guard_lemma import same_stem, word_of
from .guard_lists import EXCLUSIVE_LIST, OPPOSITE_LIST, SYNONYM_LIST

__all__ = ["OPPOSITES", "exclusive", "has_attribute", "opposite", "same", "shared_attribute"]

_NONE: Final = frozenset[str]()
_NO_GROUP: Final = frozenset[int]()
_PREFIXES: Final = frozenset({"un", "dis", "in", "im", "ir", "il", "non", "mis", "de", "anti"})
_PREFIX_STARTS: Final = frozenset(prefix[:2] for prefix in _PREFIXES)
_PREFIX_LENGTHS: Final = range(2, 5)
_MIN_PREFIXED: Final = 3


def same(one: str, other: str) -> bool:
    """Whether two base forms mean the same: synonyms, or forms of one word that the rules did not unite."""
    groups = _SYNONYMS.get(one)
    if groups is not None and not groups.isdisjoint(_SYNONYMS.get(other, _NO_GROUP)):
        return True
    return same_stem(one, other) and not opposite(one, other)


def opposite(one: str, other: str) -> bool:
    """Whether two base forms are listed opposites, or one is the other with a negating prefix."""
    return other in OPPOSITES.get(one, _NONE) or _prefixed(one, other) or _prefixed(other, one)


def exclusive(one: str, other: str) -> bool:
    """Whether two base forms are values of one attribute."""
    return bool(shared_attribute(one, other))


def shared_attribute(one: str, other: str) -> str:
    """The attribute two base forms are values of; "" if there is none."""
    return min(_EXCLUSIVE.get(one, _NONE) & _EXCLUSIVE.get(other, _NONE), default="")


def has_attribute(word: str) -> bool:
    """Whether a base form is a value of some attribute."""
    return word in _EXCLUSIVE


def _prefixed(one: str, other: str) -> bool:
    """Whether ``one`` is ``other`` behind a negating prefix."""
    if one[:2] not in _PREFIX_STARTS:
        return False
    for cut in _PREFIX_LENGTHS:
        if one[:cut] in _PREFIXES and len(one) - cut >= _MIN_PREFIXED:
            stem = one[cut:]
            if stem == other or (stem[0] == other[0] and same_stem(stem, other)):
                return True
    return False


def _key(listed: str) -> str:
    return word_of(listed).base


def _groups(lines: str) -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(lines.replace("\n", "|").split("|")):
        for word in group.split():
            found[_key(word)].add(number)
    return {word: frozenset(groups) for word, groups in found.items()}


def _opposites(lines: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for pair in lines.strip().replace("\n", "|").split("|"):
        left, _, right = pair.partition(" : ")
        for one in map(_key, left.split()):
            for other in map(_key, right.split()):
                found[one].add(other)
                found[other].add(one)
    return {word: frozenset(others) for word, others in found.items()}


def _attributes(lines: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines.strip().splitlines():
        attribute, _, values = line.partition(":")
        for value in values.split():
            found[_key(value)].add(attribute)
    return {value: frozenset(attributes) for value, attributes in found.items()}


#: word -> numbers of the groups it is in; two words mean the same if they share a group.
_SYNONYMS: Final = _groups(SYNONYM_LIST)
#: word -> its opposites; symmetric.
OPPOSITES: Final = _opposites(OPPOSITE_LIST)
#: word -> attributes it is a value of; two words that share one exclude each other.
_EXCLUSIVE: Final = _attributes(EXCLUSIVE_LIST)
