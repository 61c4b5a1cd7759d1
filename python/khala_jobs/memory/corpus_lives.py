"""How old a memory of the corpus is, how often it was used, and what the default rules make of that.

The expectations are worked out here from the stated rules, by plain arithmetic on purpose: they are what the
lifecycle's own rules are compared with.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

__all__ = ["Life", "expected_archival", "expected_promotion", "live"]

Tier = Literal["working", "short_term", "long_term", "scratchpad"]
Role = Literal["ordinary", "kept", "stale", "expired", "expiring"]

_TIERS: Final[tuple[Tier, ...]] = ("working", "short_term", "long_term", "scratchpad")
_WEIGHTS: Final = (25, 40, 33, 2)
_OLDEST_DAYS: Final = {"working": 3.0, "short_term": 40.0, "long_term": 700.0, "scratchpad": 1.0}
_FLAT_HALF_LIFE_DAYS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Life:
    """Everything about a memory but its text.

    Attributes:
        tier: Tier.
        importance: 0 to 1.
        access_count: Reads.
        created_at: When it was made.
        accessed_at: When it was last read.
        expires_at: When it ends, or None.
        verification_score: 0 to 1.
    """

    tier: Tier
    importance: float
    access_count: int
    created_at: datetime
    accessed_at: datetime
    expires_at: datetime | None
    verification_score: float


def live(role: Role, as_of: datetime, rng: random.Random) -> Life:
    """Draw a life.

    Args:
        role: "kept": no rule will archive or delete it. "stale": old, unused, unimportant. "expired" and
            "expiring": past its end, or near it. "ordinary": as it comes.
        as_of: The moment.
        rng: Random numbers.
    """
    tier = "long_term" if role == "stale" else rng.choices(_TIERS, _WEIGHTS)[0]
    oldest = _OLDEST_DAYS[tier]
    age = timedelta(days=rng.uniform(120.0, oldest) if role == "stale" else rng.uniform(0.05, oldest))
    age = timedelta(seconds=round(age.total_seconds()))
    access = 0 if role == "stale" else min(200, int(rng.expovariate(0.15)))
    importance = round(rng.betavariate(2.2, 2.0), 3)
    if role == "stale":
        importance = round(rng.uniform(0.02, 0.28), 3)
    elif role != "ordinary":
        importance = max(importance, 0.35)
    expires = None
    if role == "expired":
        expires = as_of - timedelta(seconds=rng.randint(2 * 86_400, 60 * 86_400))
    elif role == "expiring":
        expires = as_of + timedelta(
            seconds=rng.randint(-80_000, 30 * 86_400)
        )  # at worst still within the grace
    created = as_of - age
    if expires is not None and expires <= created:
        created = expires - timedelta(days=1)
    accessed = created + (as_of - created) * rng.random() if access else created
    return Life(
        tier=tier,
        importance=importance,
        access_count=access,
        created_at=created,
        accessed_at=accessed.replace(microsecond=0) if access else created,
        expires_at=expires,
        verification_score=round(rng.random() * 0.8, 3),
    )


def expected_promotion(life: Life, as_of: datetime) -> Tier | None:
    """Where the default rules promote it to, or None.

    Working memories: older than half an hour, read more than five times and importance above .8. Short-term
    ones: importance above .9. One that earns both goes up twice.
    """
    tier = life.tier
    hours = (as_of - life.created_at).total_seconds() / 3600
    if tier == "working" and hours > 0.5 and life.access_count > 5 and life.importance > 0.8:
        tier = "short_term"
    if tier == "short_term" and life.importance > 0.9:
        tier = "long_term"
    return None if tier == life.tier else tier


def expected_archival(life: Life, as_of: datetime) -> bool:
    """Whether the default rules archive it.

    Never read, importance below .3, and either over 90 days old or faded below .1.
    """
    days = (as_of - life.created_at).total_seconds() / 86_400
    faded = life.importance * math.exp(-days / _FLAT_HALF_LIFE_DAYS) < 0.1
    return life.access_count == 0 and life.importance < 0.3 and (days > 90 or faded)
