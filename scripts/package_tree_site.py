"""Becomes sitecustomize.py of a tree that holds the package with a _core of its own (build/<preset>/python).

The editable install puts a finder before everything on PYTHONPATH; without this, such a tree would not be used.
"""

from __future__ import annotations

import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__name__.startswith("ScikitBuild")]
