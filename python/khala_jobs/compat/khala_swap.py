"""Put `khala_jobs.compat.khala` in the place of KHALA's two job modules.

Importing this module does it, once and before KHALA is imported: ``import khala_jobs.compat.khala_swap`` at the
top of a service, or ``pytest -p khala_jobs.compat.khala_swap`` for KHALA's own tests. To change KHALA itself,
make its two modules re-export from `khala_jobs.compat.khala` instead.
"""

from __future__ import annotations

import sys

from . import khala

REPLACED = (
    "khala.infrastructure.background.jobs.job_processor",
    "khala.infrastructure.background.scheduler",
)


def swap() -> None:
    """Register the replacement.

    Raises:
        ImportError: KHALA's own module was imported before, so that some of its classes are already in use.
    """
    for name in REPLACED:
        present = sys.modules.get(name)
        if present is not None and present is not khala:
            raise ImportError(
                f"{name} was imported before khala_jobs.compat.khala_swap: import the swap first"
            )
        sys.modules[name] = khala


swap()
