"""How good clusters are, beside other ways to make them: ``python -m similarity.quality``.

Two questions. *Pairs*: of labelled sentence pairs (MRPC, STS-B), how many that mean the same are merged at a
threshold, and how many that do not; with the contradiction guard and without, and at a threshold calibrated on
one half and tried on the other. *Clusters*: of texts with intents (CLINC150, BANKING77), what is inside the
clusters: pairs of one intent, pairs of two (false merges), the lowest cosine, and whether the clusters are the
same when the rows come in another order.

Texts of one intent are not duplicates ("what is my balance", "show me my balance in savings"), so F1 is low for
everybody at high thresholds; the false-merge rate and the lowest cosine are what a merge may rest on.

Beside: scikit-learn's DBSCAN, SemHash, and the community detection of sentence-transformers. That package needs
PyTorch, so its algorithm, as documented, runs here in NumPy: of all rows with enough neighbours take the largest
neighbourhood, then the largest of those rows that are left.

Writes bench/similarity/quality.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.metadata
import importlib.util
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from khala_jobs import similarity
from khala_jobs._core import similarity as core
from khala_jobs.memory import judge

from .quality_data import PairSet, TextSet, pair_sets, text_sets

SHUFFLES = 10
THRESHOLDS = (0.85, 0.90, 0.95)
PAIR_THRESHOLDS = (0.85, 0.90, 0.95, 0.98)
TARGET = Path(__file__).with_name("quality.md")

Labels = Any
Method = Callable[[Any, list[str], float], Labels]
"""Rows, their texts and a threshold to a cluster number for each row; equal numbers are one cluster."""


def _ours(linkage: similarity.Linkage) -> Method:
    def method(rows: Any, texts: list[str], threshold: float) -> Labels:
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        pairs = similarity.find_pairs(rows, threshold, threads=1)
        return similarity.cluster(pairs, linkage, priority=keys).canonical

    return method


def _first_seen(rows: Any, _: list[str], threshold: float) -> Labels:
    """Rows in their order: a row follows the first kept one that it is similar to."""
    pairs = similarity.find_pairs(rows, threshold, threads=1)
    label = np.arange(len(rows))
    for i, j in zip(pairs.i.tolist(), pairs.j.tolist(), strict=True):
        if label[i] == i and label[j] == j:
            label[j] = i
    return label


def _community(rows: Any, _: list[str], threshold: float) -> Labels:
    pairs = similarity.find_pairs(rows, threshold, threads=1)
    near: list[list[int]] = [[row] for row in range(len(rows))]
    for i, j in zip(pairs.i.tolist(), pairs.j.tolist(), strict=True):
        near[i].append(j)
        near[j].append(i)
    label = np.arange(len(rows))
    taken = np.zeros(len(rows), bool)
    for row in sorted(range(len(rows)), key=lambda row: -len(near[row])):
        members = [other for other in near[row] if not taken[other]]
        if len(members) > 1:
            label[members] = row
            taken[members] = True
    return label


def _dbscan(rows: Any, _: list[str], threshold: float) -> Labels:
    made = importlib.import_module("sklearn.cluster").DBSCAN(
        eps=math.sqrt(2.0 - 2.0 * threshold), min_samples=2, algorithm="brute"
    )
    label = made.fit(rows).labels_
    noise = label < 0
    label[noise] = label.max() + 1 + np.arange(noise.sum())
    return label


def _semhash(rows: Any, texts: list[str], threshold: float) -> Labels:
    module = importlib.import_module("semhash")
    hashed = module.SemHash.from_embeddings(embeddings=rows, records=texts, model=None)
    found = hashed.self_deduplicate(threshold=threshold)
    number = {text: row for row, text in enumerate(texts)}
    label = np.arange(len(texts))
    for record in found.filtered:
        label[number[record.record]] = number[record.duplicate_of]
    while (label != label[label]).any():
        label = label[label]
    return label


METHODS: dict[str, tuple[Method, str]] = {
    "stars (ours, default)": (_ours("star"), ""),
    "complete links (ours)": (_ours("complete"), ""),
    "connected components": (_ours("components"), ""),
    "first seen, greedy": (_first_seen, ""),
    "community detection, in NumPy": (_community, ""),
    "DBSCAN, min_samples 2": (_dbscan, "sklearn"),
    "SemHash": (_semhash, "semhash"),
}


def _inner(*labels: Labels) -> int:
    """Number of pairs of rows that have all of these labels in common."""
    _, count = np.unique(np.stack(labels), axis=1, return_counts=True)
    return int((count.astype(np.int64) * (count - 1) // 2).sum())


def _canonical(label: Labels) -> Labels:
    """The first row of each row's cluster."""
    _, first, number = np.unique(label, return_index=True, return_inverse=True)
    return first[number].astype(np.int64)


def _same_in_any_order(method: Method, data: TextSet, threshold: float, label: Labels) -> float:
    """Mean share of pairs in a cluster here or there that are in one here and there, over shuffles."""
    shares = []
    rng = np.random.default_rng(1)
    for _ in range(SHUFFLES):
        order = rng.permutation(len(label))
        moved = method(data.rows[order], [data.texts[row] for row in order.tolist()], threshold)
        again = np.empty(len(label), np.int64)
        again[order] = moved
        both, one, two = _inner(label, again), _inner(label), _inner(again)
        shares.append(both / (one + two - both) if one + two else 1.0)
    return float(np.mean(shares))


def cluster_rows(data: TextSet, threshold: float, methods: dict[str, Method]) -> Iterator[list[str]]:
    """One row of the table for each method."""
    same = _inner(data.label)
    for name, method in methods.items():
        started = time.process_time()
        label = method(data.rows, data.texts, threshold)
        seconds = time.process_time() - started
        inside, right = _inner(label), _inner(label, data.label)
        precision, recall = right / inside if inside else 1.0, right / same
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        _, size, lowest, below = core.inner_pairs(data.rows, _canonical(label), threshold)
        kept = _same_in_any_order(method, data, threshold, label)
        yield [
            f"{threshold:.2f}", name, f"{len(label) - len(np.unique(label)):,}", f"{size.max(initial=1):,}",
            f"{f1:.3f}", f"{1 - precision:.3f}", f"{lowest.min(initial=1.0):.3f}",
            f"{below.sum() / inside if inside else 0.0:.1%}", f"{kept:.4f}", f"{seconds:.2f}",
        ]  # fmt: skip


def pair_rows(data: PairSet) -> Iterator[list[str]]:
    """Thresholds with and without the guard, then the calibrated one."""
    labelled = similarity.LabelledPairs.of(data.left_rows, data.right_rows, data.duplicate)
    verdicts = (
        judge(one, two, score)
        for one, two, score in zip(data.left, data.right, labelled.score.tolist(), strict=True)
    )
    eligible = np.array([verdict.kind == "duplicate" for verdict in verdicts])
    everything = np.arange(len(eligible))
    for guarded, merges in (("no", np.ones(len(eligible), bool)), ("yes", eligible)):
        for threshold in PAIR_THRESHOLDS:
            yield _pair_row(
                f"{threshold:.2f}", guarded, data, (labelled.score >= threshold) & merges, everything
            )
    half = np.random.default_rng(1).permutation(len(eligible))
    tuned, unseen = np.array_split(half, 2)
    for guarded, merges in (("no", np.ones(len(eligible), bool)), ("yes", eligible)):
        rate = 0.05
        part = similarity.LabelledPairs(labelled.score[tuned], data.duplicate[tuned], merges[tuned])
        found = similarity.calibrate(part, "all-MiniLM-L6-v2", false_merge_rate=rate)
        name = f"calibrated to {rate:.0%}: {found.threshold:.4f} (other half)"
        yield _pair_row(name, guarded, data, (labelled.score >= found.threshold) & merges, unseen)


def _pair_row(name: str, guarded: str, data: PairSet, merged: Any, rows: Any) -> list[str]:
    merged, duplicate = merged[rows], data.duplicate[rows]
    right, wrong = int((merged & duplicate).sum()), int((merged & ~duplicate).sum())
    same, different = int(duplicate.sum()), int((~duplicate).sum())
    low, high = similarity.clopper_pearson(wrong, different)
    precision, found = right / (right + wrong) if right + wrong else 1.0, right / same
    f1 = 2 * precision * found / (precision + found) if precision + found else 0.0
    interval = f"{wrong / different:.3f} ({low:.3f}..{high:.3f})"
    return [name, guarded, f"{precision:.3f}", f"{found:.3f}", f"{f1:.3f}", interval]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _versions() -> str:
    found = []
    for package in ("numpy", "scikit-learn", "semhash"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join(found)


def _available() -> dict[str, Method]:
    return {
        name: method
        for name, (method, needs) in METHODS.items()
        if not needs or importlib.util.find_spec(needs)
    }


def main() -> None:
    """Run everything and write the tables."""
    parser = argparse.ArgumentParser(description="Quality of clusters, beside others")
    parser.add_argument("--rows", type=int, default=0, help="so many random texts of each set; 0: all")
    limit = parser.parse_args().rows or None
    which = f"{limit:,} random" if limit else "all"
    parts = [
        f"# Quality of clusters\n\nWritten by `make bench-quality`; {which} texts of each set. {_versions()}.\n",
        "## Pairs\n\nA false merge is a pair labelled different that would be merged; in brackets the 95 % interval.\n",
    ]
    for pairs in pair_sets():
        head = [f"{pairs.name}: threshold", "guard", "precision", "found", "F1", "false-merge rate"]
        parts.append(_table(head, list(pair_rows(pairs))) + "\n")
        print(parts[-1], flush=True)
    parts.append(
        '## Clusters\n\nF1 and false merges over pairs of rows in one cluster, against the intents. "Below": share of '
        f'those pairs that do not reach the threshold. "Same": Jaccard index over {SHUFFLES} orders of the rows.\n'
    )
    for texts in text_sets():
        chosen = np.sort(np.random.default_rng(1).permutation(len(texts.label))[:limit])
        names = [texts.texts[row] for row in chosen.tolist()]
        data = TextSet(texts.name, names, texts.rows[chosen], texts.label[chosen])
        head = [
            f"{data.name} ({len(data.texts):,} texts): threshold", "method", "removed", "largest", "F1",
            "false merges", "lowest cosine", "below", "same", "CPU s",
        ]  # fmt: skip
        rows = [row for threshold in THRESHOLDS for row in cluster_rows(data, threshold, _available())]
        parts.append(_table(head, rows) + "\n")
        print(parts[-1], flush=True)
    TARGET.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
