"""Detectors of what a statement is about: numbers, dates, identifiers, names and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .guard_compare import Comparison, has_item
from .guard_features import Features, Item
from .guard_meanings import shared_attribute
from .guard_reason import Kind, Reason, one_sided, said
from .guard_words import word_set

__all__ = ["attributes", "bounds", "change", "counted", "counts", "names", "values", "wording"]

_COMPARATORS: Final[Mapping[str, str]] = {
    "more": "+",
    "over": "+",
    "above": "+",
    "less": "-",
    "fewer": "-",
    "under": "-",
    "below": "-",
}
_PLACES: Final = frozenset({"in", "at", "be", "to", "as"})
_CODES: Final[Mapping[str, str]] = {
    "number": "number",
    "ordinal": "number",
    "date": "date",
    "weekday": "date",
    "day": "date",
    "time": "time",
    "percent": "percent",
    "identifier": "identifier",
    "version": "version",
}
_CURRENCIES: Final = word_set("USD EUR GBP JPY INR CHF CNY CAD AUD KRW SEK RUB")
# Attributes of which a thing has one value at a time, and those that tell things apart.
_REPLACED: Final = frozenset({"frequency", "status", "state", "level", "degree", "weather"})
_KEPT: Final = frozenset({"family", "person", "animal", "environment", "rank"})
_CHANGES: Final = word_set("""
    move relocate switch change replace migrate upgrade downgrade quit stop become instead_of instead
    raise increase grow hand
""")
_OWNING: Final = frozenset({"have", "own"})
_OWN: Final = frozenset({"own", "possess", "raise"})
_UNCOUNTED: Final = frozenset({"number:1", "ordinal:1"})


def values(comparison: Comparison) -> Iterator[Reason]:
    """Numbers, amounts, dates, times and identifiers that only one text has."""
    left, right = (list(side) for side in comparison.values)
    for one in list(left):
        partner = next((other for other in right if _code(one) == _code(other)), None)
        if partner is not None:
            left.remove(one)
            right.remove(partner)
            code = _code(one)
            kind: Kind = "distinct" if code == "identifier" else "update"
            yield said(code, kind, f"another {code}", one.surface, partner.surface)
    alone = not any(comparison.rest) and not (left and right)
    if comparison.restated:
        return  # values are left out
    for item in (*left, *right):
        if item.key not in _UNCOUNTED or not alone:
            yield one_sided(_code(item), "update", _code(item), item.surface)


def _code(item: Item) -> str:
    dimension = item.key.partition(":")[0]
    return "money" if dimension in _CURRENCIES else _CODES.get(dimension, "unit")


def bounds(comparison: Comparison) -> Iterator[Reason]:
    """More than, less than, or exactly one and the same number."""
    if "number" not in comparison.a.kinds or "number" not in comparison.b.kinds:
        return
    a, b = _bounds(comparison.a), _bounds(comparison.b)
    for key in a:  # in the order of the first text
        if key in b and a[key][0] != b[key][0]:
            opposed = a[key][0] and b[key][0]
            yield said("comparison", "conflict" if opposed else "update", "bound", a[key][1], b[key][1])


def _bounds(features: Features) -> dict[str, tuple[str, str]]:
    found = {}
    for item in features.items:
        if item.kind == "number":
            word = next((link for link in item.links if link in _COMPARATORS), "")
            found[item.key] = (_COMPARATORS.get(word, ""), f"{word} {item.surface}".strip())
    return found


def counts(comparison: Comparison) -> Iterator[Reason]:
    """One or several: "I have a dog", "I have dogs". Of other verbs than these both may be said of the kind."""
    if not _tells_possession(comparison.a) or not _tells_possession(comparison.b):
        return
    told = {item.key: item for item in comparison.a.items if item.amount}
    for item in comparison.b.items:
        other = told.get(item.key)
        if other is not None and item.amount and other.amount != item.amount:
            yield said("number", "update", "one or several", other.surface, item.surface)
            return


def _tells_possession(features: Features) -> bool:
    return not _OWNING.isdisjoint(features.light_verbs) or not _OWN.isdisjoint(features.keys)


def counted(comparison: Comparison) -> Iterator[Reason]:
    """What a number counts: "a dog and two cats", "two dogs and a cat"."""
    if "number" not in comparison.a.kinds or "number" not in comparison.b.kinds:
        return
    a, b = _counted(comparison.a), _counted(comparison.b)
    for number in sorted(a.keys() & b.keys()):
        here, there = a[number], b[number]
        moved = all(has_item(comparison.b, item) for item in here.values()) and all(
            has_item(comparison.a, item) for item in there.values()
        )
        if moved and here.keys().isdisjoint(there):
            one, other = next(iter(here.values())), next(iter(there.values()))
            yield said("number", "update", "a number counts", one.surface, other.surface)
            return


def _counted(features: Features) -> dict[str, dict[str, Item]]:
    """Number -> the words right behind it, by key."""
    found: dict[str, dict[str, Item]] = {}
    behind: dict[str, Item] | None = None
    for item in features.items:
        if item.key.startswith("number:"):
            behind = found.setdefault(item.key, {})
        elif behind is not None and item.joined:
            behind[item.key] = item
        else:
            behind = None
    return {number: words for number, words in found.items() if words}


def attributes(comparison: Comparison) -> Iterator[Reason]:
    """Another color, animal, job, language ...: one attribute, two values."""
    for one, other in comparison.exclusive:
        attribute = shared_attribute(one.key, other.key)
        kind: Kind = (
            "update" if attribute in _REPLACED else "distinct" if attribute in _KEPT else _slot(one, other)
        )
        yield said("attribute", kind, f"another {attribute}", one.surface, other.surface)


def change(comparison: Comparison) -> Iterator[Reason]:
    """One text tells how the fact came to change: "moved from Berlin to Lisbon", "no longer", "instead"."""
    cue_a, cue_b = _cue(comparison.a), _cue(comparison.b)
    if bool(cue_a) != bool(cue_b):
        yield one_sided("change", "update", "a change is told", cue_a or cue_b)


def _cue(features: Features) -> str:
    told = ""
    if not _CHANGES.isdisjoint(features.keys):
        told = next(item.surface for item in features.items if item.key in _CHANGES)
    told = told or next((link for link, _ in features.links if link in _CHANGES), "").replace("_", " ")
    return told or (features.tenses or {}).get("former", "")


def names(comparison: Comparison) -> Iterator[Reason]:
    """Proper names that only one text has."""
    left, right = ([item for item in side if item.kind == "name"] for side in comparison.rest)
    if left and right:
        yield said("name", _slot(left[0], right[0]), "another name", left[0].surface, right[0].surface)
    elif (left or right) and not comparison.restated:
        yield one_sided("name", "distinct", "name", (left or right)[0].surface)


def _slot(one: Item, other: Item) -> Kind:
    """A value of the same place or thing ("lives in", "color is") replaces; all else is another fact."""
    return "update" if one.links and one.links == other.links and _PLACES & set(one.links) else "distinct"


def wording(comparison: Comparison) -> Iterator[Reason]:
    """Content words that nothing explains."""
    left, right = ([item for item in side if item.kind != "name"] for side in comparison.rest)
    if comparison.restated:
        return
    if left and right:
        yield said("wording", "distinct", "another word", left[0].surface, right[0].surface)
        return
    extra = [item for item in left or right if item.kind != "symbol"]
    if extra:
        yield Reason(
            "detail",
            "said in one text only: " + ", ".join(repr(item.surface) for item in extra[:5]),
            "distinct",
        )
