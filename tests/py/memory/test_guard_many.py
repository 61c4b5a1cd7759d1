"""The guard in bulk: many pairs at once, from many threads, in a deduplication."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khala_jobs.errors import InvalidArgument
from khala_jobs.memory import DeduplicationPolicy, frame_of, plan_deduplication
from khala_jobs.memory.guard import MAX_CHARS, analyse, judge, judge_many

texts = st.sampled_from(
    ["I like tea", "I like  tea", "I dislike tea", "I like 3 teas", "I love tea", "", "茶", "\ud800"]
)
triples = st.lists(st.tuples(texts, texts, st.floats(-1, 1)), max_size=6)


@given(triples)
def test_many_pairs_get_the_verdicts_of_each(told: list[tuple[str, str, float]]) -> None:
    pairs = [(a, b) for a, b, _ in told]
    assert judge_many(pairs, [cosine for _, _, cosine in told]) == [judge(*one) for one in told]


def test_many_pairs_need_as_many_cosines_and_good_ones() -> None:
    assert judge_many(iter([]), iter([])) == []
    with pytest.raises(InvalidArgument, match="cosines: 2 for 1 pairs"):
        judge_many([("a", "b")], [0.9, 0.8])
    with pytest.raises(InvalidArgument, match="cosine: must be a number"):
        judge_many([("a", "b"), ("a", "c")], [0.9, float("nan")])
    with pytest.raises(InvalidArgument, match="b: expected a text, got list"):
        judge_many([("a", cast("str", ["b"]))], [0.9])


def test_threads_may_share_the_guard() -> None:
    pairs = [(f"I met Anna{n} on {n} May", f"I met Anna{n} on {n + 1} May") for n in range(1, 28)]
    expected = [judge(a, b, 0.9) for a, b in pairs]
    with ThreadPoolExecutor(8) as pool:
        for told in pool.map(lambda _: [judge(analyse(a), analyse(b), 0.9) for a, b in pairs], range(32)):
            assert told == expected


def test_features_show_their_text() -> None:
    assert analyse("  I\u00a0like\ttea ").text == "I like tea"
    assert analyse("\ud800 tea").text == "\ud800 tea"
    assert not analyse("I like tea").too_long
    assert analyse("x" * (MAX_CHARS + 1)).too_long


def test_deduplication_in_bulk_plans_what_it_plans_pair_by_pair(lab: Any, kernels: Any) -> None:
    said = [
        "I like tea",
        "I love tea",
        "I dislike tea",
        "I like green tea",
        "My call is at 3 pm",
        "My call is at 15:00",
    ]
    memories = [
        lab.memory(f"m{n}", text, embedding=lab.unit(0.02 * n), age_days=n) for n, text in enumerate(said)
    ]

    def one_by_one(a: str, b: str, cosine: float) -> Any:
        return judge(a, b, cosine)

    plans = [
        plan_deduplication(frame_of(memories), DeduplicationPolicy(threshold=0.9), lab.now_us, kernels, guard)
        for guard in (judge, one_by_one)
    ]
    assert plans[0] == plans[1]
    assert plans[0].operations
    assert plans[0].review
