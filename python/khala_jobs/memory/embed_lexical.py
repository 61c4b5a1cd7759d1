"""An embedder of our own that needs no model: signed hashing of word and character n-grams.

Features of a text are its words, its pairs of neighbouring words and the character trigrams of its words. A
feature's CRC-32 picks two of the dimensions and a sign for each (feature hashing: Weinberger et al., 2009,
"Feature Hashing for Large Scale Multitask Learning"), so that no vocabulary has to be learnt, stored or
agreed upon and the row of a text depends on that text alone. Counts are damped by a square root; there is
no corpus, hence no inverse document frequency, and the commonest function words are damped by a fixed list
instead.

The rows say how many words and word parts two texts share, in about the same order. They say nothing about
meaning: "I like tea" and "I dislike tea" are neighbours, "car" and "automobile" are not.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from .embed import FloatMatrix, Progress

__all__ = ["LexicalEmbedder"]

_WORD: Final = re.compile(r"\w+", re.UNICODE)
_COMMON_WORDS: Final = """
    a an the and or of to in on at for with by from as is are was were be been am do does did has have had
    that this it its i me my you your he she they we his her their our user
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())
_WORD_WEIGHT: Final = 1.0
_COMMON_WEIGHT: Final = 0.25
_PAIR_WEIGHT: Final = 0.5
_TRIGRAM_WEIGHT: Final = 0.35
_PROBES: Final = 2  # dimensions a feature touches: one collision then costs half as much
_BATCH: Final = 512


class LexicalEmbedder:
    """Deterministic hashed n-grams, 384 dimensions by default.

    Args:
        dim: Columns, 32 to 65,536.

    Raises:
        ValueError: ``dim`` is out of range.
    """

    def __init__(self, dim: int = 384) -> None:
        if not 32 <= dim <= 65_536:
            raise ValueError(f"dim must be 32..65536, got {dim}")
        self._dim = dim

    @property
    def model_id(self) -> str:
        """Version of the scheme and the width: rows of other versions are not comparable."""
        return f"khala-lexical-v1-{self._dim}"

    @property
    def dim(self) -> int:
        """Columns of a row."""
        return self._dim

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> FloatMatrix:
        """Embed texts; see ``Embedder.embed``."""
        out = np.zeros((len(texts), self._dim), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            for row, text in enumerate(batch, start):
                self._fill(out[row], text)
            if progress is not None:
                progress(start + len(batch), len(texts))
        return out

    def _fill(self, row: np.ndarray[tuple[int, ...], np.dtype[np.float32]], text: str) -> None:
        weights: dict[bytes, float] = {}
        counts: dict[bytes, int] = {}
        for feature, weight in _features(text):
            weights[feature] = weight
            counts[feature] = counts.get(feature, 0) + 1
        hashes = np.fromiter(
            (
                zlib.crc32(feature, probe * 0x9E3779B9 & 0xFFFFFFFF)
                for probe in range(_PROBES)
                for feature in weights
            ),
            dtype=np.uint64,
            count=_PROBES * len(weights),
        )
        # CRC is linear in its input; a multiplicative mix breaks that before bits are used as an index.
        mixed = hashes * np.uint64(0x9E3779B97F4A7C15)
        columns = ((mixed >> np.uint64(32)) % np.uint64(self._dim)).astype(np.intp)
        signs = np.where((mixed >> np.uint64(63)).astype(bool), 1.0, -1.0)
        amounts = np.array([weights[feature] * counts[feature] ** 0.5 for feature in weights])
        values = np.bincount(columns, weights=signs * np.tile(amounts, _PROBES), minlength=self._dim)
        norm = float(np.sqrt(values @ values))
        if norm > 0.0:
            row[:] = values / norm
        else:  # every feature cancelled out: still a unit row, the same for all such texts
            row[0] = 1.0


def _features(text: str) -> Iterator[tuple[bytes, float]]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    yield b"\x00bias", 1e-6  # the only feature of a text without words
    previous = ""
    for word in words:
        common = word in _COMMON
        yield b"w" + word.encode("utf-8", "surrogatepass"), _COMMON_WEIGHT if common else _WORD_WEIGHT
        if previous:
            yield b"p" + f"{previous} {word}".encode("utf-8", "surrogatepass"), _PAIR_WEIGHT
        if not common:
            marked = f"^{word}$"
            for at in range(len(marked) - 2):
                yield b"t" + marked[at : at + 3].encode("utf-8", "surrogatepass"), _TRIGRAM_WEIGHT
        previous = word
