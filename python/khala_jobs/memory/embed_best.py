"""The choice of an embedder."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .embed import Embedder, EmbedderUnavailable
from .embed_lexical import LexicalEmbedder
from .embed_minilm import MiniLmEmbedder

__all__ = ["best_embedder"]


def best_embedder(say: Callable[[str], None] | None = None, *, threads: int = 2) -> Embedder:
    """The best embedder this machine has: MiniLM, or else the lexical one.

    Args:
        say: Told in one line when the lexical embedder is taken, and why. Default: a warning in this
            module's logger.
        threads: Threads the model may use.

    Returns:
        An embedder that is ready to use.
    """
    try:
        return MiniLmEmbedder(threads=threads)
    except EmbedderUnavailable as reason:
        line = (
            f"sentence model not used ({reason}): the lexical embedder stands in, it finds fewer paraphrases"
        )
        (say or logging.getLogger(__name__).warning)(line)
        return LexicalEmbedder()
