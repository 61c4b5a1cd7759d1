"""Figures from samples."""

from __future__ import annotations

import resource
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread_ms(values: Sequence[float], prefix: str = "") -> dict[str, float]:
    """Percentiles of durations in seconds, in milliseconds, under names that begin with `prefix`."""
    ordered = sorted(values)
    return {
        f"{prefix}p50_ms": percentile(ordered, 0.5) * 1000,
        f"{prefix}p95_ms": percentile(ordered, 0.95) * 1000,
        f"{prefix}p99_ms": percentile(ordered, 0.99) * 1000,
        f"{prefix}max_ms": ordered[-1] * 1000,
    }


def rss_mib() -> float:
    """Resident memory of this process now, not the peak."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def median_of(rounds: Sequence[Mapping[str, Any]], ranges: Iterable[str] = ("jobs_per_s",)) -> dict[str, Any]:
    """Median per figure over rounds; what is no number is as it was in the first.

    Args:
        rounds: One mapping a round, all of the same shape; a figure that a round lacks is left out of its median.
        ranges: Figures whose smallest and largest value are kept too, as ``<name>_range``.
    """
    merged: dict[str, Any] = {}
    for key, first in rounds[0].items():
        if isinstance(first, bool) or not isinstance(first, int | float):
            merged[key] = first
        else:
            merged[key] = statistics.median(r[key] for r in rounds if key in r)
    for key in ranges:
        if key in merged:
            values = [r[key] for r in rounds if key in r]
            merged[f"{key}_range"] = [min(values), max(values)]
    return merged
