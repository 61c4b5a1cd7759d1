"""Text to vectors: the embedder port.

An *embedder* turns texts into unit rows; everything behind it (join, clusters, guard) only ever sees the
rows.
Three things satisfy the port here, and a user's own object may as well:

* ``MiniLmEmbedder`` (embed_minilm.py): all-MiniLM-L6-v2 as an int8 ONNX model on the CPU, 384 dimensions.
* ``LexicalEmbedder`` (embed_lexical.py): hashed word and character n-grams. It needs nothing, knows no
  meaning, and finds re-worded duplicates only as far as the words themselves survive.
* ``CachedEmbedder`` (embed_cache.py): either of them in front of a directory of vectors already computed.

Rules every embedder keeps: rows are finite and of length one; the same text gives the same row in every
process; ``model_id`` changes whenever rows of two versions must not be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["Embedder", "EmbedderUnavailable", "FloatMatrix", "Progress", "embed_distinct"]

FloatMatrix = npt.NDArray[np.float32]

Progress = Callable[[int, int], None]
"""Called with (texts done, texts in all); from the embedding thread, never more often than once a batch."""


@runtime_checkable
class Embedder(Protocol):
    """What the memory jobs need of an embedding model."""

    @property
    def model_id(self) -> str:
        """Names the model and its version; rows are compared only under one id."""

    @property
    def dim(self) -> int:
        """Columns of a row; an answer with rows of another length is not used."""

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> FloatMatrix:
        """Embed texts.

        Args:
            texts: n texts; an empty one is allowed and gets a row like any other.
            progress: Told how far the work is.

        Returns:
            C-contiguous float32 [n, dim], rows of length one, in the order of ``texts``.
        """


class EmbedderUnavailable(RuntimeError):
    """An embedder cannot be had on this machine; the message is one line that says what is missing."""


def embed_distinct(embedder: Embedder, texts: Sequence[str], progress: Progress | None = None) -> FloatMatrix:
    """Embed each distinct text once and give every repeat the very same row.

    Args:
        embedder: Who embeds.
        texts: n texts, repeats allowed.
        progress: Told about distinct texts.

    Returns:
        float32 [n, embedder.dim].
    """
    position: dict[str, int] = {}
    rows = np.fromiter(
        (position.setdefault(text, len(position)) for text in texts), dtype=np.intp, count=len(texts)
    )
    return embedder.embed(list(position), progress)[rows]
