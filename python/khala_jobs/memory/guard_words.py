"""The small words of English, sorted by what they do to a statement.

The guard does not parse. It sorts every word into one of a few roles: words that carry no fact (*light*), words that
turn, weaken or restrict a statement (negations, quantifiers, modals, tense), pronouns, and everything else, the *content*.
This module is the curated list of the first kinds, of irregular forms and of common verbs; guard_meanings.py has what
is known about content words. Lists are one word or phrase each, an underscore for a space.

British and American spelling are both right; ``SPELLING`` maps one to the other.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CONTRACTIONS",
    "INVARIANT",
    "IRREGULAR",
    "LIGHT",
    "MODALS",
    "NEGATIONS",
    "NUMBER_WORDS",
    "ORDINAL_WORDS",
    "PHRASES",
    "PRONOUNS",
    "QUANTIFIERS",
    "RELATIONS",
    "SPELLING",
    "TENSE",
    "VERBS",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _tagged(text: str) -> dict[str, str]:
    """``tag: word word`` lines to {word: tag}."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        tag, _, members = line.partition(":")
        found.update(dict.fromkeys(members.split(), tag.strip()))
    return found


# Words that may come and go between two wordings of one fact.
LIGHT: Final = _words("""
a an the this that these those there here be am is are was were been being have has had having do does did done doing
of in on at for by as with about into onto upon within around through across along during toward towards via per among
amongst between near off over up down out away back to
and also too plus then so thus hence therefore however but yet while whereas although though anyway besides moreover
who whom whose which what that where when how it its itself such own ones
very really quite rather fairly pretty extremely highly truly deeply absolutely definitely certainly surely simply just
actually basically literally especially particularly generally specifically indeed even still already now currently
presently nowadays recently lately ago well please kindly again
something anything thing things stuff way ways kind kinds sort sorts type types bit lot lots fact facts case matter
someone somebody anyone anybody jr sr
get gets got getting gotten go goes went gone going come comes came coming make makes made making take takes took taken
taking feel feels felt feeling give gives use uses used using let lets put puts keep keeps kept keeping happen happens happened
say says said saying mention mentions mentioned mentioning note notes noted state states stated report reports reported reporting
tell tells told express expresses expressed indicate indicates indicated confirm confirms confirmed explain explained
claim claims claimed according share shared shares describe describes described reveal revealed reveals remark remarked
add added adds inform informed
regarding concerning per etc e.g i.e
much many various numerous together both one themselves himself herself myself yourself
oh ok okay yes yeah hey hi hello well mr mrs ms dr sir madam
based particular certain overall
""")

# What turns a statement round. "without" and "unless" are relations that negate what follows.
NEGATIONS: Final = _words("""
not no never none nobody nothing nowhere neither nor without hardly scarcely barely unable no_longer
""")

QUANTIFIERS: Final = _tagged("""
all: all every each everyone everybody everything everywhere always constantly whole entire entirely completely fully
all: totally wholly invariably
most: most mostly majority primarily mainly
usual: usually often generally typically normally frequently regularly commonly
some: some somewhat partly partially sometimes occasionally periodically
few: few rarely seldom infrequently
only: only solely exclusively merely
any: any whichever whatever whenever
either: or either
half: half
""")

MODALS: Final = _tagged("""
must: must need needs needed required require requires mandatory obligatory obliged have_to necessary essential compulsory
should: should ought supposed recommended recommend recommends advised advisable better_to
may: may might could maybe perhaps possibly possible probably likely potentially presumably optional optionally
can: can able capable
would: would
intend: want wants wanted plan plans planned planning intend intends intended hope hopes hoped hoping wish wishes wished
intend: aim aims consider considers considering considered thinking_about dream dreams
try: try tries tried trying attempt attempts attempted attempting almost nearly
think: think thinks thought believe believes believed guess suppose assume assumes assumed seem seems seemed apparently
think: allegedly reportedly supposedly suspect suspects suspected doubt doubts rumored unsure uncertain
if: if unless whether assuming provided_that
""")

TENSE: Final = _tagged("""
former: former formerly previously previous once ex no_longer anymore originally
future: will shall soon upcoming future
past: was were did had ago
present: is are am do does
""")

# Connecting words whose exchange changes who, where from, when or on what condition.
RELATIONS: Final = _words("""
to from before after until till since for against with without by in on under over above below inside outside into out_of
than unlike despite because instead_of rather_than except including if unless and or but not
more less fewer least behind beyond off up down between among as of at near through via
""")

PRONOUNS: Final = _tagged("""
1: i me my mine myself user users
1p: we us our ours ourselves
2: you your yours yourself yourselves
3m: he him his himself
3f: she her hers herself
3p: they them their theirs themselves
""")

# Written as said: the part before the colon becomes the words after it.
CONTRACTIONS: Final = {
    "won't": "will not",
    "can't": "can not",
    "cannot": "can not",
    "shan't": "shall not",
    "ain't": "is not",
    "let's": "let us",
    "i'm": "i am",
    "it's": "it is",
    "that's": "that is",
    "there's": "there is",
    "here's": "here is",
    "what's": "what is",
    "who's": "who is",
    "where's": "where is",
    "he's": "he is",
    "she's": "she is",
    "y'all": "you all",
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "isnt": "is not",
    "wasnt": "was not",
    "arent": "are not",
    "werent": "were not",
    "wont": "will not",
    "cant": "can not",
    "couldnt": "could not",
    "wouldnt": "would not",
    "shouldnt": "should not",
    "hasnt": "has not",
    "havent": "have not",
    "hadnt": "had not",
    "im": "i am",
    "ive": "i have",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "have to",
}

# Folded before single words are looked at; longest first. "" drops the phrase.
PHRASES: Final = {
    tuple(said.split()): meant
    for said, meant in (
        line.split("=")
        for line in """
no longer=no_longer
not any more=not anymore
not anymore=no_longer
any more=anymore
any longer=anymore
no one=nobody
not one=none
at no time=never
under no circumstances=never
on no account=never
by no means=not
far from=not
fails to=not
failed to=not
fail to=not
failing to=not
refusing to=not
refuses to=not
refused to=not
refuse to=not
instead of=instead_of
rather than=rather_than
as well as=and
in addition to=and
along with=and
together with=with
in order to=to
so as to=to
due to=because
because of=because
thanks to=because
owing to=because
on account of=because
have to=have_to
has to=have_to
had to=had have_to
having to=have_to
got to=have_to
need to=must
needs to=must
is required to=must
are required to=must
is supposed to=should
are supposed to=should
was supposed to=did should
ought to=should
had better=should
is able to=can
are able to=can
am able to=can
be able to=can
was able to=did can
were able to=did can
would like to=want
would like=want
would love to=want
would rather=prefer
feel like=want
looking to=want
is going to=going_to
are going to=going_to
am going to=going_to
was going to=did going_to
were going to=did going_to
is about to=going_to
are about to=going_to
am about to=going_to
all of=all
each of=each
most of=most
some of=some
a few=several
quite a few=many
a couple of=2
a couple=2
couple of=2
a pair of=2
a dozen=12
half a dozen=6
two dozen=24
half an hour=30 minutes
half hour=30 minutes
an hour and a half=90 minutes
one and a half hours=90 minutes
a quarter of an hour=15 minutes
quarter of an hour=15 minutes
three quarters of an hour=45 minutes
a fortnight=2 weeks
fortnight=2 weeks
half a year=6 months
a decade=10 years
a century=100 years
every day=daily
each day=daily
every single day=daily
once a day=daily
every week=weekly
each week=weekly
once a week=weekly
every month=monthly
each month=monthly
once a month=monthly
every year=yearly
each year=yearly
once a year=yearly
every hour=hourly
each hour=hourly
once an hour=hourly
every morning=each morning
every evening=each evening
every night=each night
twice a day=2 daily
twice a week=2 weekly
twice a month=2 monthly
twice a year=2 yearly
at least=at_least
no less than=at_least
not less than=at_least
no fewer than=at_least
or more=at_least
a minimum of=at_least
minimum of=at_least
at most=at_most
no more than=at_most
not more than=at_most
or less=at_most
or fewer=at_most
a maximum of=at_most
maximum of=at_most
up to=at_most
more than=more than
greater than=more than
higher than=above
in excess of=more than
less than=less than
fewer than=less than
lower than=below
smaller than=less than
prior to=before
ahead of=before
subsequent to=after
following the=after
out of=out_of
in front of=front_of
on top of=on
next to=beside
such as=like
for example=
for instance=
in fact=
of course=
a lot of=many
lots of=many
plenty of=many
a number of=several
a variety of=various
a lot=much
a bit=
a little bit=
kind of=
sort of=
to be honest=
as of now=
at the moment=
at present=
right now=
these days=
for now=
so far=
in general=
as usual=
you know=
i mean=
make sure to=always
be sure to=always
make sure=ensure
fond of=like
keen on=like
fan of=like
big fan of=like
a huge fan of=like
really into=like
passionate about=like
crazy about=like
partial to=like
is into=like
am into=like
can not stand=hate
can not bear=hate
do not care for=dislike
does not care for=dislike
not fond of=dislike
not a fan of=dislike
not keen on=dislike
tired of=dislike
sick of=dislike
works as=is
work as=is
working as=as
worked as=was
employed as=as
employed at=work
employed by=work
is called=named
a person=someone
an individual=someone
are called=named
am called=named
goes by=named
name is=named
named=named
called=called
known as=named
based in=live in
resides in=live in
located in=located in
situated in=located in
comes from=from
come from=from
hails from=from
originally from=from
born and raised in=from
grew up in=grew_up in
was raised in=grew_up in
raised in=grew_up in
brought up in=grew_up in
takes place=is
take place=are
took place=was
taking place=is
all the time=always
every time=always
twelve pm=noon
is expecting=is pregnant with
grow up in=grew_up in
gets up=wake
get up=wake
got up=wake
getting up=wake
wakes up=wake
wake up=wake
woke up=wake
waking up=wake
turn on=switch_on
turns on=switch_on
turned on=switch_on
switch on=switch_on
switched on=switch_on
turn off=switch_off
turns off=switch_off
turned off=switch_off
switch off=switch_off
switched off=switch_off
shut down=switch_off
log in=login
logs in=login
sign in=login
log out=logout
logs out=logout
sign out=logout
sign up=register
signs up=register
signed up=register
sets up=setup
set up=setup
setting up=setup
picks up=pickup
pick up=pickup
picked up=pickup
drop off=dropoff
drops off=dropoff
dropped off=dropoff
gives up=quit
give up=quit
gave up=quit
given up=quit
giving up=quit
gets rid of=remove
get rid of=remove
got rid of=remove
carry out=perform
carries out=perform
carried out=perform
find out=discover
finds out=discover
found out=discover
look for=search
looks for=search
looking for=search
look after=care
looks after=care
looking after=care
take care of=care
takes care of=care
taking care of=care
took care of=care
put off=postpone
puts off=postpone
pushed back=postpone
call off=cancel
called off=cancel
calls off=cancel
went on=continue
go on=continue
keeps on=continue
keep on=continue
carry on=continue
start up=start
starts up=start
end up=
ends up=
ended up=
works on=work on
deal with=handle
deals with=handle
dealing with=handle
is allergic to=allergic to
have an allergy to=allergic to
has an allergy to=allergic to
suffers from=has
suffer from=has
is afraid of=fear
am afraid of=fear
are afraid of=fear
afraid of=fear
scared of=fear
terrified of=fear
prime minister=prime_minister
vice president=vice_president
mother in law=mother_in_law
father in law=father_in_law
sister in law=sister_in_law
brother in law=brother_in_law
new york city=new york
nyc=new york
the us=usa
the u.s=usa
united states=usa
united states of america=usa
united kingdom=uk
great britain=uk
european union=eu
saudi arabia=saudi
living room=living_room
front end=frontend
back end=backend
data base=database
e mail=email
web site=website
on line=online
off line=offline
to do=todo
vs code=vscode
visual studio code=vscode
google cloud=gcp
google cloud platform=gcp
amazon web services=aws
pull request=pr
pull requests=prs
machine learning=ml
artificial intelligence=ai
""".strip().splitlines()
    )
}

SPELLING: Final = dict(
    pair.split("=")
    for pair in """
favourite=favorite favourites=favorites colour=color colours=colors behaviour=behavior neighbour=neighbor neighbours=neighbors
neighbourhood=neighborhood honour=honor humour=humor labour=labor rumour=rumor flavour=flavor flavours=flavors odour=odor
harbour=harbor centre=center centres=centers theatre=theater metre=meter metres=meters litre=liter litres=liters fibre=fiber
organise=organize organised=organized organises=organizes organising=organizing recognise=recognize recognised=recognized
realise=realize realised=realized analyse=analyze analysed=analyzed analysing=analyzing apologise=apologize
summarise=summarize summarised=summarized prioritise=prioritize optimise=optimize optimised=optimized
customise=customize customised=customized licence=license defence=defense offence=offense practise=practice
practising=practicing programme=program programmes=programs catalogue=catalog dialogue=dialog grey=gray cheque=check
jewellery=jewelry tyre=tire tyres=tires pyjamas=pajamas travelling=traveling travelled=traveled traveller=traveler
cancelled=canceled cancelling=canceling modelling=modeling labelled=labeled enrol=enroll fulfil=fulfill skilful=skillful
mum=mom mummy=mom mommy=mom mama=mom mothers=mothers daddy=dad papa=dad
tv=television telly=television phone=phone telephone=phone cellphone=phone smartphone=phone mobile=phone mobiles=phones
photo=photograph photos=photographs pic=photograph pics=photographs fridge=refrigerator
bike=bicycle bikes=bicycles plane=airplane planes=airplanes aeroplane=airplane
gym=gym exam=exam exams=exams vet=veterinarian vets=veterinarians doc=doctor docs=docs
info=information app=application apps=applications repo=repository repos=repositories db=database dbs=databases
config=configuration configs=configurations env=environment envs=environments dev=development prod=production
auth=authentication docs=documentation admin=administrator admins=administrators
js=javascript ts=typescript py=python k8s=kubernetes postgres=postgresql golang=go
u.s=usa us_country=usa u.k=uk america=usa american=american britain=uk
approx=approximately approx.=approximately min=minute mins=minutes hr=hour hrs=hours sec=second secs=seconds
mon=monday tue=tuesday tues=tuesday wed=wednesday thu=thursday thurs=thursday fri=friday
coworker=colleague coworkers=colleagues veggie=vegetable veggies=vegetables
thru=through til=till tho=though nite=night lite=light colour-blind=color-blind
""".split()
)

NUMBER_WORDS: Final = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen".split()
    )
} | {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}

ORDINAL_WORDS: Final = {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 1
    )
}

# base: past participle (one word when they are the same); "s" and "ing" forms follow the rules.
_IRREGULAR_VERBS: Final = """
arise arose arisen|awake awoke awoken|beat beat beaten|become became become|begin began begun|bend bent|bet bet|bid bid
bind bound|bite bit bitten|bleed bled|blow blew blown|break broke broken|breed bred|bring brought|build built|burn burnt
burst burst|buy bought|catch caught|choose chose chosen|cling clung|cost cost|creep crept|cut cut|deal dealt|dig dug
draw drew drawn|dream dreamt|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt
fight fought|find found|flee fled|fly flew flown|forbid forbade forbidden|forget forgot forgotten|forgive forgave forgiven
freeze froze frozen|give gave given|grind ground|grow grew grown|hang hung|hear heard|hide hid hidden|hit hit|hold held
hurt hurt|keep kept|know knew known|lay laid|lead led|lean leant|learn learnt|leave left|lend lent|lie lay lain|light lit
lose lost|mean meant|meet met|pay paid|prove proved proven|quit quit|read read|ride rode ridden|ring rang rung
rise rose risen|run ran run|see saw seen|seek sought|sell sold|send sent|set set|sew sewed sewn|shake shook shaken
shine shone|shoot shot|show showed shown|shrink shrank shrunk|shut shut|sing sang sung|sink sank sunk|sit sat|sleep slept
slide slid|speak spoke spoken|spend spent|spill spilt|spin spun|split split|spoil spoilt|spread spread|spring sprang sprung
stand stood|steal stole stolen|stick stuck|sting stung|strike struck|strive strove striven|swear swore sworn|sweep swept
swim swam swum|swing swung|teach taught|tear tore torn|think thought|throw threw thrown|understand understood
wake woke woken|wear wore worn|weave wove woven|weep wept|win won|wind wound|withdraw withdrew withdrawn|write wrote written
overcome overcame overcome|undergo underwent undergone|rebuild rebuilt|rewrite rewrote rewritten|upset upset|grow_up grew_up
die died|tie tied|untie untied|go went gone|take took taken|come came come|get got gotten|make made|say said|tell told
"""
_IRREGULAR_NOUNS: Final = """
man=men woman=women child=children person=people foot=feet tooth=teeth mouse=mice goose=geese wife=wives knife=knives
life=lives-n leaf=leaves-n shelf=shelves half=halves wolf=wolves loaf=loaves thief=thieves datum=data criterion=criteria
ox=oxen analysis=analyses crisis=crises thesis=theses
good=better good=best bad=worse bad=worst far=farther far=further
die=dying tie=tying lie=lying
"""

#: form -> (base, "past" | "participle" | "both" | "form")
IRREGULAR: Final[dict[str, tuple[str, str]]] = {}
for _entry in _IRREGULAR_VERBS.replace("\n", "|").split("|"):
    _forms = _entry.split()
    if len(_forms) == 2:
        IRREGULAR[_forms[1]] = (_forms[0], "both")
    elif len(_forms) == 3:
        IRREGULAR[_forms[1]] = (_forms[0], "past")
        IRREGULAR[_forms[2]] = (_forms[0], "participle" if _forms[2] != _forms[1] else "both")
for _pair in _IRREGULAR_NOUNS.split():
    _base, _, _form = _pair.partition("=")
    if not _form.endswith("-n"):
        IRREGULAR.setdefault(_form, (_base, "form"))
#: Verbs whose past looks like their base: the form says nothing about time.
INVARIANT: Final = frozenset(form for form, (base, _) in IRREGULAR.items() if form == base)
for _same in INVARIANT:
    del IRREGULAR[_same]

VERBS: Final = _words("""
accept accompany achieve acquire act adapt adjust admire admit adopt advise afford agree allow announce annoy answer
appear apply appoint approach approve argue arrange arrest arrive ask assign assist attach attack attend avoid bake ban
base beat become beg begin believe belong bite blame block borrow break bring build burn buy calculate call cancel care
carry catch cause change charge chase check choose clean climb close coach code collect commute compare compete complain
complete configure connect contact contain continue contribute control cook copy cost count cover create criticize cross
cry cure cut cycle dance date deal decide defeat defend delay delete deliver demand depend deploy deserve design destroy
develop die dig disable discover discuss dislike divorce donate download draw dress drink drive drop earn eat edit educate
employ enable encourage end endorse enjoy enroll ensure enter escape exercise expect experience explore export express
face fail fall fear feed feel fetch fight file fill film find finish fire fish fit fix fly fold follow forget forgive form
found gain garden gather greet grow guard guide handle hang hate hear help hide hike hire hit hold host hug hunt hurt
ignore import improve include increase inspire install introduce invest invite iron join joke jog judge jump keep kick
kill kiss knit know lack land laugh launch lead lean learn leave lend like limit listen live load lock login logout lose
love maintain manage marry mean measure meet mentor merge migrate miss mix monitor mount move need negotiate notice obey
offer open operate oppose order organize outrank overtake owe own pack paint park pass pay perform phone photograph pick
pickup plant play please point postpone practice praise pray prefer prepare present press prevent print produce program
promise promote protect prove provide publish pull punish purchase push quit race raise reach read rebase receive
recommend record recover reduce refuse register reject relax release rely relocate remain remember remind remove rename
rent repair repeat replace reply request require rescue research respect rest restart retire return review ride ring rise
roast run sail save scan schedule search see sell send separate serve set setup sew shake share ship shoot shop show shut
sign sing sit skate ski skip sleep smell smile smoke solve sort spar speak spend sponsor stand start stay steal stop store
stream study succeed suffer suggest supervise support surprise survive swim switch switch_on switch_off talk teach tease
test thank throw touch tour track trade train transfer translate travel treat trigger trust turn type understand update
upgrade upload visit volunteer vote wait wake walk want warn wash watch water wear weigh welcome win work worry wrap write
reside occupation named adore dislike
""")
