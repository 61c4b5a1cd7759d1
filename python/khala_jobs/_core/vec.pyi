"""
Vector kernels; see khala_jobs.similarity.
"""

from __future__ import annotations

import typing

import numpy
import numpy.typing

__all__: list[str] = [
    "Progress",
    "accessed_half_lives",
    "check_rows",
    "decay_scores",
    "isa",
    "match_rows",
    "pair_cosines",
    "pair_set_hash",
    "self_join",
]

class Progress:
    def __init__(self) -> None: ...
    def cancel(self) -> None: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...

def accessed_half_lives(
    base: typing.Any, access_count: typing.Any
) -> numpy.typing.NDArray[numpy.float64]: ...
def check_rows(matrix: typing.Any) -> tuple: ...
def decay_scores(
    importance: typing.Any, age: typing.Any, half_life: typing.Any, *, khala_compat: bool
) -> tuple: ...
def isa() -> str: ...
def match_rows(
    queries: typing.Any,
    matrix: typing.Any,
    threshold: typing.SupportsFloat | typing.SupportsIndex,
    *,
    query_groups: typing.Any = None,
    groups: typing.Any = None,
    best: typing.SupportsInt | typing.SupportsIndex = 0,
    max_pairs: typing.SupportsInt | typing.SupportsIndex = 10000000,
    report_faulty: bool = False,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    isa: str = "auto",
    progress: Progress | None = None,
) -> tuple: ...
def pair_cosines(
    matrix: typing.Any, left: typing.Any, right: typing.Any
) -> numpy.typing.NDArray[numpy.float64]: ...
def pair_set_hash(left: typing.Any, right: typing.Any) -> int: ...
def self_join(
    matrix: typing.Any,
    threshold: typing.SupportsFloat | typing.SupportsIndex,
    *,
    groups: typing.Any = None,
    max_pairs: typing.SupportsInt | typing.SupportsIndex = 10000000,
    collapse_copies: bool = False,
    report_faulty: bool = False,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    isa: str = "auto",
    progress: Progress | None = None,
) -> tuple: ...
