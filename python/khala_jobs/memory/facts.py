"""Which parts of a text must not get lost: numbers, dates, URLs, identifiers and names.

Deliberately literal and deliberately generous: a token taken for a name although it is none costs a few
repeated words in a summary; a name missed costs a fact. No language model, no word lists beyond the commonest
English sentence openers; texts in scripts without capital letters are protected by their numbers, URLs and
identifiers alone.
"""

# ruff: noqa: RUF001 - typographic quotes and CJK stops are what the patterns look for

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

__all__ = ["Facts", "complete", "facts_of", "lost_sentences", "sentences", "words"]

# Patterns are looked for at the starts of words only, or each character of a long one would be tried in vain.
_URL: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>\"')\]]+|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE
)
# A digit makes a token a number or an identifier: 42, 3.14, 1,000, 2024-05-01, 10:30, v1.2.3, CVE-2024-1,
# 0x1f, 50%.
_NUMERIC: Final = re.compile(r"(?:[$€£#]|(?<![^\W\d_]))(?:[^\W\d_]+-)*\w*\d[\w]*(?:[.,:/\-'’]\w*\d\w*)*%?")
_IDENTIFIER: Final = re.compile(
    r"(?<![^\W\d_])[^\W\d_]\w*(?:_\w+)+|[~.]?/[\w./~-]+|(?<!\w)\w++(?:\.\w++){2,}|(?<![a-z])[a-z]++[A-Z]\w*"
)
# Longer runs without a blank are data, base64 for example: one token each, whatever is in them.
_OPAQUE: Final = re.compile(r"\S{1001,}")
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END: Final = re.compile(r"""(?<![.!?])[.!?]++["'”’)\]]*+(?=\s|$)|[。！？]+["'”’」』)\]]*|\n""")
_TRAILING: Final = ".,;:!?'\"’”)]}"


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPEAKER: Final = frozenset({"i", "i'd", "i'll", "i'm", "i've"})

# Capitalised at the start of a sentence without being a name.
_OPENERS: Final = _listed(
    """a about after all also although always am an and any are as at because before being both but by
    can could day did do does don't each every everyone few for from had has have he her here his how
    however if in is isn't it it's its just last later let's like many maybe me more most my near
    never next no nobody not now of often on once one only or our over people please recently she
    should since so some someone sometimes soon than that that's the their then there there's these
    they they're this those though to today tomorrow too under until usually very was we we're were
    what when where which while who why with would yes yesterday you you're your"""
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Load-bearing tokens of a text.

    Args:
        tokens: Numbers, dates, URLs, identifiers and names, normalised.
        counted: (number, following word) pairs: ``3 dogs`` is another fact than ``3 cats``.
    """

    tokens: frozenset[str]
    counted: frozenset[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.tokens) + len(self.counted)


def words(text: str) -> list[str]:
    """Words in order, lower case, without punctuation."""
    return [w.casefold().replace("’", "'") for w in _WORD.findall(text)]


def sentences(text: str) -> list[str]:
    """The sentences of a text, none empty, in order."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    parts = [text[start:end].strip() for start, end in pairwise([0, *ends, len(text)])]
    return [part for part in parts if part]


def facts_of(text: str) -> Facts:
    """The facts of a text; see `Facts`."""
    text = unicodedata.normalize("NFKC", text)
    tokens: set[str] = set()
    counted: set[tuple[str, str]] = set()
    for sentence in sentences(text):
        tokens.update(found.rstrip(_TRAILING) for found in _OPAQUE.findall(sentence))
        plain = _OPAQUE.sub(" ", sentence)
        for match in _URL.finditer(plain):
            tokens.add(match.group().rstrip(_TRAILING))
        rest = _URL.sub(" ", plain)
        for match in _IDENTIFIER.finditer(rest):
            tokens.add(match.group().rstrip(_TRAILING))
        for match in _NUMERIC.finditer(rest):
            number = match.group().strip(_TRAILING).casefold()
            tokens.add(number)
            follower = _WORD.search(rest, match.end())
            if follower is not None and not any(c.isdigit() for c in follower.group()):
                counted.add((number, _stem(follower.group().casefold())))
        tokens.update(_names(rest))
    return Facts(frozenset(tokens), frozenset(counted))


def _names(sentence: str) -> list[str]:
    """Capitalised words, except common openers at the start of a sentence, and "I"."""
    found = _WORD.findall(sentence)
    names: list[str] = []
    for position, word in enumerate(found):
        bare = re.sub(r"['’]s$", "", word)
        if not bare[0].isupper() or any(c.isdigit() for c in bare):
            continue
        folded = bare.casefold().replace("’", "'")
        acronym = bare.isupper() and len(bare) > 1
        if folded in _SPEAKER or (position == 0 and folded in _OPENERS and not acronym):
            continue
        names.append(folded)
    return names


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _stems(sentence: str) -> set[str]:
    """What may stand beside a number: words, and the parts of those with an apostrophe."""
    return {_stem(part) for word in words(sentence) for part in (word, *word.split("'"))}


class _Kept:
    """What a text that grows holds. Sentences are added on lines of their own, so each is looked at once."""

    def __init__(self, text: str) -> None:
        self._present: set[str] = set()
        self._beside: dict[str, list[set[str]]] = {}
        self.add(text)

    def add(self, text: str) -> None:
        """Add a text on a line of its own."""
        plain = unicodedata.normalize("NFKC", text)
        # A name is kept in any position and case; a number with its word must share a sentence with it.
        self._present |= facts_of(text).tokens | set(words(plain))
        for sentence in sentences(plain):
            stems = _stems(sentence)
            for token in facts_of(sentence).tokens:
                self._beside.setdefault(token, []).append(stems)

    def lacks(self, sentence: str) -> bool:
        """Whether a sentence has a fact that is not kept."""
        facts = facts_of(sentence)
        return not facts.tokens <= self._present or not all(
            any(noun in stems for stems in self._beside.get(number, ())) for number, noun in facts.counted
        )


def _distinct_sentences(sources: Sequence[str]) -> Iterable[str]:
    return dict.fromkeys(s for source in sources for s in sentences(source))


def lost_sentences(summary: str, sources: Sequence[str]) -> list[str]:
    """Sentences of the sources that hold a fact which the summary does not.

    Args:
        summary: What is to stand for the sources.
        sources: The texts.

    Returns:
        In the order of the sources, none twice; empty when nothing is lost.
    """
    kept = _Kept(summary)
    return [sentence for sentence in _distinct_sentences(sources) if kept.lacks(sentence)]


def complete(summary: str, sources: Sequence[str]) -> tuple[str, list[str]]:
    """The summary with every lost fact appended.

    Returns:
        The completed text, and the sentences of the sources that were appended to it.
    """
    kept, appended = _Kept(summary), list[str]()
    for sentence in _distinct_sentences(sources):
        if kept.lacks(sentence):
            appended.append(sentence)
            kept.add(sentence)
    text = summary.strip()
    return "\n".join([text, *appended] if text else appended), appended
