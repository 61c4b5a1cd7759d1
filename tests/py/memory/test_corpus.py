"""The corpus: the same for a seed, true to its truth, and not too easy."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from khala_jobs.memory.corpus import AS_OF, MAX_SIZE, MIN_SIZE, build_corpus
from khala_jobs.memory.corpus_facts import FACTS
from khala_jobs.memory.corpus_misses import MISSES
from khala_jobs.memory.corpus_truth import Corpus, read_truth, write_corpus
from khala_jobs.memory.corpus_words import WORDS
from khala_jobs.memory.embed_lexical import LexicalEmbedder
from khala_jobs.memory.frame import Frame, frame_of
from khala_jobs.memory.guard import judge
from khala_jobs.memory.io import memory_of_record
from khala_jobs.memory.model import normalise_content
from khala_jobs.memory.planners import plan_archival, plan_cleanup, plan_promotion
from khala_jobs.memory.policy import CleanupPolicy
from khala_jobs.memory.presets import archival_policy, promotion_policy
from khala_jobs.memory.times import time_to_us

AS_OF_US = time_to_us(AS_OF)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return build_corpus(seed=7, size=2000)


@pytest.fixture(scope="module")
def by_id(corpus: Corpus) -> dict[str, dict[str, Any]]:
    return {memory["id"]: memory for memory in corpus.memories}


@pytest.fixture(scope="module")
def frame(corpus: Corpus) -> Frame:
    return frame_of(memory_of_record(memory, AS_OF_US) for memory in corpus.memories)


def place(memory: dict[str, Any]) -> tuple[str, str | None]:
    return memory["user_id"], memory.get("scope")


def test_ten_thousand_memories_by_default() -> None:
    corpus = build_corpus()
    assert len(corpus.memories) == 10_000
    assert len({memory["id"] for memory in corpus.memories}) == 10_000
    assert len({memory["user_id"] for memory in corpus.memories}) >= 30


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    written = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_corpus(build_corpus(seed, MIN_SIZE), tmp_path / f"{name}.jsonl", tmp_path / f"{name}.json")
        written.append((tmp_path / f"{name}.jsonl").read_bytes() + (tmp_path / f"{name}.json").read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_the_files_read_back(corpus: Corpus, tmp_path: Path) -> None:
    write_corpus(corpus, tmp_path / "memories.jsonl", tmp_path / "truth.json")
    lines = (tmp_path / "memories.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == list(corpus.memories)
    assert read_truth(tmp_path / "truth.json") == corpus.truth


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"as_of": 1}'])
def test_another_file_is_no_truth_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "truth.json").write_text(content)
    with pytest.raises(ValueError, match="is not the truth file of a corpus"):
        read_truth(tmp_path / "truth.json")


@pytest.mark.parametrize("size", [MIN_SIZE - 1, MAX_SIZE + 1])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="size must be"):
        build_corpus(size=size)


def test_a_clock_reading_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        build_corpus(as_of=datetime(2025, 1, 1))  # noqa: DTZ001 - the point


def test_every_memory_is_valid_input(frame: Frame) -> None:
    assert len(frame) == 2000


def test_no_slot_is_left_open(corpus: Corpus) -> None:
    texts = [memory["content"] for memory in corpus.memories]
    assert not [text for text in texts if re.search(r"[{}|]|->", text)]
    assert all(text.strip() for text in texts)


def test_groups_are_disjoint_and_stay_within_one_user_and_scope(
    corpus: Corpus, by_id: dict[str, dict[str, Any]]
) -> None:
    members = Counter(member for group in corpus.truth.duplicate_groups for member in group)
    assert set(members.values()) == {1}
    assert all(len(group) >= 2 for group in corpus.truth.duplicate_groups)
    assert all(len({place(by_id[m]) for m in group}) == 1 for group in corpus.truth.duplicate_groups)


def test_a_group_has_at_most_one_pinned_memory(corpus: Corpus) -> None:
    pinned = set(corpus.truth.pinned)
    assert all(len(pinned & set(group)) <= 1 for group in corpus.truth.duplicate_groups)


def test_forbidden_pairs_are_in_no_group_together(corpus: Corpus, by_id: dict[str, dict[str, Any]]) -> None:
    group_of = {m: n for n, group in enumerate(corpus.truth.duplicate_groups) for m in group}
    for pair in corpus.truth.forbidden:
        assert group_of.get(pair.a, -1) != group_of.get(pair.b, -2)
        a, b = by_id[pair.a], by_id[pair.b]
        if pair.family == "other_user":
            assert a["user_id"] != b["user_id"]
        elif pair.family == "other_scope":
            assert a["user_id"] == b["user_id"]
            assert a.get("scope") != b.get("scope")
        else:
            assert place(a) == place(b)


def test_every_family_of_misses_occurs() -> None:
    families = Counter(pair.family for pair in build_corpus(3, 5000).truth.forbidden)
    assert len(MISSES) >= 12
    assert {family.name for family in MISSES} | {"update", "other_user", "other_scope"} == set(families)


def test_equal_texts_in_one_place_are_in_one_group(corpus: Corpus) -> None:
    group_of = {m: n for n, group in enumerate(corpus.truth.duplicate_groups) for m in group}
    same: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for memory in corpus.memories:
        same[(*place(memory), normalise_content(memory["content"]))].append(memory["id"])
    for ids in same.values():
        assert len(ids) == 1 or len({group_of[member] for member in ids}) == 1


def test_the_guard_finds_no_duplicate_outside_the_groups(corpus: Corpus) -> None:
    """Nothing in the corpus says the same by accident, as far as lexical neighbours and the guard can tell."""
    group_of = {m: n for n, group in enumerate(corpus.truth.duplicate_groups) for m in group}
    rows = LexicalEmbedder().embed([memory["content"] for memory in corpus.memories])
    places: dict[object, list[int]] = defaultdict(list)
    for at, memory in enumerate(corpus.memories):
        places[place(memory)].append(at)
    found, same = [], 0
    for members in places.values():
        near = rows[members] @ rows[members].T
        for i, j in zip(*np.where(np.triu(near, 1) >= 0.6), strict=True):
            a, b = corpus.memories[members[i]], corpus.memories[members[j]]
            if judge(a["content"], b["content"], float(min(near[i, j], 1.0))).is_duplicate:
                if group_of.get(a["id"], -1) == group_of.get(b["id"], -2):
                    same += 1
                else:
                    found.append((a["content"], b["content"]))
    assert not found
    assert same > 300


def test_duplicates_are_reworded_as_well_as_copied(corpus: Corpus, by_id: dict[str, dict[str, Any]]) -> None:
    pairs = [pair for group in corpus.truth.duplicate_groups for pair in combinations(group, 2)]
    texts = [tuple(normalise_content(by_id[m]["content"]).rstrip(".") for m in pair) for pair in pairs]
    copied = sum(a == b for a, b in texts)
    assert 0.2 < copied / len(texts) < 0.6
    assert corpus.truth.counts["reworded"] > corpus.truth.counts["exact"]


def test_expected_promotions_are_those_of_the_lifecycle(corpus: Corpus, frame: Frame, kernels: Any) -> None:
    plan = plan_promotion(frame, promotion_policy("khala_lifecycle"), AS_OF_US, kernels)
    assert {op.memory_id: op.details["to"] for op in plan.operations} == corpus.truth.promoted
    assert len(corpus.truth.promoted) > 10


def test_expected_archivals_are_those_of_the_lifecycle(corpus: Corpus, frame: Frame, kernels: Any) -> None:
    plan = plan_archival(frame, archival_policy("khala_lifecycle"), AS_OF_US, kernels)
    assert {op.memory_id for op in plan.operations} == set(corpus.truth.archived)
    assert len(corpus.truth.archived) > 20


def test_expected_deletions_are_those_of_the_lifecycle(corpus: Corpus, frame: Frame) -> None:
    plan = plan_cleanup(frame, CleanupPolicy(), AS_OF_US)
    assert {op.memory_id for op in plan.operations} == set(corpus.truth.expired)
    assert len(corpus.truth.expired) > 10


def test_no_rule_takes_a_memory_that_the_deduplication_is_measured_on(corpus: Corpus) -> None:
    measured = {m for group in corpus.truth.duplicate_groups for m in group}
    measured |= {m for pair in corpus.truth.forbidden for m in (pair.a, pair.b)}
    assert not measured & {*corpus.truth.archived, *corpus.truth.expired}


def test_templates_are_complete() -> None:
    assert len(FACTS) >= 40
    assert len({kind.name for kind in FACTS}) == len(FACTS)
    for kind in FACTS:
        assert len(kind.wordings) >= 3
        slots = [set(re.findall(r"\{(\w+?)(?:'s)?\}", wording)) for wording in kind.wordings]
        told = [names - {"S", "poss", "day", "dayth"} for names in slots]
        assert all(names == told[0] for names in told), kind.name  # every wording states the whole fact
    for words in WORDS.values():
        assert len(set(words)) == len(words)
