"""Forms of English words: irregular ones, and what the rules of endings (cpp/text/endings.cpp) must not touch."""

from __future__ import annotations

from typing import Final

from .guard_words import word_set

__all__ = ["FIXED", "GRADED", "INVARIANT", "IRREGULAR", "NO_LY"]

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
dwell dwelt|fling flung|forecast forecast|kneel knelt|leap leapt|mow mowed mown|shear sheared shorn
slay slew slain|sling slung|sow sowed sown|spit spat|stink stank stunk|stride strode|swell swelled swollen
thrust thrust|tread trod trodden|wring wrung|tie tied|untie untied
go went gone|take took taken|come came come|get got gotten|make made|say said
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
#: form -> (base, name of the form as in cpp/text/word.hpp)
IRREGULAR: Final = {form: entry for form, entry in _ALL.items() if form not in INVARIANT}

#: Adjectives that take -er, -est and -ly.
GRADED: Final = word_set("""
    tall short big large small old young new fast quick slow high low hot cold warm cool cheap rich poor
    strong weak hard easy early late near far long wide narrow deep shallow heavy light dark bright loud
    quiet clean dirty happy sad smart nice great safe thick thin fat soft busy pretty ugly healthy funny
    lazy brave calm clear close cute dry fair few fine firm fresh full hungry kind mild neat polite proud
    rare rough rude sharp simple small smooth sour spicy steep strict sweet tasty tidy tight tough tiny
    wet wise noisy
""")
#: Words in -ly that come from no other word.
NO_LY: Final = word_set("""
    only family early daily weekly monthly yearly apply reply supply july italy lovely friendly
""")
#: Words that look like a form of another word and are not, or not any more.
FIXED: Final = word_set("""
    left ground wound bit bound means building meeting evening beginning wedding setting warning clothing
    engineering painting father mother farmer other another either neither whether ever never together
    however over under after water paper number order offer answer enter consider remember discover
    deliver cover recover matter letter dinner summer winter later latter former upper lower server user
    data news lens series species is was has his this thus bus gas yes us does thing something anything
    everything nothing during morning king ring string spring sing bring wing sting swing need seed feed
    speed breed indeed hundred bed red wed shed sacred naked
""")
