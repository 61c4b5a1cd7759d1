"""Which threshold for which embedding model: as stated by the job, or as calibrated.

A threshold belongs to a model (`khala_jobs.similarity.calibrate`). A job that states its own runs, and is warned
where the model has no calibration, or where its own is below the calibrated one; a job that asks for the
calibrated one does not run without. Where vectors under a model's name no longer look like those that it was
calibrated on, both are warned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from khala_jobs.errors import InvalidArgument
from khala_jobs.similarity import Calibration, CalibrationStore, find_drift

from .frame import Frame
from .policy import CALIBRATED, DeduplicationPolicy

__all__ = ["Thresholds", "thresholds_of"]

_DRIFT_ROWS: Final = 100  # fewer say nothing about drift


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a unit's pairs must reach.

    Args:
        by_model: Cosine, for every model of the frame (None: vectors whose model nobody named).
        warnings: What a person should know, one sentence each.
    """

    by_model: Mapping[str | None, float]
    warnings: tuple[str, ...] = ()


def thresholds_of(frame: Frame, policy: DeduplicationPolicy, store: CalibrationStore | None) -> Thresholds:
    """The thresholds for a frame.

    Args:
        frame: The memories to be compared.
        policy: What the job asks for.
        store: The calibrations, if there are any.

    Raises:
        InvalidArgument: The calibrated threshold is asked for, and a model has none.
    """
    if not policy.semantic:
        return Thresholds({})
    models = sorted({model for model, row in _with_vectors(frame)}, key=str)
    by_model: dict[str | None, float] = {}
    warnings: list[str] = []
    for model in models:
        known = None if store is None else store.get(model)
        by_model[model] = _threshold(model, policy, known)
        warnings += _warnings(frame, model, by_model[model], known)
    return Thresholds(by_model, tuple(warnings))


def _with_vectors(frame: Frame) -> Iterator[tuple[str | None, int]]:
    for row in np.flatnonzero((frame.vector_row >= 0) & ~frame.archived & ~frame.blank).tolist():
        yield frame.models[row], row


def _threshold(model: str | None, policy: DeduplicationPolicy, known: Calibration | None) -> float:
    if policy.threshold != CALIBRATED:
        return float(policy.threshold)
    if known is None:
        raise InvalidArgument(
            "threshold", f"{_named(model)} has no calibration; calibrate it, or state a threshold instead"
        )
    return known.threshold


def _warnings(frame: Frame, model: str | None, threshold: float, known: Calibration | None) -> Iterator[str]:
    if known is None:
        yield (
            f"{_named(model)} is not calibrated: how many of the pairs at cosine {threshold} and above mean "
            "different things is unknown"
        )
        return
    if threshold < known.threshold:
        yield (
            f"threshold {threshold} is below the {known.threshold} that {_named(model)} is calibrated to for "
            f"a false-merge rate of {known.false_merge_rate}"
        )
    rows = [row for name, row in _with_vectors(frame) if name == model]
    dims = {int(frame.dim[row]) for row in rows}
    if known.baseline and len(dims) == 1 and len(rows) >= _DRIFT_ROWS:
        drift = find_drift(known.baseline, frame.matrix(np.array(rows, np.int64)))
        if drift.alarm:
            yield (
                f"vectors of {_named(model)} have drifted since its calibration: the {drift.level} quantile of "
                f"random pairs was {drift.before:.3f} and is {drift.now:.3f}"
            )


def _named(model: str | None) -> str:
    return "the embedding model that nobody named" if model is None else f"embedding model {model!r}"
