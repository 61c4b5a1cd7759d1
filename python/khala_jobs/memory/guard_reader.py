"""Reading a text into features: the expensive half of a judgement, which depends on one text alone.

A batch therefore reads each memory once and judges pairs from what was read. Reading is one walk over the
tokens; small words wait until the next item takes them as its links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from .guard_features import MAX_CHARS, MAX_ITEMS, Features, Item
from .guard_grammar import (
    BE,
    LIGHT_VERBS,
    MAYBE_PRESENT,
    POSSESSIVES,
    SmallWords,
    VerbUse,
    is_infinitive,
    is_mere_style,
    is_number_word,
    light_tense,
    links_of,
    small_words,
    spelled_number,
    verb_use,
)
from .guard_lemma import Word, is_known, word_of
from .guard_text import Token, normalize, tokenize
from .guard_values import MONTHS, RELATIVE_DAYS, UNITS, WEEKDAYS, amount_key, date_key
from .guard_words import ORDINAL_WORDS, word_set

__all__ = ["analyse"]

_CLOCK_WORDS: Final = {"noon": "time:12:00", "midday": "time:12:00", "midnight": "time:00:00"}
_ONE_IS_A_PRONOUN_AFTER: Final = word_set("this that the which each every any another no some new old")
_MONTHS_THAT_ARE_WORDS: Final = word_set("may march mar")
_MONTH_CUES: Final = word_set("in since until till by of last next this early late mid every")
_PARTICIPLES: Final = frozenset({"both", "participle"})
_GRADES: Final = frozenset({"er", "est"})
_IN_NAMES: Final = word_set("state way note report kind case get go come take make give keep use well")
_NO_VERB: Final = VerbUse(verb=False, tense="", passive=False)
# A text is English if it has one of these words, or enough words that the lists know.
_ENGLISH: Final = word_set("the and is are of with my to for not has have from she they that user i")
_ENGLISH_SHARE: Final = 0.2
# A headline: this share of at least so many longer words has a capital.
_TITLE_SHARE: Final = 0.75
_TITLE_WORDS: Final = 6
_TITLE_WORD_CHARS: Final = 4


def analyse(text: str) -> Features:
    """Analyse one text.

    Args:
        text: Any string. Beyond ``MAX_CHARS`` characters or ``MAX_ITEMS`` items only equality will be
            looked at.

    Returns:
        Its features; cheap to keep (a few KB for a sentence or two) and safe to share between threads.
    """
    if len(text) > MAX_CHARS:
        return Features(text, too_long=True)
    plain = normalize(text)
    reader = _Reader(tokenize(plain))
    reader.read()
    return reader.features(plain) if reader.item_count <= MAX_ITEMS else Features(text, too_long=True)


class _Reader:
    """Walks over the tokens of one text once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._titled = _is_titled(tokens)
        self._items: list[Item] = []
        self._before: list[str] = []  # every word since the last item
        self._time = ""  # told by the light verbs since the last item
        self._negations: list[str] = []
        self._quantifiers: dict[str, str] = {}
        self._modals: dict[str, str] = {}
        self._tenses: dict[str, str] = {}
        self._persons: set[str] = set()
        self._owners: set[str] = set()
        self._light_verbs: set[str] = set()
        self._word_count = 0
        self._known_count = 0
        self._strongly_english = False

    @property
    def item_count(self) -> int:
        """Items found so far."""
        return len(self._items)

    def read(self) -> None:
        """Take in every token."""
        at = 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if token.kind == "word":
                at = self._word(token, at)
            elif token.kind == "number":
                at = self._number(token, _plain_amount(token.key), at)
            elif token.kind != "mark":
                self._item(token.key, token.surface, token.kind)
            elif token.key not in "()":
                self._before.append(",")
            at += 1

    def features(self, text: str) -> Features:
        """What was read."""
        known_share = self._known_count / self._word_count if self._word_count else 1.0
        links = [link for item in self._items for link in item.links]
        return Features(
            text=text,
            items=tuple(self._items),
            keys=frozenset([item.key for item in self._items]),
            kinds=frozenset([item.kind for item in self._items]),
            bag=frozenset(_bag(self._items)),
            links=frozenset(_numbered([*links, *links_of(self._before)])),
            negations=tuple(self._negations),
            quantifiers=self._quantifiers,
            modals=self._modals,
            tenses=self._tenses,
            persons=frozenset(self._persons),
            owners=frozenset(self._owners),
            light_verbs=frozenset(self._light_verbs),
            question=text.endswith("?"),
            english=self._strongly_english or known_share >= _ENGLISH_SHARE,
        )

    def _item(self, key: str, surface: str, kind: str, use: VerbUse = _NO_VERB, count: str = "") -> None:
        if not self._before:
            self._items.append(Item(key, surface, kind, (), *use, bool(self._items), count, self._time))
            self._time = ""
            return
        before = small_words(tuple(self._before))
        participle = (
            before.auxiliary != before.auxiliary_else and word_of(surface.lower()).form in _PARTICIPLES
        )
        time = (before.auxiliary if participle else before.auxiliary_else) or self._time
        self._items.append(Item(key, surface, kind, before.links, *use, False, count, time, before.quantity))
        self._before.clear()
        self._time = ""

    def _word(self, token: Token, at: int) -> int:
        """Take the word at ``at`` and whatever belongs to it; returns the last place used."""
        lower = token.key
        entry = _entry(lower)
        self._word_count += 1
        if entry.english:
            self._strongly_english = True
        if entry.style:
            self._known_count += 1
            self._before.append(lower)
            return at
        if entry.value:
            last = self._value_word(token, at)
            if last is not None:
                self._known_count += 1
                return last
        word = entry.word
        if entry.marks:
            if word.modal == "intend" and word.form == "both" and not BE.isdisjoint(self._before):
                word = word._replace(role="content", modal="")  # "is planned for Monday" is no wish
            self._mark_statement(token, word, at)
        if word.role == "light" and lower in _IN_NAMES and self._is_name(token):
            word = word._replace(role="content")  # "Michigan State"
        if word.role == "content":
            self._known_count += entry.known
            self._content(token, word, at)
            return at
        self._known_count += 1
        if word.role == "pronoun":
            self._pronoun(token, word, at)
        else:
            self._small(token, word, at)
        return at

    def _mark_statement(self, token: Token, word: Word, at: int) -> None:
        """Note what the word does to the statement as a whole."""
        if word.quantifier and not (token.key == "some" and not self._is_partitive(token, at)):
            self._quantifiers.setdefault(word.quantifier, token.surface)
        if word.form in _GRADES:
            self._quantifiers.setdefault(word.form, token.surface)
        if word.modal:
            self._modals.setdefault(word.modal, token.surface)
        if word.tense:
            self._tenses.setdefault(word.tense, token.surface)

    def _is_partitive(self, token: Token, at: int) -> bool:
        """Whether "some" takes a part: "some garlic" is just garlic, "some users" are not all."""
        return token.surface.endswith("of") or self._key(at + 1).endswith("s")

    def _small(self, token: Token, word: Word, at: int) -> None:
        lower = token.key
        if lower in LIGHT_VERBS:
            self._light_verbs.add(LIGHT_VERBS[lower])
        if word.role == "negation":
            self._negations.append(token.surface)
        tense = light_tense(lower, word, self._before, self._previous_kind())
        if lower == "used" and self._key(at + 1) == "to" and is_infinitive(self._key(at + 2)):
            accustomed = bool(self._before) and self._before[-1] in BE
            tense = "" if accustomed else "former"
        elif lower == "going_to" and is_infinitive(self._key(at + 1)):
            tense = "future"
        if tense:
            if not word.modal:
                self._tenses.setdefault(tense, "used to" if tense == "former" else token.surface)
            self._time = tense
        self._before.append(lower)

    def _value_word(self, token: Token, at: int) -> int | None:
        """Number words, weekdays, months and days like "tomorrow"; None for anything else."""
        lower = token.key
        if is_number_word(lower) and (lower != "one" or self._one_is_number(at)):
            amount, last = spelled_number([one.key for one in self._tokens[at : at + _LONGEST_NUMBER]], 0)
            return self._number(token, amount, at + last)
        day = lower.removesuffix("s")
        if lower in ORDINAL_WORDS and lower != "second":
            self._item(f"ordinal:{ORDINAL_WORDS[lower]}", token.surface, "number")
        elif day in WEEKDAYS:
            self._item(f"weekday:{day}", token.surface, "date")
        elif lower in RELATIVE_DAYS:
            self._item(f"day:{lower}", token.surface, "date")
        elif lower in _CLOCK_WORDS:
            self._item(_CLOCK_WORDS[lower], token.surface, "time")
        elif lower in MONTHS and token.surface[0].isupper() and self._is_month(lower, at):
            self._item(date_key(None, MONTHS[lower], None), token.surface, "date")
        else:
            return None
        return at

    def _number(self, token: Token, amount: Decimal | None, at: int) -> int:
        """A number that ends at ``at``, together with a unit that follows it."""
        unit = self._key(at + 1)
        # "one day" and "a day" are the same: a single unit stays a word.
        if amount is not None and amount != 1 and unit in UNITS and len(unit) > 1:
            self._item(amount_key(amount, unit), f"{token.surface} {self._tokens[at + 1].surface}", "number")
            return at + 1
        key = token.key if token.kind == "number" or amount is None else amount_key(amount, None)
        self._item(key, token.surface, "number")
        return at

    def _one_is_number(self, at: int) -> bool:
        """Whether "one" counts: not in "one of", "this one", "no one"."""
        return self._key(at + 1) not in {"of", "'s"} and self._key(at - 1) not in _ONE_IS_A_PRONOUN_AFTER

    def _is_month(self, lower: str, at: int) -> bool:
        return lower not in _MONTHS_THAT_ARE_WORDS or self._key(at - 1) in _MONTH_CUES

    def _pronoun(self, token: Token, word: Word, at: int) -> None:
        self._persons.add("user" if token.key.startswith("user") else word.person)
        if token.key in POSSESSIVES and (token.key != "her" or self._is_ownable(at + 1)):
            self._owners.add(word.person)
            self._before.append(token.key)
        else:
            self._item(f"@{word.person}", token.surface, "pronoun")

    def _is_ownable(self, at: int) -> bool:
        """Whether "her" before this is a possessive: "her dog", but not "called her yesterday"."""
        lower = self._key(at)
        return bool(lower) and lower not in RELATIVE_DAYS and word_of(lower).role == "content"

    def _content(self, token: Token, word: Word, at: int) -> None:
        before = small_words(tuple(self._before)) if self._before else None
        if before is not None and before.has_now and word.form not in _PARTICIPLES:
            self._tenses.setdefault("present", "has")
        if self._is_name(token):
            self._item(word.base, token.surface, "name")
            return
        use = verb_use(word, before, self._key(at + 1), self._previous_kind())
        if use.tense and use.tense != MAYBE_PRESENT:
            self._tenses.setdefault(use.tense, token.surface)
        self._item(word.base, token.surface, "word", use, self._count(word, use, before))

    def _count(self, word: Word, use: VerbUse, before: SmallWords | None) -> str:
        compound = before is None and bool(self._items) and self._items[-1].amount == "one"
        if compound or (before is not None and before.article):  # "a pet turtle": the turtle is one as well
            return "one"
        if word.form != "s" or use.verb:
            return ""
        return "many" if not self._items or self._items[-1].kind != "number" else ""

    def _is_name(self, token: Token) -> bool:
        surface = token.surface
        if self._titled or not surface[0].isupper():
            return False
        return (surface.isupper() and len(surface) > 1) or not token.starts or not is_known(token.key)

    def _previous_kind(self) -> str | None:
        return self._items[-1].kind if self._items else None

    def _key(self, at: int) -> str:
        """Key of the word at a place; "" if there is none."""
        return self._tokens[at].key if 0 <= at < len(self._tokens) and self._tokens[at].kind == "word" else ""


class _Entry(NamedTuple):
    """What a word says by itself, looked up once."""

    word: Word
    english: bool  # says that the text is English
    known: bool
    value: bool  # may be a number, a day, a month or a time
    marks: bool  # does something to the statement as a whole
    style: bool  # none of this: waits for the next item, and that is all


@lru_cache(maxsize=1 << 16)
def _entry(lower: str) -> _Entry:
    word = word_of(lower)
    value = (
        is_number_word(lower)
        or lower in ORDINAL_WORDS
        or lower.removesuffix("s") in WEEKDAYS
        or lower in RELATIVE_DAYS
        or lower in _CLOCK_WORDS
        or lower in MONTHS
    )
    marks = bool(word.quantifier or word.modal or word.tense) or word.form in _GRADES
    style = not value and not marks and lower not in _IN_NAMES and is_mere_style(lower, word)
    return _Entry(word, lower in _ENGLISH, is_known(lower), value, marks, style)


_LONGEST_NUMBER: Final = 16  # words


def _bag(items: Sequence[Item]) -> Iterable[tuple[str, int]]:
    """Keys with the number of their occurrence, since "2 cats and 2 dogs" is not "2 cats and dogs"."""
    return _numbered([item.key for item in items if item.kind != "pronoun"])


def _numbered(words: Sequence[str]) -> Iterable[tuple[str, int]]:
    if len(set(words)) == len(words):
        return [(word, 0) for word in words]
    return _counted(words)


def _counted(words: Sequence[str]) -> Iterator[tuple[str, int]]:
    seen: dict[str, int] = {}
    for word in words:
        seen[word] = seen.get(word, -1) + 1
        yield word, seen[word]


def _plain_amount(key: str) -> Decimal | None:
    """The value of a number token that has no unit yet; None for all others."""
    name, _, digits = key.partition(":")
    plain = digits.removeprefix("-").replace(".", "", 1)
    return Decimal(digits) if name == "number" and plain.isdecimal() and plain.isascii() else None


def _is_titled(tokens: Sequence[Token]) -> bool:
    """Whether the text is a headline, whose capitals say nothing."""
    words = [
        token.surface
        for token in tokens
        if token.kind == "word" and token.key != "'s" and len(token.surface) >= _TITLE_WORD_CHARS
    ]
    return len(words) >= _TITLE_WORDS and sum(word[0].isupper() for word in words) >= _TITLE_SHARE * len(
        words
    )
