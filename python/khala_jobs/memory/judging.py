"""What a guard says of pairs of texts: the package's own, or one of the application's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from khala_jobs.shown import utf8_of

from .asked import Unanswered, ask
from .frame import Frame
from .guard import judge as own_judge
from .guard import judge_many
from .plan import Issue

__all__ = ["Judge", "Verdict", "ask_judge", "extras_of", "unjudged_pair", "verdicts_of"]

_KINDS: Final = ("duplicate", "update", "conflict", "distinct")


class Verdict(Protocol):
    """What a guard says of a pair."""

    @property
    def kind(self) -> str:
        """``duplicate``, ``update``, ``conflict`` or ``distinct``."""

    @property
    def reasons(self) -> Sequence[str]:
        """Why, for people."""


Judge = Callable[[str, str, float], Verdict]
"""Two texts and their cosine to a verdict; `khala_jobs.memory.guard.judge` by default."""


def verdicts_of(
    pairs: Sequence[tuple[str, str]], cosines: Sequence[float], judge: Judge
) -> Sequence[Verdict | Unanswered]:
    """The package's own guard reads each text once for all pairs; another one is asked pair by pair."""
    if judge is own_judge:
        return judge_many(pairs, cosines)
    return [ask_judge(judge, a, b, cosine) for (a, b), cosine in zip(pairs, cosines, strict=True)]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A verdict that was read, so that no later look at it can fail; see `Verdict`."""

    kind: str
    reasons: tuple[str, ...]
    extras: tuple[tuple[str, ...], tuple[str, ...]]


def ask_judge(judge: Judge, a: str, b: str, cosine: float) -> Verdict | Unanswered:
    """The verdict of a guard that may be the application's."""

    def question() -> Verdict:
        verdict = judge(a, b, cosine)
        kind = next((known for known in _KINDS if verdict.kind == known), utf8_of(verdict.kind))
        reasons, extras = (tuple(map(utf8_of, texts)) for texts in (verdict.reasons, extras_of(verdict)))
        return _Answer(kind, reasons, ((), extras))

    return ask(question)


def unjudged_pair(frame: Frame, first: int, second: int, why: Unanswered) -> Issue:
    """A pair on which the guard failed, as an entry of the report."""
    return Issue(frame.ids[first], "judge", f"{why.reason} (not judged beside {frame.ids[second]})")


def extras_of(verdict: Verdict) -> tuple[str, ...]:
    """What the second text says beyond the first, of guards that tell."""
    extras: tuple[tuple[str, ...], tuple[str, ...]] = getattr(verdict, "extras", ((), ()))
    return extras[1]
