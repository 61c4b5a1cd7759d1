"""How many pairs the guard judges a second, on one core, in a process of its own.

Reads pairs of texts as JSON from standard input and prints the rates as JSON:

* ``first``: every pair once, from nothing; each word and piece of text is met for the first time.
* ``cold``: texts that are not remembered, their words are; the fastest slice, since others were disturbed.
* ``warm``: both texts analysed before, as those of a batch are.
* ``texts_analysed``: texts a second, cold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any, Final

from khala_jobs.memory.guard import analyse, judge

__all__ = ["rates_of", "speed"]

BENCH: Final = Path(__file__).resolve().parents[1]
COSINE: Final = 0.9
SLICES: Final = 20


def speed(pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The rates, measured in a fresh process that stays on one core."""
    command = [sys.executable, "-m", "similarity.guard_speed"]
    told = subprocess.run(
        command, input=json.dumps(pairs), stdout=subprocess.PIPE, text=True, check=True, cwd=BENCH
    )
    rates: dict[str, int] = json.loads(told.stdout)
    return rates


def rates_of(pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The rates, measured here and now."""
    first = _slice(pairs, _judge_texts)
    cold = _fastest(pairs, _judge_texts)
    analysed = _fastest([text for pair in pairs for text in pair], analyse)
    features = [(analyse(a), analyse(b)) for a, b in pairs]
    warm = _fastest(features, lambda pair: judge(*pair, COSINE))
    rates = {"first": first, "cold": cold, "warm": warm, "texts_analysed": analysed}
    return {name: round(rate) for name, rate in rates.items()}


def _judge_texts(pair: tuple[str, str]) -> None:
    judge(analyse(pair[0]), analyse(pair[1]), COSINE)


def _fastest(items: Sequence[Any], work: Callable[[Any], object]) -> float:
    """Items a second of the fastest slice."""
    size = max(1, len(items) // SLICES)
    return max(_slice(items[start : start + size], work) for start in range(0, len(items), size))


def _slice(items: Sequence[Any], work: Callable[[Any], object]) -> float:
    began = process_time()
    for item in items:
        work(item)
    return len(items) / max(process_time() - began, 1e-9)


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(rates_of(json.load(sys.stdin))))
