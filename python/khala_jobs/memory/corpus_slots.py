"""Filling the slots of the corpus's wordings."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .corpus_kinds import FactKind
from .corpus_words import WORDS

__all__ = ["Fact", "Speaker", "draw_fact", "fill_miss", "tell", "updated"]

_SLOT: Final = re.compile(r"\{(?:(?P<which>old|new):)?(?P<name>\w+?)(?P<own>'s)?\}")
_NUMBER: Final = re.compile(r"([nh])(\d+)to(\d+)")
_MINUTES: Final = ("00", "15", "30", "45")
_SLUG_WORDS: Final = """
amber birch coral delta ember fjord grove haven iris jetty kelp lotus maple nova onyx pearl quill raven
"""
_SLUGS: Final = tuple(_SLUG_WORDS.split())
_DOMAINS: Final = (
    "brightloom.example",
    "quillon.example",
    "orbitly.example",
    "kestrel.example",
    "lumen.example",
)
_MAX_DAY: Final = 28
_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whom a memory is about.

    Attributes:
        name: "" for the user.
        possessive: "her", "his" or "their".
    """

    name: str
    possessive: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a kind.

    Attributes:
        kind: What it is about.
        speaker: Whom it is about.
        values: Value of each slot.
        old: Values it replaces, if it is an update.
    """

    kind: FactKind
    speaker: Speaker
    values: Mapping[str, str]
    old: Mapping[str, str] | None = None

    @property
    def key(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """Equal for equal facts."""
        name = self.speaker.name if self.kind.personal else ""
        return self.kind.name, name, tuple(sorted(self.values.items()))


def draw_fact(kind: FactKind, speaker: Speaker, others: tuple[str, ...], rng: random.Random) -> Fact:
    """A fact with every slot of its kind drawn."""
    return Fact(kind, speaker, _draw(kind.wordings, speaker, others, rng))


def updated(fact: Fact, rng: random.Random) -> tuple[Fact, str] | None:
    """The fact with new values, and a sentence that says so; None for kinds that cannot change."""
    if not fact.kind.updates:
        return None
    wording = rng.choice(fact.kind.updates)
    changed = {found["name"] for found in _SLOT.finditer(wording) if found["which"] == "old"}
    values = dict(fact.values)
    for name in sorted(changed):
        values[name] = _other(name, fact.values[name], rng)
    new = Fact(fact.kind, fact.speaker, values, fact.values)
    return new, tell(new, wording, rng)


def tell(fact: Fact, wording: str, rng: random.Random) -> str:
    """The fact in a wording."""
    return _fill(wording, fact.speaker, fact.values, fact.old or {}, {}, rng)


def fill_miss(
    pair: tuple[str, str], speaker: Speaker, others: tuple[str, ...], rng: random.Random
) -> tuple[str, str]:
    """The two sentences of a near miss."""
    values = _draw(pair, speaker, others, rng)
    other_values = {
        found["name"]: _other(found["name"], values[found["name"]], rng, others)
        for found in _SLOT.finditer(pair[1])
        if found["which"] == "new"
    }
    user = rng.choice(("The user", "User"))
    first, second = (_fill(text, speaker, values, {}, other_values, rng, user) for text in pair)
    return first, second


def _draw(
    wordings: tuple[str, ...], speaker: Speaker, others: tuple[str, ...], rng: random.Random
) -> dict[str, str]:
    names = dict.fromkeys(found["name"] for wording in wordings for found in _SLOT.finditer(wording))
    values: dict[str, str] = {}
    free = [other for other in others if other != speaker.name]
    for name in names:
        if name in {"other", "other2"}:
            values[name] = free.pop(rng.randrange(len(free)))
        elif name not in {"S", "poss", "dayth"}:
            values[name] = _value(name, rng)
    return values


def _value(name: str, rng: random.Random) -> str:
    if name in WORDS:
        return rng.choice(WORDS[name])
    number = _NUMBER.fullmatch(name)
    if number is not None:
        return str(rng.randint(int(number[2]), int(number[3])))
    return _DRAWN[name](rng)


#: slots that are neither words nor plain numbers
_DRAWN: Final[Mapping[str, Callable[[random.Random], str]]] = {
    "m": lambda rng: rng.choice(_MINUTES),
    "day": lambda rng: str(rng.randint(1, _MAX_DAY)),
    "day2": lambda rng: f"{rng.randint(1, _MAX_DAY):02d}",
    "port": lambda rng: str(rng.randint(3000, 9999)),
    "major": lambda rng: str(rng.randint(1, 20)),
    "minor": lambda rng: str(rng.randint(1, 20)),
    "login": lambda rng: rng.choice(_SLUGS) + rng.choice(("", ".k", ".m", "77")),
    "domain": lambda rng: rng.choice(_DOMAINS),
    "slug": lambda rng: f"{rng.choice(_SLUGS)}_{rng.choice(_SLUGS)}",
}


def _other(name: str, value: str, rng: random.Random, others: tuple[str, ...] = ()) -> str:
    """Another value for a slot."""
    for _ in range(_TRIES):
        drawn = rng.choice(others) if name == "other" else _value(name, rng)
        if drawn != value:
            return drawn
    raise AssertionError(f"slot {name} has one value only")


def _fill(
    wording: str,
    speaker: Speaker,
    values: Mapping[str, str],
    old: Mapping[str, str],
    new: Mapping[str, str],
    rng: random.Random,
    user: str | None = None,
) -> str:
    subject = speaker.name or user or rng.choice(("The user", "User"))

    def filled(found: re.Match[str]) -> str:
        name = found["name"]
        if name == "S":
            # Within a sentence the user needs the article: "Every Monday the user runs".
            said = subject if speaker.name or found.start() == 0 else "the user"
        elif name == "poss":
            said = speaker.possessive
        elif name == "dayth":
            said = _ordinal(int(values["day"]))
        else:
            said = (old if found["which"] == "old" else new if found["which"] == "new" else values)[name]
        return said + (found["own"] or "")

    text = _SLOT.sub(filled, wording)
    # A repository's name is spelt as it is, wherever it stands.
    return text if wording.startswith("{repo") else text[0].upper() + text[1:]


def _ordinal(day: int) -> str:
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
