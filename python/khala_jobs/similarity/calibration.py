"""Which threshold for which embedding model: from labelled pairs, with a stated rate of false merges.

A threshold does not carry over from one model to the next: at .95 one merges nothing, another merges what
contradicts each other. `calibrate` takes pairs of which people said whether they mean the same, and picks the
lowest threshold at which the *false-merge rate*, the share of different pairs that would be merged, is at most
the stated one, with the stated confidence.

**Why that holds.** With n different pairs, the rate at a threshold just above the (k+1)-th highest of their
scores is Beta(k + 1, n - k) distributed, whatever the model. k depends on n, the rate and the confidence
alone: the largest number of false merges whose Clopper-Pearson bound stays within the rate. So looking at the
scores costs no confidence. It holds for pairs like the labelled ones: a calibration on easy pairs says nothing
of hard ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from khala_jobs.errors import InvalidArgument

from .arguments import cosine, instance, refuse_masked, share
from .drift import Quantile, quantiles_to_json, random_pair_quantiles
from .intake import read_vectors
from .interval import clopper_pearson, upper_bound
from .joins import pair_scores
from .values import Float64Column

__all__ = ["Calibration", "LabelledPairs", "RocPoint", "calibrate"]

_STEPS: Final = 1_000_000  # thresholds are whole millionths
_ROC: Final = (*(round(0.5 + step / 100, 2) for step in range(50)), 0.995, 0.999, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPairs:
    """Pairs of which somebody said whether they mean the same.

    Attributes:
        score: float64 [m], their cosines.
        duplicate: bool [m], whether they do.
        eligible: bool [m], whether a guard would let them be merged at all; None: all of them.
    """

    score: Float64Column
    duplicate: npt.NDArray[np.bool_]
    eligible: npt.NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, left: Any, right: Any, duplicate: Any, eligible: Any = None) -> Self:
        """Pairs as two sets of vectors.

        Args:
            left: [m, dim], as in `find_pairs`.
            right: [m, dim].
            duplicate: m truth values.
            eligible: m truth values, or None.

        Raises:
            InvalidArgument: Lengths or dimensions that differ, or faulty rows.
        """
        one, two = read_vectors(left, "left").matrix, read_vectors(right, "right").matrix
        if one.shape != two.shape:
            raise InvalidArgument("right", f"shape {two.shape}, and left has {one.shape}")
        places = np.arange(len(one))
        score = pair_scores(np.concatenate([one, two]), places, places + len(one))
        return cls(
            score,
            _column("duplicate", duplicate, np.bool_),
            None if eligible is None else _column("eligible", eligible, np.bool_),
        )


@dataclass(frozen=True, slots=True)
class RocPoint:
    """What a threshold would do to the labelled pairs.

    Attributes:
        threshold: Cosine.
        false_merge_rate: Share of the different pairs that would be merged.
        found: Share of the duplicates that would be.
        precision: Share of duplicates among what would be merged; NaN when nothing would.
    """

    threshold: float
    false_merge_rate: float
    found: float
    precision: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold for a model, and what it rests on.

    Attributes:
        model_id: The embedding model.
        threshold: Cosine from which on pairs are merged.
        false_merge_rate: The stated rate: the true one is at most this, with ``confidence``.
        confidence: Probability.
        different: Number of labelled pairs that mean different things,
        false_merges: and how many of them reach the threshold.
        false_merge_interval: Clopper-Pearson interval of the true rate, two-sided, at ``confidence``.
        duplicates: Number of labelled pairs that mean the same,
        found: and how many of them reach the threshold.
        found_interval: Clopper-Pearson interval of the true share.
        roc: What other thresholds would do.
        baseline: Quantiles of random pairs at calibration, for `find_drift`; empty when no vectors were given.
    """

    model_id: str
    threshold: float
    false_merge_rate: float
    confidence: float
    different: int
    false_merges: int
    false_merge_interval: tuple[float, float]
    duplicates: int
    found: int
    found_interval: tuple[float, float]
    roc: tuple[RocPoint, ...] = ()
    baseline: tuple[Quantile, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` restores an equal calibration."""
        points = [
            {
                "threshold": point.threshold,
                "false_merge_rate": point.false_merge_rate,
                "found": point.found,
                "precision": None if math.isnan(point.precision) else point.precision,
            }
            for point in self.roc
        ]
        return {
            "model_id": self.model_id,
            "threshold": self.threshold,
            "false_merge_rate": self.false_merge_rate,
            "confidence": self.confidence,
            "different": self.different,
            "false_merges": self.false_merges,
            "false_merge_interval": list(self.false_merge_interval),
            "duplicates": self.duplicates,
            "found": self.found,
            "found_interval": list(self.found_interval),
            "roc": points,
            "baseline": quantiles_to_json(self.baseline),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The calibration that `to_json` described."""
        points = tuple(
            RocPoint(**{**point, "precision": math.nan if point["precision"] is None else point["precision"]})
            for point in values["roc"]
        )
        return cls(
            **{
                **values,
                "false_merge_interval": tuple(values["false_merge_interval"]),
                "found_interval": tuple(values["found_interval"]),
                "roc": points,
                "baseline": tuple(Quantile(**quantile) for quantile in values["baseline"]),
            }
        )


def calibrate(
    labelled_pairs: LabelledPairs,
    model_id: str,
    *,
    false_merge_rate: float = 0.01,
    confidence: float = 0.95,
    lowest: float = 0.5,
    vectors: Any = None,
) -> Calibration:
    """Pick the threshold of a model.

    Args:
        labelled_pairs: Of that model; the different ones should be as hard as those that memories hold.
        model_id: The model.
        false_merge_rate: Largest share of different pairs to be merged, between 0 and 1.
        confidence: Probability with which the true rate is no larger, between 0 and 1.
        lowest: No threshold is lower, however well the labelled pairs are told apart: ordinary pairs are far
            more than labelled ones.
        vectors: Vectors of ordinary texts, [n, dim], n at least 100, for the drift alarm.

    Raises:
        InvalidArgument: An argument is not as documented; or there are too few different pairs to state such
            a rate, and how many it takes; or no threshold keeps it.
    """
    score, duplicate, eligible = _columns(labelled_pairs)
    false_merge_rate = share("false_merge_rate", false_merge_rate)
    confidence, lowest = share("confidence", confidence), cosine("lowest", lowest)
    instance("model_id", model_id, str)
    different = int((~duplicate).sum())
    allowed = _allowed(different, false_merge_rate, confidence)
    risky = np.sort(score[~duplicate & eligible])[::-1]
    threshold = max(lowest, _above(float(risky[allowed]))) if allowed < len(risky) else lowest
    if threshold > 1.0:
        raise InvalidArgument(
            "labelled_pairs",
            f"{allowed + 1} pairs labelled different have a score of 1; no threshold keeps a false-merge rate "
            f"of {false_merge_rate}",
        )
    merged = eligible & (score >= threshold)
    false_merges, found = int((merged & ~duplicate).sum()), int((merged & duplicate).sum())
    duplicates = int(duplicate.sum())
    return Calibration(
        model_id,
        threshold,
        false_merge_rate,
        confidence,
        different,
        false_merges,
        clopper_pearson(false_merges, different, confidence),
        duplicates,
        found,
        clopper_pearson(found, duplicates, confidence),
        tuple(_point(score, duplicate, eligible, at) for at in sorted({*_ROC, threshold})),
        () if vectors is None else random_pair_quantiles(vectors),
    )


def _columns(
    pairs: LabelledPairs,
) -> tuple[Float64Column, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    instance("labelled_pairs", pairs, LabelledPairs)
    score: Float64Column = _column("labelled_pairs", pairs.score, np.float64)
    duplicate = _column("labelled_pairs", pairs.duplicate, np.bool_)
    eligible = (
        np.ones(score.shape, np.bool_)
        if pairs.eligible is None
        else _column("labelled_pairs", pairs.eligible, np.bool_)
    )
    if not score.shape == duplicate.shape == eligible.shape or score.ndim != 1:
        raise InvalidArgument(
            "labelled_pairs", f"columns of shapes {score.shape}, {duplicate.shape} and {eligible.shape}"
        )
    if not (np.abs(score) <= 1.0).all():  # NaN is not either
        raise InvalidArgument(
            "labelled_pairs", f"score {int(np.argmax(~(np.abs(score) <= 1.0)))} is not in -1..1"
        )
    return score, duplicate, eligible


def _column(field: str, values: Any, dtype: Any) -> npt.NDArray[Any]:
    refuse_masked(field, values)
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(field, f"holds what is no {np.dtype(dtype).name}: {error}") from None


def _allowed(different: int, rate: float, confidence: float) -> int:
    """How many false merges may be seen among so many different pairs."""
    if different == 0 or upper_bound(0, different, confidence) > rate:
        needed = math.ceil(math.log(1.0 - confidence) / math.log1p(-rate))
        raise InvalidArgument(
            "labelled_pairs",
            f"{different} pairs labelled different; a false-merge rate of {rate} at confidence {confidence} takes "
            f"{needed}",
        )
    low, high = 0, different
    while high - low > 1:
        middle = (low + high) // 2
        if upper_bound(middle, different, confidence) <= rate:
            low = middle
        else:
            high = middle
    return low


def _above(score: float) -> float:
    """The lowest whole millionth above a score."""
    return (math.floor(score * _STEPS) + 1) / _STEPS


def _point(score: Float64Column, duplicate: Any, eligible: Any, threshold: float) -> RocPoint:
    merged = eligible & (score >= threshold)
    right, wrong = int((merged & duplicate).sum()), int((merged & ~duplicate).sum())
    return RocPoint(
        threshold,
        wrong / max(1, int((~duplicate).sum())),
        right / max(1, int(duplicate.sum())),
        right / (right + wrong) if right + wrong else math.nan,
    )
