from __future__ import annotations

import asyncio
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khala_jobs.memory.facts import complete, facts_of, lost_sentences, sentences, words
from khala_jobs.memory.summary import ExtractiveSummarizer, Summarizer, extract

TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
        st.sampled_from(
            [
                "Alice manages Bob.",
                "Bob manages Alice.",
                "The server listens on port 8080.",
                "She has 3 dogs.",
                "She has 3 cats!",
                "See https://example.org/a?b=1.",
                "Call +49 30 1234 on 2024-05-01 at 10:30.",
                "file /etc/hosts and os.path.join",
                "i like tea",
                "我在2024年5月搬到柏林。他有3只猫。",
            ]
        ),
    ),
    max_size=5,
)


DATA = Path(__file__).parent / "data"
# Load-bearing tokens found without facts.py: what has a digit, an address, a capital inside the sentence.
LOAD = re.compile(r"[\w.+-]+@[\w.-]+\w|https?://\S+\w|\d+(?:[.,:/-]\d+)*|(?<=[a-z,] )[A-Z][a-z]+")


def real_sentences() -> list[str]:
    """Sentences of the test data, and of the public corpora where KHALA_JOBS_CORPORA says where they are."""
    lines = "\t".join(
        (DATA / name).read_text(encoding="utf-8") for name in ("paraphrases.tsv", "contradictions.tsv")
    )
    found = re.split(r"[\t\n]", lines)
    wiki = Path(os.environ.get("KHALA_JOBS_CORPORA", "/nonexistent")) / "clinc_all_wiki_sents.txt"
    if wiki.is_file():
        found += wiki.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in found if line.strip()]


@settings(max_examples=300)
@given(
    sources=st.lists(st.sampled_from(real_sentences()), min_size=1, max_size=8),
    kept=st.integers(0, 3),
    cut=st.integers(0, 80),
)
def test_no_number_address_date_or_name_of_real_sentences_is_lost(
    sources: list[str], kept: int, cut: int
) -> None:
    summary, _ = complete(" ".join(sources[:kept])[:cut], sources)
    for text in (summary, complete(extract(sources), sources)[0]):
        missing = {token for source in sources for token in LOAD.findall(source)} - set(
            LOAD.findall(f"a {text}")
        )
        assert not {token for token in missing if token.lower() not in text.lower()}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The server listens on port 8080.", {"8080"}),
        ("I moved to Berlin in May.", {"berlin", "may"}),
        ("See https://example.org/x?y=1, please", {"https://example.org/x?y=1"}),
        ("Mail ada@example.org.", {"ada@example.org"}),
        ("Costs $3.50 or 12,000.5 or 50%", {"$3.50", "12,000.5", "50%"}),
        ("Due 2024-05-01 at 10:30", {"2024-05-01", "10:30"}),
        ("Use v1.2.3 of CVE-2024-1234", {"v1.2.3", "cve-2024-1234"}),
        ("Set max_size in /etc/app.conf via os.path.join", {"max_size", "/etc/app.conf", "os.path.join"}),
        ("Use getUserName", {"getUserName"}),
        ("We met Ada's brother", {"ada"}),
        ("IT and the UN", {"un", "it"}),
        ("She likes tea. However, it rains.", set()),
        ("", set()),
    ],
)
def test_load_bearing_tokens(text: str, tokens: set[str]) -> None:
    assert tokens <= facts_of(text).tokens
    if not tokens:
        assert not facts_of(text).tokens


def test_numbers_belong_to_what_they_count() -> None:
    assert ("3", "dog") in facts_of("three? no, 3 dogs").counted
    assert lost_sentences("She has 3 dogs.", ["She has 3 cats."]) == ["She has 3 cats."]
    assert lost_sentences("She has 3 dogs and 3 cats.", ["She has 3 cats."]) == []
    assert len(facts_of("3 dogs")) == 2


def test_what_a_summary_lost_is_appended() -> None:
    sources = [
        "Ada lives in Berlin.",
        "She moved there on 2024-05-01. It was raining.",
        "See https://example.org/ada.",
    ]
    text, appended = complete("Ada lives in Berlin", sources)
    assert text == "Ada lives in Berlin\nShe moved there on 2024-05-01.\nSee https://example.org/ada."
    assert appended == ["She moved there on 2024-05-01.", "See https://example.org/ada."]
    assert complete(text, sources) == (text, [])


@pytest.mark.parametrize("unit", ["x", "X", "1", "a1", "a_", "a.", "a-", ".", "日"])
def test_a_text_that_is_one_long_token_costs_no_more_than_reading_it(unit: str) -> None:
    token = unit * (400_000 // len(unit)) + "x"  # by the square of its length this would take hours
    text, appended = complete("short", [f"Alice has {token}"])
    assert appended == [f"Alice has {token}"]
    assert complete(text, [f"Alice has {token}"]) == (text, [])
    assert token in facts_of(f"Alice has {token}").tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a_bcamelCaseab-9", {"a_bcamelCaseab", "bcamelcaseab-9"}),
        ("US$5 or x$7", {"us", "$5", "$7"}),
        ("9a_b and 1ab-5", {"a_b", "9a_b", "1ab-5"}),
        ("see x+y@example.org now", {"x+y@example.org"}),
    ],
)
def test_facts_that_start_inside_a_word(text: str, tokens: set[str]) -> None:
    assert facts_of(text).tokens == tokens


def test_nothing_is_appended_twice() -> None:
    text, appended = complete("", ["Port 8080.", "Port 8080."])
    assert (text, appended) == ("Port 8080.", ["Port 8080."])


@settings(max_examples=300)
@given(summary=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), sources=TEXTS)
def test_a_completed_summary_has_lost_nothing(summary: str, sources: list[str]) -> None:
    text, _ = complete(summary, sources)
    assert lost_sentences(text, sources) == []
    every = frozenset().union(*(facts_of(source).tokens for source in sources))
    assert every <= facts_of(text).tokens | set(words(unicodedata.normalize("NFKC", text)))


def test_sentences() -> None:
    assert sentences('One. "Two!" Three?\nFour') == ["One.", '"Two!"', "Three?", "Four"]
    assert sentences("3.14 is pi, e.g. here") == ["3.14 is pi, e.g.", "here"]
    assert sentences("我搬家了。他没有。") == ["我搬家了。", "他没有。"]
    assert sentences(" \n ") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like tea.", "I like the tea!"),
        ("Tea is nice.", "tea was nice"),
        ('She said "tea".', "She said tea"),
    ],
)
def test_extraction_drops_a_sentence_that_is_said_already(one: str, other: str) -> None:
    assert extract([one, other]) == one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice manages Bob.", "Bob manages Alice."),
        ("I like tea.", "I do not like tea."),
        ("I like green tea.", "I like tea."),
        ("It is 5 degrees.", "It is -5 degrees."),
        ("She knows C.", "She knows C++."),
        ("Ask the US.", "Ask the us."),
        ("It costs 3.5 euros.", "It costs 35 euros."),
    ],
)
def test_extraction_keeps_whatever_differs(one: str, other: str) -> None:
    assert extract([one, other]) == f"{one}\n{other}"
    assert extract([f"{one} {other}"]) == f"{one} {other}"


def test_nothing_of_nothing() -> None:
    assert extract([]) == ""
    assert extract(["", " "]) == ""
    assert extract(["...", "The."]) == "...\nThe."


def test_extraction_keeps_the_order_of_sources() -> None:
    assert (
        extract(["b one. b two longer.", "a three much longer still."])
        == "b one. b two longer.\na three much longer still."
    )


@settings(max_examples=300)
@given(TEXTS)
def test_extraction_loses_no_fact(sources: list[str]) -> None:
    assert lost_sentences(complete(extract(sources), sources)[0], sources) == []


def test_the_default_summarizer_satisfies_the_port() -> None:
    summarizer: Any = ExtractiveSummarizer()
    assert isinstance(summarizer, Summarizer)
    assert asyncio.run(summarizer.summarize(["a b.", "b."])) == "a b."
