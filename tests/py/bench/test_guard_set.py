"""The guard's benchmark: pairs are what their class says, and the sealed part depends on the sentence alone."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from similarity import grammar
from similarity.guard_contradictions import CONTRADICTIONS
from similarity.guard_paraphrases import PARAPHRASES
from similarity.guard_sources import is_sealed, labelled_pairs, sentences
from similarity.guard_speed import speed
from similarity.wordnet import WordNet

# WordNet's own format with a handful of words: happy/unhappy, buy/purchase, play, ride.
FILES = {
    "index.noun": "dog n 1 0 1 1 00000001\n",
    "data.noun": "00000001 05 n 01 dog 0 000 | an animal\n",
    "index.verb": (
        "play v 1 0 1 1 00000002\nride v 1 0 1 1 00000003\n"
        "buy v 1 0 1 1 00000004\npurchase v 1 0 1 1 00000004\n"
    ),
    "data.verb": (
        "00000002 33 v 01 play 0 000 00 | play\n00000003 38 v 01 ride 0 000 00 | ride\n"
        "00000004 40 v 02 buy 0 purchase 0 000 00 | buy\n"
    ),
    "index.adj": "happy a 1 1 ! 1 1 00000005\nunhappy a 1 1 ! 1 1 00000006\n",
    "data.adj": (
        "00000005 00 a 01 happy 0 001 ! 00000006 a 0101 | glad\n"
        "00000006 00 a 01 unhappy 0 001 ! 00000005 a 0101 | sad\n"
    ),
    "index.adv": "",
    "data.adv": "",
    "noun.exc": "",
    "verb.exc": "rode ride\n",
    "adj.exc": "",
    "adv.exc": "",
    "cntlist.rev": "".join(
        f"{lemma}%{ss_type}:00:00:: 1 20\n"
        for lemma, ss_type in (
            ("dog", 1),
            ("play", 2),
            ("ride", 2),
            ("buy", 2),
            ("purchase", 2),
            ("happy", 3),
            ("unhappy", 3),
        )
    ),
}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> WordNet:
    folder = tmp_path_factory.mktemp("wordnet")
    for name, text in FILES.items():
        (folder / name).write_text(f"  1 a licence\n{text}" if "." in name and name[:4] != "cntl" else text)
    for name in ("noun.exc", "verb.exc", "adj.exc", "adv.exc"):
        (folder / name).write_text(FILES[name])
    return WordNet(folder)


def test_wordnet_tells_kinds_forms_synonyms_and_opposites(words: WordNet, tmp_path: Path) -> None:
    assert [words.kind(word) for word in ("happy", "play", "dog", "unknown")] == ["a", "v", "n", ""]
    assert [words.base(form, "v") for form in ("plays", "riding", "rode", "xyz")] == [
        "play",
        "ride",
        "ride",
        "",
    ]
    assert words.synonyms("buy", "v") == ["purchase"]
    assert words.antonyms("happy", "a") == ["unhappy"]
    with pytest.raises(FileNotFoundError, match="wordnet-base"):
        WordNet(tmp_path)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("negation put in", "Tom plays chess", {"Tom does not play chess", "Tom never play chess"}),
        ("negation taken out", "I do not play chess", {"I play chess"}),
        ("antonym", "The unhappy neighbours waved", {"The happy neighbours waved"}),
        ("number in words", "I have two dogs.", None),
        ("number in digits", "I have 12 dogs.", None),
        ("date", "We met in 1998", None),
        ("weekday", "The shop opens on Monday", None),
        ("quantifier", "We always play", {"We never play", "We sometimes play", "We rarely play"}),
        ("tense", "Tom plays chess", {"Tom played chess", "Tom used to play chess", "Tom will play chess"}),
        ("roles exchanged", "A dog is riding a horse", {"A horse is riding a dog"}),
        ("place or name", "I live in Chicago", None),
        ("time of day", "I play in the morning", {"I play in the evening"}),
    ],
)
def test_a_contradiction_is_one_small_edit(
    words: WordNet, kind: str, text: str, expected: set[str] | None
) -> None:
    for seed in range(20):
        made = CONTRADICTIONS[kind](text, Random(seed), words)
        assert made is not None
        assert made[0] == text
        assert made[1] != text
        assert expected is None or made[1] in expected
        assert CONTRADICTIONS[kind]("", Random(seed), words) is None


def test_identifiers_stand_in_both_sentences_and_differ(words: WordNet) -> None:
    for seed in range(50):
        one, other = CONTRADICTIONS["identifier"]("We met.", Random(seed), words) or ("", "")
        assert one != other
        assert one.startswith("We met (")
        assert other.startswith("We met (")


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("contraction", "I am tall today", "I'm tall today"),
        ("clauses reordered", "I play chess every day.", "Every day, I play chess."),
        ("synonym", "we buy bread", "we purchase bread"),
        ("passive", "A man is riding a horse.", "A horse is being ridden by a man."),
        ("fronted", "I love playing chess.", "Playing chess is something I love."),
        ("number spelled", "I have two dogs.", "I have 2 dogs."),
    ],
)
def test_a_paraphrase_says_the_same(words: WordNet, kind: str, text: str, expected: str) -> None:
    assert PARAPHRASES[kind](text, Random(1), words) == (text, expected)
    assert PARAPHRASES[kind]("", Random(1), words) is None


def test_the_sealed_part_is_a_matter_of_the_sentence() -> None:
    texts = [f"sentence number {n}" for n in range(1000)]
    sealed = [text for text in texts if is_sealed(text)]
    assert 300 < len(sealed) < 500
    assert all(is_sealed(f"  {text.upper()} ") for text in sealed)


def test_corpora_are_read_from_where_they_lie(tmp_path: Path) -> None:
    texts, labelled = tmp_path / "texts", tmp_path / "labelled"
    texts.mkdir()
    labelled.mkdir()
    (texts / "locomo10.json").write_text(
        json.dumps([{"observation": {"session_1_observation": {"Ada": [["Ada keeps some bees.", "D1:3"]]}}}])
    )
    (texts / "msc.json").write_text(
        json.dumps({"train": [{"Speaker 1": ["I like green tea.", "short"], "Speaker 2": []}]})
    )
    (texts / "clinc_data_full.json").write_text(json.dumps({"train": [["what is the time", "time"]]}))
    (texts / "bank_train.csv").write_text("text,category\nWhere is my new card,card\n")
    (texts / "clinc_all_wiki_sents.txt").write_text("conrad lived in italy\n")
    (labelled / "mrpc_train.txt").write_text(
        "Quality\t1\t2\ta\tb\n1\t1\t2\tHe sold the firm\tThe firm was sold\n"
    )
    for name in ("sts-train.csv", "sts-dev.csv"):
        (labelled / name).write_text("g\tf\ty\t1\t5.0\tA man runs fast\tA man is running fast\n")
    assert [corpus for corpus, _ in sentences(tmp_path)] == [
        "locomo", "msc", "clinc", "bank", "wiki", "sts", "mrpc",
    ]  # fmt: skip
    assert [(pair.label, pair.kind) for pair in labelled_pairs(tmp_path)] == [
        ("paraphrase", "mrpc"), ("paraphrase", "sts"), ("paraphrase", "sts"),
    ]  # fmt: skip


def test_inflections() -> None:
    assert [grammar.third_person(base) for base in ("play", "carry", "watch", "have")] == [
        "plays", "carries", "watches", "has",
    ]  # fmt: skip
    assert [grammar.past_of(base) for base in ("go", "carry", "stop", "love")] == [
        "went", "carried", "stopped", "loved",
    ]  # fmt: skip
    assert [grammar.participle_of(base) for base in ("ride", "play")] == ["ridden", "played"]


def test_speed_is_measured_in_a_process_of_its_own() -> None:
    rates = speed([("I like tea", "I love tea"), ("I like tea", "I dislike tea on 3 May")] * 20)
    assert set(rates) == {"first", "cold", "warm", "texts_analysed"}
    assert all(rate > 0 for rate in rates.values())
