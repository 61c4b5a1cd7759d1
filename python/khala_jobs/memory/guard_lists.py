"""Content words of which the guard knows something: synonyms, opposites, values of one attribute.

The three lists are small and general on purpose. They are consulted only for words that one text has and
the other lacks, so a missing synonym costs a look at the review list and nothing else; a *wrong* synonym
could cost a fact, which is why a group holds only words that can replace each other in most sentences. A
word may be in several groups.

Any form of a word will do, the lexicon (cpp/text) reduces it; an underscore stands for the space of a folded
phrase (``PHRASES`` in guard_words.py).
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["EXCLUSIVE_LIST", "LISTED", "OPPOSITE_LIST", "SYNONYM_LIST"]

SYNONYM_LIST: Final = """
like love enjoy adore prefer appreciate fan|love adore|favorite preferred best-loved
dislike hate detest loathe despise|live reside dwell|home house|apartment flat|live_in located
country nation|place location spot|work job employment|work occupation|job occupation profession
company firm business|boss manager supervisor|manage supervise lead oversee|manage run handle administer
colleague teammate workmate|employer company|buy purchase acquire|sell vend|get receive obtain acquire
own possess|rent lease|cost price|expensive costly pricey|cheap inexpensive affordable|money cash
pay spend|salary pay wage income|bill invoice|earn make|big large huge|small little tiny|tall high
quick fast rapid speedy swift|slow sluggish|old elderly aged|new fresh|new modern
happy glad pleased delighted joyful cheerful|sad unhappy miserable upset|angry mad furious annoyed
scared afraid frightened|tired exhausted weary sleepy|sick ill unwell|healthy fit well|strong powerful
weak feeble|smart clever intelligent bright|beautiful pretty lovely gorgeous|ugly unattractive|easy simple
hard difficult tough challenging|important crucial vital essential|main primary chief principal
correct right accurate|wrong incorrect mistaken|good great excellent nice fine|bad poor terrible awful
amazing wonderful fantastic great awesome|strange odd weird unusual|rich wealthy affluent|poor broke
begin start commence launch|end finish stop conclude complete|stop quit cease|continue proceed resume
finish complete|help assist aid support|try attempt|ask request inquire|answer reply respond
tell inform notify|speak talk|talk chat converse|say mention state note|show display|see view watch
watch view|look glance|listen hear|discuss debate|explain clarify|think believe consider|know understand
understand comprehend grasp|remember recall recollect|forget misremember|learn study|teach instruct
study research|school academy|student pupil|teacher instructor|university college|child kid|kid youngster
baby infant|son boy|daughter girl|man guy gentleman|woman lady|person human people individual|mother mom
person someone somebody
father dad|parent folk|grandmother grandma granny nana|grandfather grandpa grandad|spouse partner
wife spouse|husband spouse|sibling brother-or-sister|friend buddy pal mate|doctor physician
lawyer attorney|veterinarian animal-doctor|dog pup puppy doggy|cat kitty kitten|pet animal|bicycle cycle
car automobile auto vehicle|truck lorry|airplane aircraft jet|trip journey travel|vacation holiday
hotel inn|flight airplane|travel go|visit see|drive commute|walk stroll|run jog|hike trek|swim bathe
dinner supper|lunch luncheon|meal food|snack bite|drink beverage|coffee java|candy sweet|eat consume have
cook prepare make|bake cook|restaurant eatery diner|movie film picture|television tv|book novel
picture photograph image|image photograph|photograph snapshot|song track tune|music tune|concert gig show
game match|sport athletics|exercise workout train|gym fitness-center|doctor's doctor
medicine medication drug|medication drug|hospital clinic|illness disease sickness|pain ache
allergic allergy|allergy intolerance|meeting appointment|meeting call|meeting session conference
party celebration|gift present|wedding marriage|marry wed|birth born|birthday birth-date
die dead death pass_away|dead deceased|kill slay|build construct create make|create make produce generate
develop build create|write author compose|author writer|design create|fix repair mend correct|break damage
change modify alter|change switch|update upgrade|add include|remove delete erase|delete erase
choose select pick|decide determine|allow permit let enable|enable activate switch_on
disable deactivate switch_off|use utilize employ|need require|want desire wish|intend plan aim
plan schedule|schedule arrange|postpone delay reschedule defer|cancel abort|increase rise grow raise
decrease fall drop decline reduce|reduce lower cut|improve enhance better boost|send mail ship
deliver bring|give hand provide|provide supply offer|take grab|put place set|keep retain maintain
hold keep|store save keep|save store|load fetch read|download fetch|upload push|open launch|close shut
close end|connect link join|program code script|program application software|software application
developer programmer coder engineer|engineer developer|bug defect issue|error mistake fault|error failure
problem issue trouble|issue ticket|task job chore|task assignment|test check verify|verify confirm check
deploy release ship roll_out|release version|server machine host|computer pc machine
laptop notebook computer|website site page|page webpage|database datastore|folder directory|file document
document doc|password passphrase passcode|login sign-in|account profile|user customer|customer client
setting option preference|setup configure install|configure set|deadline due-date|due deadline
goal aim target objective|idea concept|method approach way|result outcome|reason cause|question query
topic subject|story tale|news information|message text note|email mail|letter note|language tongue
word term|nickname alias|named called|call phone ring|phone call|area region zone|street road|road way
building structure|room chamber|garden yard|farm ranch|shop store|store market|supermarket grocery
office workplace|kid child|family relative|relative kin|team group crew|group band|member participant
money fund|bank lender|dollar buck|tax levy|discount reduction|sale deal|order purchase|trust rely depend
rely depend|wake arise|sleep nap rest|rest relax unwind|relax chill unwind|play compete|win triumph
lose misplace|beat defeat|hobby pastime interest|interest passion|interested curious|bored uninterested
excited thrilled|worried anxious nervous concerned|nervous anxious|calm relaxed|quiet silent|loud noisy
clean tidy|concise brief short terse|age aged|analyze analysis|decide decision|dirty filthy messy
cold chilly freezing|hot warm|warm hot|rainy wet|sunny bright|dark dim|often frequently|always constantly
sometimes occasionally|rarely seldom|soon shortly|daily each-day|now currently|recently lately
later afterwards|before earlier|early ahead|former previous ex|current present|next following upcoming
last previous|final last|first initial|whole entire|many numerous
approximately about around roughly|approximately almost nearly|only just solely|also too
maybe perhaps possibly|moreover furthermore|therefore thus|however but|although though|because since as
while whereas|under below beneath underneath|over above|beside near by|near close nearby
inside in within into|outside out|onto on|upon on|among between|toward to|via through|move relocate
move transfer|relocate transfer|join enter|leave quit depart exit|leave resign|arrive come reach
return go_back|hire recruit employ|employ work|fire dismiss|retire quit|promote advance|lead head
head boss leader chief|president leader|found establish start create|establish create
organization company institution|government state|law rule|rule regulation policy|vegetarian veggie
vegan plant-based|spicy hot|tasty delicious yummy|sweet sugary|alcohol liquor|beer ale|wine vino|soda pop
color hue|size dimension|length duration|duration time|amount quantity|number count|total sum
part portion piece|half fifty-percent|piece slice|side edge|top peak|bottom base|front face|back rear
start beginning|middle center|end finish|mountain hill|forest wood|sea ocean|beach shore seaside
river stream|lake pond|plant flower|tree plant|flower blossom|cloth clothes clothing|shirt top
trousers pants|shoe footwear|hat cap|bag purse|glasses spectacles|watch timepiece|sofa couch settee
chair seat|bed mattress|lamp light|elevator lift|garbage trash rubbish
subway metro underground|fall autumn|gasoline gas petrol|cookie biscuit|fries chips|zip postal
pharmacy drugstore chemist|faucet tap|vacation break|usa american united-states|uk british|germany german
france french|japan japanese|china chinese|spain spanish|italy italian|syria syrian|iraq iraqi
iran iranian|israel israeli|russia russian|india indian|turkey turkish|europe european|egypt egyptian
greece greek|poland polish|sweden swedish|norway norwegian|denmark danish|portugal portuguese
brazil brazilian|mexico mexican|canada canadian|australia australian|ireland irish|netherlands dutch
switzerland swiss|africa african|asia asian|korea korean|javascript ecmascript|postgresql psql
kubernetes k8s|frontend client-side|backend server-side|ui interface|api endpoint|dark night-mode
pr merge-request|commit check-in|branch fork|function method|variable parameter|class type|library package
package module|framework library|command instruction|terminal console shell|editor ide|log record
record save|backup copy|monitor track|track follow|alert notification alarm|notification notice
permission access|authentication login|encrypt cipher|security safety|safe secure|dangerous unsafe risky
secret private confidential|public open|token key|tuxedo suit|drum percussion|chop cut slice|slice cut
kill die|attack assault|blast explosion|protest demonstration|protester demonstrator|police officer cop
soldier troop|election vote|win capture take|quit resign step_down|hire appoint|hospitalized hospital
injure wound hurt|dead die|crash accident collision|fire blaze|storm hurricane|warn caution alert
accuse charge blame|arrest detain|sue accuse|judge magistrate|trial case|jail prison|prisoner inmate
crime offense|analyst expert|expert specialist|scientist researcher|researcher academic
study report survey|survey poll|report document|share stock|stock equity|profit gain earning|loss deficit
market exchange|price value|value worth|growth increase rise|official spokesman spokeswoman representative
spokesman spokesperson|minister secretary|senator lawmaker|lawmaker legislator
"""

# One pair a line or bar: every word left against every word right.
OPPOSITE_LIST: Final = """
mr : mrs ms|like love enjoy adore prefer appreciate : dislike hate detest loathe despise avoid resent
favorite : hated disliked|accept : reject refuse decline|agree : disagree
allow permit let enable : forbid prohibit ban prevent block disallow deny
enable activate switch_on : disable deactivate switch_off|on : off|open : close closed shut
start begin launch commence : stop end finish quit cease
add include insert append : remove delete exclude omit erase drop|accept : deny
arrive come enter join : leave depart exit go quit
increase rise raise grow gain climb jump : decrease fall drop decline reduce lower shrink dip slip lose cut
up : down|higher : lower|high : low|above over : below under beneath|more : less fewer|most : least
at_least : at_most|maximum max : minimum min|early : late|before : after|first : last|begin : end
earlier : later|next : last previous|previous former old : current new next present|future : past
past : present|young : old elderly|new modern : old ancient|big large huge tall : small little tiny short
long : short|tall : short|wide broad : narrow|thick : thin|fat : thin slim|heavy : light|deep : shallow
near close : far distant|strong : weak|fast quick rapid : slow sluggish|hard difficult tough : easy simple
hard : soft|rough : smooth|sharp : blunt dull|loud noisy : quiet silent
hot warm : cold cool chilly freezing icy|hot : mild|wet : dry|clean : dirty|full : empty
dark : light bright|day : night|sunny : cloudy rainy|sweet : bitter sour salty savory|spicy : mild bland
raw : cooked|fresh : stale rotten frozen|rich : poor|expensive costly : cheap inexpensive free
good great excellent wonderful : bad poor terrible awful|better : worse|best : worst
right correct accurate : wrong incorrect inaccurate false|true : false untrue|positive : negative
success succeed : failure fail|pass : fail|win victory : lose loss defeat|alive living : dead deceased
happy glad cheerful joyful : sad unhappy miserable upset depressed|calm relaxed : nervous anxious stressed
angry : calm|healthy well : sick ill unhealthy unwell|awake : asleep|wake : sleep|brave : afraid cowardly
lucky : unlucky|safe secure : dangerous unsafe risky insecure
kind nice friendly : mean rude unfriendly hostile cruel|polite : rude|patient : impatient
honest : dishonest lying|generous : stingy greedy|smart clever intelligent : stupid dumb foolish
beautiful pretty : ugly|interesting exciting : boring dull|interested : bored uninterested
important crucial : unimportant trivial|useful helpful : useless unhelpful|possible : impossible
likely : unlikely|legal : illegal|able : unable|public open : private secret confidential
internal : external|inside indoors in : outside outdoors out|indoor : outdoor
local : remote foreign global|remote : onsite office local|online : offline|manual : automatic automated
synchronous : asynchronous|required mandatory compulsory : optional voluntary forbidden
allowed permitted : forbidden prohibited banned|married : single divorced unmarried
single : married engaged taken|employed : unemployed|full-time : part-time|fulltime : parttime
permanent : temporary|busy : free idle available|available : unavailable busy|present : absent
visible : hidden invisible|similar same : different|equal : unequal|common : rare uncommon|usual : unusual
normal : abnormal|ordinary : special|buy purchase : sell|lend : borrow|give donate : take receive
send : receive|push : pull|import : export|upload : download|win : lose|teach : learn|earn : spend
save : spend waste|save : delete discard|remember recall : forget|find discover : lose|love : hate
trust : distrust doubt suspect|support endorse favor back : oppose fight resist|praise : criticize blame
help : hinder harm hurt|attack : defend|hire recruit employ : fire dismiss|promote : demote
marry : divorce|build construct create : destroy demolish|fix repair : break damage|connect : disconnect
attach : detach|install : uninstall|lock : unlock|block : unblock|follow : unfollow
subscribe : unsubscribe|encrypt : decrypt|encode : decode|compress : decompress extract|login : logout
register : unregister cancel|expand : collapse shrink contract|show : hide|reveal : hide conceal
approve : reject deny refuse disapprove|confirm : deny cancel|keep retain maintain : discard delete remove
continue : stop quit cease|advance : retreat|ascending : descending|horizontal : vertical|top : bottom
left : right|north : south|east : west|northern : southern|eastern : western|front : back rear
forward : backward backwards|upstairs : downstairs|clockwise : counterclockwise anticlockwise|odd : even
single : double multiple|singular : plural|male : female|man : woman|boy : girl|husband : wife
son : daughter|brother : sister|uncle : aunt|nephew : niece|king : queen|mother mom : father dad
grandmother grandma : grandfather grandpa|parent : child|teacher : student pupil|buyer : seller
employer : employee|landlord : tenant|master : slave|winner : loser|guest : host|friend : enemy
summer : winter|spring : autumn fall|morning : evening night afternoon|dawn : dusk|sunrise : sunset
noon : midnight|weekday : weekend|today : tomorrow yesterday|yesterday : tomorrow
always : never rarely sometimes seldom|often frequently usually : rarely seldom never
all every each : none some few no|everyone everybody : nobody someone|many much : few little
with : without|for : against alongside
alongside : without|meant_for : against by from|to : from|into : out_of|by : to_level|in : ago
because : despite|if : unless|except : inclusive_of and|within : after outside beyond|and : or|as : than|before : behind
only : also|introvert introverted : extrovert extroverted|optimist optimistic : pessimist pessimistic
liberal : conservative|left-wing : right-wing|religious : atheist|vegetarian vegan : carnivore meat-eater
city urban : countryside rural|tab : space|light : dark|black : white|pros : cons|asset : liability
profit : loss|debit : credit|income : expense|supply : demand|input : output|read : write|client : server
frontend : backend|source : target destination|producer : consumer|hardware : software|analog : digital
static : dynamic|mutable : immutable|strict : lenient loose|strong : weak|verbose : concise terse brief
formal : informal casual|major : minor|primary main : secondary backup|senior : junior
expert : beginner novice|experienced : inexperienced|certain sure : uncertain unsure|known : unknown
finished completed done : unfinished incomplete pending|complete : incomplete|started : unstarted
active : inactive passive|stable : unstable|valid : invalid|legitimate : illegitimate
authorized : unauthorized|encrypted : unencrypted plaintext|successful : unsuccessful failed|up : broken
working : broken|running : stopped|healthy : broken|early bird : night owl|morning : night
lefthanded : righthanded|left-handed : right-handed
"""

# Values of one attribute: having one usually rules out having another in the same place of the same sentence.
EXCLUSIVE_LIST: Final = """
color: red blue green yellow orange purple pink black white gray brown violet turquoise beige navy teal
color: maroon gold silver crimson
family: mother father mom dad brother sister son daughter aunt uncle cousin nephew niece grandmother
family: grandfather grandma grandpa wife husband girlfriend boyfriend fiance fiancee stepmother stepfather
family: stepson stepdaughter twin mother_in_law father_in_law sister_in_law brother_in_law parent child
animal: dog cat horse rabbit hamster parrot fish turtle snake bird cow pig sheep goat chicken duck mouse
animal: rat lizard guinea ferret bear wolf fox lion tiger elephant monkey frog spider bee retriever poodle
animal: beagle labrador terrier bulldog siamese persian
drink: tea coffee beer wine water milk juice whiskey vodka rum gin soda cola lemonade espresso cappuccino
drink: latte champagne cider cocoa kombucha
food: pizza pasta sushi burger rice bread cheese chicken beef pork lamb fish salad soup steak taco burrito
food: curry noodle sandwich egg bacon tofu ramen lasagna apple banana orange grape strawberry mango peach
food: pear cherry lemon lime pineapple melon blueberry raspberry avocado tomato potato carrot onion garlic
food: chocolate vanilla caramel cake cookie pie cream peanut almond walnut cashew hazelnut gluten dairy
food: lactose shellfish shrimp soy sesame wheat honey
cuisine: italian chinese japanese mexican indian thai french korean vietnamese greek spanish turkish
cuisine: ethiopian lebanese
sport: soccer tennis basketball baseball golf hockey volleyball rugby cricket swim run cycle ski snowboard
sport: surf climb hike yoga pilates box karate judo chess
instrument: piano guitar violin drum flute cello saxophone trumpet bass harp ukulele clarinet banjo
genre: jazz rock pop classical hip-hop rap metal blues country folk techno reggae opera electronic indie
genre: comedy drama thriller horror romance fantasy documentary mystery sci-fi biography
season: spring summer autumn winter
meal: breakfast lunch dinner brunch snack dessert
daytime: morning afternoon evening night noon midnight dawn
direction: north south east west left right
room: kitchen bathroom bedroom garage basement attic balcony garden office living_room
body: head hand foot leg arm back neck knee shoulder ankle wrist hip elbow eye ear nose tooth heart liver
body: kidney lung stomach skin
job: teacher doctor nurse lawyer engineer developer designer accountant chef pilot farmer dentist
job: architect journalist writer artist musician actor plumber electrician carpenter mechanic firefighter
job: soldier scientist librarian waiter barista cashier manager director intern analyst consultant
subject: math physics chemistry biology history geography philosophy economics law medicine engineering
subject: art music literature psychology sociology
language: english french german spanish italian portuguese russian chinese japanese korean arabic hindi
language: dutch polish turkish swedish greek hebrew
program: python javascript typescript java go rust ruby php kotlin swift scala perl haskell elixir c# c++
program: clojure
database: postgresql mysql sqlite mongodb redis oracle cassandra dynamodb mariadb elasticsearch
platform: linux windows macos android ios ubuntu debian fedora
browser: chrome firefox safari edge opera
editor: vim emacs vscode pycharm intellij sublime nano
cloud: aws gcp azure heroku digitalocean
broker: kafka rabbitmq nats sqs pulsar celery
environment: production staging development test qa sandbox preview local
level: low medium high critical debug info warning error fatal junior senior lead principal staff
method: get post put patch delete
vehicle: car bus train bicycle motorcycle airplane boat ship truck van taxi tram subway scooter ferry
material: wood metal plastic glass paper stone leather cotton wool silk gold silver steel
clothing: shirt dress skirt trousers coat jacket hat scarf glove sock shoe boot sweater tie
degree: bachelor master phd diploma
status: married single divorced widowed engaged
religion: christian muslim jewish buddhist hindu atheist catholic protestant
diet: vegan vegetarian pescatarian keto omnivore
weather: sunny rainy cloudy windy snowy foggy stormy
person: man woman boy girl
frequency: hourly daily weekly monthly yearly quarterly biweekly
unit: second minute hour day week month year decade
rank: first second third last
state: pending approved rejected open closed draft published archived active
house: apartment house studio cottage villa condo
pet-sound: bark meow
"""

#: Every word of the three lists, as listed.
LISTED: Final = frozenset(
    word
    for text in (SYNONYM_LIST, OPPOSITE_LIST, re.sub(r"(?m)^[\w-]+:", "", EXCLUSIVE_LIST))
    for word in text.replace("|", " ").split()
    if word != ":"
)
