"""WordNet 3.0, as far as the guard's benchmark needs it: synonyms, opposites and what a word usually is.

The benchmark makes its pairs from WordNet because the guard does not know it: words the guard has lists of would make
the measure circular. The files are those of the Debian package ``wordnet-base`` (wndb(5WN) tells their format).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Final

__all__ = ["WordNet"]

DIRECTORY: Final = Path("/usr/share/wordnet")
_POS: Final = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_SS_TYPE: Final = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
_ANTONYM: Final = "!"
_LICENSE_INDENT: Final = "  "
# A word counts as of one kind, or of one meaning, if so much of its tagged use is.
_USUAL_SHARE: Final = 0.7
_USED: Final = 8  # times in tagged text

Synset = tuple[str, int]  # kind and offset in its file


class WordNet:
    """The parts of WordNet that tell what may stand for what.

    Args:
        directory: Where the ``index.*`` and ``data.*`` files are.

    Raises:
        FileNotFoundError: They are not there; the message names the package.
    """

    def __init__(self, directory: Path = DIRECTORY) -> None:
        if not (directory / "index.noun").is_file():
            raise FileNotFoundError(
                f"{directory}/index.noun is not there: install the Debian package wordnet-base"
            )
        self._directory = directory
        self._senses: dict[tuple[str, str], list[int]] = {}
        for kind in _POS:
            for line in self._lines("index", kind):
                lemma, _, count, pointers, *rest = line.split()
                offsets = rest[int(pointers) + 2 :][: int(count)]
                self._senses[lemma, kind] = [int(offset) for offset in offsets]

    def kind(self, lemma: str) -> str:
        """What a word nearly always is in tagged text: "n", "v", "a", "r", or "" if that is not known."""
        uses = {kind: sum(self._uses.get((lemma, kind), {}).values()) for kind in _POS}
        total = sum(uses.values())
        kind = max(uses, key=lambda one: uses[one])
        return kind if total and uses[kind] >= _USUAL_SHARE * total else ""

    def is_verb(self, lemma: str) -> bool:
        """Whether a word is a verb more often than not."""
        uses = {kind: sum(self._uses.get((lemma, kind), {}).values()) for kind in _POS}
        return 2 * uses["v"] > sum(uses.values())

    def base(self, form: str, kind: str) -> str:
        """Base form of an inflected word, "" if there is none."""
        if form in self._exceptions[kind]:
            return self._exceptions[kind][form]
        if (form, kind) in self._senses:
            return form
        for ending, instead in _DETACHED[kind]:
            base = form.removesuffix(ending) + instead
            if form.endswith(ending) and (base, kind) in self._senses:
                return base
        return ""

    def synonyms(self, lemma: str, kind: str) -> list[str]:
        """Single words that share the meaning that makes up most uses of a word; often empty."""
        synset = self._usual_sense(lemma, kind)
        if synset is None:
            return []
        others = [word for word in self._words[synset] if word != lemma and word.isalpha()]
        # The other word must usually mean this as well, and be in use: "geezerhood" is a synonym of "years".
        return [
            word for word in others if self._usual_sense(word, kind) == synset and self._is_used(word, kind)
        ]

    def antonyms(self, lemma: str, kind: str) -> list[str]:
        """Opposites of a word in its first two meanings."""
        synsets = [(kind, offset) for offset in self._senses.get((lemma, kind), ())[:2]]
        found = [word for synset in synsets for word in self._antonyms.get((lemma, synset), ())]
        return [word for word in dict.fromkeys(found) if word.isalpha()]

    def _is_used(self, lemma: str, kind: str) -> bool:
        return self.kind(lemma) == kind and sum(self._uses.get((lemma, kind), {}).values()) >= _USED

    def _usual_sense(self, lemma: str, kind: str) -> Synset | None:
        senses = self._senses.get((lemma, kind))
        if not senses:
            return None
        uses = self._uses.get((lemma, kind), {})
        if len(senses) > 1 and uses.get(1, 0) < _USUAL_SHARE * max(1, sum(uses.values())):
            return None
        return kind, senses[0]

    def _lines(self, name: str, kind: str) -> list[str]:
        text = (self._directory / f"{name}.{_POS[kind]}").read_text(encoding="utf-8")
        return [line for line in text.splitlines() if not line.startswith(_LICENSE_INDENT)]

    @cached_property
    def _uses(self) -> dict[tuple[str, str], dict[int, int]]:
        """(lemma, kind) -> sense number -> how often it occurs in tagged text."""
        found: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        for line in (self._directory / "cntlist.rev").read_text(encoding="utf-8").splitlines():
            key, sense, count = line.split()
            lemma, _, rest = key.partition("%")
            found[lemma, _SS_TYPE[rest[0]]][int(sense)] = int(count)
        return found

    @cached_property
    def _exceptions(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for kind, name in _POS.items():
            lines = (self._directory / f"{name}.exc").read_text(encoding="utf-8").splitlines()
            found[kind] = {line.split()[0]: line.split()[1] for line in lines}
        return found

    @cached_property
    def _words(self) -> dict[Synset, list[str]]:
        return {synset: words for synset, words, _ in self._data}

    @cached_property
    def _antonyms(self) -> dict[tuple[str, Synset], list[str]]:
        found: dict[tuple[str, Synset], list[str]] = defaultdict(list)
        for synset, words, pointers in self._data:
            for own, target, other in pointers:
                found[words[own - 1], synset].append(self._words[target][other - 1])
        return found

    @cached_property
    def _data(self) -> list[tuple[Synset, list[str], list[tuple[int, Synset, int]]]]:
        """Of every synset: its words, and its antonyms as (number of the word, synset, number of the word there)."""
        found = []
        for kind in _POS:
            for line in self._lines("data", kind):
                fields = line.partition(" | ")[0].split()
                count = int(fields[3], 16)
                words = [word.partition("(")[0].lower() for word in fields[4 : 4 + 2 * count : 2]]
                pointers = [fields[at : at + 4] for at in range(5 + 2 * count, len(fields) - 3, 4)]
                antonyms = [
                    (int(ends[:2], 16), (_SS_TYPE_OF[where], int(offset)), int(ends[2:], base=16))  # noqa: FURB166 - two numbers of two digits
                    for symbol, offset, where, ends in pointers[: int(fields[4 + 2 * count])]
                    if symbol == _ANTONYM
                ]
                found.append(((kind, int(fields[0])), words, antonyms))
        return found


_SS_TYPE_OF: Final = {"n": "n", "v": "v", "a": "a", "s": "a", "r": "r"}
_DETACHED: Final = {
    "n": (("s", ""), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ies", "y")),
    "v": (
        ("s", ""),
        ("ies", "y"),
        ("es", "e"),
        ("es", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
    ),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}
