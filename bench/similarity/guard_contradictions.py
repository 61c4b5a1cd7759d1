"""Contradictions made of real sentences: one small edit each, after which both cannot be meant.

Every maker takes a sentence and either changes it or says that it does not apply. The words it puts in come from
WordNet or from the short tables here, which were written without the guard's lists. What is made is not always good
English, as little as what is really stored as a memory is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from similarity.grammar import ARTICLES, past_of, third_person
from similarity.wordnet import WordNet

__all__ = ["CONTRADICTIONS", "Maker"]

Maker = Callable[[str, Random, WordNet], "tuple[str, str] | None"]
"""(sentence, dice, WordNet) -> the two sentences of a pair, or None where the maker does not apply."""

_AUX: Final = r"is|are|was|were|am|can|could|will|would|should|has been|have been|must"
_WEEKDAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS: Final = (
    "January February March April May June July August September October November December".split()
)
_NUMBERS: Final = """
    two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty
""".split()
_TENSES: Final = {
    "is": "was", "are": "were", "was": "is", "were": "are", "has": "had", "will": "did", "am": "was", "had": "has",
    "have": "had", "does": "did", "do": "did",
}  # fmt: skip
_QUANTIFIERS: Final = {
    "all": "some none few", "every": "no", "always": "never sometimes rarely", "never": "always often",
    "sometimes": "always never", "often": "rarely never", "usually": "rarely", "most": "few all", "some": "all no",
    "many": "few no", "few": "many", "everyone": "nobody", "only": "not only", "both": "neither of", "each": "no",
    "several": "no", "everything": "nothing", "rarely": "often", "several times": "once",
    "more": "less", "half": "all", "mostly": "rarely", "at least": "at most", "nobody": "everybody",
}  # fmt: skip
_OPPOSITES: Final = {
    "love": "hate", "loves": "hates", "like": "dislike", "likes": "dislikes", "enjoy": "detest", "enjoys": "loathes",
    "hate": "love", "hates": "loves", "before": "after", "after": "before", "open": "closed", "best": "worst",
    "first": "last", "big": "tiny", "large": "small", "small": "huge", "young": "old", "new": "old",
    "good": "bad",
    "bad": "good", "married": "unmarried", "single": "married", "happy": "unhappy", "easy": "difficult",
    "increase": "decrease", "rose": "fell", "fell": "rose", "up": "down", "win": "lose", "won": "lost",
    "with": "without",
    "inside": "outside", "left": "right", "north": "south", "south": "north", "east": "west", "west": "east",
    "son": "daughter", "brother": "sister", "husband": "wife", "mother": "father", "hot": "cold", "cold": "hot",
    "accepted": "rejected", "healthy": "unhealthy", "buy": "sell", "bought": "sold", "higher": "lower",
    "lower": "higher",
    "started": "stopped", "vegan": "carnivore", "short": "tall", "tall": "short", "early": "late", "late": "early",
    "fast": "slow", "excited": "bored", "proud": "ashamed", "important": "unimportant", "likes to": "refuses to",
}  # fmt: skip
_NO_OPPOSITE: Final = frozenset(
    {"here", "there", "anonymous", "military", "have"}
)  # what WordNet has is none in a sentence
_REPORTING: Final = frozenset({"say", "tell", "report", "add", "note", "express", "mention", "share"})
_PLACES: Final = """
    Chicago Boston Paris Tokyo Canada Mexico Florida Texas California London Germany Italy Ohio Michigan Seattle Denver
    Spain France Brazil Sweden Australia Ireland Portland Nashville Montana Nevada India China Japan Korea Egypt Kenya
""".split()
_PEOPLE: Final = """
    Melanie Caroline John Maria Jon Gina Tim James Andrew Audrey Deborah Jolene Evan Sam Calvin Dave Joanna Nate
""".split()


def negation_in(  # noqa: PLR0911 - one return a construction
    text: str, dice: Random, words: WordNet
) -> tuple[str, str] | None:
    """Denied: "is not", "do not like", "does not play", "did not go"."""
    found = re.search(rf"\b({_AUX})\b(?! (?:not|never|no)\b)(?=\s\w)", text)
    if found and not _is_denied(text):
        short = {
            "is": "isn't",
            "are": "aren't",
            "was": "wasn't",
            "can": "can't",
            "will": "won't",
            "could": "couldn't",
        }
        denied = short.get(found[1], "") if dice.random() < 0.5 else ""
        return text, text[: found.start()] + (denied or f"{found[1]} not") + text[found.end() :]
    found = re.match(r"(I|[A-Z][a-z]+) ([a-z]+)\b", text)
    if found is None or _is_denied(text):
        return None
    base = words.base(found[2], "v")
    if not base or not words.is_verb(base):
        return None
    if found[1] == "I" and found[2] == base:
        return text, f"I {dice.choice(('do not', 'don' + chr(39) + 't', 'never'))} {text[found.start(2) :]}"
    if found[1] != "I" and found[2] == third_person(base):
        return text, f"{found[1]} {dice.choice(('does not', 'never'))} {base}{text[found.end() :]}"
    if found[2] == past_of(base):
        return (
            text,
            f"{found[1]} {dice.choice(('did not', 'didn' + chr(39) + 't'))} {base}{text[found.end() :]}",
        )
    return None


def negation_out(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """The only "not", "never" or "no" of a sentence left out."""
    if len(re.findall(r"\b(?:not|never|no|none|cannot|without)\b|n't\b", text, re.IGNORECASE)) != 1:
        return None
    for pattern, instead in (
        (r"\b(?:do|does|did) not |\b(?:do|does|did)n't ", ""), (r"\bcan't\b|\bcannot\b", "can"), (r"\bwon't\b", "will"),
        (r"n't\b", ""), (r"\b(?:not|never) ", ""), (r"\bhave no\b", "have a"), (r"\bhas no\b", "has a"),
        (r"\bwithout\b", "with"), (r"\bis no\b", "is a"),
    ):  # fmt: skip
        if re.search(pattern, text):
            return text, re.sub(pattern, instead, text, count=1)
    return None


def antonym(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """One word by its opposite: of this module's table, or of WordNet."""
    if _is_denied(text):
        return None
    options = [(word, _OPPOSITES[word]) for word in re.findall(r"[a-z]+", text) if word in _OPPOSITES]
    for word in re.findall(r"[a-z]{3,}", text):
        kind = words.kind(word)
        if kind in {"a", "r", "v"} and word not in _NO_OPPOSITE:
            options += [(word, other) for other in words.antonyms(word, kind)[:1]]
    return _substituted(text, options, dice)


def digits(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Another number in digits: near, ten times as much, or with two digits exchanged."""
    found_all = re.finditer(r"(?<![\w.:/-])\d[\d,]*(?:\.\d+)?(?![\w:/-])", text)
    options = [found for found in found_all if not re.fullmatch(r"(?:19|20)\d\d", found[0])]
    if not options:
        return None
    found = dice.choice(options)
    plain = found[0].rstrip(",")
    value = float(plain.replace(",", ""))
    whole = int(value)
    choices = [whole + dice.choice((1, 2, 5)), whole * 10, max(0, whole - 1)]
    if len(plain) > 1 and plain.isdigit() and plain[0] != plain[-1] and plain[-1] != "0":
        choices.append(int(plain[-1] + plain[1:-1] + plain[0]))
    other = dice.choice([one for one in choices if one != value])
    return text, text[: found.start()] + str(other) + text[found.start() + len(plain) :]


def number_words(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Another number in words."""
    found = re.search(r"\b(" + "|".join(_NUMBERS) + r")\b", text, re.IGNORECASE)
    if found is None:
        return None
    other = dice.choice([number for number in _NUMBERS if number != found[1].lower()])
    return text, text[: found.start()] + _cased(other, found[1]) + text[found.end() :]


def date(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Another month, day of the month or year."""
    month = "|".join(_MONTHS)
    options: list[str] = []
    for found in re.finditer(rf"\b({month})\b", text, re.IGNORECASE):
        if found[1] not in {"may", "march", "May", "March"} or re.match(r"\s+\d", text[found.end() :]):
            other = dice.choice([one for one in _MONTHS if one.lower() != found[1].lower()])
            options.append(text[: found.start()] + _cased(other, found[1]) + text[found.end() :])
    for found in re.finditer(rf"\b(?:{month})\s+(\d{{1,2}})\b", text, re.IGNORECASE):
        day = str(int(found[1]) % 28 + 1 + dice.randrange(2))
        options.append(text[: found.start(1)] + day + text[found.end(1) :])
    options += [
        text[: found.start()] + str(int(found[0]) + dice.choice((-10, -1, 1, 2))) + text[found.end() :]
        for found in re.finditer(r"(?<![\w.,-])(?:1[89]|20)\d\d(?![\w,-])", text)
    ]
    options = [option for option in options if option != text]
    return (text, dice.choice(options)) if options else None


def weekday(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Another day of the week; where a sentence has none, "on Tuesdays" is put into both."""
    found = re.search(r"\b(" + "|".join(_WEEKDAYS) + r")", text, re.IGNORECASE)
    if found:
        other = dice.choice([day for day in _WEEKDAYS if day.lower() != found[1].lower()])
        return text, text[: found.start()] + _cased(other, found[1]) + text[found.end() :]
    if not re.match(
        r"I (?:go|play|take|run|work|walk|bake|teach|volunteer|visit|eat|cook|swim|read)\b", text
    ):
        return None
    one, other = dice.sample(_WEEKDAYS, 2)
    stem = text.rstrip(".!")
    return f"{stem} on {one}s.", f"{stem} on {other}s."


def quantifier(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """All, some, none, always, never, most, only ..."""
    present = [word for word in _QUANTIFIERS if re.search(rf"\b{word}\b", text)]
    options = [(word, other) for word in present for other in _options(_QUANTIFIERS, word)]
    return _substituted(text, options, dice)


def tense(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """What is so was so, or will be."""
    found = re.match(r"(I|[A-Z][a-z]+|My [a-z]+) ([a-z]+)\b", text)
    base = words.base(found[2], "v") if found else ""
    if base in _REPORTING:
        return None  # who says so, and when, is no matter of the fact
    if found and base and words.is_verb(base) and found[2] not in _TENSES:
        rest = text[found.end() :]
        now = third_person(base) if found[1] != "I" else base
        if found[2] == now:
            then = dice.choice((past_of(base), f"used to {base}", f"will {base}"))
            return text, f"{found[1]} {then}{rest}"
        if found[2] == past_of(base):
            return text, f"{found[1]} {dice.choice((now, f'will {base}'))}{rest}"
    present = [word for word in re.findall(r"[a-z]+", text)[:6] if word in _TENSES]
    if not present or re.search(r"\b(?:do|does|did|will)\b", text):
        return None
    changed = re.sub(rf"\b{present[0]}\b", _TENSES[present[0]], text, count=1)
    return text, changed


def roles(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Two parties exchanged: round a verb, or round "from ... to", "than", "over", "before"."""
    for pattern in _ROLE_PATTERNS:
        found = re.search(pattern, text)
        if found is None or found["x"].lower() == found["y"].lower():
            continue
        if found["x"].lower() in _NO_PARTY or found["x"].endswith("ing") != found["y"].endswith("ing"):
            continue
        verb = found.groupdict().get("v", "be")
        if (base := words.base(verb.split()[-1], "v")) in {"", "be", "have"} and verb != "be":
            continue
        if base and verb != "be" and not words.is_verb(base):
            continue
        one, other = found["x"], found["y"]
        swapped = _cased(other, one) if one[0].isupper() and found.start("x") == 0 else other
        moved = one.lower() if one.split()[0].lower() in ARTICLES else one
        between = text[found.end("x") : found.start("y")]
        return text, text[: found.start("x")] + swapped + between + moved + text[found.end("y") :]
    return None


_NO_PARTY: Final = frozenset({"this", "that", "there", "it", "what", "the"})
_NOUN: Final = r"(?:[Aa]n?|[Tt]he|[Mm]y|[Hh]is|[Hh]er) [a-z]+"
_NOUN_VERB_NOUN: Final = (
    rf"^(?P<x>{_NOUN}) (?P<v>(?:is|are|was) [a-z]+ing|[a-z]+s|[a-z]+ed) (?P<y>{_NOUN})"
    r"(?=[.,]|$| (?:in|on|at|with|and|by|to|for)\b)"
)
_ROLE_PATTERNS: Final = (
    _NOUN_VERB_NOUN,
    r"^(?P<x>[A-Z][a-z]+) (?P<v>(?!and |or )[a-z]+s|[a-z]+ed) (?P<y>[A-Z][a-z]+)\b(?!')",
    r"\bfrom (?P<x>[A-Za-z]{4,}) to (?P<y>[A-Za-z]{4,})\b(?! [A-Z]| and)",
    r"\bprefers? (?P<x>[a-z]{3,}) (?:over|to|rather than) (?P<y>(?!be\b|the\b)[a-z]{4,})\b",
    r"\b(?:like|likes|love|loves) (?P<x>[a-z]{3,}) (?:more|better) than (?P<y>(?!the\b)[a-z]{3,})\b",
    r"^(?P<x>[A-Za-z]+) (?:is|are) (?:more [a-z]+|[a-z]+er) than (?P<y>[a-z]+)\b",
)


def identifier(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """A version, ticket, address or file that stands in both sentences, with one character changed."""
    if text.endswith("?"):
        return None
    number = dice.randrange(100, 9000)
    one, other = dice.choice(
        (
            (f"version {number % 9}.{number % 7}.2", f"version {number % 9}.{number % 7}.3"),
            (f"v{number % 9}.{number % 40}", f"v{number % 9}.{number % 40 + 1}"),
            (f"ticket OPS-{number}", f"ticket OPS-{number + 1}"),
            (f"case #{number}", f"case #{number + 9}"),
            (f"user{number}@mail.test", f"user{number}@mail2.test"),
            (f"https://docs.test/a/{number}", f"https://docs.test/b/{number}"),
            (f"notes_{number}.txt", f"notes_{number}.md"),
            (f"10.0.{number % 250}.7", f"10.0.{number % 250}.8"),
            (f"port {number}", f"port {number + 1}"),
            (f"build {number:x}f{number}", f"build {number:x}e{number}"),
            (f"room B{number % 90}", f"room C{number % 90}"),
            (f"order A{number}-Z", f"order A{number}-Y"),
        )
    )
    stem = text.rstrip(".!")
    return f"{stem} ({one}).", f"{stem} ({other})."


def place_or_name(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Another person or place."""
    for names in (_PLACES, _PEOPLE):
        present = [name for name in names if re.search(rf"\b{name}\b", text, re.IGNORECASE)]
        if present:
            other = dice.choice([name for name in names if name not in present])
            return _substituted(text, [(present[0], other)], dice)
    return None


def time_of_day(text: str, dice: Random, words: WordNet) -> tuple[str, str] | None:
    """Another hour, or another part of the day."""
    found = re.search(r"\b(\d{1,2})(:\d\d)?\s?(am|pm|a\.m\.|p\.m\.)", text, re.IGNORECASE)
    if found:
        half = {"a": "p", "p": "a"}[found[3][0].lower()] + found[3][1:]
        hour = str(int(found[1]) % 12 + 1)
        changed = dice.choice((f"{hour}{found[2] or ''} {found[3]}", f"{found[1]}{found[2] or ''} {half}"))
        return text, text[: found.start()] + changed + text[found.end() :]
    parts = {"morning": "evening", "evening": "morning", "night": "afternoon", "tomorrow": "today",
             "yesterday": "today", "today": "tomorrow", "afternoon": "morning", "weekend": "weekday",
             "summer": "winter", "winter": "summer", "tonight": "tomorrow"}  # fmt: skip
    return _substituted(
        text, [(word, parts[word]) for word in re.findall("[a-z]+", text) if word in parts], dice
    )


CONTRADICTIONS: Final[Mapping[str, Maker]] = {
    "negation put in": negation_in,
    "negation taken out": negation_out,
    "antonym": antonym,
    "number in digits": digits,
    "number in words": number_words,
    "date": date,
    "weekday": weekday,
    "quantifier": quantifier,
    "tense": tense,
    "roles exchanged": roles,
    "identifier": identifier,
    "place or name": place_or_name,
    "time of day": time_of_day,
}
"""Class -> how a pair of it is made."""


def _is_denied(text: str) -> bool:
    return (
        re.search(r"\b(?:not|never|no|none|nobody|nothing|cannot)\b|n't\b", text, re.IGNORECASE) is not None
    )


def _options(table: Mapping[str, str], word: str) -> list[str]:
    others = table[word]
    return (
        [others]
        if " " in others and word in {"only", "both"}
        else others.split()
        if word not in _PHRASES
        else [others]
    )


_PHRASES: Final = frozenset({"several times", "at least"})


def _substituted(text: str, options: list[tuple[str, str]], dice: Random) -> tuple[str, str] | None:
    """One of the options, where its word first stands."""
    if not options:
        return None
    word, other = dice.choice(options)
    found = re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
    if found is None:
        return None
    return text, text[: found.start()] + _cased(other, found[0]) + text[found.end() :]


def _cased(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word[0].lower() + word[1:]
