"""``python -m khala_jobs.cli``."""

from __future__ import annotations

from . import main

main(prog_name="khala-jobs")
