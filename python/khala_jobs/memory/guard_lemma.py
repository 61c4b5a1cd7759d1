"""Words to base forms, by irregular lists, known words and the rules of English endings.

Exactness matters less than agreement: the two texts of a pair are folded by the same rules, and what the
rules tear apart ("migrated" and an unknown base) ``same_stem`` still recognises when the pair is compared.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from .guard_forms import IRREGULAR
from .guard_lists import LISTED
from .guard_phrases import SPELLING
from .guard_words import (
    LIGHT,
    MODALS,
    NEGATIONS,
    PRONOUNS,
    QUANTIFIERS,
    RELATIONS,
    TENSE,
    VERBS,
    word_set,
)

__all__ = ["Word", "is_known", "same_stem", "word_of"]


class Word(NamedTuple):
    """What is known about a word by itself.

    Attributes:
        base: Base form, American spelling.
        form: "", "s", "past" (finite), "participle", "both" (either of the two), "ing", "er" or "est".
        role: "light", "negation", "pronoun" or "content"; the tags below are independent of it.
        person: Of a pronoun, else "".
        quantifier: Tag, or "".
        modal: Tag, or "".
        tense: Tag, or "".
        verb: Whether the base is a common verb.
    """

    base: str
    form: str
    role: str
    person: str
    quantifier: str
    modal: str
    tense: str
    verb: bool


_CONTENT: Final = LISTED | VERBS
_GRADED: Final = word_set("""
    tall short big large small old young new fast quick slow high low hot cold warm cool cheap rich poor
    strong weak hard easy early late near far long wide narrow deep shallow heavy light dark bright loud
    quiet clean dirty happy sad smart nice great safe thick thin fat soft busy pretty ugly healthy funny
    lazy brave calm clear close cute dry fair few fine firm fresh full hungry kind mild neat polite proud
    rare rough rude sharp simple small smooth sour spicy steep strict sweet tasty tidy tight tough tiny
    wet wise noisy
""")
_NO_LY: Final = word_set("""
    only family early daily weekly monthly yearly apply reply supply july italy lovely friendly
""")
#: Words that look like a form of another word and are not, or not any more.
_FIXED: Final = word_set("""
    left ground wound bit bound means building meeting evening beginning wedding setting warning clothing
    engineering painting father mother farmer other another either neither whether ever never together
    however over under after water paper number order offer answer enter consider remember discover
    deliver cover recover matter letter dinner summer winter later latter former upper lower server user
    data news lens series species is was has his this thus bus gas yes us does thing something anything
    everything nothing during morning king ring string spring sing bring wing sting swing need seed feed
    speed breed indeed hundred bed red wed shed sacred naked
""")
_VOWEL: Final = re.compile("[aeiouy]")
_ONE_SYLLABLE: Final = re.compile("[^aeiou]*[aeiou][^aeiouwxy]")


def is_known(word: str) -> bool:
    """Whether some list has this form or its base."""
    known = word_of(word)
    return (
        known.role != "content"
        or known.base in _CONTENT
        or bool(known.modal or known.quantifier or known.tense)
    )


@lru_cache(maxsize=1 << 16)
def word_of(lower: str) -> Word:
    """Look a folded, lower-case word up."""
    word = SPELLING.get(lower, lower)
    base, form = _base(word)
    base = SPELLING.get(base, base)
    person = PRONOUNS.get(word, "")
    quantifier, modal, tense = QUANTIFIERS.get(word, ""), MODALS.get(word, ""), TENSE.get(word, "")
    if word in NEGATIONS:
        role = "negation"
    elif person:
        role = "pronoun"
    elif word in LIGHT or word in RELATIONS or quantifier or modal or tense or word == "'s":
        role = "light"
    else:
        role = "content"
    return Word(base, form, role, person, quantifier, modal, tense, base in VERBS)


def _base(word: str) -> tuple[str, str]:
    if word in _FIXED or not word.isascii():
        return word, ""
    irregular = IRREGULAR.get(word)
    if irregular is not None:
        return irregular
    reduced = _reduced(word)
    # A form of a known verb is that verb; any other listed word is itself, whatever its ending looks like.
    if reduced is not None and (reduced[0] in VERBS or (word not in _CONTENT and word not in _GRADED)):
        return reduced
    return word, ""


def _reduced(word: str) -> tuple[str, str] | None:
    if len(word) < 4:
        return None
    for ending, form, stems in _ENDINGS:
        if word.endswith(ending):
            base = stems(word)
            if base is not None:
                return base, form
    return None


def _ies(word: str) -> str | None:
    return word[:-1] if word[:-1] in _CONTENT or len(word) < 5 else word[:-3] + "y"


def _es(word: str) -> str | None:
    stem = word[:-2]
    if word[:-1] in _CONTENT:
        return word[:-1]
    return stem if stem.endswith(("s", "x", "z", "ch", "sh", "o")) else word[:-1]


def _s(word: str) -> str | None:
    return None if word.endswith(("ss", "us", "is", "news")) else word[:-1]


def _ied(word: str) -> str | None:
    return word[:-3] + "y"


def _ed(word: str) -> str | None:
    return _stem(word[:-2])


def _ing(word: str) -> str | None:
    return _stem(word[:-3])


def _ly(word: str) -> str | None:
    if word in _NO_LY:
        return None
    for stem in (
        word[:-2],
        word[:-3] + "y" if word.endswith("ily") else "",
        word[:-1] + "e" if word.endswith("bly") else "",
    ):
        if stem in _CONTENT or stem in _GRADED:
            return stem
    return None


def _er(word: str) -> str | None:
    return _graded(word[:-2])


def _est(word: str) -> str | None:
    return _graded(word[:-3])


def _graded(stem: str) -> str | None:
    for base in (stem, stem + "e", stem[:-1] + "y" if stem.endswith("i") else "", stem[:-1]):
        if base in _GRADED:
            return base
    return None


def _stem(stem: str) -> str | None:
    """Base form behind -ed or -ing; None when nothing like a word is left."""
    if len(stem) < 2 or not _VOWEL.search(stem):
        return None
    doubled = len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "aeiou"
    for base in (stem, stem + "e", stem[:-1] if doubled else ""):
        if base in _CONTENT or base in LIGHT:
            return base
    if doubled and stem[-1] not in "lsz":
        return stem[:-1]
    if (
        stem[-1] in "vczu"
        or stem.endswith(("dg", "at", "iz"))
        or (stem[-1] == "l" and stem[-2] in "bcdfgkptz")
    ):
        return stem + "e"
    return stem + "e" if _ONE_SYLLABLE.fullmatch(stem) else stem


_ENDINGS: Final = (
    ("ies", "s", _ies),
    ("es", "s", _es),
    ("s", "s", _s),
    ("ied", "both", _ied),
    ("ed", "both", _ed),
    ("ing", "ing", _ing),
    ("ly", "", _ly),
    ("er", "er", _er),
    ("est", "est", _est),
)

_TAILS: Final = frozenset(
    frozenset(pair.split("/"))
    for pair in [
        "/s",
        "/es",
        "/ed",
        "/ing",
        "/d",
        "/ly",
        "/al",
        "/ly",
        "e/ing",
        "e/ed",
        "e/es",
        "y/ies",
        "y/ied",
        "y/ily",
        "s/ed",
        "s/ing",
        "ed/ing",
        "es/ing",
        "es/ed",
        "ies/ied",
        "ies/ying",
        "e/ation",
        "e/ion",
        "/ation",
        "/ment",
        "al/ally",
        "ing/ment",
        "ed/ment",
        "s/ment",
        "e/able",
        "/able",
        "ed/ion",
        "ing/ion",
        "es/ion",
        "ing/ation",
        "ed/ation",
        "er/ers",
        "or/ors",
        "t/ce",
        "ion/ions",
        "ment/ments",
        "able/ably",
        "/'s",
        "y/ier",
        "y/iest",
        "/er's",
    ]
)
_MIN_STEM: Final = 4


def same_stem(one: str, other: str) -> bool:
    """Whether two unequal words are forms of one word by their endings."""
    if one[:_MIN_STEM] != other[:_MIN_STEM]:
        return False
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    if length < _MIN_STEM:
        return False
    # A doubled consonant or a final e may sit on either side of the cut: try both cuts.
    return any(
        frozenset((one[cut:], other[cut:])) in _TAILS for cut in (length, length - 1) if cut >= _MIN_STEM
    )
