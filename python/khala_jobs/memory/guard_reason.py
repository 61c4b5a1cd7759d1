"""Why a pair is not a duplicate: a code for programs, a sentence for people."""

from __future__ import annotations

from typing import Literal, Self

__all__ = ["Kind", "Reason", "one_sided", "said"]

Kind = Literal["duplicate", "update", "conflict", "distinct"]


class Reason(str):
    """Why a pair is not a duplicate: the string ``"code: sentence"``, to be printed and stored as it is.

    Attributes:
        code: Stable machine word.
        kind: What this difference by itself makes of the pair.
    """

    __slots__ = ("code", "kind")

    code: str
    kind: Kind

    def __new__(cls, code: str, text: str, kind: Kind) -> Self:
        """Make a reason.

        Args:
            code: Stable machine word.
            text: One sentence with the offending words.
            kind: "update", "conflict" or "distinct".
        """
        made = super().__new__(cls, f"{code}: {text}")
        made.code = code
        made.kind = kind
        return made

    def __reduce__(self) -> tuple[type[Reason], tuple[str, str, Kind]]:
        return Reason, (self.code, self[len(self.code) + 2 :], self.kind)


def said(code: str, kind: Kind, what: str, one: str, other: str) -> Reason:
    """The texts say different things of one matter."""
    return Reason(code, f"{what}: {one!r} against {other!r}", kind)


def one_sided(code: str, kind: Kind, what: str, word: str) -> Reason:
    """Only one text says it."""
    return Reason(code, f"{what} in one text only: {word!r}", kind)
