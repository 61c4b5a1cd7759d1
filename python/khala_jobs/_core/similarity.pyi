"""
Clusters and intake; see khala_jobs.similarity.
"""

from __future__ import annotations

import typing

import numpy
import numpy.typing
import typing_extensions

import khala_jobs._core.vec

__all__: list[str] = [
    "checksum",
    "complete_clusters",
    "component_clusters",
    "inner_pairs",
    "read_json",
    "read_json_rows",
    "read_lists",
    "star_clusters",
]

def checksum(buffer: typing_extensions.Buffer) -> int: ...
def complete_clusters(
    left: typing.Any,
    right: typing.Any,
    cosine: typing.Any,
    rank: typing.Any,
    representative: typing.Any = None,
) -> numpy.typing.NDArray[numpy.int64]: ...
def component_clusters(
    left: typing.Any,
    right: typing.Any,
    cosine: typing.Any,
    rank: typing.Any,
    representative: typing.Any = None,
) -> numpy.typing.NDArray[numpy.int64]: ...
def inner_pairs(
    matrix: typing.Any,
    canonical: typing.Any,
    threshold: typing.SupportsFloat | typing.SupportsIndex,
    *,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    isa: str = "auto",
    progress: khala_jobs._core.vec.Progress | None = None,
) -> tuple: ...
def read_json(
    text: typing.Any, dim: typing.SupportsInt | typing.SupportsIndex | None = None, *, field: str = "vectors"
) -> tuple: ...
def read_json_rows(
    texts: list, dim: typing.SupportsInt | typing.SupportsIndex | None = None, *, field: str = "vectors"
) -> tuple: ...
def read_lists(vectors: list, dim: typing.SupportsInt | typing.SupportsIndex | None = None) -> tuple: ...
def star_clusters(
    left: typing.Any,
    right: typing.Any,
    cosine: typing.Any,
    rank: typing.Any,
    representative: typing.Any = None,
) -> tuple: ...
