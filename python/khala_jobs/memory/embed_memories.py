"""Vectors for what has none while a job runs: memories without one, and summaries.

An embedder is the application's: what it answers is looked at, and if it is of no use nothing gets a vector of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from khala_jobs.errors import InvalidArgument

from .asked import Unanswered, ask
from .consolidation import Clusters, Summary
from .embed import Embedder
from .facts import complete
from .frame import Frame
from .model import Memory, Vector, check_vector
from .plan import Issue

__all__ = ["embed_missing", "embed_summaries"]


async def embed_missing(
    embedder: Embedder | None, memories: Sequence[Memory]
) -> tuple[list[Memory], int, Issue | None]:
    """Give memories without a vector one for the duration of the run; nothing is stored.

    Args:
        embedder: Makes them, if there is one.
        memories: With and without vectors.

    Returns:
        The memories, how many got a vector, and why none did.
    """
    lacking = [
        at for at, memory in enumerate(memories) if memory.embedding is None and memory.content.strip()
    ]
    out = list(memories)
    if embedder is None or not lacking:
        return out, 0, None

    def embedded() -> list[Memory]:
        vectors = _vectors(embedder, [memories[at].content for at in lacking])
        model = embedder.model_id
        rows = zip(lacking, vectors, strict=True)
        return [replace(memories[at], embedding=vector, model_id=model) for at, vector in rows]

    answer = await asyncio.to_thread(ask, embedded)
    if isinstance(answer, Unanswered):
        reason = f"{len(lacking)} memories: {answer.reason}"
        return out, 0, Issue(memories[lacking[0]].id, "embedder", reason)
    for at, memory in zip(lacking, answer, strict=True):
        out[at] = memory
    return out, len(lacking), None


async def embed_summaries(
    embedder: Embedder | None, frame: Frame, clusters: Clusters, summaries: Mapping[str, Summary]
) -> dict[str, Summary]:
    """Vectors of the completed texts, where the embedder is the model of the sources.

    Args:
        embedder: Makes them; without one, or if it fails, a summary gets the mean of its sources and says so.
        frame: The frame the clusters came from.
        clusters: What is summarised.
        summaries: By cluster id, one each.
    """
    if embedder is None:
        return dict(summaries)

    def embedded() -> dict[str, Vector]:
        model = embedder.model_id
        texts = {
            cluster.id: complete(summaries[cluster.id].text, [frame.contents[row] for row in cluster.rows])[0]
            for cluster in clusters.clusters
            if summaries[cluster.id].error is None and frame.models[cluster.rows[0]] == model
        }
        return dict(zip(texts, _vectors(embedder, list(texts.values())), strict=True)) if texts else {}

    answer = await asyncio.to_thread(ask, embedded)
    vectors = {} if isinstance(answer, Unanswered) else answer
    return {key: replace(summary, embedding=vectors.get(key)) for key, summary in summaries.items()}


def _vectors(embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
    """What an embedder answers to some texts (one at least), each a usable vector of the embedder's dimension.

    Vectors of other lengths would put equal texts into partitions of their own, where nothing compares them.
    """
    vectors = [check_vector(vector) for vector in embedder.embed(texts)]
    if len(vectors) != len(texts):
        raise InvalidArgument("embedder", f"gave {len(vectors)} vectors for {len(texts)} texts")
    dim = getattr(embedder, "dim", vectors[0].size)
    other = next((vector.size for vector in vectors if vector.size != dim), None)
    if other is not None:
        raise InvalidArgument("embedder", f"gave a vector of {other} numbers instead of {dim}")
    return vectors
