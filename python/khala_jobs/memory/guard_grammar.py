"""As much grammar as the guard needs: verbs and their time, told from a word and the small words before it.

There is no parser here. A few looks to the left and one to the right decide whether a word is used as a verb,
whether it is passive and whether it puts the statement in the past; where they do not suffice the answer is
"not told", and the detectors make nothing of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from .guard_forms import INVARIANT
from .guard_lemma import Word, word_of
from .guard_meanings import OPPOSITES
from .guard_values import SCALES
from .guard_words import LIGHT, MODALS, NEGATIONS, NUMBER_WORDS, RELATIONS, word_set

__all__ = [
    "BE",
    "LIGHT_VERBS",
    "MAYBE_PRESENT",
    "POSSESSIVES",
    "SmallWords",
    "VerbUse",
    "is_infinitive",
    "is_mere_style",
    "is_number_word",
    "light_tense",
    "links_of",
    "small_words",
    "spelled_number",
    "verb_use",
]

BE: Final = word_set("be am is are was were been being")
POSSESSIVES: Final = word_set("my your his her our their its")
_GET: Final = word_set("get gets got getting gotten")
_HAVE: Final = word_set("have has had having")
_HAS: Final = frozenset({"has", "have", "having"})
_ARTICLES: Final = frozenset({"a", "an"})
_HELPERS: Final = word_set("will would can could may might must shall should do does did not")
_PARTICIPLES: Final = frozenset({"both", "participle"})
# After these comes a noun, even if it looks like a verb: "the plan", "my work", "on call".
_NOUN_CUES: Final = POSSESSIVES | word_set("""
    a an the this that these those some any no each every all both either neither 's of in on at for by with
    from about into onto as than like under over above below per during through between
""")
_REPORTING: Final = word_set(
    "say tell mention note state report express indicate confirm explain claim share add"
)
_LIGHT_BASES: Final = word_set("do go get take give make come happen keep use put let feel own")
# Light verbs that somebody does to somebody: "Alice told Bob".
_PIVOTS: Final = word_set("give take make get tell say ask mention let put keep")
_BIG: Final = word_set("hundred thousand million billion trillion dozen")


_AUXILIARIES: Final = {
    "am": "present", "is": "present", "are": "present", "do": "present", "does": "present",
    "going_to": "present", "was": "past", "were": "past", "did": "past",
}  # fmt: skip
_QUANTITIES: Final = {
    "all": "all", "every": "all", "each": "all", "both": "all", "most": "most", "some": "some", "several": "some",
    "various": "some", "many": "many", "much": "many", "numerous": "many", "few": "few", "any": "any", "half": "half",
}  # fmt: skip


def _base(word: str) -> str:
    return word_of(word).base


#: Tense of a word in -s that may be a verb or a plural: it says something only beside the past of the same word.
MAYBE_PRESENT: Final = "present?"

#: form -> base of the verbs that carry little meaning of their own.
LIGHT_VERBS: Final = (
    {form: _base(form) for form in LIGHT if _base(form) in _LIGHT_BASES}
    | dict.fromkeys(BE, "be")
    | dict.fromkeys(_HAVE, "have")
)

#: small word -> how it is compared; words that are not here are mere style.
_LINKS: Final = (
    {word: _base(word) for word in LIGHT if _base(word) in OPPOSITES or _base(word) in _PIVOTS}
    | {word: word for word in (*RELATIONS, *NEGATIONS, "'s", ",")}
    | dict.fromkeys(_HAVE, "have")
    | dict.fromkeys(BE, "be")
)


def links_of(before: Sequence[str]) -> tuple[str, ...]:
    """Those of the small words before an item that are compared."""
    return tuple([_LINKS[word] for word in before if word in _LINKS]) if before else ()


class SmallWords(NamedTuple):
    """What the small words between two items say, found once for each row of them.

    Attributes:
        links: As of ``links_of``.
        quantity: Tag of the last quantity among them, or "".
        auxiliary: As of ``Item``, before a participle.
        auxiliary_else: The same before any other word.
        noun: Whether what follows the last of them is a noun.
        is_be: Whether "be" or "get" is among them.
        has: Whether "have" is.
        has_now: Whether "has", "have" or "having" is.
        helped: Whether a word that takes an infinitive is.
        article: Whether "a" is.
    """

    links: tuple[str, ...]
    quantity: str
    auxiliary: str
    auxiliary_else: str
    noun: bool
    is_be: bool
    has: bool
    has_now: bool
    helped: bool
    article: bool


@lru_cache(maxsize=1 << 14)
def small_words(before: tuple[str, ...]) -> SmallWords:
    """Look at every word since the item before; there is at least one."""
    return SmallWords(
        links_of(before),
        _quantity_of(before),
        _auxiliary_of(before, participle=True),
        _auxiliary_of(before, participle=False),
        before[-1] in _NOUN_CUES,
        not BE.isdisjoint(before) or not _GET.isdisjoint(before),
        not _HAVE.isdisjoint(before),
        not _HAS.isdisjoint(before),
        not _HELPERS.isdisjoint(before),
        not _ARTICLES.isdisjoint(before),
    )


class VerbUse(NamedTuple):
    """How a content word is used; the fields are those of ``Item``."""

    verb: bool
    tense: str
    passive: bool


_NO_VERB: Final = VerbUse(verb=False, tense="", passive=False)


def verb_use(word: Word, before: SmallWords | None, after: str | None, previous_kind: str | None) -> VerbUse:
    """Whether a content word is a verb here, and when.

    Args:
        word: The word.
        before: The words since the item before, if any.
        after: The next word, if any.
        previous_kind: Kind of the item before, None if there is none.
    """
    if before is None:
        if not word.form and not word.verb:
            return _NO_VERB
        passive = after == "by" and word.form in _PARTICIPLES
        tense = _tense(word, previous_kind, passive=passive)
        return VerbUse(word.verb and (passive or tense in {"past", "present"}), tense, passive)
    if not word.form and not word.verb:
        return _NO_VERB
    passive = word.form in _PARTICIPLES and (before.is_be or after == "by")
    tense = "" if before.noun else _tense(word, previous_kind, passive=passive, before=before)
    helped = before.helped or (before.has and word.form != "s")
    finite = tense in {"past", "present"} or passive or (before.is_be if word.form == "ing" else helped)
    return VerbUse(word.verb and not before.noun and finite, tense, passive)


def _tense(word: Word, previous_kind: str | None, *, passive: bool, before: SmallWords | None = None) -> str:
    has = before is not None and before.has
    if word.form == "past" or (word.form == "both" and not passive and not has):
        return "past" if word.verb or previous_kind is not None else ""
    if word.form == "s":
        return "present" if word.verb and previous_kind is not None else MAYBE_PRESENT
    bare = not word.form and word.verb and word.base not in INVARIANT
    return "present" if bare and before is None and previous_kind == "pronoun" else ""


def _auxiliary_of(before: Sequence[str], *, participle: bool) -> str:
    """When "be", "have" and "do" before an item say it is; ``participle``: "has gone", but not "has a dog"."""
    if "have_to" in before:
        return "past" if "had" in before else "present"
    for word in before:
        if word == "had":
            return "pluperfect" if participle else "past"
        if word in {"have", "has"}:
            return "perfect" if participle else "present"
        if word in _AUXILIARIES:
            return _AUXILIARIES[word]
    return ""


def _quantity_of(before: Sequence[str]) -> str:
    """Tag of the last quantity among the small words before an item."""
    for word in reversed(before):
        if word in _QUANTITIES:
            return _QUANTITIES[word]
    return ""


def light_tense(lower: str, word: Word, before: Sequence[str], previous_kind: str | None) -> str:
    """When a light verb ("went", "takes") says it is; "" for "be", "have" and who told it ("said")."""
    if word.base in _REPORTING:
        return ""
    if word.form == "past":
        return "past"
    if word.form == "both":
        return "past" if BE.isdisjoint(before) and _HAVE.isdisjoint(before) else ""
    if lower not in LIGHT_VERBS and lower not in MODALS:
        return ""
    if lower in _HAVE or previous_kind is None:
        return ""
    bare = not word.form and not before and previous_kind == "pronoun"
    return "present" if word.form == "s" or bare else ""


def is_mere_style(lower: str, word: Word) -> bool:
    """Whether a light word only stands there: no verb, no denial, nothing about time."""
    if lower in LIGHT_VERBS or lower in {"used", "going_to"}:
        return False
    timeless = word.form not in {"past", "both"} and lower not in MODALS
    return word.role == "light" and (timeless or word.base in _REPORTING)


def is_infinitive(lower: str) -> bool:
    """Whether the word can follow the "to" of "used to" and "going to"."""
    word = word_of(lower)
    # "used to work as" has become "used to is" by now (``PHRASES``).
    if (
        lower in BE or lower in _LIGHT_BASES or lower in {"have", "use", "from"}
    ):  # "come from" is "from" by now
        return True
    return (word.verb or bool(word.modal)) and not word.form


def is_number_word(lower: str) -> bool:
    """Whether a number can begin with the word."""
    return lower in NUMBER_WORDS or lower in _BIG


def spelled_number(words: Sequence[str], at: int) -> tuple[Decimal, int]:
    """Value of the number words from ``at`` on, and the place of the last of them."""
    total = current = 0
    last = index = at
    while index < len(words):
        word = words[index]
        if word in NUMBER_WORDS:
            current += NUMBER_WORDS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _BIG:
            total += max(current, 1) * SCALES[word]
            current = 0
        elif (
            word == "and"
            and words[last] in _BIG
            and index + 1 < len(words)
            and words[index + 1] in NUMBER_WORDS
        ):
            index += 1
            continue
        else:
            break
        last = index
        index += 1
    return Decimal(total + current), last
