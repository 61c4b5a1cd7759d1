"""The benchmark's set: contradictions, paraphrases and other pairs, and their cosines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt

from khala_jobs.memory.embed import Embedder, embed_distinct
from similarity.guard_contradictions import CONTRADICTIONS
from similarity.guard_paraphrases import PARAPHRASES
from similarity.guard_sources import Pair, is_sealed, labelled_pairs, sentences
from similarity.wordnet import WordNet

__all__ = ["build", "cosines"]

_CORPORA_IN_TURN: Final = ("msc", "locomo", "sts", "clinc", "mrpc", "wiki", "bank")


def build(data: Path, words: WordNet, per_class: int, seed: int = 7) -> list[Pair]:
    """Make the whole set, the same for the same seed.

    Args:
        data: Directory of the corpora.
        words: WordNet.
        per_class: Most pairs of one made class in the tuning part, and in the sealed part.
        seed: Of the dice.
    """
    pairs = list(labelled_pairs(data))
    ordered = _in_turn(sentences(data), seed)
    for label, makers in (("contradiction", CONTRADICTIONS), ("paraphrase", PARAPHRASES)):
        for kind, make in makers.items():
            made: Counter[bool] = Counter()
            for text in ordered:
                sealed = is_sealed(text)
                if made[sealed] >= per_class:
                    if made[not sealed] >= per_class:
                        break
                    continue
                dice = Random(hashlib.sha256(f"{seed} {kind} {text}".encode()).digest())
                found = make(text, dice, words)
                if found is not None and found[0] != found[1]:
                    pairs.append(Pair(label, kind, text, *found))
                    made[sealed] += 1
    return pairs


def _in_turn(found: Sequence[tuple[str, str]], seed: int) -> list[str]:
    """Sentences shuffled, the corpora taking turns, so that none fills a class alone."""
    by_corpus: dict[str, list[str]] = {corpus: [] for corpus in _CORPORA_IN_TURN}
    for corpus, text in found:
        by_corpus[corpus].append(text)
    for texts in by_corpus.values():
        Random(seed).shuffle(texts)
    longest = max(map(len, by_corpus.values()))
    return [texts[at] for at in range(longest) for texts in by_corpus.values() if at < len(texts)]


def cosines(pairs: Sequence[Pair], embedder: Embedder) -> npt.NDArray[np.float64]:
    """Cosine of every pair, float64 [n]."""
    rows = embed_distinct(embedder, [text for pair in pairs for text in (pair.a, pair.b)])
    return np.einsum("ij,ij->i", rows[0::2].astype(np.float64), rows[1::2].astype(np.float64))
