"""Decay over columns: how much of an importance is left after some time.

The formulas run in C++ (cpp/vec/decay.hpp), bit for bit as Python computes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument

from .policy import Formula

__all__ = ["Decay", "accessed_half_lives", "decay_scores"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Decayed scores and what had to be assumed for them.

    Attributes:
        score: float64 [n], at most 1.
        future_count: Ages below 0 (time stamps in the future), which count as 0.
        unknown_count: Ages that are NaN, which count as 0.
    """

    score: _Floats
    future_count: int
    unknown_count: int


def decay_scores(
    importance: _Floats,
    age: _Floats,
    half_life: _Floats,
    model: Formula = "khala_compat",
) -> Decay:
    """Compute what is left of each importance after `age`.

    `khala_compat` is KHALA's formula, `min(importance * exp(-age / half_life), 1)`, bit for bit as Python
    computes it (`DecayScore.calculate`; 36.8 % are left after one "half-life"). `half_life` is the formula
    with the name's meaning, `min(importance * 2 ** (-age / half_life), 1)`: half is left after one
    half-life.

    Args:
        importance: float64 [n], finite, 0 or more.
        age: float64 [n], in the unit of `half_life` (KHALA: days). Negative and NaN ages are taken as 0 and
            counted.
        half_life: float64 [n], finite, more than 0.
        model: Which formula.

    Returns:
        Scores, and the number of ages that counted as 0.

    Raises:
        InvalidArgument: A column is not as documented; names the column and the first bad row.
    """
    if model not in get_args(Formula):
        raise InvalidArgument("model", f"{model!r} is none of {', '.join(get_args(Formula))}")
    return Decay(*_vec.decay_scores(importance, age, half_life, khala_compat=model == "khala_compat"))


def accessed_half_lives(base: _Floats, access_count: npt.NDArray[np.int64]) -> _Floats:
    """Compute KHALA's longer half-lives of memories in use: `base * (1 + log(access_count + 1) * 0.5)`.

    The formula of KHALA's `TemporalAnalysisService.calculate_decay_score`, bit for bit; its bases are 0.5
    days for working, 7 for short-term and 90 for long-term memories.

    Args:
        base: float64 [n], finite, more than 0, in any unit of time.
        access_count: int64 [n], 0 or more.

    Returns:
        float64 [n] in the unit of `base`.

    Raises:
        InvalidArgument: A column is not as documented.
    """
    adjusted: _Floats = _vec.accessed_half_lives(base, access_count)
    return adjusted
