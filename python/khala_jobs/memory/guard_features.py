"""What the guard remembers of one text: enough to judge it against any other without reading it again.

``analyse`` is the expensive half of a judgement and depends on one text alone, so that a batch analyses each memory
once and then judges pairs from the remembered features.

A text becomes a row of *items*, the words and values that carry facts, each with the small words (*links*) before it. What
the small words say about the statement as a whole, that it is denied, past, possible or limited, is gathered
beside the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from khala_jobs.memory.guard_lemma import Word, is_known, word_of
from khala_jobs.memory.guard_meanings import OPPOSITES
from khala_jobs.memory.guard_text import Token, normalize, tokenize
from khala_jobs.memory.guard_values import MONTHS, RELATIVE_DAYS, SCALES, UNITS, WEEKDAYS, amount_key, date_key
from khala_jobs.memory.guard_words import INVARIANT, LIGHT, MODALS, NEGATIONS, NUMBER_WORDS, ORDINAL_WORDS, RELATIONS

__all__ = ["MAX_CHARS", "VALUE_KINDS", "Features", "Item", "analyse"]

MAX_CHARS: Final = 20_000
"""Longer texts are compared for equality only; the verdict on an unequal pair says so."""

VALUE_KINDS: Final = frozenset({"number", "date", "time", "identifier"})
"""Items of which each occurrence counts and none may be missing."""

_BE: Final = frozenset("be am is are was were been being".split())
_GET: Final = frozenset("get gets got getting gotten".split())
_HAVE: Final = frozenset("have has had having".split())
_CLOCK_WORDS: Final = {"noon": "time:12:00", "midday": "time:12:00", "midnight": "time:00:00"}
_REPORTING: Final = frozenset("say tell mention note state report express indicate confirm explain claim share add".split())
_HELPERS: Final = frozenset("will would can could may might must shall should do does did not".split())
_DETERMINERS: Final = frozenset("a an the this that these those some any no each every all both either neither 's".split())
_POSSESSIVES: Final = frozenset("my your his her our their its".split())
_PREPOSITIONS: Final = frozenset(
    "of in on at for by with from about into onto as than like under over above below per during through between".split()
)
_ONE_IS_A_PRONOUN_AFTER: Final = frozenset("this that the which each every any another no some new old".split())
_ENGLISH: Final = frozenset("the and is are of with my to for not has have from she they that user i".split())
_ENGLISH_SHARE: Final = 0.2
_TITLE_SHARE: Final = 0.7
_TITLE_WORDS: Final = 4
_MONTH_CUES: Final = frozenset("in since until till by of last next this early late mid every".split())


@dataclass(frozen=True, slots=True)
class Item:
    """One word or value that carries a fact.

    Attributes:
        key: What is compared.
        surface: What stood in the text.
        kind: "word", "name", "pronoun", "symbol" or one of ``VALUE_KINDS``.
        links: Relation words, negations, forms of "be" (as "be") and "'s" since the item before.
        verb: Whether it is a verb that has a doer ("calls", "was called", "will call"; not "calling" or "to call").
        tense: "past", "present" or "" of a verb.
        passive: Whether it is a participle after "be" or before "by".
        joined: Whether it follows the item before with no word between.
    """

    key: str
    surface: str
    kind: str
    links: tuple[str, ...]
    verb: bool = False
    tense: str = ""
    passive: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """One text, analysed. Made by ``analyse`` only.

    Attributes:
        text: The normalised text.
        items: What carries facts, in order.
        bag: Keys of all items but pronouns; values with the number of their occurrence.
        links: Relation words with the number of their occurrence.
        negations: Negating words as they stood.
        quantifiers: tag -> a word that says so.
        modals: tag -> a word that says so.
        tenses: tag -> a word that says so.
        persons: Persons of the pronouns, "user" among them where the user is spoken of.
        owners: Persons of the possessive ones.
        light_verbs: Base forms of "be", "have", "do", "go" and their like that occur.
        question: Whether it ends as a question.
        english: Whether the word lists apply.
        too_long: Whether it exceeds ``MAX_CHARS``; then nothing but ``text`` is filled.
    """

    text: str
    items: tuple[Item, ...] = ()
    bag: frozenset[tuple[str, int]] = frozenset()
    links: frozenset[tuple[str, int]] = frozenset()
    negations: tuple[str, ...] = ()
    quantifiers: dict[str, str] | None = None
    modals: dict[str, str] | None = None
    tenses: dict[str, str] | None = None
    persons: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    light_verbs: frozenset[str] = frozenset()
    question: bool = False
    english: bool = True
    too_long: bool = False


def analyse(text: str) -> Features:
    """Analyse one text.

    Args:
        text: Any string. Beyond ``MAX_CHARS`` characters only equality is looked at later.

    Returns:
        Its features; cheap to keep (a few KB for a sentence or two) and safe to share between threads.
    """
    if len(text) > MAX_CHARS:
        return Features(text, too_long=True)
    plain = normalize(text)
    reader = _Reader(tokenize(plain))
    reader.read()
    return reader.features(plain)


class _Reader:
    """Walks over the tokens of one text once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._titled = _is_titled(tokens)
        self._items: list[Item] = []
        self._before: list[str] = []  # every word since the last item
        self._negations: list[str] = []
        self._quantifiers: dict[str, str] = {}
        self._modals: dict[str, str] = {}
        self._tenses: dict[str, str] = {}
        self._persons: set[str] = set()
        self._owners: set[str] = set()
        self._light_verbs: set[str] = set()
        self._word_count = 0
        self._known_count = 0
        self._strong = False

    def read(self) -> None:
        at = 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if token.kind == "mark":
                if token.key in ",;:.?!":
                    self._before.append(",")
            elif token.kind == "word":
                at = self._word(token, at)
            elif token.kind == "number":
                at = self._number(Decimal(token.key[7:]) if _is_plain_number(token.key) else None, token, at)
            else:
                self._item(token.key, token.surface, token.kind)
            at += 1

    def features(self, text: str) -> Features:
        counts: dict[str, int] = {}
        bag = set()
        link_counts: dict[str, int] = {}
        links = set()
        for item in self._items:
            for link in item.links:
                link_counts[link] = link_counts.get(link, -1) + 1
                links.add((link, link_counts[link]))
            if item.kind == "pronoun":
                continue
            counts[item.key] = counts.get(item.key, -1) + 1
            bag.add((item.key, counts[item.key] if item.kind in VALUE_KINDS else 0))
        for link in _filtered(self._before):
            link_counts[link] = link_counts.get(link, -1) + 1
            links.add((link, link_counts[link]))
        known_share = self._known_count / self._word_count if self._word_count else 1.0
        return Features(
            text=text,
            items=tuple(self._items),
            bag=frozenset(bag),
            links=frozenset(links),
            negations=tuple(self._negations),
            quantifiers=self._quantifiers,
            modals=self._modals,
            tenses=self._tenses,
            persons=frozenset(self._persons),
            owners=frozenset(self._owners),
            light_verbs=frozenset(self._light_verbs),
            question=text.endswith("?"),
            english=self._strong or known_share >= _ENGLISH_SHARE,
        )

    def _item(self, key: str, surface: str, kind: str, **more: object) -> None:
        joined = bool(self._items) and not self._before
        self._items.append(Item(key, surface, kind, _filtered(self._before), joined=joined, **more))  # type: ignore[arg-type]
        self._before.clear()

    def _word(self, token: Token, at: int) -> int:
        """Take the word at ``at``, and whatever belongs to it; returns the last place used."""
        lower = token.key
        self._word_count += 1
        self._strong = self._strong or lower in _ENGLISH
        value = self._value_word(token, at)
        if value is not None:
            self._known_count += 1
            return value
        word = word_of(lower)
        if word.modal == "intend" and word.form == "both" and not _BE.isdisjoint(self._before):
            word = word._replace(role="content", modal="")  # "is planned for Monday" is no wish
        if word.quantifier:
            self._quantifier(word.quantifier, token, at)
        if word.modal:
            self._modals.setdefault(word.modal, token.surface)
        if word.tense and not self._is_accustomed(lower):
            self._tenses.setdefault(word.tense, token.surface)
        if word.role != "content" or is_known(lower):
            self._known_count += 1
        if word.role == "content":
            self._content(token, word, at)
        elif word.role == "pronoun":
            self._pronoun(token, word, at)
        else:
            self._small(token, word, at)
        return at

    def _small(self, token: Token, word: Word, at: int) -> None:
        lower = token.key
        if lower in _LIGHT_VERBS:
            self._light_verbs.add(_LIGHT_VERBS[lower])
        if word.role == "negation":
            self._negations.append(token.surface)
        elif lower == "no_longer":
            self._negations.append(token.surface)
        elif lower == "used" and self._next_key(at) == "to" and self._next_is_verb(at + 2):
            if not self._before or self._before[-1] not in _BE:
                self._tenses.setdefault("former", "used to")
        elif lower == "going_to" and self._next_is_verb(at + 1):
            self._tenses.setdefault("future", token.surface)
        elif self._is_past(word, lower):
            self._tenses.setdefault("past", token.surface)
        self._before.append(lower)

    def _is_past(self, word: Word, lower: str) -> bool:
        """Whether a light verb ("went", "used") puts the statement in the past; "said" only says who told."""
        if word.base in _REPORTING or word.form not in {"past", "both"} or lower in MODALS:
            return False
        return word.form == "past" or (_BE.isdisjoint(self._before) and _HAVE.isdisjoint(self._before))

    def _value_word(self, token: Token, at: int) -> int | None:
        """Number words, weekdays, months and days like "tomorrow"."""
        lower = token.key
        if lower in NUMBER_WORDS or (lower in SCALES and len(lower) > 3):  # noqa: PLR2004
            if lower == "one" and not self._one_is_number(at):
                return None
            amount, last = _spelled(self._tokens, at)
            return self._number(amount, token, last)
        if lower in ORDINAL_WORDS and lower != "second":
            self._item(f"ordinal:{ORDINAL_WORDS[lower]}", token.surface, "number")
            return at
        day = lower.removesuffix("s")
        if lower in WEEKDAYS or day in WEEKDAYS:
            self._item(f"weekday:{day if day in WEEKDAYS else lower}", token.surface, "date")
            return at
        if lower in _CLOCK_WORDS:
            self._item(_CLOCK_WORDS[lower], token.surface, "time")
            return at
        if lower in RELATIVE_DAYS:
            self._item(f"day:{lower}", token.surface, "date")
            return at
        if lower in MONTHS and token.surface[0].isupper() and self._is_month(lower, at):
            self._item(date_key(None, MONTHS[lower], None), token.surface, "date")
            return at
        return None

    def _number(self, amount: Decimal | None, token: Token, at: int) -> int:
        """A number, together with a unit that follows it."""
        after = self._tokens[at + 1] if at + 1 < len(self._tokens) else None
        # "one day" and "a day" are the same: a single unit stays a word.
        if amount not in {None, Decimal(1)} and after is not None and after.kind == "word" and after.key in UNITS and len(after.key) > 1:
            self._item(amount_key(amount, after.key), f"{token.surface} {after.surface}", "number")
            return at + 1
        self._item(token.key if amount is None or token.kind == "number" else amount_key(amount, None), token.surface, "number")
        return at

    def _one_is_number(self, at: int) -> bool:
        after = self._next_key(at)
        before = self._tokens[at - 1].key if at else ""
        return after not in {"of", "'s"} and before not in _ONE_IS_A_PRONOUN_AFTER

    def _is_month(self, lower: str, at: int) -> bool:
        return lower not in {"may", "march", "mar"} or (at > 0 and self._tokens[at - 1].key in _MONTH_CUES)

    def _is_accustomed(self, lower: str) -> bool:
        return lower in {"used", "going_to"}

    def _quantifier(self, tag: str, token: Token, at: int) -> None:
        # "some garlic" is just garlic; "some users" are not all.
        if token.key == "some" and not (self._next_key(at) or "").endswith("s"):
            return
        self._quantifiers.setdefault(tag, token.surface)

    def _pronoun(self, token: Token, word: Word, at: int) -> None:
        self._persons.add("user" if token.key.startswith("user") else word.person)
        following = self._tokens[at + 1] if at + 1 < len(self._tokens) else None
        owns = token.key in _POSSESSIVES and (
            token.key != "her" or (following is not None and following.kind == "word" and word_of(following.key).role == "content")
        )
        if owns:
            self._owners.add(word.person)
            self._before.append(token.key)
        else:
            self._item(f"@{word.person}", token.surface, "pronoun")

    def _content(self, token: Token, word: Word, at: int) -> None:
        last = self._before[-1] if self._before else ""
        noun = last in _DETERMINERS or last in _POSSESSIVES or last in _PREPOSITIONS
        kind = "name" if self._is_name(token, word) else "word"
        is_be = not _BE.isdisjoint(self._before) or not _GET.isdisjoint(self._before)
        has = not _HAVE.isdisjoint(self._before)
        passive = word.form in {"both", "participle"} and (is_be or self._next_key(at) == "by")
        tense = "" if noun or kind == "name" else self._tense_of(word, passive=passive, has=has)
        if has and word.form not in {"both", "participle"} and "had" not in self._before:
            self._tenses.setdefault("present", "has")
        if tense:
            self._tenses.setdefault(tense, token.surface)
        helped = is_be if word.form == "ing" else not _HELPERS.isdisjoint(self._before) or (has and word.form != "s")
        verb = word.verb and not noun and kind == "word" and (bool(tense) or passive or helped)
        self._item(word.base, token.surface, kind, verb=verb, tense=tense, passive=passive)

    def _tense_of(self, word: Word, *, passive: bool, has: bool) -> str:
        if word.form == "past" or (word.form == "both" and not passive and not has):
            return "past" if word.verb or self._items else ""
        if word.form == "s" and word.verb and self._items:
            return "present"
        bare = not word.form and word.verb and word.base not in INVARIANT and not self._before and bool(self._items)
        return "present" if bare and self._items[-1].kind == "pronoun" else ""

    def _is_name(self, token: Token, word: Word) -> bool:
        if self._titled or not token.surface[0].isupper():
            return False
        if token.surface.isupper() and len(token.surface) > 1:
            return True
        return not token.starts or not is_known(token.key)

    def _next_key(self, at: int) -> str | None:
        return self._tokens[at + 1].key if at + 1 < len(self._tokens) else None

    def _next_is_verb(self, at: int) -> bool:
        if at >= len(self._tokens) or self._tokens[at].kind != "word":
            return False
        word = word_of(self._tokens[at].key)
        return (word.verb and not word.form) or self._tokens[at].key in {"be", "have", "do", "go", "get", "make", "take", "give", "use"}


def _filtered(words: list[str]) -> tuple[str, ...]:
    """The links worth comparing."""
    return tuple(_LINKS[word] for word in words if word in _LINKS)


_LIGHT_VERBS: Final = (
    {form: base for form in LIGHT if (base := word_of(form).base) in {"do", "go", "get", "take", "give", "make", "come", "happen", "keep"}}
    | dict.fromkeys(_BE, "be")
    | dict.fromkeys(_HAVE, "have")
)
_LINKS: Final = (
    {word: word_of(word).base for word in LIGHT if word_of(word).base in OPPOSITES}
    | {word: word for word in (*RELATIONS, *NEGATIONS, "'s", ",")}
    | dict.fromkeys(_BE, "be")
)


def _is_plain_number(key: str) -> bool:
    if not key.startswith("number:"):
        return False
    digits = key[7:]
    return digits.replace(".", "", 1).lstrip("-").isdecimal() and digits.isascii()


def _is_titled(tokens: list[Token]) -> bool:
    """Whether the text is a headline, whose capitals say nothing."""
    words = [token.surface for token in tokens if token.kind == "word" and len(token.surface) > 3]  # noqa: PLR2004
    capitals = sum(word[0].isupper() for word in words)
    return len(words) >= _TITLE_WORDS and capitals >= _TITLE_SHARE * len(words)


def _spelled(tokens: list[Token], at: int) -> tuple[Decimal, int]:
    """Value of the number words from ``at`` on, and the place of the last of them."""
    total = current = 0
    last = at
    index = at
    while index < len(tokens) and tokens[index].kind == "word":
        word = tokens[index].key
        if word in NUMBER_WORDS:
            current += NUMBER_WORDS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in SCALES and len(word) > 3:  # noqa: PLR2004
            total += max(current, 1) * SCALES[word]
            current = 0
        elif not (word == "and" and index + 1 < len(tokens) and tokens[index + 1].key in NUMBER_WORDS and _is_big(tokens[last].key)):
            break
        if word != "and":
            last = index
        index += 1
    return Decimal(total + current), last


def _is_big(word: str) -> bool:
    return word in {"hundred", "thousand", "million", "billion"}
