"""Irregular forms of English words."""

from __future__ import annotations

from typing import Final

__all__ = ["INVARIANT", "IRREGULAR"]

# "base past participle", or two words when the last two are the same; "s" and "ing" forms follow the rules.
_IRREGULAR_VERBS: Final = """
arise arose arisen|awake awoke awoken|beat beat beaten|become became become|begin began begun|bend bent
bet bet|bid bid|bind bound|bite bit bitten|bleed bled|blow blew blown|break broke broken|breed bred
bring brought|build built|burn burnt|burst burst|buy bought|catch caught|choose chose chosen|cling clung
cost cost|creep crept|cut cut|deal dealt|dig dug|draw drew drawn|dream dreamt|drink drank drunk
drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought|find found|flee fled
fly flew flown|forbid forbade forbidden|forget forgot forgotten|forgive forgave forgiven
freeze froze frozen|give gave given|grind ground|grow grew grown|hang hung|hear heard|hide hid hidden
hit hit|hold held|hurt hurt|keep kept|know knew known|lay laid|lead led|lean leant|learn learnt|leave left
lend lent|lie lay lain|light lit|lose lost|mean meant|meet met|pay paid|prove proved proven|quit quit
read read|ride rode ridden|ring rang rung|rise rose risen|run ran run|see saw seen|seek sought|sell sold
send sent|set set|sew sewed sewn|shake shook shaken|shine shone|shoot shot|show showed shown
shrink shrank shrunk|shut shut|sing sang sung|sink sank sunk|sit sat|sleep slept|slide slid
speak spoke spoken|spend spent|spill spilt|spin spun|split split|spoil spoilt|spread spread
spring sprang sprung|stand stood|steal stole stolen|stick stuck|sting stung|strike struck
strive strove striven|swear swore sworn|sweep swept|swim swam swum|swing swung|teach taught|tear tore torn
think thought|throw threw thrown|understand understood|wake woke woken|wear wore worn|weave wove woven
weep wept|win won|wind wound|withdraw withdrew withdrawn|write wrote written|overcome overcame overcome
undergo underwent undergone|rebuild rebuilt|rewrite rewrote rewritten|upset upset|grow_up grew_up|die died
tie tied|untie untied|go went gone|take took taken|come came come|get got gotten|make made|say said
tell told
"""
_IRREGULAR_OTHERS: Final = """
man=men woman=women child=children person=people foot=feet tooth=teeth mouse=mice goose=geese wife=wives
knife=knives shelf=shelves half=halves wolf=wolves loaf=loaves thief=thieves datum=data criterion=criteria
ox=oxen analysis=analyses crisis=crises thesis=theses die=dying tie=tying lie=lying
"""

_GRADES: Final = "good better best|bad worse worst|far further furthest|far farther farthest"
_TWO_FORMS: Final = 2


def _forms() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for entry in _IRREGULAR_VERBS.replace("\n", "|").split("|"):
        base, *forms = entry.split() or ("",)
        if len(forms) == _TWO_FORMS and forms[0] != forms[1]:
            found[forms[0]] = (base, "past")
            found[forms[1]] = (base, "participle")
        elif forms:
            found[forms[0]] = (base, "both")
    for entry in _IRREGULAR_OTHERS.split():
        base, _, form = entry.partition("=")
        found.setdefault(form, (base, ""))
    for entry in _GRADES.split("|"):
        base, more, most = entry.split()
        found[more] = (base, "er")
        found[most] = (base, "est")
    return found


_ALL: Final = _forms()

#: Verbs whose past looks like their base: the form says nothing about time.
INVARIANT: Final = frozenset(form for form, (base, _) in _ALL.items() if form == base)
#: form -> (base, form as in guard_lemma.Word)
IRREGULAR: Final = {form: entry for form, entry in _ALL.items() if form not in INVARIANT}
