"""Pairs of the same content words in another order or as told by another, and neighbours in which nothing turned."""

from __future__ import annotations

import pytest

from khala_jobs.memory.guard import judge

COSINE = 0.98

#: By the one reason that both have to be given.
STOPPED: dict[str, str] = {
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
}

PASSED = """
    Ann called Ben yesterday. | Yesterday Ann called Ben.
    Ann and Ben met. | Ben and Ann met.
    Ann and Ben's house is big. | Ben and Ann's house is big.
    Ann married Ben in Rome. | Ben married Ann in Rome.
    Ann, Ben and Carl resigned. | Ben, Ann and Carl resigned.
    Ann, Ben's boss, resigned. | Ben's boss, Ann, resigned.
    Ann, Ben's boss, resigned. | Ann, the boss of Ben, resigned.
    Ann, Ben's boss, resigned. | Ann, who is Ben's boss, resigned.
    The man Ann married hates Ben. | The man who Ann married hates Ben.
    The man Ann married hates Ben. | Ben is hated by the man Ann married.
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
