"""examples/load_public_corpora.py, on two tiny files of the right shape."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from khala_jobs.memory.io import memory_of_record
from khala_jobs.memory.times import format_time

LOCOMO = [
    {
        "sample_id": "conv-1",
        "conversation": {"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": []},
        "observation": {
            "session_1_observation": {
                "Ada": [["Ada keeps bees.", "D1:3"], ["Ada sells honey.", "D1:4"]],
                "Ben": [["Ben dislikes honey.", "D1:7"]],
            },
            "notes": {},
        },
    }
]
MSC = {"train": [{"Speaker 1": ["I like tea.", "I am tall."], "Speaker 2": ["I like tea."], "in_dataset": 0}]}


@pytest.fixture
def example() -> ModuleType:
    path = Path(__file__).parents[3] / "examples" / "load_public_corpora.py"
    spec = importlib.util.spec_from_file_location("load_public_corpora", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "locomo10.json").write_text(json.dumps(LOCOMO))
    (tmp_path / "msc.json").write_text(json.dumps(MSC))
    return tmp_path


def test_observations_become_memories_of_their_conversation(example: ModuleType, folder: Path) -> None:
    records = list(example.locomo_memories(folder / "locomo10.json"))
    memories = [memory_of_record(record, 0) for record in records]
    assert [(m.user_id, m.scope, m.content) for m in memories] == [
        ("locomo-conv-1", "Ada", "Ada keeps bees."),
        ("locomo-conv-1", "Ada", "Ada sells honey."),
        ("locomo-conv-1", "Ben", "Ben dislikes honey."),
    ]
    assert {format_time(m.created_us) for m in memories} == {"2023-05-08T13:56:00Z"}
    assert len({m.id for m in memories}) == 3


@pytest.mark.parametrize(("one_user", "users"), [(False, 2), (True, 1)])
def test_sentences_become_memories_of_their_speaker(
    example: ModuleType, folder: Path, one_user: bool, users: int
) -> None:
    records = list(example.msc_memories(folder / "msc.json", one_user=one_user))
    memories = [memory_of_record(record, 0) for record in records]
    assert [m.content for m in memories] == ["I like tea.", "I am tall.", "I like tea."]
    assert len({m.user_id for m in memories}) == users
    assert len({m.id for m in memories}) == 3


def test_the_command_writes_json_lines(
    example: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out.jsonl"
    assert example.main([str(folder), "--out", str(out), "--limit", "2"]) == 0
    assert len(out.read_text().splitlines()) == 4
    assert capsys.readouterr().out == "locomo10.json: 2 memories\nmsc.json: 2 memories\n"


def test_the_directory_may_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, example: ModuleType
) -> None:
    monkeypatch.setenv("KHALA_JOBS_CORPORA", str(folder))
    assert example.main(["--out", str(folder / "out.jsonl"), "--one-user"]) == 0


def test_a_directory_without_the_files_is_named(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert example.main([str(tmp_path), "--out", str(tmp_path / "out.jsonl")]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_no_directory_is_a_usage_error(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KHALA_JOBS_CORPORA", raising=False)
    with pytest.raises(SystemExit):
        example.main(["--out", str(tmp_path / "out.jsonl")])
