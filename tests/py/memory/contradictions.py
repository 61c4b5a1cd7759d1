"""Pairs that must never be merged, by family, written apart from the guard's rules and from the corpus's templates.

Each line is ``first | second`` or ``first | second | fills``; fills are alternatives separated by ``/``, put for
``{x}`` in both. Families marked held out were written after the rules and have never been used to change them.
"""

from __future__ import annotations

from collections.abc import Iterator

FAMILIES = {
    "negation": """
        The {x} accepts credit cards | The {x} does not accept credit cards | bakery/museum/taxi driver/laundromat
        My {x} snores at night | My {x} doesn't snore at night | husband/roommate/dog
        There is parking near the {x} | There is no parking near the {x} | clinic/library/stadium
        {x} answered my letter | {x} never answered my letter | Rosa/Ahmed/The bank
        I finished the {x} in time | I did not finish the {x} in time | essay/puzzle/painting
    """,
    "without": """
        The {x} works with batteries | The {x} works without batteries | lamp/clock/radio
        She travels with her {x} | She travels without her {x} | laptop/sister/camera
        He sleeps with the {x} on | He sleeps without the {x} on | radio/heater
    """,
    "always_never": """
        I always {x} on Sundays | I never {x} on Sundays | work/shave/cook/fast
        Always {x} the data first | Never {x} the data first | encrypt/sort/sample
        My neighbor always {x} | My neighbor never {x} | smiles/complains/waves
    """,
    "antonym": """
        The {x} is open | The {x} is closed | bridge/window/registration/pool
        The {x} was cheap | The {x} was expensive | wine/repair/hotel/coat
        Our {x} arrived early | Our {x} arrived late | train/guests/delivery
        He trusts his {x} | He distrusts his {x} | lawyer/memory/brother
        The {x} was useful | The {x} was useless | training/map/feedback
        I found the {x} easy | I found the {x} difficult | exam/hike/recipe
    """,
    "prefix": """
        The contract is {x} | The contract is un{x} | fair/signed/usual
        Her answer was {x} | Her answer was in{x} | correct/complete/accurate/sufficient
        The tenant is {x} | The tenant is dis{x} | honest/satisfied/organized
        The plan is {x} | The plan is im{x} | practical/possible/perfect
    """,
    "number": """
        The {x} has 12 rooms | The {x} has 14 rooms | castle/guesthouse/school
        We need six {x} | We need nine {x} | chairs/volunteers/eggs
        The recipe takes 250 grams of {x} | The recipe takes 350 grams of {x} | flour/butter/sugar
        {x} has 3 grandchildren | {x} has 4 grandchildren | Berta/Mr. Okafor/My boss
        Room {x}1 is booked | Room {x}7 is booked | 10/22/40
    """,
    "date": """
        The {x} is on 14 February | The {x} is on 24 February | gala/vote/hearing
        My {x} expires on 2026-03-01 | My {x} expires on 2026-08-01 | visa/passport/membership
        {x} was founded in 1987 | {x} was founded in 1978 | The club/Our firm/The choir
        The {x} starts in April | The {x} starts in August | course/season/renovation
        Trash is collected on {x} | Trash is collected on Sunday | Monday/Thursday
    """,
    "time": """
        The {x} opens at 9 am | The {x} opens at 9 pm | bar/shop/exhibition
        The {x} arrives at 10:20 | The {x} arrives at 12:10 | ferry/bus/parcel
        Wake me at {x} am | Wake me at {x}:30 am | 6/7
    """,
    "money": """
        The {x} costs $15 | The {x} costs $50 | ticket/haircut/book
        She pays 900 euros for the {x} | She pays 900 dollars for the {x} | room/studio/course
        The fine is £{x} | The fine is €{x} | 60/80
    """,
    "unit": """
        The {x} is 3 meters long | The {x} is 3 feet long | boat/rope/table
        Charge the {x} for 20 minutes | Charge the {x} for 20 hours | drone/car/phone
        The {x} weighs 5 kg | The {x} weighs 5 pounds | parcel/baby/suitcase
    """,
    "identifier": """
        Write to {x}@hill.example | Write to {x}2@hill.example | info/max/sales
        The form is at https://hill.example/{x} | The form is at https://hill.example/{x}/old | tax/visa
        Merge branch feature/{x}-1 | Merge branch feature/{x}-2 | login/cart
        The key is stored in ~/.ssh/{x} | The key is stored in ~/.ssh/{x}_backup | id_ed25519/deploy_key
        See issue #{x}5 | See issue #{x}6 | 1/20/31
        Restart pod web-{x} | Restart pod web-{x}x | 7f9c/a12d
    """,
    "name": """
        {x} teaches the cello class | Dmitri teaches the cello class | Amelie/Bao/Farah
        The conference is in {x} | The conference is in Turin | Ghent/Malmo/Cork
        My dentist is Dr. {x} | My dentist is Dr. Novak | Brandt/Silva
        We switched to {x} for payroll | We switched to Gusto for payroll | Rippling/Deel
    """,
    "quantifier": """
        All the {x} are ripe | Some of the {x} are ripe | plums/tomatoes/figs
        Every {x} got a badge | Hardly any {x} got a badge | visitor/runner/speaker
        Most of the {x} is paid | All of the {x} is paid | loan/invoice/rent
        Only the {x} was late | The {x} was late | bus/singer/payment
        None of the {x} survived | Most of the {x} survived | seedlings/recordings
    """,
    "tense": """
        My {x} runs a bookshop | My {x} used to run a bookshop | aunt/neighbor/coach
        {x} is the mayor | {x} was the mayor | Gloria/His father
        The {x} will be repaired | The {x} was repaired | roof/elevator/printer
        I collect {x} | I collected {x} | coins/shells/vinyl records
        {x} teaches at our school | {x} no longer teaches at our school | Ms. Abe/My cousin
    """,
    "modality": """
        Visitors must sign the {x} | Visitors may sign the {x} | book/waiver/list
        {x} is coming to dinner | {x} might come to dinner | Ines/The coach
        I sold my {x} | I want to sell my {x} | boat/guitar/house
        The {x} should be inspected | The {x} has to be inspected | boiler/bridge
        You can {x} in the lake | You should {x} in the lake | swim/fish
    """,
    "roles": """
        {x} married before Lucia did and hired Ramon | Ramon hired {x} | Diego/Anton
        {x} trains Beatriz | Beatriz trains {x} | Goran/Milo/Sana
        {x} called the plumber | The plumber called {x} | Nora/My wife/The tenant
        {x} is Leon's doctor | Leon is {x}'s doctor | Petra/Sami
        {x} was rescued by a fisherman | A fisherman was rescued by {x} | The sailor/Elif
        {x} bought the farm from Otto | Otto bought the farm from {x} | Vito/Ylva/The bank
    """,
    "direction": """
        The ferry goes from Split to {x} | The ferry goes from {x} to Split | Hvar/Ancona/Bari
        {x} scored more goals than Basel | Basel scored more goals than {x} | Turin/Porto
        Feed the {x} before the walk | Feed the {x} after the walk | dog/baby
        The petition is for the {x} | The petition is against the {x} | tunnel/stadium/merger
        I like {x} better than opera | I like opera better than {x} | ballet/jazz
    """,
    "comparison": """
        The trip takes over {x} hours | The trip takes under {x} hours | 3/11
        At least {x} people must attend | At most {x} people must attend | 5/40
        The new {x} is louder than the old one | The new {x} is quieter than the old one | fridge/engine/pump
        Fewer than {x} seats are left | More than {x} seats are left | 10/200
    """,
    "attribute": """
        The {x} is painted green | The {x} is painted yellow | fence/kitchen/boat
        His {x} is a nurse | His {x} is a pilot | mother/partner
        Our {x} is in the left drawer | Our {x} is in the right drawer | map/passport
        My sister plays the {x} | My brother plays the {x} | flute/harp
        I ordered the {x} with rice | I ordered the {x} with pasta | chicken/lentils
        The {x} is made of wood | The {x} is made of steel | ladder/frame
    """,
    "condition": """
        Call {x} if the alarm rings | Call {x} unless the alarm rings | security/Marta
        Bring {x} and a towel | Bring {x} or a towel | sunscreen/sandals
        {x} because of the storm | {x} despite the storm | We sailed/The show was held
    """,
    "person": """
        I owe {x} an apology | You owe {x} an apology | Mei/the landlord
        He repaired her {x} | She repaired his {x} | bicycle/roof
        My {x} is stuck | His {x} is stuck | zipper/car
    """,
}

HELD_OUT = {
    "negation, held out": """
        The {x} refused to sign | The {x} signed | director/landlord
        Nothing in the {x} is vegan | Everything in the {x} is vegan | buffet/freezer
        {x} lacks a fire exit | {x} has a fire exit | The cinema/This floor
        I can afford the {x} | I can't afford the {x} | surgery/violin
        {x} knows about the surprise | Nobody knows about the surprise | Everybody/Grandma
    """,
    "antonym, held out": """
        The {x} is deep | The {x} is shallow | pond/wound
        {x} was generous | {x} was stingy | The host/Uncle Raj
        Lower the {x} | Raise the {x} | blinds/thermostat
        They praised the {x} | They criticized the {x} | book/mayor
        The {x} shrank | The {x} grew | deficit/tumor
        The {x} is asleep | The {x} is awake | toddler/patient
    """,
    "value, held out": """
        The {x} is version 4.1 | The {x} is version 4.10 | firmware/manual
        Dial extension {x}14 | Dial extension {x}41 | 2/33
        The {x} is at 48% | The {x} is at 84% | battery/turnout
        Platform {x} is closed today | Platform {x}0 is closed today | 1/2
        The {x} lasts a week | The {x} lasts a month | cruise/trial
        The {x} took place last year | The {x} took place this year | reunion/census
    """,
    "order, held out": """
        The {x} follows the truck | The truck follows the {x} | van/ambulance
        Mix the {x} into the dough | Mix the dough into the {x} | nuts/syrup
        {x} admires Helena | Helena admires {x} | Tarek/The critic
        Paint the door white and the {x} blue | Paint the door blue and the {x} white | wall/gate
        Rome lies south of {x} | {x} lies south of Rome | Florence/Siena
        {x} replaced Ivo as captain | Ivo replaced {x} as captain | Jun/Rashid
    """,
    "status, held out": """
        The {x} has been approved | The {x} has been rejected | permit/loan
        {x} is a former member | {x} is a member | Keiko/The treasurer
        The {x} is optional | The {x} is compulsory | quiz/deposit
        {x} is expected to win | {x} won | Our team/The senator
        The {x} may contain traces of nuts | The {x} contains nuts | bar/sauce
        Half of the {x} was refunded | All of the {x} was refunded | fee/ticket price
    """,
}


def pairs(families: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(family, first, second) of every filled line."""
    for family, text in families.items():
        for line in text.strip().splitlines():
            first, second, *fills = (part.strip() for part in line.split(" | "))
            for fill in fills[0].split("/") if fills else [""]:
                yield family, first.replace("{x}", fill), second.replace("{x}", fill)
