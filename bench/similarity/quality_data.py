"""Labelled texts with their vectors: pairs (MRPC, STS-B) and intents (CLINC150, BANKING77).

KHALA_JOBS_DATA names the folder that holds labelled/, texts/ and embeddings/. Vectors of intents are there;
those of pairs are computed by the package's own MiniLM embedder, and kept in its cache.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from khala_jobs.memory.embed_cache import CachedEmbedder
from khala_jobs.memory.embed_minilm import MiniLmEmbedder


@dataclass(frozen=True, slots=True)
class PairSet:
    """Sentence pairs: texts, vectors float32 [m, 384] of both sides, and whether they mean the same."""

    name: str
    left: list[str]
    right: list[str]
    left_rows: Any
    right_rows: Any
    duplicate: Any


@dataclass(frozen=True, slots=True)
class TextSet:
    """Distinct texts: vectors float32 [n, 384], and the number of each one's intent."""

    name: str
    texts: list[str]
    rows: Any
    label: Any


def folder() -> Path:
    """The folder with the data."""
    path = os.environ.get("KHALA_JOBS_DATA")
    if not path:
        raise SystemExit("KHALA_JOBS_DATA must name the folder that holds labelled/, texts/ and embeddings/")
    return Path(path)


def _mrpc() -> Iterator[tuple[str, str, bool]]:
    with (folder() / "labelled" / "mrpc_train.txt").open(encoding="utf-8-sig") as lines:
        next(lines)
        for line in lines:
            label, _, _, one, two = line.rstrip("\n").split("\t")
            yield one, two, label == "1"


def _sts() -> Iterator[tuple[str, str, bool]]:
    for part in ("train", "dev"):
        with (folder() / "labelled" / f"sts-{part}.csv").open(encoding="utf-8") as lines:
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                yield fields[5], fields[6], float(fields[4]) >= 4.0


def pair_sets() -> Iterator[PairSet]:
    """MRPC (paraphrase or not) and STS-B (4 of 5 or more is the same)."""
    embedder = CachedEmbedder(MiniLmEmbedder())
    for name, read in (("MRPC", _mrpc), ("STS-B", _sts)):
        one, two, label = zip(*read(), strict=True)
        rows = embedder.embed([*one, *two])
        yield PairSet(name, [*one], [*two], rows[: len(one)], rows[len(one) :], np.array(label))


def _clinc() -> Iterator[tuple[str, str]]:
    parts = json.loads((folder() / "texts" / "clinc_data_full.json").read_text(encoding="utf-8"))
    for name, part in parts.items():
        if not name.startswith("oos"):
            yield from part


def _banking() -> Iterator[tuple[str, str]]:
    for part in ("train", "test"):
        with (folder() / "texts" / f"bank_{part}.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                yield row["text"], row["category"]


def text_sets() -> Iterator[TextSet]:
    """CLINC150 and BANKING77, as far as their vectors are there (a fixed three quarters)."""
    vectors = np.load(folder() / "embeddings" / "minilm_f16.npy").astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    row_of: dict[str, int] = {}
    with gzip.open(folder() / "embeddings" / "texts.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row, _, text = line.rstrip("\n").split("\t", 2)
            row_of.setdefault(text, int(row))
    for name, read in (("CLINC150", _clinc), ("BANKING77", _banking)):
        intent = {text: label for text, label in read() if text in row_of}
        texts = sorted(intent)
        numbers = {label: number for number, label in enumerate(sorted(set(intent.values())))}
        rows = vectors[[row_of[text] for text in texts]]
        yield TextSet(name, texts, rows, np.array([numbers[intent[text]] for text in texts]))
