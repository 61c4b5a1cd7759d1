#!/usr/bin/env python3
"""Turn two public conversation corpora into memories, so that the lifecycle can be run on texts nobody wrote for it.

* **LoCoMo** (``locomo10.json``): observations that were extracted from ten long conversations. One conversation is one
  user, each speaker a scope of its own, and the session's date the time of creation.
* **MSC** (``msc.json``): sentences that people say about themselves. One speaker of one dialogue is one user; with
  ``--one-user`` all of them are one, which makes it a real test of deduplication, since many say the same.

    python examples/load_public_corpora.py DIRECTORY --out memories.jsonl [--one-user] [--limit N]
    khala-jobs memory run --input memories.jsonl --report report.json

DIRECTORY (or the variable KHALA_JOBS_CORPORA) holds one or both files. Neither is part of this project.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

LOCOMO: Final = "locomo10.json"
MSC: Final = "msc.json"
_SESSION: Final = re.compile(r"(session_\d+)_observation")
_MSC_START: Final = datetime(2025, 1, 1, tzinfo=UTC)


def locomo_memories(path: Path) -> Iterator[dict[str, Any]]:
    """Memories of a LoCoMo file.

    Args:
        path: A list of samples with ``sample_id``, ``conversation`` (``session_N_date_time``) and ``observation``
            (``session_N_observation`` -> speaker -> list of [text, source, ...]).

    Yields:
        One memory an observation.
    """
    for sample in json.loads(path.read_text(encoding="utf-8")):
        user = f"locomo-{sample['sample_id']}"
        number = 0
        for name, by_speaker in sample["observation"].items():
            session = _SESSION.fullmatch(name)
            if session is None:
                continue
            created = _session_time(sample["conversation"][f"{session[1]}_date_time"])
            for speaker, observations in by_speaker.items():
                for text, *source in observations:
                    number += 1
                    yield {
                        **_memory(f"{user}-{number:05d}", user, text, created),
                        "scope": speaker,
                        "metadata": {"session": session[1], "source": source},
                    }


def msc_memories(path: Path, *, one_user: bool = False) -> Iterator[dict[str, Any]]:
    """Memories of an MSC file.

    Args:
        path: split -> list of {"Speaker 1": [text, ...], "Speaker 2": [...], "in_dataset": ...}.
        one_user: Whether all speakers are one user.

    Yields:
        One memory a sentence; created a minute after the one before, since the file has no times.
    """
    number = 0
    for split, dialogues in json.loads(path.read_text(encoding="utf-8")).items():
        for index, dialogue in enumerate(dialogues):
            for speaker in (name for name in dialogue if name.startswith("Speaker")):
                user = "msc" if one_user else f"msc-{split}-{index:05d}-{speaker[-1]}"
                for text in dialogue[speaker]:
                    number += 1
                    yield _memory(f"msc-{number:06d}", user, text, _MSC_START + timedelta(minutes=number))


def _memory(memory_id: str, user: str, text: str, created: datetime) -> dict[str, Any]:
    return {
        "id": memory_id,
        "user_id": user,
        "content": text,
        "tier": "short_term",
        "importance": 0.5,
        "access_count": 1,
        "created_at": created.isoformat().replace("+00:00", "Z"),
    }


def _session_time(text: str) -> datetime:
    """For example "1:56 pm on 8 May, 2023"."""
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Public corpora as memories.")
    parser.add_argument("directory", nargs="?", type=Path, default=os.environ.get("KHALA_JOBS_CORPORA"))
    parser.add_argument("--out", type=Path, required=True, help="JSON Lines file to write")
    parser.add_argument("--one-user", action="store_true", help="give all MSC sentences to one user")
    parser.add_argument("--limit", type=int, help="at most so many memories of each corpus")
    options = parser.parse_args(argv)
    if options.directory is None:
        parser.error("name a directory, or set KHALA_JOBS_CORPORA")
    sources = {
        LOCOMO: locomo_memories,
        MSC: lambda path: msc_memories(path, one_user=options.one_user),
    }
    found = {name: read for name, read in sources.items() if (Path(options.directory) / name).is_file()}
    if not found:
        print(f"{options.directory} has neither {LOCOMO} nor {MSC}", file=sys.stderr)
        return 1
    with options.out.open("w", encoding="utf-8") as out:
        for name, read in found.items():
            count = 0
            for memory in islice(read(Path(options.directory) / name), options.limit):
                out.write(json.dumps(memory, ensure_ascii=False) + "\n")
                count += 1
            print(f"{name}: {count:,} memories")
    return 0


if __name__ == "__main__":
    sys.exit(main())
