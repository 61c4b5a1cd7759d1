"""Pairs of the same content words in another order or as told by another, and neighbours in which nothing turned."""

from __future__ import annotations

import pytest

from khala_jobs.memory.guard import judge

COSINE = 0.98

#: By the one reason that both have to be given.
STOPPED: dict[str, str] = {
    # Parts that a sign joins.
    "roles: ties": """
        We use the AUD-USD rate for invoices. | We use the USD-AUD rate for invoices.
        The EUR/USD rate rose. | The USD/EUR rate rose.
        JFK-LAX flight | LAX-JFK flight
        The Oslo-Bergen train is late. | The Bergen-Oslo train is late.
        The Oslo\u2013Bergen train is late. | The Bergen\u2013Oslo train is late.
        The Oslo \u2013 Bergen train is late. | The Bergen \u2013 Oslo train is late.
        The Oslo/Bergen train is late. | The Bergen/Oslo train is late.
        The Oslo / Bergen train is late. | The Bergen / Oslo train is late.
        The Oslo\u2192Bergen train is late. | The Bergen\u2192Oslo train is late.
        The Oslo->Bergen train is late. | The Bergen->Oslo train is late.
        The Oslo > Bergen train is late. | The Bergen > Oslo train is late.
        the oslo-bergen train is late | the bergen-oslo train is late
        The New York-Boston train is late. | The Boston-New York train is late.
        The Oslo-Bergen-Oslo trip is long. | The Bergen-Oslo-Bergen trip is long.
        The Paris-London-Rome tour is sold out. | The Rome-London-Paris tour is sold out.
        The shop is open Mon-Fri. | The shop is open Fri-Mon.
        User wants an English-French dictionary. | User wants a French-English dictionary.
        User translates Spanish-English. | User translates English-Spanish.
        We need a client-server test. | We need a server-client test.
        Use the staging-production sync. | Use the production-staging sync.
    """,
    # Who is what of whom.
    "roles: appositions": """
        Ann, Ben's boss, resigned. | Ben, Ann's boss, resigned.
        Kim, Lee's lawyer, won. | Lee, Kim's lawyer, won.
        Ann, Ben's sister, called Carl. | Ben, Ann's sister, called Carl.
        Ann (Ben's boss) resigned. | Ben (Ann's boss) resigned.
        Ann - Ben's boss - resigned. | Ben - Ann's boss - resigned.
        Ann, Ben's friend, resigned. | Ben, Ann's friend, resigned.
        Yesterday Ann, Ben's boss, resigned. | Yesterday Ben, Ann's boss, resigned.
        I met Ann, Ben's boss. | I met Ben, Ann's boss.
    """,
    "roles: relative clauses": """
        The man Ann married hates Ben. | The man Ben married hates Ann.
        The man that Ann met fired Ben. | The man that Ben met fired Ann.
        The woman Ben met knows Carl. | The woman Carl met knows Ben.
        Ann, who met Carl, hired Ben. | Ben, who met Carl, hired Ann.
        My friend Ann hates Ben. | My friend Ben hates Ann.
    """,
    # Cause and condition.
    "roles: clauses": """
        She resigned because she was ill. | She was ill because she resigned.
        Because she was ill, she resigned. | Because she resigned, she was ill.
        She resigned because she was ill. | Because she resigned, she was ill.
        Since he works, he is rich. | Since he is rich, he works.
        He is tired, so he sleeps. | He sleeps, so he is tired.
        He drinks because he is sad. | He drinks, so he is sad.
        She was fired, therefore she sued. | She sued, therefore she was fired.
        If it rains he stays. | If he stays it rains.
        If it rains, he stays. | If he stays, it rains.
        He stays if it rains. | If he stays, it rains.
        When it rains, he stays. | When he stays, it rains.
        The build stops when the test fails. | If the build stops, the test fails.
        If the test fails the build stops. | If the build stops the test fails.
        Unless Ann calls, Ben sleeps. | Unless Ben sleeps, Ann calls.
    """,
    # Hearsay.
    "modality": """
        He paid the invoice. | He claims he paid the invoice.
        He paid the invoice. | He says that he paid the invoice.
        He paid the invoice. | He thinks he paid the invoice.
        He paid the invoice. | He believes he paid the invoice.
        He paid the invoice. | He hopes he paid the invoice.
        Ann paid the invoice. | Ann told me she paid the invoice.
        The server is down. | It is said that the server is down.
        The server is down. | According to them the server is down.
    """,
    "": """
        He paid the invoice. | He alleges he paid the invoice.
        He paid the invoice. | He pretends he paid the invoice.
        He paid the invoice. | He pretends to have paid the invoice.
    """,
    # What is kept and what is gone beyond.
    "relation": """
        The project is over budget. | The project is within budget.
        The project is over budget. | The project is on budget.
        The project is above budget. | The project is within budget.
        The speed is beyond the limit. | The speed is within the limit.
        The speed is over the limit. | The speed is at the limit.
        We are over our quota. | We are within our quota.
    """,
    "antonym": """
        The bug is in scope. | The bug is out of scope.
        The drone is in range. | The drone is out of range.
    """,
    # Next to nothing, and something.
    "quantifier": """
        Little was done. | A little was done.
        Little is known. | A little is known.
        Little remains. | A little remains.
        He ate little. | He ate a little.
        He knows little of it. | He knows a little of it.
        He has little milk. | He has a little milk.
        He speaks little German. | He speaks a little German.
        Few came. | A few came.
        Few users came. | A few users came.
        He has few friends. | He has a few friends.
    """,
}

PASSED = """
    Ann called Ben yesterday. | Yesterday Ann called Ben.
    a well-known long-term plan | a long-term, well-known plan
    User drives a dark-blue, second-hand car. | User drives a second-hand, dark-blue car.
    User has a full-time, well-paid job. | User has a well-paid, full-time job.
    The Oslo-Bergen train is late. | The train from Oslo to Bergen is late.
    The Oslo-Bergen train is late. | The Oslo\u2013Bergen train is late.
    We use the AUD/USD rate for invoices. | For invoices we use the AUD-USD rate.
    User likes tea/coffee. | User likes coffee/tea.
    User speaks French/English. | User speaks English/French.
    The Oslo-Bergen and the Bergen-Oslo train | The Bergen-Oslo and the Oslo-Bergen train
    The US-China talks failed. | The China-US talks failed.
    Ann and Ben met. | Ben and Ann met.
    Ann and Ben's house is big. | Ben and Ann's house is big.
    Ann married Ben in Rome. | Ben married Ann in Rome.
    Ann, Ben and Carl resigned. | Ben, Ann and Carl resigned.
    Ann, Ben's boss, resigned. | Ben's boss, Ann, resigned.
    Ann, Ben's boss, resigned. | Ann, the boss of Ben, resigned.
    Ann, Ben's boss, resigned. | Ann, who is Ben's boss, resigned.
    The man Ann married hates Ben. | The man who Ann married hates Ben.
    The man Ann married hates Ben. | Ben is hated by the man Ann married.
    Because she was ill, she resigned. | She resigned because she was ill.
    He left since Ann cried. | Because Ann cried, he left.
    He is tired, so he sleeps. | Because he is tired, he sleeps.
    If it rains he stays. | He stays if it rains.
    When it rains, he stays. | He stays when it rains.
    If it hails, snows or rains, he stays. | If it rains, snows or hails, he stays.
    He is so tired. | He is tired.
    He says he paid the invoice. | He paid the invoice, he said.
    He claims he paid the invoice. | He says that he paid the invoice.
    According to him, the server is down. | He says the server is down.
    The user said he likes tea. | The user likes tea.
    Says that he likes tea. | Likes tea.
    Felix is reporting to Omar. | Felix reports to Omar.
    Sales rose over the last year. | Sales rose within the last year.
    The project is over budget. | The project is above budget.
    Bob needs a little help. | Bob needs some help.
    User has a little dog. | User has a small dog.
    The cat is little. | The cat is small.
    The cat is little and black. | The cat is small and black.
"""


def pairs_of(table: str) -> list[tuple[str, str]]:
    lines = (line.partition("|") for line in table.strip().splitlines())
    return [(first.strip(), second.strip()) for first, _, second in lines]


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [(*pair, name.partition(":")[0]) for name, table in STOPPED.items() for pair in pairs_of(table)],
)
def test_what_is_turned_round_is_stopped(a: str, b: str, code: str) -> None:
    for verdict in (judge(a, b, COSINE), judge(b, a, COSINE)):
        assert not verdict.is_duplicate
        if code:
            assert verdict.kind == "conflict"
            assert code in {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize(("a", "b"), pairs_of(PASSED))
def test_what_is_only_moved_passes(a: str, b: str) -> None:
    assert judge(a, b, COSINE).is_duplicate, judge(a, b, COSINE)
    assert judge(b, a, COSINE).is_duplicate, judge(b, a, COSINE)
