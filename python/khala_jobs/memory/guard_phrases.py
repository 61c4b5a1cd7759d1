"""Several words that mean one, and words that can be written in more than one way.

Entries are ``said=meant``. Phrases are folded before single words are looked at, the longest first, over
word tokens whose contractions are already written out; an empty right side drops the phrase. An underscore
marks a folded word that guard_words.py or guard_lists.py knows.
"""

from __future__ import annotations

from typing import Final

from .guard_forms import IRREGULAR

__all__ = ["CONTRACTIONS", "PHRASES", "PHRASE_FORMS", "PHRASE_OPPOSITES", "SPELLING"]


def _pairs(text: str, separator: str | None) -> dict[str, str]:
    entries = text.replace("\n", separator).split(separator) if separator else text.split()
    return dict(entry.split("=") for entry in entries if entry)


_CONTRACTIONS: Final = """
won't=will not|can't=can not|cannot=can not|shan't=shall not|ain't=is not|let's=let us|i'm=i am|it's=it is
that's=that is|there's=there is|here's=here is|what's=what is|who's=who is|where's=where is|he's=he is
she's=she is|y'all=you all|dont=do not|doesnt=does not|didnt=did not|isnt=is not|wasnt=was not
arent=are not|werent=were not|wont=will not|cant=can not|couldnt=could not|wouldnt=would not
shouldnt=should not|hasnt=has not|havent=have not|hadnt=had not|im=i am|ive=i have|gonna=going to
wanna=want to|gotta=have to
"""

_PHRASES: Final = """
no longer=no_longer|not any more=not anymore|not anymore=no_longer|any more=anymore|any longer=anymore
no one=nobody|not one=none|at no time=never|under no circumstances=never|on no account=never
by no means=not|far from=not|fails to=not|failed to=not|fail to=not|failing to=not|refusing to=not
refuses to=not|refused to=not|refuse to=not|instead of=instead_of|rather than=rather_than|as well as=and
in addition to=and|along with=and|together with=with|in order to=to|so as to=to|due to=because
because of=because|thanks to=because|owing to=because|on account of=because|have to=have_to|has to=have_to
had to=had have_to|having to=have_to|got to=have_to|need to=must|needs to=must|is required to=must
are required to=must|is supposed to=should|are supposed to=should|was supposed to=did should
ought to=should|had better=should|is able to=can|are able to=can|am able to=can|be able to=can
was able to=did can|were able to=did can|would like to=want|would like=want|would love to=want
would rather=prefer|feel like=want|looking to=want|is going to=going_to|are going to=going_to
am going to=going_to|was going to=did going_to|were going to=did going_to|is about to=going_to
are about to=going_to|am about to=going_to|all of=all|each of=each|most of=most|some of=some|a few=several
quite a few=many|a couple of=2|a couple=2|couple of=2|a pair of=2|a dozen=12|half a dozen=6|two dozen=24
half an hour=30 minutes|half hour=30 minutes|an hour and a half=90 minutes|one and a half hours=90 minutes
a quarter of an hour=15 minutes|quarter of an hour=15 minutes|three quarters of an hour=45 minutes
a fortnight=2 weeks|fortnight=2 weeks|half a year=6 months|twice=2 times|thrice=3 times
born and grew up in=from|a decade=10 years|a century=100 years
every day=daily|each day=daily|every single day=daily|once a day=daily|every week=weekly|each week=weekly
once a week=weekly|every month=monthly|each month=monthly|once a month=monthly|every year=yearly
each year=yearly|once a year=yearly|every hour=hourly|each hour=hourly|once an hour=hourly
every morning=each morning|every evening=each evening|every night=each night|at least=at_least
no less than=at_least|not less than=at_least|no fewer than=at_least|or more=at_least|a minimum of=at_least
minimum of=at_least|at most=at_most|no more than=at_most|not more than=at_most|or less=at_most
or fewer=at_most|a maximum of=at_most|maximum of=at_most|up to=at_most
greater than=more than|higher than=above|in excess of=more than|fewer than=less than
lower than=below|smaller than=less than|prior to=before|ahead of=before|subsequent to=after
following the=after|out of=out_of|in front of=front_of|on top of=on|next to=beside|such as=like
for example=|for instance=|in fact=|of course=|a lot of=many|alot of=many|alot=many|i m=i am|i ve=i have
lots of=many|plenty of=many|a number of=several|a variety of=various|a lot=much|a bit=|a little bit=
kind of=|sort of=|to be honest=|as of now=|at the moment=|at present=|right now=|these days=|for now=
except for=except|with the exception of=except|nothing but=only|including=inclusive_of
so far=|in general=|as usual=|you know=|i mean=|make sure to=always|be sure to=always|make sure=ensure
fond of=like|keen on=like|fan of=like|big fan of=like|a huge fan of=like|really into=like
passionate about=like|crazy about=like|partial to=like|is into=like|am into=like|can not stand=hate
can not bear=hate|do not care for=dislike|does not care for=dislike|not fond of=dislike
not a fan of=dislike|not keen on=dislike|tired of=dislike|sick of=dislike|works as=is|work as=is
working as=as|worked as=was|employed as=as|employed at=work|employed by=work|is called=is named
a person=someone|an individual=someone|are called=are named|am called=am named|was called=was named|goes by=named
name is=is named|name was=was named|known as=named|based in=live in|resides in=live in
situated in=located in|comes from=from|come from=from|hails from=from|originally from=from
born and raised in=from|grew up in=grew_up in|was raised in=grew_up in|raised in=grew_up in
brought up in=grew_up in|takes place=is|take place=are|took place=was|taking place=is|all the time=always
every time=always|twelve pm=noon|is expecting=is pregnant with|grow up in=grew_up in|gets up=wake
get up=wake|got up=wake|getting up=wake|wakes up=wake|wake up=wake|woke up=wake|waking up=wake
turn on=switch_on|turns on=switch_on|turned on=switch_on|switch on=switch_on|switched on=switch_on
turn off=switch_off|turns off=switch_off|turned off=switch_off|switch off=switch_off
switched off=switch_off|shut down=switch_off|log in=login|logs in=login|sign in=login|log out=logout
logs out=logout|sign out=logout|sign up=register|signs up=register|signed up=register|sets up=setup
set up=setup|setting up=setup|stop to=pause to|stops to=pauses to|stopped to=paused to
stopping to=pausing to|picks up=pickup|pick up=pickup|picked up=pickup|drop off=dropoff
drops off=dropoff|dropped off=dropoff|gives up=quit|give up=quit|gave up=quit|given up=quit|giving up=quit
gets rid of=remove|get rid of=remove|got rid of=remove|carry out=perform|carries out=perform
carried out=perform|find out=discover|finds out=discover|found out=discover|look for=search
looks for=search|looking for=search|look after=care|looks after=care|looking after=care|take care of=care
takes care of=care|taking care of=care|took care of=care|put off=postpone|puts off=postpone
pushed back=postpone|call off=cancel|called off=cancel|calls off=cancel|keeps on=continue|keep on=continue
carry on=continue|start up=start|starts up=start|end up=|ends up=|ended up=|works on=work on
deal with=handle|deals with=handle|dealing with=handle|is allergic to=allergic to
have an allergy to=allergic to|has an allergy to=allergic to|suffers from=has|suffer from=has
is afraid of=fear|am afraid of=fear|are afraid of=fear|afraid of=fear|scared of=fear|terrified of=fear
prime minister=prime_minister|vice president=vice_president|mother in law=mother_in_law
father in law=father_in_law|sister in law=sister_in_law|brother in law=brother_in_law
new york city=new york|nyc=new york|the us=usa|the u.s=usa|united states=usa|united states of america=usa
united kingdom=uk|great britain=uk|european union=eu|saudi arabia=saudi|living room=living_room
front end=frontend|back end=backend|data base=database|e mail=email|web site=website|on line=online
off line=offline|to do=todo|vs code=vscode|visual studio code=vscode|google cloud=gcp
google cloud platform=gcp|amazon web services=aws|pull request=pr|pull requests=prs|machine learning=ml
artificial intelligence=ai
"""

_SPELLING: Final = """
favourite=favorite favourites=favorites colour=color colours=colors behaviour=behavior neighbour=neighbor
neighbours=neighbors neighbourhood=neighborhood honour=honor humour=humor labour=labor rumour=rumor
flavour=flavor flavours=flavors odour=odor harbour=harbor centre=center centres=centers theatre=theater
metre=meter metres=meters litre=liter litres=liters fibre=fiber organise=organize organised=organized
organises=organizes organising=organizing recognise=recognize recognised=recognized realise=realize
realised=realized analyse=analyze analysed=analyzed analysing=analyzing apologise=apologize
summarise=summarize summarised=summarized prioritise=prioritize optimise=optimize optimised=optimized
customise=customize customised=customized licence=license defence=defense offence=offense
practise=practice practising=practicing programme=program programmes=programs catalogue=catalog
dialogue=dialog grey=gray cheque=check jewellery=jewelry tyre=tire tyres=tires pyjamas=pajamas
travelling=traveling travelled=traveled traveller=traveler cancelled=canceled cancelling=canceling
modelling=modeling labelled=labeled enrol=enroll fulfil=fulfill skilful=skillful mum=mom mummy=mom
mommy=mom mama=mom mothers=mothers daddy=dad papa=dad tv=television telly=television phone=phone
telephone=phone cellphone=phone smartphone=phone mobile=phone mobiles=phones photo=photograph
photos=photographs pic=photograph pics=photographs fridge=refrigerator bike=bicycle bikes=bicycles
plane=airplane planes=airplanes aeroplane=airplane gym=gym exam=exam exams=exams vet=veterinarian
vets=veterinarians doc=doctor docs=documentation info=information app=application apps=applications
repo=repository repos=repositories db=database dbs=databases config=configuration configs=configurations
env=environment envs=environments dev=development prod=production auth=authentication admin=administrator
admins=administrators js=javascript ts=typescript py=python k8s=kubernetes postgres=postgresql golang=go
u.s=usa us_country=usa u.k=uk america=usa american=american britain=uk approx=approximately
approx.=approximately min=minute mins=minutes hr=hour hrs=hours sec=second secs=seconds mon=monday
tue=tuesday tues=tuesday wed=wednesday thu=thursday thurs=thursday fri=friday coworker=colleague
coworkers=colleagues veggie=vegetable veggies=vegetables thru=through til=till tho=though nite=night
lite=light colour-blind=color-blind
"""

# With "to" they tell what is reached, with "by" how far: "rose to 5%", "rose by 5%".
_REACHING: Final = """
rise rises rose risen rising grow grows grew grown growing fall falls fell fallen falling drop drops dropped
dropping increase increases increased increasing decrease decreases decreased decreasing climb climbs climbed
climbing jump jumps jumped jumping decline declines declined declining shrink shrinks shrank shrunk shrinking
slip slips slipped slipping raised reduced lowered cut
"""
# With "for" they tell for whom, with "by" or "from" who did it.
_MADE: Final = """
written made built created designed painted drawn baked cooked prepared composed recorded sung played developed
produced directed organized organised published bought ordered done is are was were gift gifts present presents
letter letters message messages email emails card cards parcel parcels package packages request requests flowers
"""
# With "for" they tell who is served, with "with" who serves beside.
_SERVING: Final = "work works worked working play plays playing fight fights fought fighting"
# What "too" goes too far with; of anything else it may mean "also".
_TOO: Final = """
tall short big large small old young new fast quick slow high low hot cold warm cool cheap rich poor strong weak
hard easy early late near far long wide narrow deep shallow heavy light dark bright loud quiet dirty thick thin fat
soft busy strict steep rough sharp tight tough tiny noisy wet dry spicy sour sweet salty tired sick ill expensive
difficult dangerous risky complex complicated simple many few little young good bad close full weak often soon
"""
# Whoever is out of these has none of them, or is not in them.
_OUT_OF: Final = """
stock order office date work control town reach service print sight hospital prison school season fashion
scope range bounds focus shape tune step sync luck danger character context
"""
# What "but" takes an exception from; behind others it goes on.
_ALL: Final = "everyone everybody everything everywhere anyone anybody nobody"
# What somebody says of himself, and need not be true.
_CLAIMED: Final = "claim claims claimed claiming"
_BE: Final = "be am is are was were been being"
# What there is some of when there is "a little", and next to none when there is "little".
_MASS: Final = """
attention chance confidence danger demand doubt effect effort energy evidence experience faith harm help hope impact
influence information interest knowledge luck money need patience pressure progress reason resistance risk room sense
sleep success support time traffic trouble trust use value water work milk tea coffee wine beer juice rice bread sugar
salt food air light rain snow experience cash fuel memory space storage meat oil
english french german spanish italian portuguese russian chinese japanese korean arabic hindi dutch polish turkish greek
"""

# What "little" before it is no adjective of: "little was done", "knows little of it". A comma is the end of a clause.
_NO_NOUN: Final = """
is was were are be been has had have can could will would may might must should shall do does did
remains remained happened of about to in on at with for from by and or but if when because since as ,
"""
# Behind these "little" is small: "the cat is little".
_SEEMING: Final = "seem seems seemed look looks looked very so quite rather"

#: Contractions that follow no rule, or lost their apostrophe, and the sign of denial in programs.
CONTRACTIONS: Final = {**_pairs(_CONTRACTIONS, "|"), "!": "not"}
#: words of a phrase -> what it means.
PHRASES: Final = (
    {tuple(said.split()): meant for said, meant in _pairs(_PHRASES, "|").items()}
    | {(form, "to"): f"{form} to_level" for form in _REACHING.split()}
    | {(form, "for"): f"{form} meant_for" for form in _MADE.split()}
    | {(form, "with"): f"{form} alongside" for form in _SERVING.split()}
    | {("too", word): f"overly {word}" for word in _TOO.split()}
    | {(word, "but"): f"{word} except" for word in _ALL.split()}
    | {(form, "to"): "apparently to" for form in _CLAIMED.split()}
    | {(form, "anything", "but"): f"{form} not" for form in _BE.split()}
    | {("little", noun): f"few {noun}" for noun in _MASS.split()}
    | {("a", "little", noun): f"some {noun}" for noun in _MASS.split()}
    | {("little", word): f"few {word}".removesuffix(" ,") for word in _NO_NOUN.split()}
    | {("a", "little", word): f"some {word}".removesuffix(" ,") for word in _NO_NOUN.split()}
    | {
        (form, "little", word): f"{form} small {word}".removesuffix(" ,")
        for form in f"{_BE} {_SEEMING}".split()
        for word in ("and", "or", "but", "when", ",")
    }
    | {("out", "of", noun): f"out_of_{noun}" for noun in _OUT_OF.split()}
)
#: How a verb that keeps its small word stands in the text -> its base and form, as of single words.
PHRASE_FORMS: Final = {
    " ".join(said): IRREGULAR.get(said[0]) or (said[0], "both")
    for said, meant in PHRASES.items()
    if meant.startswith(said[0] + " ") and (said[0] in IRREGULAR or said[0].endswith("ed"))
}
#: Pairs of opposites among them.
PHRASE_OPPOSITES: Final = [([noun], [f"out_of_{noun}"]) for noun in _OUT_OF.split()]
#: British spelling, abbreviation or short form -> the form the other lists use.
SPELLING: Final = _pairs(_SPELLING, None)
