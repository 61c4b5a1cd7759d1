"""Two analysed texts laid side by side: what each has that the other lacks, and how those leftovers relate.

This is the one comparison of a judgement; every detector reads it and none compares again. Leftover words are paired with
each other, best relation first: the same word in another form, a synonym, an opposite, another value of the same
attribute. What finds no partner is *unexplained*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from khala_jobs.memory.guard_features import VALUE_KINDS, Features, Item
from khala_jobs.memory.guard_meanings import exclusive, opposite, same

__all__ = ["Comparison", "Pair", "compare"]

Pair = tuple[Item, Item]

_MAX_LEFTOVER: Final = 24
"""Leftover words of one side above which they are not paired up: such texts differ, and pairing is quadratic."""


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
    """

    a: Features
    b: Features
    values: tuple[tuple[Item, ...], tuple[Item, ...]] = ((), ())
    same: tuple[Pair, ...] = ()
    opposite: tuple[Pair, ...] = ()
    exclusive: tuple[Pair, ...] = ()
    rest: tuple[tuple[Item, ...], tuple[Item, ...]] = ((), ())


def compare(a: Features, b: Features) -> Comparison:
    """Lay two analysed texts side by side."""
    if a.bag == b.bag:
        return Comparison(a, b)
    only_a, values_a = _leftover(a, a.bag - b.bag)
    only_b, values_b = _leftover(b, b.bag - a.bag)
    joined: list[Pair] = []
    _join_parts(only_a, only_b, joined)
    _join_parts(only_b, only_a, joined)
    pairs: list[list[Pair]] = []
    for relation in (same, opposite, exclusive):
        if len(only_a) <= _MAX_LEFTOVER and len(only_b) <= _MAX_LEFTOVER:
            pairs.append(_pair_up(only_a, only_b, relation))
        else:
            pairs.append([])
    return Comparison(
        a,
        b,
        values=(tuple(values_a), tuple(values_b)),
        same=(*joined, *pairs[0]),
        opposite=tuple(pairs[1]),
        exclusive=tuple(pairs[2]),
        rest=(tuple(only_a), tuple(only_b)),
    )


def _leftover(features: Features, keys: frozenset[tuple[str, int]]) -> tuple[list[Item], list[Item]]:
    wanted = {key for key, _ in keys}
    words: dict[str, Item] = {}
    values: list[Item] = []
    seen: dict[str, int] = {}
    for item in features.items:
        if item.key not in wanted or item.kind == "pronoun":
            continue
        if item.kind in VALUE_KINDS:
            seen[item.key] = seen.get(item.key, -1) + 1
            if (item.key, seen[item.key]) in keys:
                values.append(item)
        else:
            words.setdefault(item.key, item)
    return list(words.values()), values


def _pair_up(left: list[Item], right: list[Item], related: Callable[[str, str], bool]) -> list[Pair]:
    """Take related items out of both lists, first come first served."""
    found: list[Pair] = []
    for one in list(left):
        for other in right:
            if related(one.key, other.key):
                found.append((one, other))
                left.remove(one)
                right.remove(other)
                break
    return found


def _join_parts(parts: list[Item], wholes: list[Item], found: list[Pair]) -> None:
    """ "data base" and "database": two leftovers of one side that together are one of the other."""
    for whole in list(wholes):
        for first, second in zip(parts, parts[1:], strict=False):
            if first.key + second.key == whole.key:
                found.append((first, whole))
                wholes.remove(whole)
                parts.remove(first)
                parts.remove(second)
                break
