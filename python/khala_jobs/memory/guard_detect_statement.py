"""Detectors of how something is stated: denied, limited, certain, past, and by or of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .guard_compare import Comparison, has_item
from .guard_features import Features, Item
from .guard_meanings import opposite, same
from .guard_reason import Reason, one_sided, said
from .guard_roles import in_order, swapped
from .guard_words import word_set

__all__ = [
    "language",
    "modality",
    "persons",
    "polarity",
    "quantifiers",
    "question",
    "relations",
    "roles",
    "tense",
]

# One text may have these and the other not, and still say the same.
_LENIENT_QUANTIFIERS: Final = frozenset({"all", "usual", "either", "many"})
_NONE: Final = frozenset[str]()
_OTHER_TIME: Final = frozenset(
    {
        ("past", "present"), ("present", "past"), ("pluperfect", "present"), ("pluperfect", "perfect"),
        ("present", "pluperfect"), ("perfect", "pluperfect"),
    }
)  # fmt: skip
_ANY_PERSON: Final = frozenset({"3p"})
_FIRST: Final = frozenset({"1", "user"})
# Words that place something, and those among them that are never mere style.
_PLACE: Final = word_set("""
    under above below behind beside near front_of outside between beyond against in on at over inside into by with to
""")
_FIRM_PLACE: Final = word_set("under above below behind beside near front_of outside between beyond against")
_TIME: Final = word_set("before after until since during from by at on in")
_FIRM_TIME: Final = word_set("before after until since")


def polarity(comparison: Comparison) -> Iterator[Reason]:
    """Denied on one side, or an opposite; one of each cancels out ("not happy", "sad")."""
    a, b = comparison.a, comparison.b
    odd = (len(a.negations) - len(b.negations)) % 2 == 1
    flips = comparison.opposite
    if odd and len(flips) == 1:
        return
    for one, other in flips:
        if not (len(flips) == 1 and _is_converse(comparison)):
            yield said("antonym", "conflict", "opposites", one.surface, other.surface)
    if odd and not flips:
        more = a if len(a.negations) > len(b.negations) else b
        yield one_sided("negation", "conflict", "negation", more.negations[-1])
    elif not odd and a.negations and b.negations:
        denied_a, denied_b = _denied(a), _denied(b)
        exchanged = denied_a and denied_b and has_item(b, denied_a) and has_item(a, denied_b)
        if denied_a and denied_b and exchanged and denied_a.key != denied_b.key:
            yield said("negation", "conflict", "another thing is denied", denied_a.surface, denied_b.surface)


def _denied(features: Features) -> Item | None:
    """The noun right behind the only negation; None for a denied verb, which stands in different places."""
    if len(features.negations) != 1:
        return None
    for item in features.items:
        if item.kind != "pronoun" and ("not" in item.links or "no" in item.links):
            return None if item.verb else item
    return None


def _is_converse(comparison: Comparison) -> bool:
    """Whether it is told from the other end: "Anna is taller than Tom", "Tom is shorter than Anna"."""
    ((one, other),) = comparison.opposite
    if not any("than" in item.links for item in comparison.a.items):
        return False
    aligned = Comparison(comparison.a, comparison.b, same=(*comparison.same, (one, other)))
    return swapped(aligned) is not None


def quantifiers(comparison: Comparison) -> Iterator[Reason]:
    """All / most / some / few / only."""
    a, b = comparison.a, comparison.b
    # "I drink tea", "I always drink tea"; but "I do not drink tea" is not "I do not always drink tea".
    lenient = _LENIENT_QUANTIFIERS if not a.negations and not b.negations else _NONE
    reasons = list(_tags(a.quantifiers, b.quantifiers, "quantifier", "quantity", lenient))
    yield from reasons or _quantities(comparison)


def _quantities(comparison: Comparison) -> Iterator[Reason]:
    """Another quantity of the same thing: "some birds", "many birds"."""
    for one, other in _counterparts(comparison, [item for item in comparison.a.items if item.quantity]):
        if other.quantity and one.quantity != other.quantity:
            if "any" in {one.quantity, other.quantity}:  # "denied any", "denied all"
                continue
            said_a, said_b = f"{one.quantity} {one.surface}", f"{other.quantity} {other.surface}"
            yield said("quantifier", "conflict", "quantity", said_a, said_b)
            return


def _counterparts(comparison: Comparison, items: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Items of the first text with the one of the second that has the same key or means the same."""
    if not items:
        return
    renamed = {other.key: one.key for one, other in comparison.same}
    told = {item.key: item for item in reversed(items)}
    for item in comparison.b.items:
        other = told.pop(renamed.get(item.key, item.key), None)
        if other is not None:
            yield other, item


def modality(comparison: Comparison) -> Iterator[Reason]:
    """Must / should / may / can / wants to / tries to / thinks that."""
    yield from _tags(comparison.a.modals, comparison.b.modals, "modality", "certainty or duty", _NONE)


def _tags(
    a: Mapping[str, str] | None, b: Mapping[str, str] | None, code: str, what: str, lenient: frozenset[str]
) -> Iterator[Reason]:
    a, b = a or {}, b or {}
    if a.keys() == b.keys():
        return
    only_a, only_b = sorted(a.keys() - b.keys()), sorted(b.keys() - a.keys())
    if only_a and only_b:
        yield said(code, "conflict", what, a[only_a[0]], b[only_b[0]])
        return
    for tag in only_a or only_b:
        if tag not in lenient:
            yield one_sided(code, "conflict", what, a.get(tag) or b[tag])


def tense(comparison: Comparison) -> Iterator[Reason]:
    """Used to, was, is, will: whether the fact still holds, or not yet."""
    a, b = comparison.a.tenses or {}, comparison.b.tenses or {}
    for tag in ("former", "future"):
        if (tag in a) != (tag in b):
            yield one_sided("tense", "update", "time", a.get(tag) or b[tag])
            return
    for one, other, past, present in ((a, b, "past", "present"), (b, a, "past", "present")):
        if past in one and present not in one and present in other and past not in other:
            yield said("tense", "update", "time", one[past], other[present])
            return
    yield from _verb_tense(comparison)


def _verb_tense(comparison: Comparison) -> Iterator[Reason]:
    """One and the same thing past here and present there."""
    timed = [item for item in comparison.a.items if item.auxiliary or item.tense]
    for one, other in _counterparts(comparison, timed):
        if _differ_in_time(one, other) or _differ_in_time(other, one):
            at = [f"{item.surface} ({item.auxiliary or item.tense})" for item in (one, other)]
            yield said("tense", "update", "time", *at)
            return


def _differ_in_time(one: Item, other: Item) -> bool:
    if one.auxiliary and other.auxiliary:
        return (one.auxiliary, other.auxiliary) in _OTHER_TIME
    if one.tense and other.tense:
        return (_told(one), _told(other)) in _OTHER_TIME
    # "was going" and "goes"; but "is married" says nothing against "married".
    return not one.passive and (one.auxiliary, _told(other)) in _OTHER_TIME


def _told(item: Item) -> str:
    return item.tense.removesuffix("?")


def relations(comparison: Comparison) -> Iterator[Reason]:
    """To / from, before / after, and / or: small words whose exchange turns the statement round."""
    a, b = comparison.a.links, comparison.b.links
    if a == b:
        return
    only_a, only_b = {word for word, _ in a - b}, {word for word, _ in b - a}
    for one in sorted(only_a):
        for other in sorted(only_b):
            if opposite(one, other) or _elsewhere(one, other):
                yield said("relation", "conflict", "relation", one, other)
                return


def _elsewhere(one: str, other: str) -> bool:
    """Another place or time by a word that is never mere style: "on the table", "under the table"."""
    both = {one, other}
    placed = both <= _PLACE and not both.isdisjoint(_FIRM_PLACE)
    timed = both <= _TIME and not both.isdisjoint(_FIRM_TIME)
    return (placed or timed) and not same(one, other)


def roles(comparison: Comparison) -> Iterator[Reason]:
    """Who does what to whom."""
    parties = swapped(comparison)
    if parties is not None and not (len(comparison.opposite) == 1 and _is_converse(comparison)):
        yield Reason("roles", f"roles of {parties[0]!r} and {parties[1]!r} are exchanged", "conflict")


def persons(comparison: Comparison) -> Iterator[Reason]:
    """I / he / she: whom it is about, whose it is."""
    a, b = comparison.a, comparison.b
    told = (a.persons | b.persons) if "user" in a.persons or "user" in b.persons else frozenset()
    for of_a, of_b, what in ((a.persons, b.persons, "person"), (a.owners, b.owners, "owner")):
        only_a, only_b = of_a - of_b, of_b - of_a
        if told:  # "the user ... his": whoever speaks of the user in the third person means the same one
            only_a, only_b = only_a - _FIRST - {"3m", "3f"}, only_b - _FIRST - {"3m", "3f"}
        only_a, only_b = only_a - _ANY_PERSON, only_b - _ANY_PERSON
        if only_a and only_b:
            names = {"1": "I", "1p": "we", "2": "you", "3m": "he", "3f": "she", "user": "user"}
            yield said("person", "distinct", what, names[min(only_a)], names[min(only_b)])
            return


def question(comparison: Comparison) -> Iterator[Reason]:
    """One asks what the other says."""
    if comparison.a.question != comparison.b.question:
        yield Reason("question", "one text asks, the other states", "distinct")


def language(comparison: Comparison) -> Iterator[Reason]:
    """Where the word lists do not apply, only equal words in equal order are equal."""
    a, b = comparison.a, comparison.b
    if not (a.english and b.english) and not (a.bag == b.bag and in_order(a, b)):
        yield Reason("language", "not recognised as English, and the words differ", "distinct")
