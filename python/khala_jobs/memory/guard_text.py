"""What the guard does not read by itself (cpp/text/tokens.hpp): all that is no plain English word.

Things that are no words (guard_pattern.py) are taken first, so that their parts are never mistaken for words. Text is
compared in Unicode form NFKC: full-width digits, ligatures and the like are what they look like.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from .guard_pattern import PATTERN, SHAPES
from .guard_phrases import CONTRACTIONS
from .guard_sets import ACRONYMS
from .guard_values import MONTHS

__all__ = ["Token", "normalize", "read_piece", "scan"]


class Token(NamedTuple):
    """One piece of text.

    Attributes:
        kind: As of its shape (guard_pattern.py).
        key: What is compared: the folded lower-case word, or the key of the value.
        surface: What stood in the text.
        starts: Whether a sentence begins here.
        capital: Whether its surface begins with a capital.
        shouted: Whether its surface has two characters or more and is in capitals.
        long: Whether its surface has four characters or more.
        tie: "-" or "/" if nothing but that stands between it and the token before, else empty.
    """

    kind: str
    key: str
    surface: str
    starts: bool
    capital: bool
    shouted: bool
    long: bool
    tie: str = ""


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
_LONG: Final = 4
_TIES: Final = frozenset("-/")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SENTENCE_END: Final = frozenset("?!.:")
_ENDINGS: Final = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am", "s": "'s"}


def normalize(text: str) -> str:
    """NFKC, plain quotes and dashes, single spaces."""
    if text.isascii():  # is NFKC already
        return " ".join(text.replace("`", "'").split())
    return " ".join(unicodedata.normalize("NFKC", text).translate(_PLAINER).split())


def read_piece(piece: str, starts: bool, shouts: bool, /) -> tuple[list[Token], bool] | None:
    """Read a text between spaces.

    Args:
        piece: The text.
        starts: Whether a sentence begins with it.
        shouts: Whether it stands in a text in capitals.

    Returns:
        Its tokens and whether a sentence begins behind it; None if it may reach over the next space. What does ("3
        May", "5 km") begins with a digit, a month or a sign.
    """
    if _REACHING.search(piece) and not _is_word_alone(piece):
        return None
    tokens, starts, _ = scan(piece, 0, starts, shouts)
    return tokens, starts


def _is_word_alone(piece: str) -> bool:
    found = _PLAIN_WORD.fullmatch(piece)
    return found is not None and _is_plain(piece)


def scan(text: str, at: int, starts: bool, shouts: bool, /) -> tuple[list[Token], bool, int]:
    """Read from ``at`` to the first space between two tokens.

    Returns:
        The tokens, whether a sentence begins behind them, and where the next piece of the text begins.
    """
    tokens: list[Token] = []
    end = at  # behind the last token
    while at < len(text) and text[at] != " ":
        # The full expression is ten times dearer than that of a plain word.
        found = _PLAIN_WORD.match(text, at)
        if found is None or not _is_plain(found.group()):
            found = PATTERN.match(text, at)
        if found is None:
            at += 1
            continue
        tie = text[end] if tokens and at == end + 1 and text[end] in _TIES else ""
        at = end = found.end()
        shape = SHAPES[found.lastgroup or "word"]
        surface = found.group()
        if shape.kind == "word":
            words = list(_words(surface, starts=starts, shouts=shouts))
            tokens.extend([word._replace(tie=tie) for word in words[:1]] + words[1:] if tie else words)
        else:
            tokens.append(_token(shape.kind, shape.key(found), surface)._replace(tie=tie))
        starts = shape.kind == "mark" and surface in _SENTENCE_END
    return tokens, starts, at + 1


def _token(kind: str, key: str, surface: str, starts: bool = False) -> Token:
    shouted = len(surface) > 1 and surface.isupper()
    return Token(kind, key, surface, starts, surface[0].isupper(), shouted, len(surface) >= _LONG)


def _is_plain(word: str) -> bool:
    """Whether nothing but a word can begin here: no month, no camelCase."""
    usual = word.islower() or word[0].isupper() or (len(word) > 1 and word[1].isupper())
    return usual and word.lower() not in MONTHS


def _words(surface: str, *, starts: bool, shouts: bool) -> Iterator[Token]:
    """The words behind one written word: contractions written out, the possessive's mark on its own."""
    lower = surface.casefold()
    if "." in lower:  # U.S., e.g.
        lower = lower.replace(".", "")
    if lower in ACRONYMS and (surface.isupper() or "." in surface) and not shouts:
        lower = ACRONYMS[lower]
    if _CJK.search(lower):  # no spaces to go by: each character is a word
        for char in lower:
            yield _token("word", char, char)
        return
    full = CONTRACTIONS.get(lower) or (_expanded(lower) if "'" in lower else lower)
    for word in full.split():
        yield _token("word", word, surface, starts)
        starts = False


def _expanded(lower: str) -> str:
    """Contractions that follow a rule."""
    stem, _, ending = lower.rpartition("'")
    if ending == "t" and stem.endswith("n"):
        return f"{stem[:-1]} not"
    full = _ENDINGS.get(ending)
    return f"{stem.replace(chr(39), '')} {full}" if full else lower.replace("'", "")
