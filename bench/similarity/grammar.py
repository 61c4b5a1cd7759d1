"""A few inflections for sentences that are made: just enough English, and none of the guard's."""

from __future__ import annotations

from typing import Final

__all__ = ["ARTICLES", "participle_of", "past_of", "third_person"]

ARTICLES: Final = frozenset({"a", "an", "the", "my", "his", "her"})
_PAST: Final = dict(
    entry.split("/")
    for entry in """
    go/went have/had do/did take/took make/made get/got see/saw give/gave find/found think/thought know/knew
    feel/felt run/ran eat/ate drink/drank write/wrote read/read drive/drove fly/flew buy/bought teach/taught
    swim/swam sing/sang grow/grew sleep/slept spend/spent win/won lose/lost leave/left meet/met sell/sold
    tell/told say/said keep/kept come/came become/became build/built wear/wore speak/spoke break/broke
    cut/cut put/put hit/hit let/let ride/rode draw/drew catch/caught hold/held sit/sat stand/stood throw/threw
    bring/brought fall/fell lead/led send/sent begin/began hear/heard hang/hung choose/chose understand/understood
    """.split()
)
_PARTICIPLE: Final = dict(
    entry.split("/")
    for entry in """
    take/taken see/seen give/given know/known eat/eaten drink/drunk write/written drive/driven fly/flown
    swim/swum sing/sung grow/grown wear/worn speak/spoken break/broken ride/ridden draw/drawn throw/thrown
    do/done choose/chosen
    """.split()
)
_DOUBLED: Final = frozenset(
    "plan stop shop jog hug pet clap chop hop grab drop rub slip snap step trim".split()
)


def third_person(base: str) -> str:
    """He, she or it does."""
    if base in {"have", "do", "go"}:
        return {"have": "has", "do": "does", "go": "goes"}[base]
    if base.endswith(("s", "x", "z", "ch", "sh")):
        return base + "es"
    return base[:-1] + "ies" if base.endswith("y") and base[-2] not in "aeiou" else base + "s"


def past_of(base: str) -> str:
    """It did."""
    return _PAST.get(base) or _regular(base)


def participle_of(base: str) -> str:
    """It is done."""
    return _PARTICIPLE.get(base) or past_of(base)


def _regular(base: str) -> str:
    if base in _DOUBLED:
        return base + base[-1] + "ed"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + ("d" if base.endswith("e") else "ed")
