"""Paraphrases made of real sentences: the same said otherwise.

Like the contradictions they are made with WordNet and short tables of this module's own. A maker that cannot be sure
of the meaning leaves a sentence alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Final

from similarity.grammar import participle_of, third_person
from similarity.guard_contradictions import Maker
from similarity.wordnet import WordNet

__all__ = ["PARAPHRASES"]

_CONTRACTED: Final = {
    "I am": "I'm", "do not": "don't", "does not": "doesn't", "is not": "isn't", "I have been": "I've been",
    "did not": "didn't", "cannot": "can't", "I will": "I'll", "I would": "I'd", "they are": "they're", "it is": "it's",
    "was not": "wasn't", "have not": "haven't", "are not": "aren't", "she is": "she's", "he is": "he's",
}  # fmt: skip
_CLAUSE: Final = re.compile(
    r"(?P<main>.{12,}?) (?P<moved>(?:because|when|if|while|although|since|after|before)"
    r" (?:I|he|she|they|we|it|the) .{8,})"
)
_ADVERBIAL: Final = re.compile(
    r"(?P<main>.{12,}?) (?P<moved>in (?:19|20)\d\d"
    r"|every (?:day|week|year|morning)|on weekends|last (?:year|week|month))"
)
_DIGITS: Final = dict(zip("two three four five six seven eight nine ten twelve twenty".split(),
                          "2 3 4 5 6 7 8 9 10 12 20".split(), strict=True))  # fmt: skip


def contraction(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Written out or not, either way: "I am", "I'm"."""
    for full, short in _CONTRACTED.items():
        if re.search(rf"\b{full}\b(?= \w)", text):
            return text, re.sub(rf"\b{full}\b(?= \w)", short, text, count=1)
        if re.search(rf"\b{short}\b(?= \w)", text):
            return text, re.sub(rf"\b{short}\b(?= \w)", full, text, count=1)
    return None


def clauses(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """A clause or an adverbial moved to the other end of the sentence."""
    stem = text.rstrip(".!")
    if re.search(r"[?,;:.\"]", stem):
        return None
    found = _CLAUSE.fullmatch(stem) or _ADVERBIAL.fullmatch(stem)
    if found:
        main = (
            found["main"]
            if re.match(r"I\b|[A-Z][a-z]+ [a-z]+s\b", found["main"])
            else _lowered(found["main"])
        )
        return text, f"{_raised(found['moved'], text)}, {main}{text[len(stem) :]}"
    found = re.fullmatch(r"I (?P<one>[a-z]+ [^,]{3,40}?) and I (?P<other>[a-z]+ [^,]{3,40})", stem)
    if found:
        return text, f"I {found['other']} and I {found['one']}."
    return None


def synonym(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """One word by another that usually means the same."""
    options = []
    for word in re.findall(r"[a-z]{3,}", text):
        kind = words.kind(word)
        options += [(word, other) for other in (words.synonyms(word, kind)[:1] if kind else ())]
    if not options:
        return None
    word, other = dice.choice(options)
    return text, re.sub(rf"\b{word}\b", other, text, count=1)


def passive(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Told of what it is done to."""
    noun = r"(?:[Aa]n?|[Tt]he|[Tt]wo|[Ss]ome|[Hh]is|[Hh]er) (?:[a-z]+ )?[a-z]+"
    found = re.fullmatch(
        rf"({noun}) (is|are|was) ([a-z]+ing) ({noun})((?: (?:in|on|with|at) [a-z ]+)?)\.?", text
    )
    if found is None:
        return None
    doer, _, verb, done, where = found.groups()
    base = words.base(verb, "v")
    if (
        not base
        or not words.is_verb(base)
        or re.search(r"\b(?:in|on|with|at|down|up|up|over|out|off)$", f"{doer} {done}")
    ):
        return None
    plural = done.split()[0] in {"two", "some"} or (done.split()[0] not in {"a", "an"} and done.endswith("s"))
    be = "was" if found[2] == "was" else "are" if plural else "is"
    return text, f"{_raised(done, text)} {be} being {participle_of(base)} by {_lowered(doer)}{where}."


def fronted(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """What is loved comes first: "X is something I love"."""
    found = re.fullmatch(
        r"(I|[A-Z][a-z]+) (love|enjoy|like|loves|enjoys|likes) ([a-z]+ing(?: [a-z']+){0,6})[.!]?", text
    )
    if found is None:
        return None
    return text, f"{found[3][0].upper()}{found[3][1:]} is something {found[1]} {found[2]}."


def spelling(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """A number in words or in digits."""
    for word, number in _DIGITS.items():
        for one, other in ((word, number), (number, word)):
            if re.search(rf"(?<![\w.,:$/-]){one}(?![\w.,:/%-])", text):
                return text, re.sub(rf"(?<![\w.,:$/-]){one}(?![\w.,:/%-])", other, text, count=1)
    return None


def third_to_user(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """What somebody says, as an agent notes it of its user."""
    found = re.fullmatch(r"I ([a-z]+) ((?:(?!\b(?:I|my|me|we|our|myself)\b).)+)", text)
    base = words.base(found[1], "v") if found else ""
    if found is None or base != found[1] or not words.is_verb(base):
        return None
    return text, f"{dice.choice(('The user', 'User'))} {third_person(base)} {found[2]}"


PARAPHRASES: Final[Mapping[str, Maker]] = {
    "contraction": contraction,
    "clauses reordered": clauses,
    "synonym": synonym,
    "passive": passive,
    "fronted": fronted,
    "number spelled": spelling,
    "as a note": third_to_user,
}
"""Class -> how a pair of it is made."""


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _raised(text: str, like: str) -> str:
    return text[0].upper() + text[1:] if like[0].isupper() else text
