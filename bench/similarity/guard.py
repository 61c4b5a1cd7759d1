"""Measures the contradiction guard on contradictions and paraphrases of real sentences.

    PYTHONPATH=bench python -m similarity.guard DATA [--wordnet DIRECTORY] [--sealed] [--write]

For every class of pairs: which share a threshold alone would merge, and which share threshold and guard merge together.
The tuning part is what the guard was improved on. The sealed part comes from other sentences (guard_sources.py) and is
shown as figures only, never pair by pair. The threshold is calibrated on the tuning part: the lowest at which at most
one contradiction in two hundred is merged, and one in fifty of the pairs that people called different.

Needs the corpora (DATA), WordNet (Debian's wordnet-base; it is no part of the guard) and the sentence model
(``make model``).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from common.document import markdown_table
from common.environment import describe
from khala_jobs.memory.embed_cache import CachedEmbedder
from khala_jobs.memory.embed_minilm import MiniLmEmbedder
from khala_jobs.memory.guard import judge
from similarity import guard_set
from similarity.guard_sources import Pair, is_sealed
from similarity.guard_speed import SLICES, speed
from similarity.wordnet import DIRECTORY, WordNet

HERE: Final = Path(__file__).resolve().parent
THRESHOLDS: Final = (0.85, 0.90, 0.95)
CANDIDATES: Final = tuple(round(0.60 + 0.01 * step, 2) for step in range(40))
CALIBRATED_RATES: Final = {
    "contradiction": 0.005,
    "other": 0.02,
}  # at most so many merged, on the tuning part
PEOPLE: Final = ("mrpc", "sts")  # classes that people judged
SPEED_WORDS: Final = range(5, 26)
SPEED_PAIRS: Final = 4000


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair, its cosine, and whether the guard calls it a duplicate."""

    pair: Pair
    cosine: float
    duplicate: bool


def main() -> None:
    """Measure, print, and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description="The contradiction guard, measured.")
    parser.add_argument("data", type=Path, help="directory with texts/ and labelled/")
    parser.add_argument("--wordnet", type=Path, default=DIRECTORY)
    parser.add_argument("--per-class", type=int, default=400)
    parser.add_argument("--sealed", action="store_true", help="measure the sealed part as well")
    parser.add_argument("--write", action="store_true", help="write guard.json and guard.md beside this file")
    options = parser.parse_args()

    pairs = guard_set.build(options.data, WordNet(options.wordnet), options.per_class)
    if not options.sealed:
        pairs = [pair for pair in pairs if not is_sealed(pair.source)]
    print(f"{len(pairs)} pairs; embedding them", file=sys.stderr)
    cosines = guard_set.cosines(pairs, CachedEmbedder(MiniLmEmbedder()))
    judged = [
        Judged(pair, float(cosine), judge(pair.a, pair.b, float(cosine)).kind == "duplicate")
        for pair, cosine in zip(pairs, np.clip(cosines, -1, 1), strict=True)
    ]
    tuning = [one for one in judged if not is_sealed(one.pair.source)]
    threshold = calibrate(tuning)
    parts = {"tuning": tuning, "sealed": [one for one in judged if is_sealed(one.pair.source)]}
    report = {
        "environment": describe(HERE),
        "calibrated_threshold": threshold,
        "parts": {name: table(part, (threshold, *THRESHOLDS)) for name, part in parts.items() if part},
        "speed": speed(speed_pairs(tuning)),
    }
    text = markdown(report)
    print(text)
    if options.write:
        (HERE / "guard.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (HERE / "guard.md").write_text(text, encoding="utf-8")


def calibrate(judged: Sequence[Judged]) -> float:
    """The lowest threshold at which guard and threshold merge few enough of what must not be merged."""
    for threshold in CANDIDATES:
        if all(_rate(judged, label, threshold) <= most for label, most in CALIBRATED_RATES.items()):
            return threshold
    return CANDIDATES[-1]


def _rate(judged: Sequence[Judged], label: str, threshold: float) -> float:
    merged = [one.duplicate and one.cosine >= threshold for one in judged if one.pair.label == label]
    return sum(merged) / len(merged)


def table(judged: Sequence[Judged], thresholds: Sequence[float]) -> list[dict[str, Any]]:
    """One row a class, and one for each label as a whole."""
    groups: dict[tuple[str, str], list[Judged]] = {}
    for one in judged:
        groups.setdefault((one.pair.label, one.pair.kind), []).append(one)
    rows = [_row(*name, group, thresholds) for name, group in sorted(groups.items())]
    for label in ("contradiction", "paraphrase", "other"):
        group = [one for one in judged if one.pair.label == label]
        rows.append(_row(label, "all", group, thresholds))
    by_people = [one for one in judged if one.pair.label == "paraphrase" and one.pair.kind in PEOPLE]
    rows.append(_row("paraphrase", "all that people judged", by_people, thresholds))
    return rows


def _row(label: str, kind: str, group: Sequence[Judged], thresholds: Sequence[float]) -> dict[str, Any]:
    def share(threshold: float, *, guarded: bool) -> float:
        merged = sum(one.cosine >= threshold and (one.duplicate or not guarded) for one in group)
        return round(100 * merged / len(group), 2)

    return {
        "label": label,
        "kind": kind,
        "pairs": len(group),
        "cosine_alone": {f"{t:.2f}": share(t, guarded=False) for t in thresholds},
        "with_guard": {f"{t:.2f}": share(t, guarded=True) for t in thresholds},
    }


def speed_pairs(judged: Iterable[Judged]) -> list[tuple[str, str]]:
    """The pairs whose judgement is timed: sentences of usual length, in no order."""
    texts = [
        (one.pair.a, one.pair.b)
        for one in judged
        if one.pair.label != "other" and len(one.pair.a.split()) in SPEED_WORDS
    ]
    dice = np.random.default_rng(7)
    return [texts[at] for at in dice.permutation(len(texts))[:SPEED_PAIRS]]


def markdown(report: dict[str, Any]) -> str:
    """The report for people."""
    threshold, rates, at = report["calibrated_threshold"], report["speed"], report["environment"]
    lines = [
        "# The contradiction guard, measured",
        "",
        "Made by `make bench-guard DATA=...`; what the set is, says `guard_sources.py`.",
        "Figures: per cent of the pairs of a class that would be merged, by the cosine alone, and by cosine and guard.",
        f"Calibrated threshold (on the tuning part): **{threshold:.2f}**.",
        "",
    ]
    for name, rows in report["parts"].items():
        columns = list(rows[0]["with_guard"])
        head = [f"alone {t}" for t in columns] + [f"guard {t}" for t in columns]
        table_rows = [
            [
                f"{row['label']}: {row['kind']}",
                str(row["pairs"]),
                *(f"{row[side][t]:.1f}" for side in ("cosine_alone", "with_guard") for t in columns),
            ]
            for row in rows
        ]
        lines += [f"## {name.capitalize()} part", "", *markdown_table(["class", "pairs", *head], table_rows)]
        lines.append("")
    lines += [
        "## Speed, one core",
        "",
        *markdown_table(
            ["judgements a second", ""],
            [
                [f"{rates['cold']:,}", "texts never seen, of words that were met before"],
                [f"{rates['first']:,}", "from a fresh process on: words are met for the first time as well"],
                [f"{rates['warm']:,}", "both texts analysed before, as those of a batch are"],
            ],
        ),
        "",
        f"{rates['texts_analysed']:,} texts analysed a second.",
        f"{SPEED_PAIRS:,} pairs of {SPEED_WORDS.start} to {SPEED_WORDS.stop - 1} words; process time on one core.",
        f"The fastest of {SLICES} slices counts, but for the fresh process, of which all does.",
        f"{at['cpu']}, {at['cores']} cores, Python {at['python']}, commit {at['commit']}, {at['date']}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
