"""Pytest plugin with the fixture ``jobs_testing``; the package's entry point loads it. Imports late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from . import JobsTesting


@pytest.fixture
def jobs_testing() -> type[JobsTesting]:
    """Give tests `JobsTesting`."""
    from . import JobsTesting

    return JobsTesting
