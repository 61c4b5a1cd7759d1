from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from khala_jobs.memory.frame import NO_TIME_US, FrameBuilder, frame_of
from khala_jobs.memory.model import Tier


def test_columns_hold_what_the_memories_say(lab: Any) -> None:
    memories = [
        lab.memory("a", tier=Tier.LONG_TERM, importance=0.25, access_count=3, embedding=[1, 0], model_id="x"),
        lab.memory("b", "  ", expires_us=7, decay_score=0.5, archived=True, pinned=True, scope="s"),
        lab.memory("c", consolidated_from=("a",), duplicate_flag={"of": "a"}, embedding=[0, 1, 0]),
        lab.memory("d", embedding=[0, 2]),
    ]
    frame = frame_of(memories)
    assert len(frame) == 4
    assert frame.ids == ("a", "b", "c", "d")
    assert frame.scopes == (None, "s", None, None)
    assert frame.models == ("x", None, None, None)
    assert frame.flags == (None, None, {"of": "a"}, None)
    assert [frame.tier_of(row) for row in range(2)] == [Tier.LONG_TERM, Tier.WORKING]
    assert frame.blank.tolist() == [False, True, False, False]
    assert frame.expires_us.tolist()[:2] == [NO_TIME_US, 7]
    assert np.isnan(frame.decay_score[0])
    assert frame.decay_score[1] == 0.5
    assert (frame.archived.tolist(), frame.pinned.tolist()) == ([False, True, False, False],) * 2
    assert frame.consolidated.tolist() == [False, False, True, False]
    assert frame.dim.tolist() == [2, 0, 3, 2]
    assert frame.vector(0).tolist() == [1, 0]
    assert frame.vector(1) is None
    assert frame.vector(2).tolist() == [0, 1, 0]
    assert frame.matrix(np.array([3, 0])).tolist() == [[0, 2], [1, 0]]


def test_all_rows_of_a_dimension_are_not_copied(lab: Any) -> None:
    frame = frame_of([lab.memory(str(n), embedding=[n + 1, 0]) for n in range(3)])
    whole = frame.matrix(np.arange(3))
    assert whole is frame.matrices[2]
    assert whole.dtype == np.float32
    assert whole.flags.c_contiguous


def test_pages_add_up(lab: Any) -> None:
    memories = [lab.memory(str(n), embedding=[n + 1, 0]) for n in range(5)]
    builder = FrameBuilder()
    builder.add(memories[:2])
    builder.add(memories[2:])
    assert len(builder) == 5
    assert builder.build().digest() == frame_of(memories).digest()


def test_an_empty_frame(lab: Any) -> None:
    frame = frame_of([])
    assert len(frame) == 0
    assert frame.importance.shape == (0,)
    assert len(frame.digest()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"content": "other"},
        {"importance": 0.6},
        {"access_count": 1},
        {"tier": Tier.LONG_TERM},
        {"pinned": True},
        {"archived": True},
        {"scope": "s"},
        {"model_id": "x"},
        {"expires_us": 5},
        {"decay_score": 0.1},
        {"embedding": [0, 1]},
        {"consolidated_from": ("z",)},
        {"duplicate_flag": {"of": "z"}},
    ],
)
def test_the_digest_sees_every_change_of_an_input(lab: Any, change: dict[str, Any]) -> None:
    base = {"content": "text", "embedding": [1, 0]}
    assert (
        frame_of([lab.memory("a", **base)]).digest()
        != frame_of([lab.memory("a", **{**base, **change})]).digest()
    )
