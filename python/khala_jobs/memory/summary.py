"""Summaries of similar memories: the port, and an extractive default that needs no language model.

The default keeps whole sentences of the sources in their order and leaves out only what another kept sentence
already says word for word (its content words appear there in the same order). Word order decides, not the bag
of words: "Alice manages Bob" and "Bob manages Alice" are two facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

from .facts import facts_of, sentences, words

__all__ = ["ExtractiveSummarizer", "Summarizer"]

# Words that carry nothing by themselves. Negations, quantifiers, modals and tenses are not among them.
_EMPTY: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "and",
        "or",
        "as",
        "is",
        "are",
        "am",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "this",
        "that",
    ]
)


@runtime_checkable
class Summarizer(Protocol):
    """What consolidation needs of a language model."""

    async def summarize(self, contents: Sequence[str]) -> str:
        """One text that stands for several.

        Args:
            contents: The memories' texts, the central one first.

        Returns:
            The summary. It need not be complete: facts that are missing are appended afterwards. An empty one
            counts as a failure of this cluster.
        """


class ExtractiveSummarizer:
    """The sentences of the sources without those that say nothing new. Deterministic."""

    async def summarize(self, contents: Sequence[str]) -> str:
        """The kept sentences, one source a line."""
        return extract(contents)


def extract(contents: Sequence[str]) -> str:
    """See `ExtractiveSummarizer`."""
    every = [
        (at, place, text)
        for at, content in enumerate(contents)
        for place, text in enumerate(sentences(content))
    ]
    # Longest first, so that of two sentences the one that contains the other stays.
    every.sort(key=lambda item: (-len(_content_words(item[2])), item[0], item[1]))
    kept: list[tuple[list[str], frozenset[str]]] = []
    chosen: list[tuple[int, int, str]] = []
    for at, place, sentence in every:
        content, tokens = _content_words(sentence), facts_of(sentence).tokens
        if any(_within(content, other) and tokens <= seen for other, seen in kept):
            continue
        kept.append((content, tokens))
        chosen.append((at, place, sentence))
    lines: dict[int, list[str]] = {}
    for at, _, sentence in sorted(chosen):
        lines.setdefault(at, []).append(sentence)
    return "\n".join(" ".join(part) for part in lines.values())


def _content_words(sentence: str) -> list[str]:
    return [word for word in words(sentence) if word not in _EMPTY]


def _within(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether ``part`` is a subsequence of ``whole``."""
    rest = iter(whole)
    return all(word in rest for word in part)
