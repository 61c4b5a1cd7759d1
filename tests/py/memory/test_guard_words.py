"""The guard's lists and the reading of single words: consistent with each other and with English."""

from __future__ import annotations

import pytest

from khala_jobs._core.text import Guard, same_stem
from khala_jobs.errors import InvalidArgument
from khala_jobs.memory.guard_core import GUARD, lists
from khala_jobs.memory.guard_lists import LISTED
from khala_jobs.memory.guard_pattern import PATTERN, SHAPES
from khala_jobs.memory.guard_phrases import CONTRACTIONS, PHRASES, SPELLING
from khala_jobs.memory.guard_text import normalize, read_piece, scan
from khala_jobs.memory.guard_values import measured, spelled
from khala_jobs.memory.guard_words import LIGHT, MODALS, NEGATIONS, PRONOUNS


def tokens_of(text: str) -> list[tuple[str, str]]:
    plain = normalize(text)
    return GUARD.tokens(plain, plain.isupper())


@pytest.mark.parametrize(
    ("form", "base"),
    [
        ("hiking", "hike"), ("planned", "plan"), ("running", "run"), ("stopped", "stop"), ("created", "create"),
        ("migrated", "migrate"), ("studies", "study"), ("boxes", "box"), ("movies", "movie"), ("houses", "house"),
        ("taught", "teach"), ("went", "go"), ("children", "child"), ("taller", "tall"), ("happily", "happy"),
        ("better", "good"), ("worst", "bad"), ("favourite", "favorite"), ("organised", "organize"),
        # No forms of anything else.
        ("news", "news"), ("meeting", "meeting"), ("morning", "morning"), ("bus", "bus"), ("thing", "thing"),
        ("only", "only"), ("father", "father"), ("hundred", "hundred"), ("this", "this"), ("glass", "glass"),
    ],
)  # fmt: skip
def test_base_forms(form: str, base: str) -> None:
    assert GUARD.base(form) == base


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("frobnicate", "frobnicating", True),
        ("intolerant", "intolerance", True),
        ("deploy", "deployment", True),
        ("universe", "university", False),
        ("plan", "plane", False),
        ("win", "wine", False),
        ("car", "care", False),
    ],
)
def test_same_stem_unites_forms_and_nothing_else(one: str, other: str, expected: bool) -> None:
    assert same_stem(one, other) is expected
    assert same_stem(other, one) is expected


def test_no_two_words_are_synonyms_and_opposites() -> None:
    pairs = [(a, b) for left, right in lists()["opposites"] for a in left for b in right]
    both = [(a, b) for a, b in pairs if GUARD.same(a, b)]
    assert len(pairs) > 300
    assert not both
    assert all(GUARD.opposite(a, b) and GUARD.opposite(b, a) for a, b in pairs)


def test_relations_are_symmetric() -> None:
    words = sorted(LISTED)[::17]
    for relation in (GUARD.same, GUARD.opposite, GUARD.exclusive):
        assert all(relation(a, b) == relation(b, a) for a in words for b in words)
    assert GUARD.opposite("happy", "unhappy")
    assert GUARD.opposite("unhappy", "happy")
    assert not GUARD.opposite("happy", "glad")
    assert GUARD.same("buy", "purchase")
    assert GUARD.same("bought", "purchases")  # any form will do
    assert GUARD.exclusive("red", "blue")
    assert not GUARD.exclusive("red", "dog")


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("sets", {}, "the list .* is missing"),
        ("sets", {**lists()["sets"], "colors": ["red"]}, "no list has the name colors"),
        ("tagged", {**lists()["tagged"], "tense": {"is": "now"}}, "is: no time has the name now"),
        ("irregular", {"went": ("go", "gone")}, "went: no form has the name gone"),
        ("values", {"noon": ("clock", "time:12:00")}, "noon: no kind has the name clock"),
        ("phrases", [([], ["never"])], "1 to 255 words"),
    ],
)
def test_lists_that_make_no_sense_are_refused(part: str, value: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        Guard({**lists(), part: value}, piece=read_piece, scan=scan, measured=measured, spelled=spelled)
    assert caught.value.field == part


def test_no_word_is_denial_and_pronoun_or_a_light_verb_and_a_modal() -> None:
    assert not NEGATIONS & PRONOUNS.keys()
    assert not {"have", "do", "go", "get"} & MODALS.keys()
    assert not NEGATIONS & LIGHT


def test_phrases_are_lower_case_and_lead_to_no_other_phrase_in_a_circle() -> None:
    for said, meant in PHRASES.items():
        assert all(word == word.casefold() for word in said)
        assert tuple(meant.split()) != said
    assert all(" " not in word for word in SPELLING.values())
    assert all("'" not in full.replace("'s", "") for full in CONTRACTIONS.values())


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("https://x.example/a?b=1.", "identifier", "identifier:https://x.example/a?b=1"),
        ("Max.Meier@Mail.example", "identifier", "identifier:max.meier@mail.example"),
        ("10.0.0.1:8080", "identifier", "identifier:10.0.0.1:8080"),
        ("~/.ssh/id_ed25519", "identifier", "identifier:~/.ssh/id_ed25519"),
        ("src/app/main.py", "identifier", "identifier:src/app/main.py"),
        ("report_final.pdf", "identifier", "identifier:report_final.pdf"),
        ("OPS-451", "identifier", "identifier:ops-451"),
        ("#17", "identifier", "identifier:#17"),
        ("@team", "identifier", "identifier:@team"),
        ("3fa9c21", "identifier", "identifier:3fa9c21"),
        ("getUserName", "identifier", "identifier:getUserName"),
        ("--dry-run", "identifier", "identifier:--dry-run"),
        ("AbC123xYz", "identifier", "identifier:AbC123xYz"),
        ("K8s", "identifier", "identifier:k8s"),
        ("GitHub.com/Foo.", "identifier", "identifier:github.com/Foo"),
        ("HTTPS://X.example/A", "identifier", "identifier:https://x.example/A"),
        ("\u2260", "identifier", "identifier:!="),
        ("==", "identifier", "identifier:=="),
        ("!done", "word", "not"),
        ("A+", "identifier", "identifier:A+"),
        ("3-1", "number", "number:3-"),
        ("1-3", "number", "number:1"),
        ("5 Mb", "number", "bits:5000000"),
        ("5 mb", "number", "bytes:5000000"),
        ("10 mW", "number", "watts:0.01"),
        ("10 mw", "number", "milli or mega:10"),
        ("2024-05-03T10:20Z", "date", "date:2024-05-03T10:20Z"),
        ("03/05/2024", "date", "date:03/05/2024"),
        ("31/05/2024", "date", "date:2024-05-31"),
        ("Sept. 25", "date", "date:?-09-25"),
        ("May 2024", "date", "date:2024-05-?"),
        ("7.30 pm", "time", "time:19:30"),
        ("12 am", "time", "time:00:00"),
        ("12 pm", "time", "time:12:00"),
        ("23:59:30", "time", "time:23:59:30"),
        ("1,234.50", "number", "number:1,234.50"),
        ("-5", "number", "number:-5"),
        ("007", "number", "number:007"),
        ("1/2", "number", "number:0.5"),
        ("3rd", "number", "ordinal:3"),
        ("8GB", "number", "bytes:8000000000"),
        ("250ms", "number", "duration:0.25"),
        ("€1.5m", "number", "EUR:1500000"),
        ("2k", "number", "number:2000"),
        ("9" * 60, "number", "number:" + "9" * 40),
    ],
)  # fmt: skip
def test_shapes(text: str, kind: str, key: str) -> None:
    assert tokens_of(text)[0] == (kind, key)


def test_the_expression_knows_every_shape_by_name() -> None:
    assert set(SHAPES) <= set(PATTERN.groupindex)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (
            "She doesn't, we'll, I'm, it's",
            ["she", "does", "not", ",", "we", "will", ",", "i", "am", ",", "it", "is"],
        ),
        ("Alice\u2019s dog", ["alice", "'s", "dog"]),
        ("ask US in the U.S. about us", ["ask", "usa", "in", "the", "usa", "about", "us"]),
        ("\uff26\uff35\uff2c\uff2c width", ["full", "width"]),
        ("no longer at all", ["no_longer", "at", "all"]),
        ("a couple of C++ and C# files", ["number:2", "c++", "and", "c#", "files"]),
        ("", []),
        ("Maybe the market, in March", ["maybe", "the", "market", ",", "in", "march"]),
        (
            "on March 3 or 4 May, at 5 km",
            ["on", "date:?-03-03", "or", "date:?-05-04", ",", "at", "length:5000"],
        ),
        ("naïve café 東京 ok", ["naïve", "café", "東", "京", "ok"]),
        ("IT IS FOR US", ["it", "is", "meant_for", "us"]),
    ],
)
def test_tokens(text: str, keys: list[str]) -> None:
    assert [key for _, key in tokens_of(text)] == keys


@pytest.mark.parametrize(
    ("words", "key", "last"),
    [
        ("two dogs", "number:2", 0),
        ("twenty five", "number:25", 1),
        ("two hundred and fifty thousand seats", "number:250000", 4),
        ("hundred and seats", "number:100", 0),
        ("a", "number:0", 0),
        (" ".join(["hundred"] * 16), "number:1" + "0" * 32, 15),
    ],
)
def test_spelled_numbers(words: str, key: str, last: int) -> None:
    assert spelled(words.split()) == (key, last)


@pytest.mark.parametrize(
    ("number", "unit", "key"),
    [
        ("number:30", "minutes", "duration:1800"),
        ("number:1.5", "km", "length:1500"),
        ("number:-5", "celsius", "celsius:-5"),
        ("number:1", "day", ""),  # "one day" and "a day"
        ("number:1,200", "days", ""),
        ("ordinal:3", "day", ""),
    ],
)
def test_numbers_with_units(number: str, unit: str, key: str) -> None:
    assert measured(number, unit) == key
