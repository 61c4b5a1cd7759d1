"""
Vector kernels; see khala_jobs.similarity.
"""

from __future__ import annotations

import typing

import numpy
import numpy.typing

__all__: list[str] = [
    "BlockJoin",
    "Corpus",
    "Progress",
    "Rotation",
    "accessed_half_lives",
    "check_rows",
    "decay_scores",
    "fit_rotation",
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

class Rotation:
    def __init__(self, directions: typing.Any, centre: typing.Any) -> None: ...
    @property
    def centre(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def directions(self) -> numpy.typing.NDArray[numpy.float32]: ...

class Corpus:
    def __init__(
        self,
        matrix: typing.Any,
        *,
        groups: typing.Any = None,
        report_faulty: bool = False,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
        isa: str = "auto",
        rotation: Rotation | None = None,
        first_slots: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    @property
    def faults(self) -> list: ...
    @property
    def matrix(self) -> typing.Any: ...

class BlockJoin:
    def __init__(
        self,
        matrix: typing.Any,
        threshold: typing.SupportsFloat | typing.SupportsIndex,
        *,
        groups: typing.Any = None,
        collapse_copies: bool = False,
        report_faulty: bool = False,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
        isa: str = "auto",
        method: str = "auto",
        rotation: Rotation | None = None,
        first_slots: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def run(
        self,
        first: typing.SupportsInt | typing.SupportsIndex,
        last: typing.SupportsInt | typing.SupportsIndex,
        *,
        max_pairs: typing.SupportsInt | typing.SupportsIndex = 10000000,
        progress: Progress | None = None,
    ) -> tuple: ...
    @property
    def blocks(self) -> int: ...
    @property
    def fingerprint(self) -> int: ...

def accessed_half_lives(
    base: typing.Any, access_count: typing.Any
) -> numpy.typing.NDArray[numpy.float64]: ...
def check_rows(matrix: typing.Any) -> tuple: ...
def decay_scores(
    importance: typing.Any, age: typing.Any, half_life: typing.Any, *, khala_compat: bool
) -> tuple: ...
def fit_rotation(
    matrix: typing.Any, *, width: typing.SupportsInt | typing.SupportsIndex = 0, isa: str = "auto"
) -> Rotation: ...
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
    method: str = "auto",
    rotation: Rotation | None = None,
    first_slots: typing.SupportsInt | typing.SupportsIndex = 0,
    slack: typing.SupportsFloat | typing.SupportsIndex = 1.0,
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
    method: str = "auto",
    rotation: Rotation | None = None,
    first_slots: typing.SupportsInt | typing.SupportsIndex = 0,
    slack: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    cells: typing.SupportsInt | typing.SupportsIndex = 0,
) -> tuple: ...
