from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import numpy as np
import pytest

from khala_jobs.memory import MemoryView, SqliteMemoryRepository, read_memory, write_memory
from khala_jobs.memory.codec import DecayedScore, new_memory, read_memories, view_of
from khala_jobs.memory.model import BadMemory, Tier
from khala_jobs.memory.ports import MemoryPort, capabilities


def test_reading_khala_s_shape(lab: Any) -> None:
    native = lab.foreign(
        "a",
        tier=lab.ForeignTier.LONG_TERM,
        importance=lab.ForeignScore(0.7),
        embedding=lab.ForeignVector([0.1, 0.2], "m", "2"),
        scope="work",
        access_count=3,
        verification_score=0.4,
        confidence=0.6,
        is_archived=True,
        decay_score=lab.ForeignScore(0.2),
        metadata={
            "pinned": True,
            "expires_at": "2025-06-02T00:00:00Z",
            "duplicate_of": "b",
            "consolidated_into": "c",
            "consolidated_from": ["d"],
            "duplicate_flag": {"of": "e"},
            "mine": 1,
        },
    )
    memory, issues = read_memory(native)
    assert issues == []
    assert (memory.id, memory.user_id, memory.scope, memory.model_id) == ("a", "ada", "work", "m@2")
    assert (memory.tier, memory.importance, memory.access_count) == (Tier.LONG_TERM, 0.7, 3)
    assert (memory.verification_score, memory.confidence, memory.archived, memory.decay_score) == (
        0.4,
        0.6,
        True,
        0.2,
    )
    assert (memory.pinned, memory.duplicate_of, memory.consolidated_into) == (True, "b", "c")
    assert (memory.consolidated_from, memory.duplicate_flag) == (("d",), {"of": "e"})
    assert memory.created_us == lab.now_us - lab.day_us
    assert memory.expires_us == lab.now_us + lab.day_us // 2
    assert memory.embedding.tolist() == np.array([0.1, 0.2], dtype=np.float32).tolist()
    assert isinstance(native, MemoryPort)


def test_our_own_pass_through(lab: Any) -> None:
    memory = lab.memory()
    assert read_memory(memory)[0] is memory
    assert write_memory(memory, {"archived": True}).archived
    assert new_memory(memory, lab.memory("other")) is memory


def test_a_bad_vector_costs_the_vector_not_the_memory(lab: Any) -> None:
    memory, issues = read_memory(lab.foreign("a", embedding=lab.ForeignVector([float("nan")])))
    assert memory.embedding is None
    assert [issue.to_json() for issue in issues] == [
        {"where": "a", "field": "embedding", "reason": "holds NaN or infinity"}
    ]


def test_a_vector_may_be_a_plain_list_and_a_score_a_plain_number(lab: Any) -> None:
    native = SimpleNamespace(
        **{
            **vars(lab.foreign("a")),
            "embedding": [1.0, 2.0],
            "tier": "working",
            "importance": 0.5,
            "decay_score": 0.1,
        }
    )
    memory, _ = read_memory(native)
    assert memory.embedding.tolist() == [1, 2]
    assert memory.model_id is None
    assert memory.decay_score == 0.1


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"created_at": "yesterday"}, "created_at", "not a datetime"),
        ({"tier": SimpleNamespace(value="attic")}, "tier", "attic"),
        ({"importance": SimpleNamespace(value=2)}, "importance", "outside 0..1"),
        ({"metadata": {"expires_at": "soon"}}, "expires_at", "RFC 3339"),
        ({"content": 5}, "content", "not a text"),
    ],
)
def test_what_cannot_be_read_is_named(lab: Any, fields: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(BadMemory, match=reason) as caught:
        read_memory(lab.foreign("a", **fields))
    assert caught.value.field == field


def test_a_missing_attribute_is_named() -> None:
    read, issues = read_memories([SimpleNamespace(id="x"), object()])
    assert read == []
    assert [(issue.where, issue.field) for issue in issues] == [("x", "user_id"), ("?", "id")]


def test_expiry_as_a_datetime(lab: Any) -> None:
    moment = datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert read_memory(lab.foreign("a", metadata={"expires_at": moment}))[0].expires_us == lab.now_us


def test_writing_keeps_types_and_what_we_do_not_know(lab: Any) -> None:
    native = lab.foreign("a", tags=["x"], metadata={"mine": 1})
    changed = write_memory(
        native,
        {
            "tier": "long_term",
            "importance": 0.9,
            "archived": True,
            "updated_us": lab.now_us,
            "decay_score": 0.25,
            "duplicate_of": "b",
            "duplicate_flag": {"of": "b"},
            "content": "new",
        },
    )
    assert changed is not native
    assert native.tier == lab.ForeignTier.WORKING
    assert native.metadata == {"mine": 1}
    assert changed.tier is lab.ForeignTier.LONG_TERM
    assert changed.importance == lab.ForeignScore(0.9)
    assert changed.is_archived is True
    assert changed.updated_at == datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert changed.decay_score == DecayedScore(0.25)
    assert changed.metadata == {"mine": 1, "duplicate_of": "b", "duplicate_flag": {"of": "b"}}
    assert (changed.content, changed.tags) == ("new", ["x"])
    back = write_memory(changed, {"duplicate_of": None, "duplicate_flag": None, "decay_score": None})
    assert back.metadata == {"mine": 1}
    assert back.decay_score is None
    again = write_memory(write_memory(native, {"decay_score": 0.1}), {"decay_score": 0.2})
    assert again.decay_score == DecayedScore(0.2)


def test_writing_to_an_object_that_is_no_dataclass(lab: Any) -> None:
    native = SimpleNamespace(**vars(lab.foreign("a")))
    changed = write_memory(native, {"archived": True})
    assert changed.is_archived
    assert not native.is_archived
    with pytest.raises(BadMemory, match="cannot be written"):
        write_memory(native, {"access_count": 3})


def test_a_new_memory_of_the_application_s_kind(lab: Any) -> None:
    like = lab.foreign("a", embedding=lab.ForeignVector([1.0], "m", "2"))
    ours = lab.memory(
        "s",
        tier="long_term",
        importance=0.8,
        scope="work",
        embedding=[0.5],
        consolidated_from=("a", "b"),
        expires_us=lab.now_us,
        metadata={"k": 1},
    )
    made = new_memory(ours, like)
    assert type(made) is type(like)
    assert made.embedding == lab.ForeignVector([0.5], "m", "2")
    assert made.metadata == {
        "k": 1,
        "consolidated_from": ["a", "b"],
        "expires_at": "2025-06-01T12:00:00+00:00",
    }
    again, _ = read_memory(made)
    for name in (
        "id",
        "user_id",
        "content",
        "tier",
        "importance",
        "scope",
        "consolidated_from",
        "expires_us",
        "created_us",
    ):
        assert getattr(again, name) == getattr(ours, name), name
    assert new_memory(lab.memory("t", embedding=[0.5]), lab.foreign("a")).embedding is None
    bare = new_memory(lab.memory("t", embedding=[0.5]), lab.foreign("a", embedding=[1.0]))
    assert bare.embedding == [0.5]


def test_a_view_has_khala_s_names(lab: Any) -> None:
    view = MemoryView(lab.memory("a", age_days=2, decay_score=0.5, metadata={"category": "pets"}), lab.now_us)
    assert isinstance(view, MemoryPort)
    assert (view.tier.name, view.importance.value, view.category) == ("WORKING", 0.5, "pets")
    assert view.get_age_hours() == view._get_age_hours() == 48
    assert view.decay_score.value == 0.5
    assert MemoryView(lab.memory("a", age_days=-2), lab.now_us).get_age_hours() == 0
    native = lab.foreign("a")
    assert view_of(native, read_memory(native)[0], 0) is native
    assert isinstance(view_of(lab.memory(), lab.memory(), 0), MemoryView)


def test_capabilities_of_the_embedded_repository(repository: SqliteMemoryRepository) -> None:
    faces = capabilities(repository)
    assert all(
        getattr(faces, name) is repository
        for name in ("paged", "users", "counting", "batch", "planning", "cache")
    )


def test_capabilities_of_a_plain_repository(lab: Any) -> None:
    faces = capabilities(lab.ForeignRepository())
    assert all(
        getattr(faces, name) is None for name in ("paged", "users", "counting", "batch", "planning", "cache")
    )


def test_a_mock_has_only_what_it_was_given() -> None:
    mock = AsyncMock()
    assert capabilities(mock).paged is None
    mock.list_users = AsyncMock()
    assert capabilities(mock).users is mock
