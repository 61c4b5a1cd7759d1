"""Summaries of similar memories: the port, and an extractive default that needs no language model.

The default keeps whole sentences of the sources, in their order, and leaves out only a sentence that another kept one
repeats but for articles, prepositions and forms of "be". More cannot be left out safely by looking at words: "Bob
manages Alice" has all words of "Alice manages Bob", and "I like tea" is contained in "I do not like tea".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

from .facts import sentences

__all__ = ["ExtractiveSummarizer", "Summarizer"]

# Words that carry nothing by themselves. Negations, quantifiers, modals and pronouns are not among them.
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
    seen: set[tuple[str, ...]] = set()
    lines: list[str] = []
    for content in contents:
        fresh: list[str] = []
        for sentence in sentences(content):
            key = _content_words(sentence)
            if key not in seen or not key:
                seen.add(key)
                fresh.append(sentence)
        if fresh:
            lines.append(" ".join(fresh))
    return "\n".join(lines)


def _content_words(sentence: str) -> tuple[str, ...]:
    """What a sentence says: its words with their case, signs and inner punctuation ("-5", "C++", "US")."""
    first, *others = sentence.split()
    plain = [first.lower() if first.istitle() else first, *others]
    bare = (word.rstrip(".,;:!?)\"'").lstrip("(\"'") for word in plain)
    return tuple(word for word in bare if word and word not in _EMPTY)
