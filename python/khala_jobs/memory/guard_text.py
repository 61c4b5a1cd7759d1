"""From a string to tokens: shapes and words in one pass, then contractions and folded phrases.

Things that are no plain words (guard_pattern.py) are taken first, so that their parts are never mistaken
for words. Text is compared in Unicode form NFKC: full-width digits, ligatures and the like are what they
look like.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from .guard_pattern import PATTERN, SHAPES
from .guard_phrases import CONTRACTIONS, PHRASES
from .guard_values import MONTHS

__all__ = ["Token", "normalize", "tokenize"]


class Token(NamedTuple):
    """One piece of text.

    Attributes:
        kind: As of its shape (guard_pattern.py).
        key: What is compared: the folded lower-case word, or the key of the value.
        surface: What stood in the text.
        starts: Whether a sentence begins here.
    """

    kind: str
    key: str
    surface: str
    starts: bool = False


#: Typographic quotes and dashes, the stops of Chinese and Japanese, soft hyphens.
_PLAINER: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u00b4`", "'")
    | dict.fromkeys("\u201c\u201d", '"')
    | dict.fromkeys("\u2013\u2014\u2212", "-")
    | {"\u2026": ".", "\u3002": ".", "\u3001": ",", "\u00ad": None}
)
_PLAIN_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*(?=[ ,;!?]|\.(?: |$)|$)")
_REACHING: Final = re.compile(
    r"[\d$€£¥₹+]|\b(?:" + "|".join({month[:3] for month in MONTHS}) + ")", re.IGNORECASE
)
_LONGEST_REMEMBERED: Final = 40  # characters of a piece between spaces
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SENTENCE_END: Final = frozenset("?!.:")
#: Capitals that would otherwise read as a pronoun.
_ACRONYMS: Final = {"us": "usa", "it": "information-technology"}
_ENDINGS: Final = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am", "s": "'s"}


def normalize(text: str) -> str:
    """NFKC, plain quotes and dashes, single spaces."""
    if text.isascii():  # is NFKC already
        return " ".join(text.replace("`", "'").split())
    return " ".join(unicodedata.normalize("NFKC", text).translate(_PLAINER).split())


def tokenize(text: str) -> list[Token]:
    """Tokens of a normalised text, phrases folded."""
    shouts = text.isupper()
    tokens: list[Token] = []
    starts = True
    at = behind = 0
    for piece in text.split(" "):
        begin, behind = behind, behind + len(piece) + 1
        if begin < at:
            continue  # belonged to what was found before
        # What reaches over a space ("3 May", "5 km") begins with a digit, a month or a sign. All else is read piece by
        # piece, and most pieces have been read before.
        known = _read_piece(piece, starts, shouts) if 0 < len(piece) <= _LONGEST_REMEMBERED else None
        if known is None:
            found, starts, at = _scan(text, begin, starts=starts, shouts=shouts)
            tokens += found
        else:
            found_here, starts = known
            tokens += found_here
    return _fold(tokens)


def _scan(text: str, at: int, *, starts: bool, shouts: bool) -> tuple[list[Token], bool, int]:
    """Tokens from ``at`` to the first space between two of them; whether a sentence begins there, and where it is."""
    tokens: list[Token] = []
    while at < len(text) and text[at] != " ":
        # Nine tokens in ten are plain words; the full expression is ten times dearer.
        found = _PLAIN_WORD.match(text, at)
        if found is None or not _is_plain(found.group()):
            found = PATTERN.match(text, at)
        if found is None:
            at += 1
            continue
        at = found.end()
        shape = SHAPES[found.lastgroup or "word"]
        surface = found.group()
        if shape.kind == "word":
            tokens.extend(_words(surface, starts=starts, shouts=shouts))
        else:
            tokens.append(Token(shape.kind, shape.key(found), surface))
        starts = shape.kind == "mark" and surface in _SENTENCE_END
    return tokens, starts, at + 1


@lru_cache(maxsize=1 << 16)
def _read_piece(piece: str, starts: bool, shouts: bool, /) -> tuple[tuple[Token, ...], bool] | None:
    """Tokens of a text between spaces, and whether a sentence begins behind it; None if it may reach further."""
    if _REACHING.search(piece):
        return None
    tokens, starts, _ = _scan(piece, 0, starts=starts, shouts=shouts)
    return tuple(tokens), starts


def _is_plain(word: str) -> bool:
    """Whether nothing but a word can begin here: no month, no camelCase."""
    usual = word.islower() or word[0].isupper() or (len(word) > 1 and word[1].isupper())
    return usual and word.lower() not in MONTHS


def _words(surface: str, *, starts: bool, shouts: bool) -> Iterator[Token]:
    """The words behind one written word: contractions written out, the possessive's mark on its own."""
    lower = surface.casefold()
    if "." in lower:  # U.S., e.g.
        lower = lower.replace(".", "")
    if lower in _ACRONYMS and (surface.isupper() or "." in surface) and not shouts:
        lower = _ACRONYMS[lower]
    if _CJK.search(lower):  # no spaces to go by: each character is a word
        for char in lower:
            yield Token("word", char, char)
        return
    full = CONTRACTIONS.get(lower) or (_expanded(lower) if "'" in lower else lower)
    for word in full.split():
        yield Token("word", word, surface, starts)
        starts = False


def _expanded(lower: str) -> str:
    """Contractions that follow a rule."""
    stem, _, ending = lower.rpartition("'")
    if ending == "t" and stem.endswith("n"):
        return f"{stem[:-1]} not"
    full = _ENDINGS.get(ending)
    return f"{stem.replace(chr(39), '')} {full}" if full else lower.replace("'", "")


def _fold(tokens: list[Token]) -> list[Token]:
    """Replace listed phrases, longest first."""
    keys = [token.key for token in tokens]
    if _SINGLE.isdisjoint(keys) and _BEGINNINGS.isdisjoint(pairwise(keys)):
        return tokens
    folded: list[Token] = []
    at = 0
    while at < len(tokens):
        for length in _PHRASE_LENGTHS.get(keys[at], ()):
            meant = PHRASES.get(tuple(keys[at : at + length]))
            if meant is not None:
                folded.extend(_replaced(tokens[at : at + length], meant))
                at += length
                break
        else:
            folded.append(tokens[at])
            at += 1
    return folded


def _replaced(phrase: list[Token], meant: str) -> Iterator[Token]:
    surface = " ".join(token.surface for token in phrase)
    for word in meant.split():
        if word.isdigit():
            yield Token("number", f"number:{word}", surface)
        else:
            yield Token("word", word, surface, phrase[0].starts)


def _lengths() -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for phrase in PHRASES:
        found.setdefault(phrase[0], set()).add(len(phrase))
    return {first: tuple(sorted(lengths, reverse=True)) for first, lengths in found.items()}


#: first word of a phrase -> lengths of the phrases that begin with it, longest first.
_PHRASE_LENGTHS: Final = _lengths()
_SINGLE: Final = frozenset(phrase[0] for phrase in PHRASES if len(phrase) == 1)
_BEGINNINGS: Final = frozenset(phrase[:2] for phrase in PHRASES)
