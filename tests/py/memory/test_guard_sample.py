"""No verdict of the guard changes unseen."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from khala_jobs.memory.guard import judge

SAMPLE = runpy.run_path(str(Path(__file__).with_name("guard_sample.py")))
STORED: dict[str, Any] = json.loads(SAMPLE["STORED"].read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def current() -> dict[str, Any]:
    found: dict[str, Any] = SAMPLE["summary"](judge)
    return found


def test_the_sample_is_large_and_has_every_kind_of_verdict(current: dict[str, Any]) -> None:
    assert sum(group["pairs"] for group in current.values()) > 8000
    assert {kind for group in current.values() for kind in group["kinds"]} == {
        "conflict", "distinct", "duplicate", "update",
    }  # fmt: skip


@pytest.mark.parametrize("group", STORED)
def test_every_verdict_is_the_one_of_the_sample(group: str, current: dict[str, Any]) -> None:
    assert current[group]["examples"] == STORED[group]["examples"]
    assert current[group] == STORED[group]


def test_no_group_is_missing_from_the_stored_sample(current: dict[str, Any]) -> None:
    assert list(current) == list(STORED)
