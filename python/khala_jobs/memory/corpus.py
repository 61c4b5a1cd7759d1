"""A corpus of agent memories with the truth about it, for proving the lifecycle and measuring it.

Real memory data comes without labels: nobody knows which of its pairs are true duplicates. This corpus is
written from templates instead, so that everything about it is known: which memories say the same, which
look alike and must not be merged, which are due for promotion, archival and cleanup. It is made of

* *facts* (corpus_facts.py), most of them said once;
* copies of facts, verbatim or in another wording: the duplicate groups;
* facts said anew with another value: updates, which must stay apart from what they update;
* *misses* (corpus_misses.py): pairs a word away from each other that mean different things;
* twins: the same sentence of another user or scope, never to be compared.

Everything follows from (seed, size, as_of); the same three give the same bytes on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from .corpus_facts import FACTS
from .corpus_lives import Life, Role, expected_archival, expected_promotion, live
from .corpus_misses import MISSES
from .corpus_slots import Fact, Speaker, draw_fact, fill_miss, tell, updated
from .corpus_truth import Corpus, ForbiddenPair, Truth
from .corpus_words import WORDS

__all__ = [
    "AS_OF",
    "MAX_SIZE",
    "MIN_SIZE",
    "build_corpus",
]

AS_OF: Final = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
"""The clock reading at which the truth about ages holds."""

MIN_SIZE: Final = 500
MAX_SIZE: Final = 200_000

_SCOPES: Final = (None, None, "home", "work")
_ACQUAINTANCES: Final = 12
_MEMORIES_PER_USER: Final = 250
# Of a hundred memories: how many arise as ...
_EXACT_SHARE: Final = 0.09
_REWORDED_SHARE: Final = 0.16
_UPDATE_SHARE: Final = 0.05
_MISS_PAIR_SHARE: Final = 0.08
_TWIN_SHARE: Final = 0.01
_STALE_SHARE: Final = 0.10
_EXPIRED_SHARE: Final = 0.04
_EXPIRING_SHARE: Final = 0.02
_PINNED_SHARE: Final = 0.01


@dataclass(slots=True)
class _Draft:
    """A memory before it has an id."""

    user: str
    scope: str | None
    text: str
    role: Role
    group: int = -1
    pinned: bool = False
    life: Life | None = None
    id: str = ""


@dataclass(slots=True)
class _Place:
    """One (user, scope): whose facts may repeat each other, and who is talked about there."""

    user: str
    scope: str | None
    speakers: tuple[Speaker, ...]
    seen: set[object] = field(default_factory=set)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of everybody but the user."""
        return tuple(speaker.name for speaker in self.speakers if speaker.name)


def build_corpus(seed: int = 0, size: int = 10_000, as_of: datetime = AS_OF) -> Corpus:
    """Write a corpus.

    Args:
        seed: Any integer.
        size: Memories, ``MIN_SIZE`` to ``MAX_SIZE``.
        as_of: The moment at which ages and expiries hold; with a time zone.

    Returns:
        The memories, in no particular order, and the truth.

    Raises:
        ValueError: ``size`` is out of range or ``as_of`` has no time zone.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(f"size must be {MIN_SIZE}..{MAX_SIZE}, got {size}")
    if as_of.tzinfo is None:
        raise ValueError("as_of must have a time zone")
    return _Writer(random.Random(f"khala-corpus-1-{seed}-{size}"), size, as_of).write()


class _Writer:
    """Writes one corpus."""

    def __init__(self, rng: random.Random, size: int, as_of: datetime) -> None:
        self._rng = rng
        self._size = size
        self._as_of = as_of
        self._drafts: list[_Draft] = []
        self._forbidden: list[tuple[_Draft, _Draft, str, str]] = []
        self._groups = 0
        self._counts: dict[str, int] = {}

    def write(self) -> Corpus:
        places = self._places()
        weights = [
            1.0 / (1 + index) ** 0.5 for index in range(len(places))
        ]  # some users remember far more than others
        weighted = _Weighted(places, weights, self._rng)
        for _ in range(int(self._size * _MISS_PAIR_SHARE)):
            self._miss(weighted.draw())
        for _ in range(int(self._size * _UPDATE_SHARE)):
            self._update(weighted.draw())
        for _ in range(int(self._size * _TWIN_SHARE)):
            self._twin(weighted.draw(), weighted)
        copies = int(self._size * (_EXACT_SHARE + _REWORDED_SHARE))
        while copies > 0:
            copies -= self._group(weighted.draw(), copies)
        while len(self._drafts) < self._size:
            self._single(weighted.draw())
        return self._finish()

    def _places(self) -> list[_Place]:
        """Users, each with the scopes and acquaintances of theirs."""
        rng = self._rng
        people = [Speaker(name, "her") for name in WORDS["woman"]] + [
            Speaker(name, "his") for name in WORDS["man"]
        ]
        places = []
        for number in range(max(3, self._size // _MEMORIES_PER_USER)):
            known = tuple(rng.sample(people, _ACQUAINTANCES))
            scopes = dict.fromkeys(rng.sample(_SCOPES, rng.randint(1, 3)))
            user = f"user-{number:04d}"
            places += [_Place(user, scope, (Speaker("", "their"), *known)) for scope in scopes]
        rng.shuffle(places)
        return places

    def _fact(self, place: _Place, *, can_change: bool = False) -> Fact:
        """A fact that the place does not have yet."""
        rng = self._rng
        while True:
            kind = rng.choice(FACTS)
            if can_change and not kind.updates:
                continue
            # Every third memory is about the user.
            speaker = place.speakers[0] if rng.random() < 0.33 else rng.choice(place.speakers)
            fact = draw_fact(kind, speaker, place.names, rng)
            if fact.key not in place.seen:
                place.seen.add(fact.key)
                return fact

    def _add(self, place: _Place, text: str, role: Role, how: str, group: int = -1) -> _Draft:
        finished = text if self._rng.random() < 0.4 else text + "."
        draft = _Draft(place.user, place.scope, finished, role, group)
        self._drafts.append(draft)
        self._counts[how] = self._counts.get(how, 0) + 1
        return draft

    def _single(self, place: _Place) -> None:
        rng = self._rng
        fact = self._fact(place)
        shares = (_STALE_SHARE, _EXPIRED_SHARE, _EXPIRING_SHARE)
        role: Role = rng.choices(("stale", "expired", "expiring", "ordinary"), (*shares, 1 - sum(shares)))[0]
        self._add(place, tell(fact, rng.choice(fact.kind.wordings), rng), role, "single")

    def _group(self, place: _Place, at_most: int) -> int:
        """A fact and its copies; returns how many copies."""
        rng = self._rng
        fact = self._fact(place)
        wordings = list(fact.kind.wordings)
        rng.shuffle(wordings)
        group, self._groups = self._groups, self._groups + 1
        said = [tell(fact, wordings.pop(), rng)]
        first = self._add(place, said[0], "kept", "original", group)
        first.pinned = rng.random() < _PINNED_SHARE
        copies = min(rng.choices((1, 2, 3), (70, 22, 8))[0], at_most)
        for _ in range(copies):
            reworded = rng.random() < _REWORDED_SHARE / (_EXACT_SHARE + _REWORDED_SHARE)
            if reworded and wordings:
                said.append(tell(fact, wordings.pop(), rng))
                self._add(place, said[-1], "kept", "reworded", group)
            else:
                copy = self._add(place, said[0], "kept", "exact", group)
                # Another one's blanks are no difference.
                copy.text = first.text if rng.random() < 0.8 else f"  {first.text} "
        return copies

    def _update(self, place: _Place) -> None:
        rng = self._rng
        fact = self._fact(place, can_change=True)
        found = updated(fact, rng)
        assert found is not None
        new, text = found
        if new.key in place.seen:
            return
        place.seen.add(new.key)
        before = self._add(place, tell(fact, rng.choice(fact.kind.wordings), rng), "kept", "outdated")
        after = self._add(place, text, "kept", "update")
        self._forbidden.append((before, after, "update", "update"))

    def _miss(self, place: _Place) -> None:
        rng = self._rng
        family = MISSES[len(self._forbidden) % len(MISSES)]
        first, second = fill_miss(rng.choice(family.pairs), rng.choice(place.speakers), place.names, rng)
        if first in place.seen or second in place.seen:
            return
        place.seen.update((first, second))
        drafts = [self._add(place, text, "kept", "miss") for text in (first, second)]
        self._forbidden.append((drafts[0], drafts[1], family.name, family.kind))

    def _twin(self, place: _Place, places: _Weighted) -> None:
        """The same sentence in two places."""
        other = places.draw()
        if (other.user, other.scope) == (place.user, place.scope):
            return
        fact = self._fact(place)
        if fact.key in other.seen:
            return
        other.seen.add(fact.key)
        text = tell(fact, self._rng.choice(fact.kind.wordings), self._rng)
        one, two = self._add(place, text, "kept", "twin"), self._add(other, text, "kept", "twin")
        family = "other_scope" if other.user == place.user else "other_user"
        self._forbidden.append((one, two, family, "distinct"))

    def _finish(self) -> Corpus:
        """Lives, ids and the truth."""
        rng = self._rng
        drafts = self._drafts
        rng.shuffle(drafts)
        for number, draft in enumerate(drafts):
            draft.id = f"m{number:06d}"
            draft.life = live(draft.role, self._as_of, rng)
            draft.pinned = draft.pinned or (draft.role == "ordinary" and rng.random() < _PINNED_SHARE)
        groups: dict[int, list[str]] = {}
        for draft in drafts:
            if draft.group >= 0:
                groups.setdefault(draft.group, []).append(draft.id)
        truth = Truth(
            as_of=_time(self._as_of),
            duplicate_groups=tuple(tuple(ids) for _, ids in sorted(groups.items())),
            forbidden=tuple(
                ForbiddenPair(a.id, b.id, family, kind) for a, b, family, kind in self._forbidden
            ),
            promoted={
                draft.id: tier
                for draft, life in _living(drafts)
                if not draft.pinned and (tier := expected_promotion(life, self._as_of)) is not None
            },
            archived=tuple(
                draft.id
                for draft, life in _living(drafts)
                if not draft.pinned and expected_archival(life, self._as_of)
            ),
            expired=tuple(draft.id for draft in drafts if draft.role == "expired"),
            pinned=tuple(draft.id for draft in drafts if draft.pinned),
            counts=dict(sorted(self._counts.items())),
        )
        return Corpus(tuple(_json(draft, life) for draft, life in _living(drafts)), truth)


class _Weighted:
    """Draws places by weight; cumulative weights are computed once."""

    def __init__(self, places: list[_Place], weights: list[float], rng: random.Random) -> None:
        self._places = places
        self._rng = rng
        self._cumulative: list[float] = []
        total = 0.0
        for weight in weights:
            total += weight
            self._cumulative.append(total)

    def draw(self) -> _Place:
        return self._rng.choices(self._places, cum_weights=self._cumulative)[0]


def _living(drafts: list[_Draft]) -> Iterator[tuple[_Draft, Life]]:
    for draft in drafts:
        assert draft.life is not None
        yield draft, draft.life


def _json(draft: _Draft, life: Life) -> dict[str, Any]:
    """One line of the input."""
    memory: dict[str, Any] = {"id": draft.id, "user_id": draft.user, "content": draft.text}
    if draft.scope is not None:
        memory["scope"] = draft.scope
    memory |= {
        "tier": life.tier,
        "importance": life.importance,
        "access_count": life.access_count,
        "created_at": _time(life.created_at),
        "accessed_at": _time(life.accessed_at),
        "verification_score": life.verification_score,
    }
    if life.expires_at is not None:
        memory["expires_at"] = _time(life.expires_at)
    if draft.pinned:
        memory["pinned"] = True
    return memory


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
