"""Confidence intervals of a share that was counted: Clopper and Pearson's, exact and on the safe side."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from khala_jobs.errors import InvalidArgument

__all__ = ["binomial_tail", "clopper_pearson", "upper_bound"]

_TINY: Final = 1e-300
_BISECTIONS: Final = 100


def binomial_tail(successes: int, trials: int, share: float) -> float:
    """The probability of `successes` or more in `trials` at a true `share`.

    The regularised incomplete beta function I_share(successes, trials - successes + 1), by its continued
    fraction (Lentz); relative error about 1e-12.
    """
    if successes <= 0:
        return 1.0
    if successes > trials or share <= 0.0:
        return 0.0
    if share >= 1.0:
        return 1.0
    a, b = float(successes), float(trials - successes + 1)
    if share > (a + 1.0) / (a + b + 2.0):  # where the fraction of the other side converges faster
        return 1.0 - _beta_tail(b, a, 1.0 - share)
    return _beta_tail(a, b, share)


def _beta_tail(a: float, b: float, x: float) -> float:
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    c, d = 1.0, 1.0 / _apart(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        change = 1.0
        for term in (even, odd):
            d = 1.0 / _apart(1.0 + term * d)
            c = _apart(1.0 + term / c)
            change = c * d
            fraction *= change
        if abs(change - 1.0) < 1e-15:
            break
    return front * fraction / a


def _apart(value: float) -> float:
    """Not so near zero that it cannot be divided by."""
    return value if abs(value) > _TINY else _TINY


def upper_bound(successes: int, trials: int, confidence: float) -> float:
    """The largest true share at which so few successes still have a probability of 1 - `confidence`.

    Raises:
        InvalidArgument: Counts that are none, or a confidence that is not between 0 and 1.
    """
    _check(successes, trials, confidence)
    if successes == trials:
        return 1.0
    return _solve(lambda share: 1.0 - binomial_tail(successes + 1, trials, share) > 1.0 - confidence)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval of the true share behind `successes` in `trials`.

    Args:
        successes: 0 or more.
        trials: `successes` or more; with 0 trials anything is possible: (0, 1).
        confidence: Probability, at least, with which the interval holds the true share.

    Raises:
        InvalidArgument: Counts that are none, or a confidence that is not between 0 and 1.
    """
    _check(successes, trials, confidence)
    half = (1.0 - confidence) / 2.0
    low = 0.0
    if successes:
        low = _solve(lambda share: binomial_tail(successes, trials, share) < half)
    return low, upper_bound(successes, trials, 1.0 - half)


def _solve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if below(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _check(successes: int, trials: int, confidence: float) -> None:
    if not 0 <= successes <= trials:
        raise InvalidArgument("successes", f"{successes} of {trials} trials")
    if not 0.0 < confidence < 1.0:
        raise InvalidArgument("confidence", f"{confidence} is not between 0 and 1")
