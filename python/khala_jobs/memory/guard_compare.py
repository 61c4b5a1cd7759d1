"""Two analysed texts laid side by side: what each has that the other lacks, and how those leftovers relate.

This is the one comparison of a judgement; every detector reads it and none compares again. Leftover words
are paired with each other, best relation first: the same word in another form, a synonym, an opposite,
another value of the same attribute. What finds no partner is *unexplained*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from .guard_features import VALUE_KINDS, Features, Item
from .guard_meanings import exclusive, opposite, same
from .guard_restated import is_restated

__all__ = ["Comparison", "Pair", "compare", "has_item"]

Pair = tuple[Item, Item]

_MAX_LEFTOVER: Final = 24
"""More leftover words than this are not paired up: such texts differ anyway, and pairing is quadratic."""


_OWNING: Final = frozenset({"'s", "of"})
_NO_VERB: Final = frozenset[str]()
#: Verbs that say no more than a light verb in the same place: "attends a school", "goes to a school".
_HOLLOW: Final = {
    verb: frozenset(light.split())
    for verb, light in (
        ("attend", "go"),
        ("drink", "take"),
        ("practice", "do"),
        ("perform", "do"),
        ("conduct", "do have"),
        ("hold", "have be"),
        ("work", "be"),
        ("own", "have be 's"),
        ("possess", "have 's"),
        ("receive", "get"),
        ("become", "get be"),
        ("occur", "be happen"),
        ("travel", "go"),
        ("exist", "be"),
        ("contain", "have"),
        ("suffer", "have"),
        ("serve", "be"),
        ("locate", "be"),
        ("call", "be"),
        ("name", "be"),
        ("store", "keep"),
        ("stay", "keep"),
        ("buy", "get"),
        ("retain", "keep"),
    )
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two texts have apart; "a" is always the first text.

    Attributes:
        a: The first text.
        b: The second.
        values: Value items only one side has, by side.
        same: Leftover words that mean the same.
        opposite: Leftover words that mean the opposite of each other.
        exclusive: Leftover words that are different values of one attribute.
        rest: Unexplained words, by side.
        restated: Whether the unexplained words are but another wording (guard_restated.py).
    """

    a: Features
    b: Features
    values: tuple[tuple[Item, ...], tuple[Item, ...]] = ((), ())
    same: tuple[Pair, ...] = ()
    opposite: tuple[Pair, ...] = ()
    exclusive: tuple[Pair, ...] = ()
    rest: tuple[tuple[Item, ...], tuple[Item, ...]] = ((), ())
    restated: bool = False


def compare(a: Features, b: Features) -> Comparison:
    """Lay two analysed texts side by side."""
    if a.bag == b.bag:
        return Comparison(a, b)
    only_a, values_a = _leftover(a, a.bag - b.bag)
    only_b, values_b = _leftover(b, b.bag - a.bag)
    pairs: list[list[Pair]] = [[], [], []]
    if len(only_a) <= _MAX_LEFTOVER and len(only_b) <= _MAX_LEFTOVER:
        _join_parts(only_a, only_b, pairs[0])
        _join_parts(only_b, only_a, pairs[0])
        for kind, relation in enumerate((same, opposite, exclusive)):
            pairs[kind] += _pair_up(only_a, only_b, relation)
        pairs[0] += _pair_up(only_a, only_b, _agent_of(a, b))
        # What one text says once more than the other is no difference any longer, now that nothing stands against it.
        only_a = [item for item in only_a if not has_item(b, item) and not _is_covered(item, a, b)]
        only_b = [item for item in only_b if not has_item(a, item) and not _is_covered(item, b, a)]
    return Comparison(
        a,
        b,
        values=(tuple(values_a), tuple(values_b)),
        same=tuple(pairs[0]),
        opposite=tuple(pairs[1]),
        exclusive=tuple(pairs[2]),
        rest=(tuple(only_a), tuple(only_b)),
        restated=is_restated(
            a,
            b,
            ((*only_a, *values_a), (*only_b, *values_b)),
            {other.key: one.key for one, other in pairs[0]},
        ),
    )


def has_item(features: Features, item: Item) -> bool:
    """Whether the text has an item of the same key."""
    return item.key in features.keys


def _leftover(features: Features, keys: frozenset[tuple[str, int]]) -> tuple[list[Item], list[Item]]:
    wanted = {key for key, _ in keys}
    words: list[Item] = []
    values: list[Item] = []
    seen: dict[str, int] = {}
    for item in features.items:
        if item.key not in wanted or item.kind == "pronoun":
            continue
        seen[item.key] = seen.get(item.key, -1) + 1
        if (item.key, seen[item.key]) in keys:
            (values if item.kind in VALUE_KINDS else words).append(item)
    return words, values


def _pair_up(left: list[Item], right: list[Item], related: Callable[[str, str], bool]) -> list[Pair]:
    """Take related items out of both lists, first come first served."""
    found: list[Pair] = []
    if not right:
        return found
    for one in list(left):
        for other in right:
            if related(one.key, other.key):
                found.append((one, other))
                left.remove(one)
                right.remove(other)
                break
    return found


def _is_covered(item: Item, own: Features, others: Features) -> bool:
    """Whether the other text says it with a word that both have ("short, concise"), or with a light verb."""
    if not _OWNING.isdisjoint(item.links) or _is_listed(item, own):
        return False
    # "is located in" against "is in": the "be" of a passive belongs to the verb that is missing there.
    available = others.light_verbs if item.passive else others.light_verbs - own.light_verbs
    if not _owns_nothing(others) and _owns_nothing(own):
        available |= {"'s"}
    if not _HOLLOW.get(item.key, _NO_VERB).isdisjoint(available):
        return True
    return any(other.kind == "word" and same(item.key, other.key) for other in others.items)


def _is_listed(item: Item, own: Features) -> bool:
    """Whether the item is one of several ("cooking and baking"), each of which counts."""
    after = own.items.index(item) + 1
    listed = item.links if after == len(own.items) else (*item.links, *own.items[after].links)
    return "and" in listed or "or" in listed


def _agent_of(a: Features, b: Features) -> Callable[[str, str], bool]:
    """Relates "plays" to "is a player", but not to "Bob's player": that names another party."""

    def related(one: str, other: str) -> bool:
        if _is_agent(one, other):
            return _owns_nothing(a)
        return _is_agent(other, one) and _owns_nothing(b)

    return related


def _is_agent(noun: str, verb: str) -> bool:
    return noun.endswith("r") and noun in {
        verb + "er",
        verb + "r",
        verb + verb[-1:] + "er",
        verb + "or",
        verb[:-1] + "or",
    }


def _owns_nothing(features: Features) -> bool:
    return not any(link in _OWNING for link, _ in features.links)


def _join_parts(parts: list[Item], wholes: list[Item], found: list[Pair]) -> None:
    """Take two leftovers of one side that together are one of the other: "data base" and "database"."""
    for whole in list(wholes):
        for first, second in pairwise(parts):
            if first.key + second.key == whole.key:
                found.append((first, whole))
                wholes.remove(whole)
                parts.remove(first)
                parts.remove(second)
                break
