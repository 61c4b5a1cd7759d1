"""The detectors: each a small pure function from one comparison to the reasons it finds.

A reason has a *code* that never changes (programs may branch on it) and a sentence for people that names
the words. Its kind says what the difference usually means: "conflict", the two cannot both be meant;
"update", the same fact with another value, so that the newer one may replace the older; "distinct", two
facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, Self

from .guard_compare import Comparison
from .guard_features import Features, Item
from .guard_meanings import opposite, same, shared_attribute
from .guard_roles import in_order, swapped
from .guard_words import word_set

__all__ = ["DETECTORS", "Kind", "Reason"]

Kind = Literal["duplicate", "update", "conflict", "distinct"]


class Reason(str):
    """Why a pair is not a duplicate: the string ``"code: sentence"``, to be printed and stored as it is.

    Attributes:
        code: Stable machine word.
        kind: What this difference by itself makes of the pair.
    """

    __slots__ = ("code", "kind")

    code: str
    kind: Kind

    def __new__(cls, code: str, text: str, kind: Kind) -> Self:
        """Make a reason.

        Args:
            code: Stable machine word.
            text: One sentence with the offending words.
            kind: "update", "conflict" or "distinct".
        """
        made = super().__new__(cls, f"{code}: {text}")
        made.code = code
        made.kind = kind
        return made

    def __reduce__(self) -> tuple[type[Reason], tuple[str, str, Kind]]:
        return Reason, (self.code, self[len(self.code) + 2 :], self.kind)


Detector = Callable[[Comparison], Iterator[Reason]]

# One text may have these and the other not, and still say the same.
_LENIENT_QUANTIFIERS: Final = frozenset({"all", "usual", "either"})
_NONE: Final = frozenset[str]()
_ANY_PERSON: Final = frozenset({"3p"})
_FIRST: Final = frozenset({"1", "user"})
_COMPARATORS: Final[Mapping[str, str]] = {
    "more": "+",
    "over": "+",
    "above": "+",
    "less": "-",
    "fewer": "-",
    "under": "-",
    "below": "-",
}
# Words that place something, and those among them that are never mere style.
_PLACE: Final = word_set("""
    under above below behind beside near front_of outside between beyond against in on at over inside into by with to
""")
_FIRM_PLACE: Final = word_set("under above below behind beside near front_of outside between beyond against")
_TIME: Final = word_set("before after until since during from by at on in")
_FIRM_TIME: Final = word_set("before after until since")
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
_UNCOUNTED: Final = frozenset({"number:1", "ordinal:1"})

# How many items of a text it takes for one unexplained word: short statements are all substance, long reports
# are not.
_WORDS_PER_SWAP: Final = 12
_WORDS_PER_DETAIL: Final = 8


def _said(code: str, kind: Kind, what: str, one: str, other: str) -> Reason:
    return Reason(code, f"{what}: {one!r} against {other!r}", kind)


def _one_sided(code: str, kind: Kind, what: str, word: str) -> Reason:
    return Reason(code, f"{what} in one text only: {word!r}", kind)


def polarity(comparison: Comparison) -> Iterator[Reason]:
    """Denied on one side, or an opposite; one of each cancels out ("not happy", "sad")."""
    a, b = comparison.a, comparison.b
    odd = (len(a.negations) - len(b.negations)) % 2 == 1
    flips = comparison.opposite
    if odd and len(flips) == 1:
        return
    for one, other in flips:
        if not (len(flips) == 1 and _is_converse(comparison)):
            yield _said("antonym", "conflict", "opposites", one.surface, other.surface)
    if odd and not flips:
        more = a if len(a.negations) > len(b.negations) else b
        yield _one_sided("negation", "conflict", "negation", more.negations[-1])
    elif not odd and a.negations and b.negations:
        denied_a, denied_b = _denied(a), _denied(b)
        exchanged = denied_a and denied_b and _has(b, denied_a) and _has(a, denied_b)
        if denied_a and denied_b and exchanged and denied_a.key != denied_b.key:
            yield _said("negation", "conflict", "another thing is denied", denied_a.surface, denied_b.surface)


def _denied(features: Features) -> Item | None:
    """The noun right behind the only negation; None for a denied verb, which stands in different places."""
    if len(features.negations) != 1:
        return None
    for item in features.items:
        if item.kind != "pronoun" and ("not" in item.links or "no" in item.links):
            return None if item.verb else item
    return None


def _has(features: Features, item: Item) -> bool:
    return any(one.key == item.key for one in features.items)


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
    yield from _tags(a.quantifiers, b.quantifiers, "quantifier", "quantity", lenient)


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
        yield _said(code, "conflict", what, a[only_a[0]], b[only_b[0]])
        return
    for tag in only_a or only_b:
        if tag not in lenient:
            yield _one_sided(code, "conflict", what, a.get(tag) or b[tag])


def tense(comparison: Comparison) -> Iterator[Reason]:
    """Used to, was, is, will: whether the fact still holds, or not yet."""
    a, b = comparison.a.tenses or {}, comparison.b.tenses or {}
    for tag in ("former", "future"):
        if (tag in a) != (tag in b):
            yield _one_sided("tense", "update", "time", a.get(tag) or b[tag])
            return
    for one, other, past, present in ((a, b, "past", "present"), (b, a, "past", "present")):
        if past in one and present not in one and present in other and past not in other:
            yield _said("tense", "update", "time", one[past], other[present])
            return
    if "past" in a and "past" in b and "present" not in a and "present" not in b:
        return
    yield from _verb_tense(comparison)


def _verb_tense(comparison: Comparison) -> Iterator[Reason]:
    """One verb past here and present there."""
    renamed = {other.key: one.key for one, other in comparison.same}
    told = {item.key: item for item in comparison.a.items if item.tense}
    for item in comparison.b.items:
        if item.tense:
            other = told.get(renamed.get(item.key, item.key))
            if other is not None and other.tense != item.tense:
                yield _said("tense", "update", "time", other.surface, item.surface)
                return


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
            yield _said(code, kind, f"another {code}", one.surface, partner.surface)
    for item in (*left, *right):
        if item.key not in _UNCOUNTED:
            yield _one_sided(_code(item), "update", _code(item), item.surface)


def _code(item: Item) -> str:
    dimension = item.key.partition(":")[0]
    return "money" if dimension in _CURRENCIES else _CODES.get(dimension, "unit")


def bounds(comparison: Comparison) -> Iterator[Reason]:
    """More than, less than, or exactly one and the same number."""
    a, b = _bounds(comparison.a), _bounds(comparison.b)
    for key in a.keys() & b.keys():
        if a[key][0] != b[key][0]:
            opposed = a[key][0] and b[key][0]
            yield _said("comparison", "conflict" if opposed else "update", "bound", a[key][1], b[key][1])


def _bounds(features: Features) -> dict[str, tuple[str, str]]:
    found = {}
    for item in features.items:
        if item.kind == "number":
            word = next((link for link in item.links if link in _COMPARATORS), "")
            found[item.key] = (_COMPARATORS.get(word, ""), f"{word} {item.surface}".strip())
    return found


def counts(comparison: Comparison) -> Iterator[Reason]:
    """One or several: "I have a dog", "I have dogs". Of other verbs than "have" both may be said of the kind."""
    if "have" not in comparison.a.light_verbs or "have" not in comparison.b.light_verbs:
        return
    told = {item.key: item for item in comparison.a.items if item.count}
    for item in comparison.b.items:
        other = told.get(item.key)
        if other is not None and item.count and other.count != item.count:
            yield _said("number", "update", "one or several", other.surface, item.surface)
            return


def relations(comparison: Comparison) -> Iterator[Reason]:
    """To / from, before / after, and / or: small words whose exchange turns the statement round."""
    a, b = comparison.a.links, comparison.b.links
    if a == b:
        return
    only_a, only_b = {word for word, _ in a - b}, {word for word, _ in b - a}
    for one in sorted(only_a):
        for other in sorted(only_b):
            if opposite(one, other) or _elsewhere(one, other):
                yield _said("relation", "conflict", "relation", one, other)
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
            yield _said("person", "distinct", what, names[min(only_a)], names[min(only_b)])
            return


def attributes(comparison: Comparison) -> Iterator[Reason]:
    """Another color, animal, job, language ...: one attribute, two values."""
    for one, other in comparison.exclusive:
        attribute = shared_attribute(one.key, other.key)
        kind: Kind = (
            "update" if attribute in _REPLACED else "distinct" if attribute in _KEPT else _slot(one, other)
        )
        yield _said("attribute", kind, f"another {attribute}", one.surface, other.surface)


def change(comparison: Comparison) -> Iterator[Reason]:
    """One text tells how the fact came to change: "moved from Berlin to Lisbon", "no longer", "instead"."""
    cue_a, cue_b = _cue(comparison.a), _cue(comparison.b)
    if bool(cue_a) != bool(cue_b):
        yield _one_sided("change", "update", "a change is told", cue_a or cue_b)


def _cue(features: Features) -> str:
    told = next((item.surface for item in features.items if item.key in _CHANGES), "")
    return told or (features.tenses or {}).get("former", "")


def names(comparison: Comparison) -> Iterator[Reason]:
    """Proper names that only one text has."""
    left, right = ([item for item in side if item.kind == "name"] for side in comparison.rest)
    if left and right:
        yield _said("name", _slot(left[0], right[0]), "another name", left[0].surface, right[0].surface)
    elif left or right:
        yield _one_sided("name", "distinct", "name", (left or right)[0].surface)


def _slot(one: Item, other: Item) -> Kind:
    """A value of the same place or thing ("lives in", "color is") replaces; all else is another fact."""
    return "update" if one.links and one.links == other.links and _PLACES & set(one.links) else "distinct"


def wording(comparison: Comparison) -> Iterator[Reason]:
    """Content words that nothing explains."""
    left, right = ([item for item in side if item.kind != "name"] for side in comparison.rest)
    if not left and not right:
        return
    size = min(len(comparison.a.items), len(comparison.b.items))
    if left and right:
        if max(len(left), len(right)) > size // _WORDS_PER_SWAP:
            yield _said("wording", "distinct", "another word", left[0].surface, right[0].surface)
        return
    extra = [item for item in left or right if item.kind != "symbol"]
    if len(extra) > size // _WORDS_PER_DETAIL:
        yield Reason(
            "detail",
            "said in one text only: " + ", ".join(repr(item.surface) for item in extra[:5]),
            "distinct",
        )


def question(comparison: Comparison) -> Iterator[Reason]:
    """One asks what the other says."""
    if comparison.a.question != comparison.b.question:
        yield Reason("question", "one text asks, the other states", "distinct")


def language(comparison: Comparison) -> Iterator[Reason]:
    """Where the word lists do not apply, only equal words in equal order are equal."""
    a, b = comparison.a, comparison.b
    if not (a.english and b.english) and not (a.bag == b.bag and in_order(a, b)):
        yield Reason("language", "not recognised as English, and the words differ", "distinct")


DETECTORS: Final[tuple[Detector, ...]] = (
    polarity,
    quantifiers,
    modality,
    tense,
    values,
    bounds,
    counts,
    relations,
    roles,
    persons,
    attributes,
    change,
    names,
    wording,
    question,
    language,
)
