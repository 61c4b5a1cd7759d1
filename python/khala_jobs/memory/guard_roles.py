"""Who does what to whom: the same words in another order.

"Alice manages Bob" and "Bob manages Alice" hold the same words, and their vectors are nearer to each other
(0.988 on MiniLM) than most true paraphrases. But "Bob is managed by Alice" holds the words of the second in
the order of the second and means the first. So order is compared by *role*:

1. A verb both texts have once: whoever does it must be the same. The doer stands before the verb, or after
   "by" when the verb is passive.
2. If the two rows of words differ by exactly one exchange while the small words stay where they were ("from
   Berlin to Lisbon", "prefers tea over coffee", "two cats and three dogs"), the exchange is a swap of
   roles, unless the two are merely listed ("tea and coffee") or equated ("Bruce is Batman").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .guard_compare import Comparison
from .guard_features import Features, Item
from .guard_words import word_set

__all__ = ["swapped"]

_LISTING: Final = frozenset({"and", "or", ",", "with", "plus"})
_SYMMETRIC: Final = word_set("""
    marry wed meet friend sibling cousin neighbor colleague partner twin same similar equal differ
    different between match talk chat relate date together share classmate roommate
""")
#: Before a noun that hangs on the one before it.
_ATTACHING: Final = frozenset(
    {"of", "in", "on", "at", "with", "near", "by", "for", "from", "to", "under", "over", "about"}
)
_CLAUSE_ENDS: Final = frozenset({",", "and", "or", "but"})
_SECOND: Final = frozenset({"to", "over", "than", "rather_than", "instead_of"})
_LONGEST_EXCHANGE: Final = 32  # items between which exchanged blocks are looked for
_LEAST_ITEMS: Final = 2


def swapped(comparison: Comparison) -> tuple[str, str] | None:
    """The two parties whose roles differ, as they stand in the first text; None when order tells nothing."""
    renamed = {other.key: one.key for one, other in comparison.same}
    row_a, row_b = comparison.a.items, comparison.b.items
    if len(row_a) < _LEAST_ITEMS or len(row_b) < _LEAST_ITEMS:
        return None
    keys_a = [item.key for item in row_a]
    keys_b = [renamed.get(item.key, item.key) for item in row_b]
    voices_equal = [item.passive for item in row_a] == [item.passive for item in row_b]
    if keys_a == keys_b and voices_equal:
        return None
    return _other_doer(row_a, row_b, keys_a, keys_b) or _exchanged(row_a, row_b, keys_a, keys_b)


def _other_doer(
    row_a: Sequence[Item], row_b: Sequence[Item], keys_a: Sequence[str], keys_b: Sequence[str]
) -> tuple[str, str] | None:
    """Rule 1."""
    for at_a, item in enumerate(row_a):
        if (
            not item.verb
            or item.key in _SYMMETRIC
            or keys_a.count(item.key) != 1
            or keys_b.count(item.key) != 1
        ):
            continue
        at_b = keys_b.index(item.key)
        if not row_b[at_b].verb:
            continue
        doers_a, doers_b = _doers(row_a, at_a), _doers(row_b, at_b)
        names_a, names_b = {keys_a[at] for at in doers_a}, {keys_b[at] for at in doers_b}
        told = names_a and names_b and names_a.isdisjoint(names_b)
        if told and names_a.issubset(keys_b) and names_b.issubset(keys_a):
            return row_a[doers_a[0]].surface, row_b[doers_b[0]].surface
    return None


def _doers(row: Sequence[Item], verb: int) -> list[int]:
    """Places of who does a verb: the nearest noun with all it is listed with; empty when not told."""
    if row[verb].passive:
        after = verb + 1
        if after == len(row) or "by" not in row[after].links:
            return []
        while after + 1 < len(row) and row[after + 1].joined:
            after += 1  # "by a young woman"
        return [after]
    if not _CLAUSE_ENDS.isdisjoint(row[verb].links):  # "is a nurse and lives": the nurse is not who lives
        return []
    at = verb - 1
    while at >= 0:
        start = at
        while row[start].joined and start > 0:
            start -= 1
        if row[at].verb:
            return []
        if _ATTACHING.isdisjoint(row[start].links):
            break
        at = start - 1  # "the dog of Alice": Alice does not bark
    found = []
    while at >= 0:
        found.append(at)
        if not row[at].links or not _LISTING.issuperset(row[at].links):
            break
        at -= 1
    return found


def _exchanged(  # noqa: PLR0911 - each return is one reason why it is no exchange
    row_a: Sequence[Item], row_b: Sequence[Item], keys_a: Sequence[str], keys_b: Sequence[str]
) -> tuple[str, str] | None:
    """Rule 2; the two exchanged may be several words each ("dim sum over biryani")."""
    if len(keys_a) != len(keys_b):
        return None
    start, end = 0, len(keys_a)
    while start < end and keys_a[start] == keys_b[start]:
        start += 1
    while start < end and keys_a[end - 1] == keys_b[end - 1]:
        end -= 1
    blocks = _blocks(keys_a[start:end], keys_b[start:end])
    if blocks is None:
        return None
    first, last = blocks
    second_a, second_b = end - last, end - first  # where the later of the two begins
    if not _SYMMETRIC.isdisjoint(keys_a[max(start - 1, 0) : end + 1]):
        return None
    if not _small_words_stay(row_a, row_b, (start, first, second_a), (start, last, second_b)):
        return None
    between = [row_a[at].links for at in range(start + first, second_a + 1)]
    if all(links and _LISTING.issuperset(links) for links in between):
        return None
    if _are_clauses(row_a, (start, start + first), (second_a, end)):
        return None
    # Nothing but "X is Y": said of each other either way.
    equated = start == 0 and end == len(row_a) and second_a == first and row_a[second_a].links == ("be",)
    if equated:
        return None
    adjacent = second_a == start + first
    tied = bool(row_a[second_a].links) or _have_verb_between(row_a[second_a], row_b[second_b], row_a[start])
    if adjacent and not tied:
        return None  # "every morning I run", "I run every morning": nothing ties one to the other
    return row_a[start].surface, row_a[second_a].surface


def _have_verb_between(second_a: Item, second_b: Item, first_a: Item) -> bool:
    """Whether some small verb stands between the two: "Tim advised John", "A man uses a saw"."""
    if first_a.kind == second_a.kind == "name" and not second_a.joined:
        return True
    return bool(second_a.auxiliary and second_b.auxiliary)


def _are_clauses(row: Sequence[Item], one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether the exchanged blocks are whole statements side by side: "I like tea and I play chess"."""
    if not all(any(item.verb for item in row[first:last]) for first, last in (one, other)):
        return False
    return not _CLAUSE_ENDS.isdisjoint(row[one[1]].links)


def _blocks(a: Sequence[str], b: Sequence[str]) -> tuple[int, int] | None:
    """Lengths (x, y) such that ``a`` is X M Y and ``b`` is Y M X; None if there are none."""
    size = len(a)
    if not 2 <= size <= _LONGEST_EXCHANGE:
        return None
    for first in range(1, size):
        if a[:first] != b[size - first :]:
            continue
        for last in range(1, size - first + 1):
            if a[size - last :] == b[:last] and a[first : size - last] == b[last : size - first]:
                return first, last
    return None


def _small_words_stay(
    row_a: Sequence[Item], row_b: Sequence[Item], cut_a: tuple[int, int, int], cut_b: tuple[int, int, int]
) -> bool:
    """Whether each place of the sentence keeps its small words although what fills it has changed."""
    (start, first, second_a), (_, last, second_b) = cut_a, cut_b
    if row_a[start].links != row_b[start].links or _role(row_a[second_a]) != _role(row_b[second_b]):
        return False
    middle_a = [item.links for item in row_a[start + first : second_a]]
    middle_b = [item.links for item in row_b[start + last : second_b]]
    return middle_a == middle_b


def _role(item: Item) -> tuple[str, ...]:
    """The links of an item; "to", "over" and "rather than" all put it second ("books to films", "books over films")."""
    return tuple("to" if link in _SECOND else link for link in item.links)


def in_order(a: Features, b: Features) -> bool:
    """Whether both rows have the same keys in the same order."""
    return [item.key for item in a.items] == [item.key for item in b.items]
