"""
The C++ core of khala_jobs. Private: use the Python modules.
"""

from __future__ import annotations

from khala_jobs.errors import Error

from . import engine, redis, similarity, text, vec

__all__: list[str] = ["Error", "engine", "redis", "similarity", "text", "vec"]
