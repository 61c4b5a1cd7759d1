"""What is no plain word in a text: addresses, identifiers, dates, times, numbers.

A *shape* says how such a thing looks and what its key is; equal keys mean equal values, however they are
written. All shapes together are one regular expression, in which the first that matches at a place wins:
hence the order of the table. Every repetition has a limit, so that no text, however odd, costs more than a
constant a character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from .guard_sets import CASELESS
from .guard_values import (
    MONTHS,
    SCALES,
    UNITS,
    amount_key,
    clock_key,
    date_key,
    decimal_of,
    month_date_key,
    numeric_date_key,
)

__all__ = ["PATTERN", "SHAPES", "Shape"]

Key = Callable[[re.Match[str]], str]


class Shape(NamedTuple):
    """One way a thing can look.

    Attributes:
        kind: "identifier", "number", "date", "time", "symbol", "mark" or "word".
        pattern: Verbose regular expression, case ignored; its own groups are named after the shape.
        key: From the match to what is compared.
    """

    kind: str
    pattern: str
    key: Key


_MONTH: Final = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR: Final = r"(?:1[5-9]|20|21)\d\d"
_DAY: Final = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_DIGITS: Final = r"\d{1,40}(?:,\d{2,3}){0,12}(?:\.\d{1,20})?"
_SCALE: Final = r"(?:thousand|million|billion|trillion|mln|mn|bn|[kmb])\b"
_LONGEST_SUFFIX: Final = 4
_UNIT: Final = "|".join(
    re.escape(unit)
    for unit in sorted({unit.casefold() for unit in UNITS}, key=lambda unit: (-len(unit), unit))
    if len(unit) <= _LONGEST_SUFFIX and not unit.startswith("$")
)
_FILE_ENDING: Final = (
    "(?:py|js|ts|md|txt|json|ya?ml|toml|csv|pdf|docx?|xlsx?|png|jpe?g|sql|sh|go|rs|cpp|hpp|java|html|css)"
)
_DOMAIN_ENDING: Final = "(?:com|org|net|io|dev|ai|de|edu|gov|co)"
_HOST: Final = re.compile(r"(?i:(?:https?|ftp)://)?[^/@?#]++(?!@)")
_LONGEST_CASELESS: Final = 3
_LONGEST_OPENING: Final = 8  # spaces, quotes and brackets before the first word of a sentence
_OPERATORS: Final = {"\u2260": "!=", "\u2264": "<=", "\u2265": ">="}
_TRAILING: Final = ".,;:!?)'\""


def _exact(found: re.Match[str]) -> str:
    """Identifiers in which case counts."""
    return "identifier:" + found.group().rstrip(_TRAILING)


def _folded(found: re.Match[str]) -> str:
    """Identifiers in which case does not count."""
    return "identifier:" + found.group().casefold().rstrip(".-+")


def _address(found: re.Match[str]) -> str:
    """Case counts, but not in the name of the host and before."""
    address = found.group().rstrip(_TRAILING)
    host = _HOST.match(address)
    end = host.end() if host else 0
    return f"identifier:{address[:end].casefold()}{address[end:]}"


def _mixed(found: re.Match[str]) -> str:
    """Letters and digits. Case counts ("hunter2", "Hunter2"), except where it is known to be a matter of taste."""
    token = found.group()
    is_caseless = len(token) <= _LONGEST_CASELESS or token.islower() or token.isupper() or _is_known(token)
    is_first_word = token[1:] == token[1:].casefold() and _starts(found)
    return _folded(found) if is_caseless or is_first_word else "identifier:" + token


def _starts(found: re.Match[str]) -> bool:
    """Whether a sentence begins here; a colon begins none, passwords stand behind it."""
    begin = max(0, found.start() - _LONGEST_OPENING)
    before = found.string[begin : found.start()].rstrip(" \"'(")
    return before[-1] in "?!." if before else begin == 0


def _is_known(token: str) -> bool:
    return token.casefold().rstrip("0123456789") in CASELESS


def _operator(found: re.Match[str]) -> str:
    return "identifier:" + _OPERATORS.get(found.group(), found.group())


def _score(found: re.Match[str]) -> str:
    """The first number of "3-1" or "3-5": only the second of them may be a range, "3 to 5"."""
    is_falling = int(found["score_a"]) > int(found["score_b"])
    return f"number:{found['score_a']}-" if is_falling else _amount(found["score_a"], None, None)


def _surface(found: re.Match[str]) -> str:
    return found.group()


def _version(found: re.Match[str]) -> str:
    return "version:" + found.group().casefold().removeprefix("v").rstrip(".-+")


def _phone(found: re.Match[str]) -> str:
    return "identifier:+" + re.sub(r"\D", "", found.group())


def _iso_date(found: re.Match[str]) -> str:
    day = date_key(int(found["iso_y"]), int(found["iso_m"]), int(found["iso_d"]))
    return f"{day}T{found['iso_t']}{found['iso_z'] or ''}" if found["iso_t"] else day


def _day_month(found: re.Match[str]) -> str:
    return month_date_key(found.group(), found["dm_d"], found["dm_m"], found["dm_y"])


def _month_day(found: re.Match[str]) -> str:
    return month_date_key(found.group(), found["md_d"], found["md_m"], found["md_y"])


def _month_year(found: re.Match[str]) -> str:
    return month_date_key(found.group(), None, found["my_m"], found["my_y"])


def _clock(found: re.Match[str]) -> str:
    return clock_key(found["clock_h"], found["clock_m"], found["clock_s"], found["clock_half"])


def _hour(found: re.Match[str]) -> str:
    return clock_key(found["hour_h"], found["hour_m"], None, found["hour_half"])


def _ordinal(found: re.Match[str]) -> str:
    return f"ordinal:{int(found['ordinal_n'])}"


def _money(found: re.Match[str]) -> str:
    return _amount(found["money_n"], found["money_scale"], found["money_sign"].strip())


def _number(found: re.Match[str]) -> str:
    digits = found["number_n"]
    if found["number_scale"] is None and found["number_unit"] is None and "." in digits:
        # 3.10 is not 3.1: without a unit it may be a version, and equals only itself.
        return f"number:{digits}"
    minus = "-" if found.group().startswith("-") else ""
    return _amount(minus + digits, found["number_scale"], found["number_unit"])


def _amount(digits: str, scale: str | None, unit: str | None) -> str:
    value = decimal_of(digits)
    if value is None:
        return f"number:{digits}"
    if scale is not None:
        value *= SCALES[scale.casefold()]
    return amount_key(value, unit)


#: name of the group -> shape; the order is that of the alternatives.
SHAPES: Final[dict[str, Shape]] = {
    "url": Shape(
        "identifier",
        r"""(?:https?|ftp|file|s3|git|ssh|rediss?|postgres(?:ql)?|mysql|sqlite)://[^\s<>"']+
        | www\.[^\s<>"']+""",
        _address,
    ),
    "email": Shape("identifier", r"[\w.+-]{1,64}+@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", _folded),
    "uuid": Shape("identifier", r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", _folded),
    "ip": Shape("identifier", r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?\b", _exact),
    "iso": Shape(
        "date",
        r"""\b(?P<iso_y>\d{4})-(?P<iso_m>\d\d)-(?P<iso_d>\d\d)(?!\d)
        (?:[T\ ](?P<iso_t>\d\d:\d\d(?::\d\d)?)(?P<iso_z>Z|[+-]\d\d:?\d\d)?)?""",
        _iso_date,
    ),
    "dm": Shape(
        "date",
        rf"\b(?P<dm_d>{_DAY})(?:\s+of)?[\s-]+(?P<dm_m>{_MONTH})(?:,?[\s-]+(?P<dm_y>{_YEAR})\b)?",
        _day_month,
    ),
    "md": Shape(
        "date",
        rf"""\b(?P<md_m>{_MONTH})\s+(?:the\s+)?(?P<md_d>{_DAY})
        (?![\d:] | \s*(?:am|pm|a\.m|p\.m)\b | [.,]\d)(?:,?\s+(?P<md_y>{_YEAR})\b)?""",
        _month_day,
    ),
    "my": Shape("date", rf"\b(?P<my_m>{_MONTH}),?\s+(?:of\s+)?(?P<my_y>{_YEAR})\b", _month_year),
    "numeric": Shape(
        "date",
        r"""\b(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d) | \d{4}[./]\d{1,2}[./]\d{1,2})\b(?![.\d])""",
        lambda found: numeric_date_key(found.group()),
    ),
    "clock": Shape(
        "time",
        r"""\b(?P<clock_h>[01]?\d|2[0-4]):(?P<clock_m>[0-5]\d)(?::(?P<clock_s>[0-5]\d))?
        (?:\s*(?P<clock_half>[ap])\.?m\b\.?)?(?!\w)""",
        _clock,
    ),
    "hour": Shape(
        "time",
        r"\b(?P<hour_h>1[0-2]|0?[1-9])(?:\.(?P<hour_m>[0-5]\d))?\s*(?P<hour_half>[ap])\.?m\b\.?",
        _hour,
    ),
    "version": Shape(
        "identifier",
        r"""\bv\d{1,9}(?:\.\d{1,9}){0,5}[\w.+-]{0,40} | \b\d{1,9}\.\d{1,9}\.\d{1,9}[\w.+-]{0,40}""",
        _version,
    ),
    "phone": Shape("identifier", r"\+\d[\d\s().-]{6,18}\d\b", _phone),
    "money": Shape(
        "number",
        rf"(?P<money_sign>(?:us|[ac])?[$]\s?|[€£¥₹]\s?)(?P<money_n>{_DIGITS})(?:\s?(?P<money_scale>{_SCALE}))?",
        _money,
    ),
    "path": Shape(
        "identifier",
        r"""(?<![\w/.])(?:~|\.{1,2})?(?:/[\w.@+-]{1,99}){1,40}/?
        | \b[a-z]:\\[^\s"']{1,260} | \b(?:[\w-]{1,60}+/){1,10}[\w-]{1,60}\.[a-z]\w{0,4}\b""",
        _exact,
    ),
    "ticket": Shape("identifier", r"\b[a-z]{2,10}-\d{1,12}\b", _folded),
    "tag": Shape("identifier", r"(?<!\w)[@\#][^\W\d]\w{0,99} | \#\d{1,20}", _folded),
    "code": Shape(
        "identifier",
        rf"""\b[\w-]{{1,80}}+\.{_FILE_ENDING}\b | \b\w{{1,60}}+\(\) | (?<!\w)--?[a-z][\w-]{{0,60}}(?==|\b)
        | \b\w{{0,60}}[^\W_]_[^\W_]\w{{0,60}}\b | \b\w{{1,60}}+(?:\.\w{{1,60}}){{2,20}}\b
        | \b(?-i:[a-z]{{2,}}[A-Z]\w{{0,99}})\b""",
        _exact,
    ),
    "host": Shape(
        "identifier",
        rf"""\b(?:[\w-]{{1,63}}+\.){{1,5}}{_DOMAIN_ENDING}(?![\w@]|\.\w)(?:/[^\s<>"']{{0,400}})?""",
        _address,
    ),
    "operator": Shape(
        "identifier",
        r"""(?=[=!<>&|≠≤≥])(?:(?<![=!<>])(?:[=!]={1,2}|[<>]=)(?!=) | && | \|\| | [≠≤≥]
        | (?<![-=<>])[<>](?=\s?\d) | (?<!\S)[<>](?!\S) | (?<=\w)<(?=\w{1,60}(?![\w>])))""",
        _operator,
    ),
    "denial": Shape("word", r"!(?<![\w!?)']!)(?=[a-z_(])", _surface),
    "grade": Shape("identifier", r"\b(?-i:[A-FO]|AB)[+-](?![\w+-])", _exact),
    "score": Shape(
        "number",
        r"(?<![\w./,-])(?P<score_a>\d{1,3})(?=-(?P<score_b>\d{1,3})\b(?![-/%]|[.,]\d))",
        _score,
    ),
    "ordinal": Shape("number", r"\b(?P<ordinal_n>\d{1,9})(?:st|nd|rd|th)\b", _ordinal),
    "mixed": Shape(
        "identifier",
        rf"""\b(?!\d[\d.,]{{0,30}}(?:{_SCALE}|{_UNIT})(?!\w))(?=\w{{0,60}}\d)(?=\w{{0,60}}[^\W\d])\w{{2,120}}\b""",
        _mixed,
    ),
    "number": Shape(
        "number",
        rf"""(?<![\w.])[+-]?(?P<number_n>{_DIGITS}(?:/\d{{1,20}})?)
        (?:\s?(?P<number_scale>{_SCALE}) | \s?(?P<number_unit>{_UNIT})(?!\w))?""",
        _number,
    ),
    "word": Shape("word", r"(?:[^\W\d_]\.){2,9} | [^\W\d_]+(?:'[^\W\d_]+)*(?:\+\+|\#(?!\w))?", _surface),
    "mark": Shape("mark", r"[?!.,;:()]", _surface),
    "symbol": Shape("symbol", r"""[^\w\s'"\-*_~^|\\/\[\]{}`]""", _surface),
    "digits": Shape("identifier", r"\d+", _exact),
}

PATTERN: Final = re.compile(
    "|".join(f"(?P<{name}>{shape.pattern})" for name, shape in SHAPES.items()), re.VERBOSE | re.IGNORECASE
)
"""Matches one thing of any shape; ``lastgroup`` names the shape: a group closes after those inside it."""
