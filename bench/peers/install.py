"""A place of its own for each engine: a venv with its newest fitting release, or a folder of npm's. Kept between runs.

An engine that cannot be had is absent with the reason, and the others run on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from peers.protocol import About

ADAPTERS = Path(__file__).resolve().parent / "adapters"
BENCH = ADAPTERS.parent.parent
WAIT = 600.0  # seconds for one package client


class AbsentError(Exception):
    """The engine cannot be had on this machine; the text says why."""


@dataclass(frozen=True)
class Place:
    """Where an engine runs.

    Attributes:
        command: What starts its child process, before the role.
        environment: Variables that the child needs beside those of the runner.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]


def interpreters() -> Iterator[str]:
    """Pythons of this machine: this one, those on PATH, those that pyenv made; newest last of each kind."""
    yield sys.executable
    for minor in range(12, 16):
        if found := shutil.which(f"python3.{minor}"):
            yield found
    for root in sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python"), reverse=True):
        yield str(root)


def _version_of(python: str) -> tuple[int, int] | None:
    probe = [python, "-c", "import sys, venv; print(*sys.version_info[:2])"]
    run = subprocess.run(probe, capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    major, minor = run.stdout.split()
    return int(major), int(minor)


def find_python(oldest: tuple[int, int]) -> str:
    """The first interpreter that is new enough; this one where it is, so that engines share it.

    Raises:
        AbsentError: None is.
    """
    for python in interpreters():
        found = _version_of(python)
        if found is not None and found >= oldest:
            return python
    raise AbsentError(f"needs Python >= {oldest[0]}.{oldest[1]}, and this machine has none")


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=WAIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AbsentError(f"`{Path(command[0]).name}` failed: {error}") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise AbsentError(f"`{Path(command[0]).name} install` failed: {lines[-1][:200]}")


def _venv(about: About, folder: Path) -> Path:
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(repr(about.requires).encode()).hexdigest()
    stamp = folder / "requires"
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"peers: installing {' '.join(about.requires)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _run([find_python(about.python), "-m", "venv", str(folder)], folder)
        _run(
            [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", *about.requires],
            folder,
        )
        stamp.write_text(wanted)
    return python


def _npm(about: About, folder: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise AbsentError("needs Node and npm")
    stamp = folder / "requires"
    wanted = repr(about.npm)
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"peers: installing {' '.join(about.npm)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}\n')
        _run([npm, "install", "--no-audit", "--no-fund", "--silent", *about.npm], folder)
        stamp.write_text(wanted)


def place(key: str, about: About, cache: Path) -> Place:
    """Install an engine if it is not yet, and say how its child is started.

    Args:
        key: Name of its adapter.
        about: What it needs.
        cache: Folder for all engines.

    Raises:
        AbsentError: It cannot be had.
    """
    child = ("peers.child", f"peers.adapters.{key}")
    if about.npm:
        _npm(about, cache / key)
        return Place(("node", str(ADAPTERS / f"{key}.mjs")), {"BULLMQ_HOME": str(cache / key)})
    if about.requires:
        return Place((str(_venv(about, cache / key)), "-m", *child), {"PYTHONPATH": str(BENCH)})
    paths = [
        str(BENCH),
        *filter(None, [os.environ.get("PYTHONPATH")]),
    ]  # where `make` has put a release build of ours
    return Place((sys.executable, "-m", *child), {"PYTHONPATH": ":".join(paths)})
