"""
Reading and judging texts; see khala_jobs.memory.guard.
"""

from __future__ import annotations

import collections.abc
import typing

__all__: list[str] = [
    "Features",
    "Guard",
    "MAX_CHARS",
    "MAX_ITEMS",
    "SIMILARITY_FLOOR",
    "judge",
    "same_stem",
    "unread",
]

class Features:
    @property
    def text(self) -> str: ...
    @property
    def too_long(self) -> bool: ...

class Guard:
    def __init__(
        self,
        lists: dict,
        *,
        piece: collections.abc.Callable,
        scan: collections.abc.Callable,
        measured: collections.abc.Callable,
        spelled: collections.abc.Callable,
    ) -> None: ...
    def analyse(self, text: str, shouts: bool) -> Features: ...
    def base(self, word: str) -> str: ...
    def exclusive(self, one: str, other: str) -> bool: ...
    def opposite(self, one: str, other: str) -> bool: ...
    def same(self, one: str, other: str) -> bool: ...
    def tokens(self, text: str, shouts: bool) -> list: ...

def judge(a: Features, b: Features, cosine: typing.SupportsFloat | typing.SupportsIndex) -> typing.Any: ...
def same_stem(one: str, other: str) -> bool: ...
def unread(text: str) -> Features: ...

MAX_CHARS: int = 20000
MAX_ITEMS: int = 2000
SIMILARITY_FLOOR: float = 0.5
