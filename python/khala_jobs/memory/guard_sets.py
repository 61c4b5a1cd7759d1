"""The guard's small sets of words, by the name of what they do (cpp/text/mark.hpp says it of each)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .guard_forms import FIXED, GRADED, INVARIANT, NO_LY
from .guard_lists import LISTED
from .guard_phrases import CONTRACTIONS
from .guard_values import MONTHS, MULTIPLYING, RELATIVE_DAYS, UNITS
from .guard_words import LIGHT, NEGATIONS, NUMBER_WORDS, RELATIONS, VERBS, word_set

__all__ = ["ACRONYMS", "CASELESS", "SETS", "TAGGED"]

#: Capitals that would otherwise read as a pronoun.
ACRONYMS: Final[Mapping[str, str]] = {"us": "usa", "it": "information-technology"}

#: Names that people write in any case, digits behind them or not.
CASELESS: Final = word_set("""
    python java javascript typescript php kotlin scala perl html css oauth ipv utf sha http vue angular react node
    nodejs windows ubuntu debian fedora macos ios ipados android iphone ipad macbook playstation xbox galaxy pixel
    postgres postgresql mysql mariadb sqlite redis mongodb kafka rabbitmq k8s covid gpt chatgpt claude llama gemini
    neo4j log4j ec2 route53 bluetooth wifi usb hdmi mp
""")

_POSSESSIVES: Final = word_set("my your his her our their its")

SETS: Final[Mapping[str, frozenset[str]]] = {
    "article": frozenset({"a", "an"}),
    "attaching": word_set("of in on at with near by for from to under over about meant_for alongside"),
    "be": word_set("be am is are was were been being"),
    "big": MULTIPLYING,
    "change": word_set("""
        move relocate switch change replace migrate upgrade downgrade quit stop become instead_of instead
        raise increase grow hand
    """),
    "clause_end": word_set(", : and or but"),
    "content": LISTED | VERBS,
    "determiner": word_set("this that the which each every any another no some new old"),
    # Of what is due, "on" a day and "by" it are the same.
    "due": word_set("due deadline"),
    # A text is English if it has one of these words, or enough words that the lists know.
    "effect": word_set("so therefore thus hence consequently"),
    "english": word_set("the and is are of with my to for not has have from she they that user i"),
    "firm_place": word_set("under above below behind beside near front_of outside between beyond against"),
    "firm_time": word_set("before after until since"),
    "fixed": FIXED,
    "get": word_set("get gets got getting gotten"),
    "given": word_set("because since if unless when whenever"),
    "graded": GRADED,
    "has": word_set("has have having"),
    "have": word_set("have has had having"),
    # "Reports to" tells of a boss.
    "hearsay": word_set("""
        say says said claim claims claimed told tells according mention mentions mentioned states stated
        indicates indicated
    """),
    "helper": word_set("will would can could may might must shall should do does did not"),
    "in_names": word_set("state way note report kind case get go come take make give keep use well"),
    "invariant": INVARIANT,
    "kept": word_set("family person animal environment rank"),
    "light": LIGHT,
    "light_base": word_set("do go get take give make come happen keep use put let feel own"),
    # What is kept or gone beyond: "on budget", "over budget".
    "limit": word_set(
        "budget limit quota cap capacity target threshold ceiling maximum allowance schedule norm"
    ),
    "listing": word_set("and or , with plus"),
    "month_cue": word_set("in since until till by of last next this early late mid every"),
    "month_word": word_set("may march mar"),
    # Of two joined by a dash, these hold of the one as of the other: "the US-China border".
    "mutual": word_set("""
        border war conflict deal agreement treaty relation relationship alliance partnership friendship rivalry game
        final derby comparison debate distance axis split mix blend meeting talk marriage wedding
    """),
    "negation": NEGATIONS,
    "no_ly": NO_LY,
    "not_plain": frozenset({*CONTRACTIONS, *ACRONYMS, *MONTHS}),
    # After these comes a noun, even if it looks like a verb: "the plan", "my work", "on call".
    "noun_cue": _POSSESSIVES
    | word_set("""
        a an the this that these those some any no each every all both either neither 's of in on at for by with
        from about into onto as than like under over above below per during through between meant_for
        alongside
    """),
    "number": frozenset(NUMBER_WORDS),
    "own": word_set("own possess raise"),
    "owning": word_set("'s of"),
    "pivot": word_set("give take make get tell say ask mention let put keep"),
    "place": word_set("""
        under above below behind beside near front_of outside between beyond against in on at over inside into by
        with to to_level alongside
    """),
    "place_value": word_set("in at be to as"),
    "possessive": _POSSESSIVES,
    "relation": RELATIONS,
    "relative_day": RELATIVE_DAYS,
    # Attributes of which a thing has one value at a time; "kept": those that tell things apart.
    "replaced": word_set("frequency status state level degree weather"),
    # With "with" they tell what comes in place of what, or goes into it.
    "replacing": word_set("replace substitute swap overwrite override cover fill supply provide equip"),
    "reporting": word_set(
        "say tell mention note state report express indicate confirm explain claim share add"
    ),
    "second": word_set("to over than rather_than instead_of"),
    "symmetric": word_set("""
        marry wed meet friend sibling cousin neighbor colleague partner twin same similar equal differ
        different between match talk chat relate date together share classmate roommate
    """),
    "time": word_set("before after until since during from by at on in"),
    "title": word_set("mr mrs ms"),
    "unit": frozenset(unit for unit in UNITS if len(unit) > 1),
    "verb": VERBS,
}

#: Small words to what they say of the item behind them.
TAGGED: Final[Mapping[str, Mapping[str, str]]] = {
    "auxiliary": {
        "am": "present", "is": "present", "are": "present", "do": "present", "does": "present",
        "going_to": "present", "was": "past", "were": "past", "did": "past",
    },
    "quantity": {
        "all": "all", "every": "all", "each": "all", "both": "all", "most": "most", "some": "some",
        "several": "some", "various": "some", "many": "many", "much": "many", "numerous": "many", "few": "few",
        "any": "any", "half": "half", "only": "only", "solely": "only", "exclusively": "only",
    },
    "comparator": {
        "more": "+", "over": "+", "above": "+", "less": "-", "fewer": "-", "under": "-", "below": "-",
    },
    # Verbs that say no more than a light verb in the same place: "attends a school", "goes to a school".
    "hollow": {
        "attend": "go", "drink": "take", "practice": "do", "perform": "do", "conduct": "do have",
        "hold": "have be", "work": "be", "own": "have be 's", "possess": "have 's", "receive": "get",
        "become": "get be", "occur": "be happen", "travel": "go", "exist": "be", "contain": "have",
        "suffer": "have", "serve": "be", "locate": "be", "call": "be", "name": "be", "store": "keep",
        "stay": "keep", "buy": "get", "retain": "keep",
    },
}  # fmt: skip
