"""Numbers, amounts, dates and times in one spelling: "May 3rd, 2024" and "2024-05-03" are one value.

Each function makes a *key*, a string that is equal exactly for equal values. What cannot be read without
guessing (is 03/05/2024 in March or in May?) keeps its own spelling and so equals only itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from .guard_words import NUMBER_WORDS, ORDINAL_WORDS, word_set

__all__ = [
    "MONTHS",
    "MULTIPLYING",
    "RELATIVE_DAYS",
    "SCALES",
    "UNITS",
    "VALUE_WORDS",
    "WEEKDAYS",
    "amount_key",
    "clock_key",
    "date_key",
    "decimal_of",
    "measured",
    "month_date_key",
    "numeric_date_key",
    "spelled",
]

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
WEEKDAYS: Final = word_set("monday tuesday wednesday thursday friday saturday sunday")
RELATIVE_DAYS: Final = word_set("today yesterday tomorrow tonight")

#: Number words that multiply.
MULTIPLYING: Final = word_set("hundred thousand million billion trillion dozen")
SCALES: Final = {
    "hundred": 100,
    "thousand": 10**3,
    "k": 10**3,
    "million": 10**6,
    "m": 10**6,
    "mn": 10**6,
    "mln": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}

#: unit word -> (dimension, how many of its base unit). Months and years have no length in days. A unit with capitals
#: counts as written, any other in every case: "MB", "mb" and "mB" are bytes, "Mb" are bits.
UNITS: Final[dict[str, tuple[str, Decimal]]] = {
    word: (dimension, Decimal(factor))
    for dimension, factor, words in (
        ("duration", "0.001", "ms millisecond milliseconds msec"),
        ("duration", "1", "s sec secs second seconds"),
        ("duration", "60", "min mins minute minutes"),
        ("duration", "3600", "h hr hrs hour hours"),
        ("duration", "86400", "d day days"),
        ("duration", "604800", "week weeks wk wks"),
        ("months", "1", "month months"),
        ("months", "12", "year years yr yrs"),
        ("length", "0.001", "mm millimeter millimeters"),
        ("length", "0.01", "cm centimeter centimeters"),
        ("length", "1", "m meter meters"),
        ("length", "1000", "km kms kilometer kilometers"),
        ("miles", "1", "mi mile miles"),
        ("feet", "1", "ft feet"),
        ("inches", "1", "inch inches"),
        ("mass", "0.001", "g gram grams"),
        ("mass", "1", "kg kgs kilo kilos kilogram kilograms"),
        ("pounds", "1", "lb lbs"),
        ("ounces", "1", "oz ounce ounces"),
        ("volume", "0.001", "ml milliliter milliliters"),
        ("volume", "1", "l liter liters"),
        ("gallons", "1", "gallon gallons"),
        ("bytes", "1", "byte bytes"),
        ("bytes", "1e3", "kb kilobyte kilobytes"),
        ("bytes", "1e6", "mb megabyte megabytes"),
        ("bytes", "1e9", "gb gigabyte gigabytes"),
        ("bytes", "1e12", "tb terabyte terabytes"),
        ("bits", "1e3", "Kb kbit kilobit kilobits"),
        ("bits", "1e6", "Mb mbit megabit megabits"),
        ("bits", "1e9", "Gb gbit gigabit gigabits"),
        ("bitrate", "1e3", "kbps"),
        ("bitrate", "1e6", "mbps"),
        ("bitrate", "1e9", "gbps"),
        ("byterate", "1e3", "kBps KBps"),
        ("byterate", "1e6", "MBps"),
        ("byterate", "1e9", "GBps"),
        ("kibibytes", "1", "kib"),
        ("kibibytes", "1024", "mib"),
        ("kibibytes", "1048576", "gib"),
        ("celsius", "1", "°c celsius"),
        ("fahrenheit", "1", "°f fahrenheit"),
        ("degrees", "1", "° degree degrees"),
        ("percent", "1", "% percent pct percentage"),
        ("watts", "1", "w watt watts"),
        ("watts", "1000", "kw kilowatt kilowatts"),
        ("watts", "1e6", "MW megawatt megawatts"),
        ("watts", "0.001", "mW milliwatt milliwatts"),
        ("milli or mega", "1", "mw"),
        ("hertz", "1e6", "mhz"),
        ("hertz", "1e9", "ghz"),
        ("kmh", "1", "kmh km/h kph"),
        ("mph", "1", "mph"),
        ("calories", "1", "kcal calorie calories"),
        ("USD", "1", "$ usd dollar dollars us$ bucks"),
        ("USD", "0.01", "cent cents"),
        ("EUR", "1", "€ eur euro euros"),
        ("GBP", "1", "£ gbp pound pounds quid"),
        ("JPY", "1", "¥ jpy yen"),
        ("INR", "1", "₹ inr rupee rupees"),
        ("CHF", "1", "chf franc francs"),
        ("CNY", "1", "cny rmb yuan"),
        ("CAD", "1", "cad c$"),
        ("AUD", "1", "aud a$"),
        ("KRW", "1", "krw won"),
        ("SEK", "1", "sek krona kronor"),
        ("RUB", "1", "rub ruble rubles rouble roubles"),
    )
    for word in words.split()
}

_MAX_DIGITS: Final = 40  # longer runs of digits are names, not amounts
_MONTHS_IN_YEAR: Final = 12
_DAYS_IN_MONTH: Final = 31
_HOURS: Final = 24
_TWO_DIGIT_YEARS: Final = 100


def decimal_of(digits: str) -> Decimal | None:
    """The value of "1,234.5", "-3" or "1/2"; None of what is no amount (leading zeros, too many digits)."""
    plain = digits.replace(",", "")
    if "/" in plain:
        top, _, bottom = plain.partition("/")
        if not (top.isdecimal() and bottom.isdecimal() and len(plain) <= _MAX_DIGITS and int(bottom)):
            return None
        return Decimal(int(top)) / Decimal(int(bottom))
    if len(plain) > _MAX_DIGITS or (len(plain) > 1 and plain[0] == "0" and plain[1] != "."):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def amount_key(value: Decimal, unit: str | None) -> str:
    """Key of a number with or without a unit: "number:3", "duration:1800", "USD:25000000000"."""
    if unit is None:
        return f"number:{_plain(value)}"
    dimension, factor = UNITS[unit] if unit in UNITS else UNITS[unit.casefold()]
    return f"{dimension}:{_plain(value * factor)}"


def clock_key(hours: str, minutes: str | None, seconds: str | None, half: str | None) -> str:
    """Key of a time of day; ``half`` is "a", "p" or None for the 24-hour clock."""
    hour = int(hours)
    if half is not None and 1 <= hour <= _HOURS // 2:
        hour = hour % (_HOURS // 2) + (_HOURS // 2 if half in {"p", "P"} else 0)
    tail = f":{seconds}" if seconds and int(seconds) else ""
    return f"time:{hour:02d}:{minutes or '00'}{tail}"


def date_key(year: int | None, month: int | None, day: int | None) -> str:
    """Key of a date of which parts may be unknown."""
    return "date:" + "-".join("?" if part is None else f"{part:02d}" for part in (year, month, day))


def month_date_key(text: str, day: str | None, month: str, year: str | None) -> str:
    """Key of a date whose month is a word; ``text`` is all of it, the key of a day that no month has."""
    number = MONTHS[month.lower().rstrip(".")]
    day_number = int(re.sub(r"\D", "", day)) if day else None
    if day_number is not None and not 1 <= day_number <= _DAYS_IN_MONTH:
        return "date:" + text.casefold()
    return date_key(int(year) if year else None, number, day_number)


def numeric_date_key(text: str) -> str:
    """Key of 31.12.2024, 12/31/2024 or 2024/12/31; ambiguous or impossible ones equal only themselves."""
    first, second, third = (int(part) for part in re.split(r"[./-]", text))
    if first > _TWO_DIGIT_YEARS:
        year, month, day = first, second, third
    else:
        year = third if third >= _TWO_DIGIT_YEARS else 2000 + third
        dotted = "." in text
        if dotted or first > _MONTHS_IN_YEAR or first == second:
            day, month = first, second
        elif second > _MONTHS_IN_YEAR:
            month, day = first, second
        else:
            return "date:" + text
    if not (1 <= month <= _MONTHS_IN_YEAR and 1 <= day <= _DAYS_IN_MONTH):
        return "date:" + text
    return date_key(year, month, day)


def measured(number: str, unit: str) -> str:
    """Key of a number, given as its key, with the unit behind it.

    Empty when the unit stays a word: "one day" and "a day" are the same. So it does behind what is no amount.
    """
    name, _, digits = number.partition(":")
    plain = digits.removeprefix("-").replace(".", "", 1)
    if name != "number" or not (plain.isdecimal() and plain.isascii()) or Decimal(digits) == 1:
        return ""
    return amount_key(Decimal(digits), unit)


def spelled(words: Sequence[str]) -> tuple[str, int]:
    """Key of the number that the words begin with, and the place of its last word."""
    total = current = 0
    last = index = 0
    while index < len(words):
        word = words[index]
        if word in NUMBER_WORDS:
            current += NUMBER_WORDS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in MULTIPLYING:
            total += max(current, 1) * SCALES[word]
            current = 0
        elif (
            word == "and"
            and words[last] in MULTIPLYING
            and index + 1 < len(words)
            and words[index + 1] in NUMBER_WORDS
        ):
            index += 1
            continue
        else:
            break
        last = index
        index += 1
    return amount_key(Decimal(total + current), None), last


def _plain(value: Decimal) -> str:
    """Shortest exact spelling: 1E+3, 1000 and 1000.0 all become 1000."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_CLOCK_WORDS: Final = {"noon": "time:12:00", "midday": "time:12:00", "midnight": "time:00:00"}

#: Words that are a value by themselves -> its kind (cpp/text/lexicon.cpp) and its key.
VALUE_WORDS: Final[Mapping[str, tuple[str, str]]] = (
    {word: ("month", date_key(None, number, None)) for word, number in MONTHS.items()}
    | {word: ("time", key) for word, key in _CLOCK_WORDS.items()}
    | {word: ("date", f"day:{word}") for word in RELATIVE_DAYS}
    | {form: ("date", f"weekday:{word}") for word in WEEKDAYS for form in (word, word + "s")}
    # "second" is a unit more often than a rank.
    | {word: ("ordinal", f"ordinal:{rank}") for word, rank in ORDINAL_WORDS.items() if word != "second"}
    | {word: ("number", spelled([word])[0]) for word in (*NUMBER_WORDS, *MULTIPLYING)}
)
