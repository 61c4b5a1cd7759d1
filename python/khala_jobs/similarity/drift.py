"""Whether an embedding model still behaves as it did: quantiles of the cosine of random pairs.

A threshold belongs to a model. When vectors under a model's name come from another one, or from other
texts than it was calibrated on, most pairs of memories, which have nothing to do with each other, move first.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from khala_jobs.errors import InvalidArgument

from .intake import read_vectors
from .joins import pair_scores

__all__ = ["Drift", "Quantile", "find_drift", "random_pair_quantiles"]

LEVELS: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_DEVIATIONS: Final = 3.3  # of an order statistic's rank: seven quantiles of two samples stay inside for 99 %
_PAIRS_MIN: Final = 50


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of the scores of random pairs.

    Attributes:
        level: Share of pairs below it.
        score: In the sample.
        low: The true one is no lower, with high confidence,
        high: and no higher.
    """

    level: float
    score: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How two samples of random pairs differ.

    Attributes:
        alarm: Whether a quantile has certainly moved by more than the tolerance.
        level: The quantile that moved most.
        before: Its score at calibration.
        now: Its score now.
    """

    alarm: bool
    level: float
    before: float
    now: float


def random_pair_quantiles(vectors: Any, *, pairs: int = 2000, seed: int = 0) -> tuple[Quantile, ...]:
    """Quantiles of the cosine of random pairs, no row in two of them.

    Args:
        vectors: [n, dim], as in `find_pairs`; faulty rows are passed over, n at least 100.
        pairs: Size of the sample; n/2 where there are fewer rows.
        seed: Which rows.

    Raises:
        InvalidArgument: Too few rows that can be compared.
    """
    matrix = read_vectors(vectors, faulty="quarantine").matrix
    good = np.flatnonzero(np.isfinite(matrix).all(axis=1) & matrix.any(axis=1))
    count = min(pairs, len(good) // 2)
    if count < _PAIRS_MIN:
        raise InvalidArgument(
            "vectors", f"{len(good)} rows that can be compared; {2 * _PAIRS_MIN} are needed"
        )
    chosen = np.random.default_rng(seed).permutation(good)[: 2 * count].astype(np.int64)
    sample = matrix[chosen]
    scores = np.sort(pair_scores(sample, np.arange(count), np.arange(count, 2 * count)))
    return tuple(_quantile(scores, level) for level in LEVELS)


def _quantile(scores: Any, level: float) -> Quantile:
    count = len(scores)
    spread = _DEVIATIONS * math.sqrt(count * level * (1.0 - level)) + 1.0
    low, high = math.floor(count * level - spread), math.ceil(count * level + spread)
    return Quantile(
        level,
        float(np.quantile(scores, level)),
        float(scores[low]) if low >= 0 else -1.0,
        float(scores[high]) if high < count else 1.0,
    )


def find_drift(
    baseline: tuple[Quantile, ...], vectors: Any, *, tolerance: float = 0.05, pairs: int = 2000, seed: int = 0
) -> Drift:
    """Compare random pairs of today's vectors with those of the calibration.

    Args:
        baseline: From `random_pair_quantiles`.
        vectors: [n, dim], as in `random_pair_quantiles`.
        tolerance: How far a quantile may move, in cosine.
        pairs: As in `random_pair_quantiles`.
        seed: As in `random_pair_quantiles`.

    Returns:
        The quantile that moved most; an alarm only when sampling cannot explain it.

    Raises:
        InvalidArgument: As `random_pair_quantiles`.
    """
    now = random_pair_quantiles(vectors, pairs=pairs, seed=seed)
    moved = [
        max(new.low - old.high, old.low - new.high) > tolerance
        for old, new in zip(baseline, now, strict=True)
    ]
    worst = max(
        range(len(now)), key=lambda place: (moved[place], abs(now[place].score - baseline[place].score))
    )
    return Drift(any(moved), now[worst].level, baseline[worst].score, now[worst].score)


def quantiles_to_json(quantiles: tuple[Quantile, ...]) -> list[dict[str, float]]:
    """As JSON values."""
    return [asdict(quantile) for quantile in quantiles]
