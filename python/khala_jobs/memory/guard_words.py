"""The small words of English, sorted by what they do to a statement.

The guard does not parse. It sorts every word into one of a few roles: words that carry no fact (*light*),
words that turn, weaken or restrict a statement (negations, quantifiers, modals, tense), pronouns, and
everything else, the *content*. This module is the curated list of the first kinds, of irregular forms and
of common verbs; guard_lists.py has what is known about content words. Lists are one word or phrase each,
an underscore for a space.

"""

from __future__ import annotations

from typing import Final

__all__ = [
    "LIGHT",
    "MODALS",
    "NEGATIONS",
    "NUMBER_WORDS",
    "ORDINAL_WORDS",
    "PRONOUNS",
    "QUANTIFIERS",
    "RELATIONS",
    "TENSE",
    "VERBS",
    "word_set",
]


def word_set(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


def _tagged(text: str) -> dict[str, str]:
    """``tag: word word`` lines to {word: tag}."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        tag, _, members = line.partition(":")
        found.update(dict.fromkeys(members.split(), tag.strip()))
    return found


def _numbered(text: str, first: int = 0, step: int = 1) -> dict[str, int]:
    return {word: first + step * place for place, word in enumerate(text.split())}


# Words that may come and go between two wordings of one fact.
LIGHT: Final = word_set("""
a an the this that these those there here be am is are was were been being have has had having do does did
done doing of in on at for by as with about into onto upon within around through across along during
toward towards via per among amongst between near off over up down out away back to and also too then
so thus hence therefore however but yet while whereas although though anyway besides moreover who whom
whose which what that where when how it its itself such own ones very really quite rather fairly pretty
extremely highly truly deeply absolutely definitely certainly surely simply just actually basically
literally technically especially particularly generally specifically indeed even still already now
currently presently nowadays recently lately ago well please kindly again something anything thing things
stuff way ways kind kinds sort sorts type types lot lots fact facts case matter
anyone anybody any whichever whatever whenever jr sr get gets got getting gotten go goes went gone going
come comes came coming make makes made making take takes took taken taking feel feels felt feeling give
gives use uses used using let lets put puts keep keeps kept keeping happen happens happened say says said
saying mention mentions mentioned mentioning note notes noted state states stated report reports reported
reporting tell tells told express expresses expressed indicate indicates indicated confirm confirms
confirmed explain explained claim claims claimed according share shared shares describe describes
described reveal revealed reveals remark remarked add added adds inform informed regarding concerning per
etc e.g i.e much many several various numerous together both one themselves himself herself myself yourself oh ok
okay yes yeah hey hi hello well going_to mr mrs ms dr sir madam based particular certain overall
""")

# What turns a statement round. "without" and "unless" are relations that negate what follows.
NEGATIONS: Final = word_set("""
not no never none nobody nothing nowhere neither nor without hardly scarcely barely unable no_longer
""")

QUANTIFIERS: Final = _tagged("""
all: all every each everyone everybody everything everywhere always constantly whole entire entirely
all: completely fully totally wholly invariably
most: most mostly majority primarily mainly
usual: usually often generally typically normally frequently regularly commonly
some: some somewhat partly partially sometimes occasionally periodically
few: few rarely seldom infrequently
only: only solely exclusively merely
either: or either
too: overly excessively
half: half
many: much many numerous
""")

MODALS: Final = _tagged("""
must: must need needs needed required require requires mandatory obligatory obliged have_to necessary
must: essential compulsory
should: should ought supposed recommended recommend recommends advised advisable better_to
may: may might could maybe perhaps possibly possible probably likely potentially presumably optional
may: optionally
can: can able capable
would: would
intend: want wants wanted plan plans planned planning intend intends intended hope hopes hoped hoping wish
intend: wishes wished aim aims consider considers considering considered thinking_about dream dreams
try: try tries tried trying attempt attempts attempted attempting almost nearly
think: think thinks thought believe believes believed guess suppose assume assumes assumed seem seems
think: seemed apparently allegedly reportedly supposedly suspect suspects suspected rumored
doubt: doubt doubts doubted doubting unsure uncertain
if: if unless whether assuming provided_that
""")

TENSE: Final = _tagged("""
former: former formerly previously previous once ex no_longer anymore originally
future: will shall soon upcoming future
past: was were did had ago
present: is are am do does
""")

# Connecting words whose exchange changes who, where from, when or on what condition.
RELATIONS: Final = word_set("""
to from before after within until till since for against with without by in on under over above below inside
outside into out_of than unlike despite because instead_of rather_than except inclusive_of if unless and or
but not more less fewer least behind beyond beside front_of during off up down between among as of at near
through via then to_level meant_for alongside ago who whom
""")

PRONOUNS: Final = _tagged("""
1: i me my mine myself user users
1p: we us our ours ourselves
2: you your yours yourself yourselves
3m: he him his himself
3f: she her hers herself
3p: they them their theirs themselves
""")

NUMBER_WORDS: Final = _numbered(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
) | _numbered("twenty thirty forty fifty sixty seventy eighty ninety", first=20, step=10)

ORDINAL_WORDS: Final = _numbered(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", first=1
)

VERBS: Final = word_set("""
accept accompany achieve acquire act adapt adjust admire admit adopt advise afford agree allow announce
annoy answer appear apply appoint approach approve argue arrange arrest arrive ask assign assist attach
attack attend avoid bake ban base beat become beg begin believe belong bite blame block borrow break bring
build burn buy calculate call cancel care carry catch cause change charge chase check choose clean climb
close coach code collect commute compare compete complain complete configure connect contact contain
continue contribute control cook copy cost count cover create criticize cross cry cure cut cycle dance
date deal decide defeat defend delay delete deliver demand depend deploy deserve design destroy develop
die dig disable discover discuss dislike divorce donate download draw dress drink drive drop earn eat edit
educate employ enable encourage end endorse enjoy enroll ensure enter escape exercise expect experience
explore export express face fail fall fear feed feel fetch fight file fill film find finish fire fish fit
fix fly fold follow forget forgive form found gain garden gather greet grow guard guide handle hang hate
hear help hide hike hire hit hold host hug hunt hurt ignore import improve include increase inspire
install introduce invest invite iron join joke jog judge jump keep kick kill kiss knit know lack land
laugh launch lead lean learn leave lend like limit listen live load lock login logout lose love maintain
manage marry mean measure meet mentor merge migrate miss mix monitor mount move need negotiate notice obey
offer open operate oppose order organize outrank overtake owe own pack paint park pass pay perform phone
photograph pick pickup plant play please point postpone practice praise pray prefer prepare present press
prevent print produce program promise promote protect prove provide publish pull punish purchase push quit
race raise reach read rebase receive recommend record recover reduce refuse register reject relax release
rely relocate remain remember remind remove rename rent repair repeat replace reply request require rescue
research respect rest restart retire return review ride ring rise roast run sail save scan schedule search
see sell send separate serve set setup sew shake share ship shoot shop show shut sign sing sit skate ski
skip sleep smell smile smoke solve sort spar speak spend sponsor stand start stay steal stop store stream
study succeed suffer suggest supervise support surprise survive swim switch switch_on switch_off talk
teach tease test thank throw touch tour track trade train transfer translate travel treat trigger trust
turn type understand update upgrade upload visit volunteer vote wait wake walk want warn wash watch water
wear weigh welcome win work worry wrap write reside occupation named adore dislike
""")
