"""From a string to tokens: one pass of one regular expression, then contractions and folded phrases.

A token is a word, a value (number, date, time, amount), an identifier (URL, address, path, name in code, version) or a
mark that matters. Values and identifiers are taken first, so that their parts are never mistaken for words. Text is
compared in Unicode form NFKC: full-width digits, ligatures and the like are what they look like.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from khala_jobs.memory.guard_values import (
    MONTHS,
    UNITS,
    amount_key,
    clock_key,
    date_key,
    decimal_of,
    named_date_key,
    numeric_date_key,
)
from khala_jobs.memory.guard_words import CONTRACTIONS, PHRASES

__all__ = ["Token", "normalize", "tokenize"]


class Token(NamedTuple):
    """One piece of text.

    Attributes:
        kind: "word", "number", "date", "time", "identifier", "symbol" or "mark".
        key: What is compared: the folded lower-case word, or the key of the value.
        surface: What stood in the text.
        starts: Whether a sentence begins here.
    """

    kind: str
    key: str
    surface: str
    starts: bool = False


_QUOTES: Final = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "…": ".", "\u00ad": None}
)
_MONTH: Final = "(?:" + "|".join(sorted((f"{name}" for name in MONTHS), key=len, reverse=True)) + r")\b\.?"
_YEAR: Final = r"(?:1[5-9]|20|21)\d\d"
_DAY: Final = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_UNIT_SUFFIX: Final = "|".join(
    sorted((re.escape(u) for u in UNITS if len(u) <= 4 and not u.startswith("$")), key=len, reverse=True)
)
_SCALE: Final = r"(?:thousand|million|billion|trillion|mln|mn|bn|[kmb])\b"

# Order matters: the first alternative that matches at a place wins.
_TOKEN: Final = re.compile(
    rf"""
      (?P<url>(?:https?|ftp|file|s3|git|ssh|redis|postgres(?:ql)?|mysql|sqlite)://[^\s<>"']+|www\.[^\s<>"']+)
    | (?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    | (?P<uuid>\b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b)
    | (?P<ip>\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+|/\d+)?\b)
    | (?P<isodate>\b(?P<iy>\d{{4}})-(?P<im>\d\d)-(?P<id>\d\d)\b)(?:[T ](?P<it>\d\d:\d\d(?::\d\d)?)(?P<iz>Z|[+-]\d\d:?\d\d)?)?
    | (?P<dmy>\b(?P<d1>{_DAY})(?:\s+of)?[\s-]+(?P<m1>{_MONTH})(?:,?[\s-]+(?P<y1>{_YEAR})\b)?)
    | (?P<mdy>\b(?P<m2>{_MONTH})\s+(?:the\s+)?(?P<d2>{_DAY})(?![\d:]|\s*(?:am|pm|a\.m|p\.m)\b|[.,]\d)(?:,?\s+(?P<y2>{_YEAR})\b)?)
    | (?P<my>\b(?P<m3>{_MONTH}),?\s+(?:of\s+)?(?P<y3>{_YEAR})\b)
    | (?P<numdate>\b(?:\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d\d)|\d{{4}}[./]\d{{1,2}}[./]\d{{1,2}})\b(?![.\d]))
    | (?P<clock>\b(?P<ch>[01]?\d|2[0-4]):(?P<cm>[0-5]\d)(?::(?P<cs>[0-5]\d))?(?:\s*(?P<ca>[ap])\.?m\b\.?)?(?!\w))
    | (?P<clock2>\b(?P<ch2>1[0-2]|0?[1-9])(?:\.(?P<cm2>[0-5]\d))?\s*(?P<ca2>[ap])\.?m\b\.?)
    | (?P<version>\bv\d+(?:\.\d+)*[\w.+-]*|\b\d+\.\d+\.\d+[\w.+-]*)
    | (?P<phone>\+\d[\d\s().-]{{6,18}}\d\b)
    | (?P<money>(?:us|[ac])?[$]\s?|[€£¥₹]\s?)(?P<mv>\d+(?:,\d{{2,3}})*(?:\.\d+)?)(?:\s?(?P<ms>{_SCALE}))?
    | (?P<path>(?<![\w/.])(?:~|\.{{1,2}})?(?:/[\w.@+-]+)+/?|\b[a-z]:\\[^\s"']+|\b(?:[\w-]+/)+[\w-]+\.[a-z]\w{{0,4}}\b)
    | (?P<ticket>\b[A-Za-z]{{2,10}}-\d+\b)
    | (?P<tag>(?<!\w)[@\#][^\W\d]\w*|\#\d+)
    | (?P<code>\b\w*[^\W_]_[^\W_]\w*\b|\b\w+\(\)|(?<!\w)--?[a-z][\w-]+(?==|\b)|\b[\w-]+\.(?:py|js|ts|md|txt|json|ya?ml|toml
        |csv|pdf|docx?|xlsx?|png|jpe?g|sql|sh|go|rs|cpp|hpp|java|html|css|com|org|net|io|dev|ai|de|edu|gov|co)\b
        |\b\w+(?:\.\w+){{2,}}\b)
    | (?P<camel>\b(?-i:[a-z]{{2,}}[A-Z]\w*)\b)
    | (?P<ordinal>\b(?P<ov>\d+)(?:st|nd|rd|th)\b)
    | (?P<mixed>\b(?!\d[\d.,]*(?:{_SCALE}|{_UNIT_SUFFIX})(?!\w))(?=\w*\d)(?=\w*[^\W\d])\w{{2,}}\b)
    | (?P<number>(?<![\w.])[+-]?(?P<nv>\d+(?:,\d{{2,3}})*(?:\.\d+|/\d+)?)(?:\s?(?P<ns>{_SCALE})|\s?(?P<nu>{_UNIT_SUFFIX})(?!\w))?)
    | (?P<word>(?:[^\W\d_]\.){{2,}}|[^\W\d_]+(?:'[^\W\d_]+)*(?:\+\+|\#(?!\w))?)
    | (?P<mark>[?!.,;:()])
    | (?P<symbol>[^\w\s'"\-*_~^|\\/\[\]{{}}`])
    | (?P<rest>\d+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*(?=[ ,;!?]|\.(?: |$)|$)")
_IDENTIFIERS: Final = frozenset("url email uuid ip path ticket tag code camel mixed version phone rest".split())
_SENTENCE_END: Final = frozenset("?!.:")
_TRAILING: Final = ".,;:!?)'\""
#: Capitals that would otherwise read as a pronoun.
_ACRONYMS: Final = {"us": "usa", "it": "information-technology"}
_LONGEST_PHRASE: Final = max(map(len, PHRASES))
_PHRASE_STARTS: Final = frozenset(phrase[0] for phrase in PHRASES)
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def normalize(text: str) -> str:
    """NFKC, plain quotes and dashes, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())


def tokenize(text: str) -> list[Token]:
    """Tokens of a normalised text, phrases folded."""
    tokens: list[Token] = []
    starts = True
    shouts = text.isupper()
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        # Nine tokens in ten are plain words; the full expression is ten times dearer.
        found = _PLAIN.match(text, at)
        if found is None or not _is_plain(found.group()):
            found = _TOKEN.match(text, at)
        if found is None:
            at += 1
            continue
        at = found.end()
        surface = found.group()
        kind = found.lastgroup or "word"
        if kind == "word":
            _add_word(tokens, surface, starts=starts, shouts=shouts)
            starts = False
        elif kind == "mark":
            tokens.append(Token("mark", surface, surface))
            starts = surface in _SENTENCE_END
        else:
            tokens.append(_value(found, surface))
            starts = False
    return _fold(tokens)


def _is_plain(word: str) -> bool:
    """Whether nothing but a word can begin here: no month, no camelCase."""
    return (word.islower() or word[0].isupper() or len(word) > 1 and word[1].isupper()) and word.lower() not in MONTHS


def _add_word(tokens: list[Token], surface: str, *, starts: bool, shouts: bool) -> None:
    lower = surface.casefold()
    if "." in lower:  # U.S., p.m., e.g.
        lower = lower.replace(".", "")
    if lower in _ACRONYMS and (surface.isupper() or "." in surface) and not shouts:
        lower = _ACRONYMS[lower]
    if _CJK.search(lower):  # no spaces to go by: each character is a token
        tokens.extend(Token("word", char, char) for char in lower)
        return
    if "'" not in lower:
        expanded = CONTRACTIONS.get(lower)
        if expanded is None:
            tokens.append(Token("word", lower, surface, starts))
            return
    else:
        expanded = CONTRACTIONS.get(lower) or _expand(lower)
    for word in expanded.split():
        tokens.append(Token("word", word, surface, starts))
        starts = False


def _expand(lower: str) -> str:
    """Contractions that follow a rule; a possessive keeps its mark as a word of its own."""
    stem, _, ending = lower.rpartition("'")
    if ending == "t" and stem.endswith("n"):
        return f"{stem[:-1]} not"
    full = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am", "s": "'s"}.get(ending)
    return f"{stem.replace(chr(39), '')} {full}" if full else lower.replace("'", "")


def _value(found: re.Match[str], surface: str) -> Token:
    """The token of anything that is neither word nor mark."""
    kind = next(name for name in _KINDS if found.group(name) is not None)
    if kind in _IDENTIFIERS:
        bare = surface.rstrip(_TRAILING) if kind in {"url", "path"} else surface
        if kind == "phone":
            bare = "+" + re.sub(r"\D", "", bare)
        elif kind in {"email", "uuid", "tag", "ticket", "mixed", "version"}:
            bare = bare.casefold().rstrip(".-+")
            if kind == "version":
                return Token("identifier", f"version:{bare.removeprefix('v')}", surface)
        return Token("identifier", f"identifier:{bare}", surface)
    if kind == "symbol":
        return Token("symbol", surface, surface)
    if kind in {"number", "money", "ordinal"}:
        return _amount(found, kind, surface)
    return Token("time" if kind.startswith("clock") else "date", _moment(found, kind), surface)


_KINDS: Final = tuple(
    "url email uuid ip isodate dmy mdy my numdate clock clock2 version phone money path ticket tag code camel ordinal "
    "mixed number symbol rest".split()
)


def _amount(found: re.Match[str], kind: str, surface: str) -> Token:
    if kind == "ordinal":
        return Token("number", f"ordinal:{int(found['ov'])}", surface)
    digits, scale = (found["mv"], found["ms"]) if kind == "money" else (found["nv"], found["ns"])
    unit = found["money"].strip().casefold() if kind == "money" else found["nu"]
    unit = unit.casefold() if unit else None
    value = decimal_of(digits)
    if value is None:
        return Token("number", f"number:{digits}", surface)
    if scale is None and unit is None and "." in digits:
        # 3.10 is not 3.1: without a unit it may be a version, and equals only itself.
        return Token("number", f"number:{digits}", surface)
    if scale is not None:
        from khala_jobs.memory.guard_values import SCALES

        value *= SCALES[scale.casefold()]
    if surface.startswith("-"):
        value = -value
    return Token("number", amount_key(value, unit), surface)


def _moment(found: re.Match[str], kind: str) -> str:
    """Key of a date or a time of day."""
    if kind == "isodate":
        day = date_key(int(found["iy"]), int(found["im"]), int(found["id"]))
        return day + (f"T{found['it']}{found['iz'] or ''}" if found["it"] else "")
    if kind == "dmy":
        return named_date_key(found, day=_digits(found["d1"]), month=found["m1"], year=found["y1"])
    if kind == "mdy":
        return named_date_key(found, day=_digits(found["d2"]), month=found["m2"], year=found["y2"])
    if kind == "my":
        return named_date_key(found, day=None, month=found["m3"], year=found["y3"])
    if kind == "clock":
        return clock_key(found["ch"], found["cm"], found["cs"], _half(found["ca"]))
    if kind == "clock2":
        return clock_key(found["ch2"], found["cm2"], None, _half(found["ca2"]))
    return numeric_date_key(found.group())


def _half(letter: str | None) -> str | None:
    return letter.casefold() if letter else None


def _digits(day: str) -> str:
    return day.rstrip("stndrhSTNDRH")


def _fold(tokens: list[Token]) -> list[Token]:
    """Replace listed phrases, longest first."""
    folded: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        length = 0
        if token.kind == "word" and token.key in _PHRASE_STARTS:
            for width in range(min(_LONGEST_PHRASE, len(tokens) - at), 0, -1):
                phrase = tuple(one.key for one in tokens[at : at + width])
                if phrase in PHRASES:
                    surface = " ".join(one.surface for one in tokens[at : at + width])
                    folded.extend(
                        Token("number", f"number:{word}", surface)
                        if word.isdigit()
                        else Token("word", word, surface, token.starts)
                        for word in PHRASES[phrase].split()
                    )
                    length = width
                    break
        if not length:
            folded.append(token)
            length = 1
        at += length
    return folded
