"""
Redis servers beside the job store: rights, library, raw commands.
"""

from __future__ import annotations

import collections.abc

__all__: list[str] = ["Link", "acl_line", "library"]

class Link:
    """
    One connection, of one thread at a time.
    """
    def __init__(self, url: str) -> None: ...
    def call(self, commands: collections.abc.Sequence[collections.abc.Sequence[str]]) -> list:
        """
        Send commands at once; an answer each: bytes, int, None, a list, or the exception that an error reply is.
        """

def acl_line(user: str, prefix: str, *, may_load: bool, may_read_config: bool) -> str:
    """
    The ACL SETUSER command of a user with the least rights.
    """

def library() -> str:
    """
    The function library, for FUNCTION LOAD.
    """
