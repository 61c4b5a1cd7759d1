"""What the guard remembers of one text: enough to judge it against any other without reading it again.

A text becomes a row of *items*, the words and values that carry facts, each with the small words (*links*)
before it. What the small words say about the statement as a whole, that it is denied, past, possible or
limited, is gathered beside the row. guard_reader.py makes these values, guard_compare.py and the detectors
use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["MAX_CHARS", "MAX_ITEMS", "VALUE_KINDS", "Features", "Item"]

MAX_CHARS: Final = 20_000
"""Longer texts are compared for equality only; the verdict on an unequal pair says so."""

MAX_ITEMS: Final = 2_000
"""The same for texts of more words and values than this (about ten pages)."""

VALUE_KINDS: Final = frozenset({"number", "date", "time", "identifier"})
"""Items of which each occurrence counts and none may be missing."""


class Item(NamedTuple):
    """One word or value that carries a fact.

    Attributes:
        key: What is compared.
        surface: What stood in the text.
        kind: "word", "name", "pronoun", "symbol" or one of ``VALUE_KINDS``.
        links: Relation words, negations, forms of "be" (as "be") and "'s" since the item before.
        verb: Whether it is a verb that has a doer ("calls", "was called", "will call"; not "calling" or "to
            call").
        tense: "past", "present" or "" of a verb; ``MAYBE_PRESENT`` of a word that may be one.
        passive: Whether it is a participle after "be" or before "by".
        joined: Whether it follows the item before with no word between.
        amount: "one" behind "a", "many" for a plural that nothing counts, else "".
        auxiliary: When the small verbs before it say it is: "past", "present", "perfect", "pluperfect" or "".
        quantity: Tag of the quantity right before it ("all", "some", "many" ...), or "".
    """

    key: str
    surface: str
    kind: str
    links: tuple[str, ...]
    verb: bool = False
    tense: str = ""
    passive: bool = False
    joined: bool = False
    amount: str = ""
    auxiliary: str = ""
    quantity: str = ""


@dataclass(frozen=True, slots=True)
class Features:
    """One text, analysed. Made by ``analyse`` only.

    Attributes:
        text: The normalised text.
        items: What carries facts, in order.
        keys: Keys of all items.
        kinds: Kinds of all items.
        bag: Keys of all items but pronouns, with the number of their occurrence.
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
        too_long: Whether it exceeds ``MAX_CHARS`` or ``MAX_ITEMS``; then nothing but ``text`` is filled.
    """

    text: str
    items: tuple[Item, ...] = ()
    keys: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
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
