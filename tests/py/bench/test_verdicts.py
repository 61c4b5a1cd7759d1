"""Real rounds, small ones: ours, huey, and an engine with planted faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peers import measure
from peers.cases import CASES
from peers.measure import take

FREE: dict[str, Any] = {"scale": 0.0, "cores": (None, None)}  # 0 = the smallest round there is
SQLITE = "sqlite:///{path}?synchronous=normal"


@pytest.mark.parametrize("case", ["W1", "W2", "W3-1000", "W4-100", "W5", "W7", "W11"])
def test_ours(engine: Callable[..., measure.Engine], case: str) -> None:
    figures = take(engine("ours", "peers.adapters.ours"), CASES[case], url=SQLITE, **FREE)
    assert figures["jobs"] >= 50
    assert figures["exact"], figures
    assert figures.get("strict", True)
    assert figures.get("extra_runs", 0) == 0


def test_ours_delayed(engine: Callable[..., measure.Engine]) -> None:
    figures = take(engine("ours", "peers.adapters.ours"), CASES["W10"], url=SQLITE, **FREE)
    assert figures["exact"], figures
    assert figures["earliest_ms"] <= 1.0


@pytest.mark.parametrize("case", ["W1", "W2", "W4-100", "W4-100-dropped", "W5", "W7"])
def test_huey(engine: Callable[..., measure.Engine], case: str) -> None:
    figures = take(engine("huey", "peers.adapters.huey"), CASES[case], **FREE)
    assert figures["exact"], figures
    assert figures.get("strict", True)
    if case in ("W1", "W4-100"):
        assert figures["commands"] > 0
        assert figures["server_us"] > 0


def test_an_engine_without_faults_is_exact(engine: Callable[..., measure.Engine]) -> None:
    planted = engine("planted", "planted_engine")
    assert take(planted, CASES["W4-100"], **FREE)["exact"]
    assert take(planted, CASES["W1"], **FREE)["exact"]
    idle = take(planted, CASES["W15"], **FREE)
    assert idle["commands_per_s"] < 2


@pytest.mark.parametrize(
    ("fault", "found"),
    [("loss", {"lost": 1}), ("double", {"twice": 1, "extra_runs": 1}), ("stuck", {"left": 1})],
)
def test_a_planted_fault_is_found(
    engine: Callable[..., measure.Engine], monkeypatch: pytest.MonkeyPatch, fault: str, found: dict[str, int]
) -> None:
    monkeypatch.setattr(measure, "STALLED", 2.0)
    figures = take(engine("planted", "planted_engine", PLANT=fault), CASES["W4-100"], **FREE)
    assert not figures["exact"]
    for key in ("lost", "twice", "left"):
        assert figures[key] == found.get(key, 0), figures
    assert figures["extra_runs"] == found.get("extra_runs", -1 if fault == "loss" else 0)


def test_an_enqueue_that_stores_nothing_is_found(engine: Callable[..., measure.Engine]) -> None:
    figures = take(engine("planted", "planted_engine", PLANT="unstored"), CASES["W1"], **FREE)
    assert figures["lost"] == 1
    assert not figures["exact"]


def test_a_worker_that_dies_is_an_error_with_its_last_words(engine: Callable[..., measure.Engine]) -> None:
    broken = engine("planted", "planted_engine", PYTHONHASHSEED="wrong")
    with pytest.raises(RuntimeError, match="PYTHONHASHSEED"):
        take(broken, CASES["W4-100"], **FREE)
