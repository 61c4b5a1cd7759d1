"""Pairs of the same content words that exceptions, lists, attitudes and times turn, and neighbours that stay."""

from __future__ import annotations

import pytest

from khala_jobs.memory.guard import judge

COSINE = 0.97


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Exceptions.
        ("Tom eats everything except fish.", "Tom eats everything including fish."),
        ("Everyone except Bob knows the code.", "Everyone including Bob knows the code."),
        ("All staff except Bob attended.", "All staff and Bob attended."),
        ("Everyone but Bob passed.", "Everyone and Bob passed."),
        ("The price is $5 except tax.", "The price is $5 including tax."),
        # One denial of several.
        ("Bob speaks neither French nor German.", "Bob speaks both French and German."),
        ("Bob speaks neither French nor German.", "Bob speaks French but not German."),
        ("Bob speaks neither French nor German.", "Bob speaks German but not French."),
        ("Neither Ann nor Bob smokes.", "Both Ann and Bob smoke."),
        ("Neither Ann nor Bob smokes.", "Ann and Bob smoke."),
        ("Neither Ann nor Bob smokes.", "Ann smokes and Bob does not."),
        ("Bob drinks neither tea nor coffee.", "Bob does not always drink tea or coffee."),
        ("He does not smoke, nor does he drink.", "He does smoke, but does not drink."),
        ("Ann does not smoke and does not drink.", "Ann smokes and drinks."),
        # What takes the place of what.
        ("Replace Redis with Kafka.", "Replace Kafka with Redis."),
        ("Substitute butter with oil.", "Substitute oil with butter."),
        ("Swap butter for oil.", "Swap oil for butter."),
        ("Cover the sofa with the blanket.", "Cover the blanket with the sofa."),
        # One of several who do it, or to whom it is done.
        ("Alice supervises Bob and Carol.", "Alice and Bob supervise Carol."),
        ("Ann invited Bob and Carl.", "Ann and Bob invited Carl."),
        ("Zoe and Max call Tim.", "Zoe calls Max and Tim."),
        # Attitudes.
        ("Ann doubts the plan will work.", "Ann believes the plan will work."),
        ("I am unsure that it works.", "I believe that it works."),
        ("Ann claims to be rich.", "Ann is rich."),
        # Times.
        ("Refunds are possible within 30 days.", "Refunds are possible after 30 days."),
        ("Call me in 2 hours.", "Call me every 2 hours."),
        ("Call me within 2 hours.", "Call me every 2 hours."),
        ("The job runs every 2 hours.", "The job runs for 2 hours."),
        ("I will be back in 2 days.", "I will be back for 2 days."),
        ("Submit on Friday.", "Submit by Friday."),
        ("The parcel must arrive by 5pm.", "The parcel must arrive at 5pm."),
        ("Call me on Friday.", "Call me every Friday."),
        ("Move out by March 3.", "Move out on March 3."),
        # Idioms.
        ("The result is anything but good.", "The result is good."),
        ("There is little hope.", "There is a little hope."),
        ("We have little evidence.", "We have some evidence."),
    ],
)
def test_what_turns_a_statement_is_stopped(a: str, b: str) -> None:
    assert not judge(a, b, COSINE).is_duplicate
    assert not judge(b, a, COSINE).is_duplicate


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Exceptions.
        ("Nobody but Ann has the key.", "No one except Ann has the key."),
        ("Everyone but Bob passed.", "Everybody passed except for Bob."),
        ("The trip costs $300 including meals.", "The trip costs $300 with meals."),
        # One denial of several.
        ("Bob speaks neither French nor German.", "Bob does not speak French or German."),
        ("Neither Ann nor Bob smokes.", "Ann and Bob do not smoke."),
        ("Bob drinks neither tea nor coffee.", "Bob drinks no tea or coffee."),
        ("He does not smoke nor drink.", "He does not smoke or drink."),
        ("Bob eats no meat, nor does he eat fish.", "Bob eats no meat and no fish."),
        ("Neither the API nor the UI is ready.", "The API and the UI are not ready."),
        # What is merely listed.
        ("Bob likes tea with milk.", "Bob likes milk with tea."),
        ("Ann talks with Bob and Carl.", "Ann and Bob talk with Carl."),
        ("Ann plays chess with Bob.", "Ann and Bob play chess."),
        ("Ann invited Bob and Carl.", "Ann invited Carl and Bob."),
        ("Ann invited Bob and Carl.", "Bob and Carl were invited by Ann."),
        ("Ann and Bob invited Carl.", "Carl was invited by Ann and Bob."),
        ("Ann called Bob and Carl wrote Dan.", "Carl wrote Dan and Ann called Bob."),
        # Attitudes.
        ("Ann believes the plan will work.", "Ann thinks the plan will work."),
        ("Ann claims that she is rich.", "Ann says she is rich."),
        # Times.
        ("The invoice must be paid within 30 days.", "The invoice must be paid in 30 days."),
        ("I have not slept in 2 days.", "I have not slept for 2 days."),
        ("The meeting lasts for 2 hours.", "The meeting lasts 2 hours."),
        ("The report is due on Friday.", "The report is due by Friday."),
        ("The shop is closed on Mondays.", "The shop is closed every Monday."),
        ("The talk by Ada is on Friday.", "On Friday Ada gives a talk."),
        # Idioms.
        ("The house is anything but big.", "The house is not big."),
        ("Bob needs a little help.", "Bob needs some help."),
        ("Ann lives in a little house.", "Ann lives in a small house."),
    ],
)
def test_what_only_sounds_like_it_passes(a: str, b: str) -> None:
    assert judge(a, b, COSINE).is_duplicate, judge(a, b, COSINE)
    assert judge(b, a, COSINE).is_duplicate
