"""Real sentences for the guard's benchmark, and the split into a part to tune on and a sealed part.

The corpora are public (LoCoMo, MSC, CLINC150, BANKING77, MRPC, STS benchmark) and are read where they lie; none is part
of this project. A sentence belongs to the sealed part if its hash says so, whatever is made of it: nothing that was
seen in tuning comes from a sentence the sealed part uses.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Pair", "is_sealed", "labelled_pairs", "sentences"]

_WORDS: Final = range(4, 26)  # of a source sentence
_SEALED_OF: Final = 5
_SEALED_BELOW: Final = 2  # two fifths are sealed
_PARAPHRASE_SCORE: Final = 4.5  # of 5, STS
_OTHER_SCORE: Final = 2.5


class Pair(NamedTuple):
    """Two sentences and what is known of them.

    Attributes:
        label: "contradiction", "paraphrase" or "other" (neither, and not to be merged).
        kind: The class it is reported under.
        source: The real sentence it comes from, which decides the part.
        a: One sentence.
        b: The other.
    """

    label: str
    kind: str
    source: str
    a: str
    b: str


def is_sealed(source: str) -> bool:
    """Whether what comes from a sentence is only looked at in the end."""
    digest = hashlib.sha256(" ".join(source.lower().split()).encode()).digest()
    return digest[0] % _SEALED_OF < _SEALED_BELOW


def sentences(data: Path) -> list[tuple[str, str]]:
    """(corpus, sentence), each sentence once, in a fixed order.

    Args:
        data: Directory with ``texts/`` and ``labelled/``.
    """
    found: dict[str, str] = {}
    for corpus, text in _sentences(data):
        if len(text.split()) in _WORDS and text.isascii():
            found.setdefault(text, corpus)
    return [(corpus, text) for text, corpus in found.items()]


def _sentences(data: Path) -> Iterator[tuple[str, str]]:
    texts = data / "texts"
    for sample in json.loads((texts / "locomo10.json").read_text(encoding="utf-8")):
        for session in sample["observation"].values():
            for told in session.values():
                yield from (("locomo", text.strip()) for text, *_ in told)
    for dialogues in json.loads((texts / "msc.json").read_text(encoding="utf-8")).values():
        for dialogue in dialogues:
            for speaker in ("Speaker 1", "Speaker 2"):
                yield from (("msc", text.strip()) for text in dialogue[speaker])
    for queries in json.loads((texts / "clinc_data_full.json").read_text(encoding="utf-8")).values():
        yield from (("clinc", text.strip()) for text, _ in queries)
    with (texts / "bank_train.csv").open(encoding="utf-8", newline="") as lines:
        yield from (("bank", row["text"].strip()) for row in csv.DictReader(lines))
    wiki = (texts / "clinc_all_wiki_sents.txt").read_text(encoding="utf-8").splitlines()
    yield from (("wiki", text.strip()) for text in wiki)
    for _, first, _ in _sts(data):
        yield "sts", first
    for _, first, _ in _mrpc(data):
        yield "mrpc", first


def labelled_pairs(data: Path) -> Iterator[Pair]:
    """Pairs that people have judged: MRPC as it is, STS where its score is clear."""
    for label, first, second in _mrpc(data):
        yield Pair("paraphrase" if label == "1" else "other", "mrpc", first, first, second)
    for score, first, second in _sts(data):
        if first == second:
            continue
        if score >= _PARAPHRASE_SCORE:
            yield Pair("paraphrase", "sts", first, first, second)
        elif score <= _OTHER_SCORE:
            yield Pair("other", "sts", first, first, second)


def _mrpc(data: Path) -> Iterator[tuple[str, str, str]]:
    lines = (data / "labelled" / "mrpc_train.txt").read_text(encoding="utf-8-sig").splitlines()
    for line in lines[1:]:
        label, _, _, first, second = line.split("\t")
        yield label, first, second


def _sts(data: Path) -> Iterator[tuple[float, str, str]]:
    for name in ("sts-train.csv", "sts-dev.csv"):
        for line in (data / "labelled" / name).read_text(encoding="utf-8").splitlines():
            *_, score, first, second = line.split("\t")[:7]
            yield float(score), first, second
