"""Some thousand pairs of texts and what the guard says of them: a change of any verdict is seen.

The pairs are made, not stored: from the corpus of the package, from the families of contradictions.py, and from
sentences put together here by a seeded generator, which reaches rules that written sentences seldom do. Stored is a
digest of the verdicts for each group of pairs, and some verdicts in full (data/guard_verdicts.json). Where a change
is meant, ``python tests/py/memory/guard_sample.py`` writes the file anew; the difference of the examples and of the
counts goes into the review.
"""

from __future__ import annotations

import hashlib
import json
import runpy
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations, pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

from khala_jobs.memory.corpus import build_corpus

__all__ = ["STORED", "Groups", "groups", "summary"]

HERE: Final = Path(__file__).resolve().parent
STORED: Final = HERE / "data" / "guard_verdicts.json"

Groups = dict[str, list[tuple[str, str]]]
Judge = Callable[[str, str, float], Any]

_COSINE: Final = 0.95
_CORPUS_SEED: Final = 11
_CORPUS_SIZE: Final = 3000
_SENTENCES: Final = 2500
_EXAMPLES: Final = 12  # of a group

_SUBJECTS: Final = """
I|you|we|he|she|they|Alice|Bob|Alice and Bob|the user|User|my sister|his brother|her dog|a man|some users|all tests
every child|the old server|Dr. Novak|the cat, the dog and the bird|nobody|most of the guests|a young woman|Zoë|the USA
US|it|somebody|two cats|three dogs|a pet turtle|the boy's teacher|people of Rome|our team|Michigan State|both parents
""".strip().replace("\n", "|")
_VERBS: Final = """
likes|liked|does not like|doesn't like|never liked|dislikes|loves|is fond of|manages|managed|is managed by
was managed by|will manage|would like to manage|used to manage|has managed|had managed|is managing|must manage
may manage|should manage|can manage|can't manage|plans to visit|visited|is going to visit|visits|has|had|owns|owned
moved to|lives in|lived in|resides in|is in|was in|works at|no longer works at|went to|goes to|told|tells|gave|called
sold|bought|purchased|thinks about|tried to sell|failed to sell|sells|is taller than|is shorter than|is|was|are|were
is not|isn't|could be|might be|is allergic to|attended|prefers|switched from tea to|married|plays|is a player of
hikes with|is hiking with|hiked with|knows that they saw|says that it costs|turned on|turned off|set up|is called
""".strip().replace("\n", "|")
_OBJECTS: Final = """
tea|coffee|tea and coffee|tea or coffee|coffee, tea and milk|Bob|Alice|Oslo|Rome|the data base|the database|a dog|dogs
two dogs|twenty-five dogs|25 dogs|one dog|many birds|some birds|a few birds|red doors|a blue door|the door|films
books to films|films over books|$5|5 dollars|€20|200 million dollars|3 km|3 miles|half an hour|30 minutes|80%|1/2 cup
v1.2.3|1.2.4|port 8080|https://x.example/a|/etc/app.yaml|bob@x.example|OPS-451|#17|@team|getUserName|snake_case_name
3fa9c21|Python 3.10|Python 3.1|C++|C#|the staging server|the production server|an apartment|a flat|a vegan diet
New York City|the U.S.|東京|café|naïve ideas|ﬁne weather|①②|an old friend's house|his dog|her dog|their dogs|yoga
the first prize|the 1st prize|the second prize|a teacher|teachers|Spanish|French|hiking with my dog|the tall man
more than 5 minutes|less than 5 minutes|over 5 minutes|at least 3 cats|at most 3 cats|up to 10 GB|8GB|10.0.0.1|"milk"
""".strip().replace("\n", "|")
_ADJUNCTS: Final = """
||||in 2019|on 3 May|on May 5th, 2024|on 2024-05-03|on Monday|on Fridays|at 3 pm|at 15:00|at noon|tomorrow|yesterday
every day|daily|twice a week|once a week|always|never|often|usually|sometimes|rarely|only in May|in march|may be
because of the rain|despite the rain|if it rains|unless it rains|before dinner|after dinner|with milk|without milk
for the tunnel|against the tunnel|on the mat|under the mat|from Rome to Oslo|from Oslo to Rome|instead of Bob
and plays chess|and I play chess|but not the other one|, she said|, he told us|a long time ago|for ten years|not|:)
in the kitchen|in the garden|by the river|near Rome|as a nurse|as well|to be honest|right now|at the moment|too|👍
""".strip().replace("\n", "|")
_ENDS: Final = ("", "", ".", ".", "!", "?", " .", "...")


def groups() -> Groups:
    """The pairs, by group, always the same."""
    families = runpy.run_path(str(HERE / "contradictions.py"))
    return {
        "corpus, same group": _corpus_groups(),
        "corpus, must not be merged": _corpus_forbidden(),
        "corpus, neighbours": _corpus_neighbours(),
        "contradictions": [pair[1:] for pair in families["pairs"](families["FAMILIES"])],
        "contradictions, held out": [pair[1:] for pair in families["pairs"](families["HELD_OUT"])],
        "lists of reviewers": [*_listed("contradictions.tsv"), *_listed("paraphrases.tsv")],
        "sentences, one change": list(_sentence_pairs(Random("guard-one-change"), 1)),
        "sentences, some changes": list(_sentence_pairs(Random("guard-some-changes"), 3)),
        "long texts": list(_long_pairs(Random("guard-long"))),
        "shuffled words": list(_shuffled_pairs(Random("guard-shuffled"))),
    }


_CORPUS: Final = build_corpus(_CORPUS_SEED, _CORPUS_SIZE)
_TEXTS: Final = {memory["id"]: memory["content"] for memory in _CORPUS.memories}


def _corpus_groups() -> list[tuple[str, str]]:
    pairs = (pair for group in _CORPUS.truth.duplicate_groups for pair in combinations(group, 2))
    return [(_TEXTS[a], _TEXTS[b]) for a, b in pairs]


def _corpus_forbidden() -> list[tuple[str, str]]:
    return [(_TEXTS[pair.a], _TEXTS[pair.b]) for pair in _CORPUS.truth.forbidden]


def _corpus_neighbours() -> list[tuple[str, str]]:
    """Texts beside each other in the order of the alphabet, which begin with the same words."""
    return list(pairwise(sorted(set(_TEXTS.values()))))


def _listed(name: str) -> list[tuple[str, str]]:
    lines = (HERE / "data" / name).read_text(encoding="utf-8").splitlines()
    return [(first, second) for first, second in (line.split("\t") for line in lines)]


def _sentence_parts(dice: Random) -> list[str]:
    return [
        dice.choice(choices.split("|"))
        for choices in (_SUBJECTS, _VERBS, _OBJECTS, _ADJUNCTS, _ADJUNCTS[: len(_ADJUNCTS) // 2])
    ]


def _joined(parts: Iterable[str], dice: Random) -> str:
    said = " ".join(part for part in parts if part) + dice.choice(_ENDS)
    style = dice.random()
    if style < 0.6:
        return said[0].upper() + said[1:]
    if style < 0.64:
        return said.upper()
    return said.title() if style < 0.67 else said


def _sentence_pairs(dice: Random, most_changes: int) -> Iterable[tuple[str, str]]:
    """Sentences and what becomes of them when parts are changed, exchanged or left out."""
    for _ in range(_SENTENCES):
        parts = _sentence_parts(dice)
        other = list(parts)
        for _ in range(dice.randint(1, most_changes)):
            where = dice.randrange(len(parts))
            how = dice.random()
            if how < 0.6:
                other[where] = _sentence_parts(dice)[where]
            elif how < 0.8:
                other[0], other[2] = other[2], other[0]
            elif how < 0.9:
                other[where] = ""
            else:
                other.insert(0, other.pop())
        yield _joined(parts, dice), _joined(other, dice)


def _long_pairs(dice: Random) -> Iterable[tuple[str, str]]:
    """Several sentences against most of them, so that the rules for restatements are met."""
    for _ in range(_SENTENCES // 5):
        sentences = [_joined(_sentence_parts(dice), dice) for _ in range(dice.randint(2, 4))]
        other = list(sentences)
        if dice.random() < 0.5:
            other.pop(dice.randrange(len(other)))
        if dice.random() < 0.5:
            dice.shuffle(other)
        other[-1] = " ".join(word for word in other[-1].split() if dice.random() < 0.9)
        yield " ".join(sentences), " ".join(other)


def _shuffled_pairs(dice: Random) -> Iterable[tuple[str, str]]:
    """The same words in another order, some of them said twice."""
    for _ in range(_SENTENCES // 5):
        words = " ".join(_sentence_parts(dice)).split()
        other = dice.sample(words, len(words)) if dice.random() < 0.5 else words[::-1]
        yield " ".join([*words, dice.choice(words)]), " ".join(other)


def summary(judge: Judge) -> dict[str, Any]:
    """What is stored: for each group its size, how many of each kind, a digest, and some verdicts in full."""
    return {name: _summary_of(pairs, judge) for name, pairs in groups().items()}


def _summary_of(pairs: list[tuple[str, str]], judge: Judge) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    digest = hashlib.sha256()
    told: list[list[Any]] = []
    for first, second in pairs:
        for a, b in ((first, second), (second, first)):
            verdict = judge(a, b, _COSINE)
            kinds[verdict.kind] += 1
            extras = [list(extra) for extra in verdict.extras] if any(verdict.extras) else []
            told.append([a, b, verdict.kind, *verdict.reasons, *extras])
            digest.update(json.dumps(told[-1]).encode())
    return {
        "pairs": len(pairs),
        "kinds": dict(sorted(kinds.items())),
        "digest": digest.hexdigest()[:24],
        "examples": told[:: 2 * max(1, len(pairs) // _EXAMPLES)],
    }


if __name__ == "__main__":
    from khala_jobs.memory.guard import judge as current

    STORED.write_text(json.dumps(summary(current), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
