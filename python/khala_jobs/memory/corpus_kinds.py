"""What a kind of fact of the corpus is, and how the files that list them write one.

In a wording ``{S}`` is whom it is about and ``{S's}`` the possessive, ``{poss}`` "her", "his" or "their";
``{other}`` is somebody else; other names in braces are slots of corpus_words.py or drawn numbers
(corpus_slots.py). All wordings of a kind state the same fact.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FactKind", "kind"]


@dataclass(frozen=True, slots=True)
class FactKind:
    """One kind of fact.

    Attributes:
        name: For the truth file.
        wordings: At least three ways to say it.
        updates: Ways to say that it has changed, with ``{old:slot}`` for the former value; empty if it
            cannot.
        personal: Whether ``{S}`` occurs.
    """

    name: str
    wordings: tuple[str, ...]
    updates: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        """Whether the fact is about a person."""
        return "{S" in self.wordings[0]


def kind(name: str, text: str) -> FactKind:
    """A kind of fact as the lists write it.

    Args:
        name: For the truth file.
        text: A wording a line; a line that begins with ``->`` is an update.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    return FactKind(
        name,
        tuple(line for line in lines if not line.startswith("->")),
        tuple(line.removeprefix("->").strip() for line in lines if line.startswith("->")),
    )
