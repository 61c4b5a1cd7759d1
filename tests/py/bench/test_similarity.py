from __future__ import annotations

import os

import numpy as np
import pytest

from common.document import BEGIN, END
from similarity import cases, contenders, data, incremental, oracle, report

JOIN = {"bench": "B1", "data": "isotropic", "n": 300, "threads": 1, "rounds": 1, "oracle_rows": 1000}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setattr(oracle, "FOLDER", tmp_path)
    monkeypatch.setattr(data, "FOLDER", tmp_path)


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("contender", [one.name for one in contenders.JOINS])
def test_every_contender_is_compared_with_brute_force(contender, copies):
    one = next(one for one in contenders.JOINS if one.name == contender)
    if not one.available():
        pytest.skip(f"{one.needs} is not installed")
    if copies and one.name == "SemHash":
        pytest.skip("reports the records that it removes, not every pair of copies")
    case = JOIN | {"contender": contender, "threshold": 0.1, "copies": copies}
    record = cases.join(case)
    assert record["rows"] == (500 if copies else 300)
    assert record["pairs"] > 0
    if one.exact:
        assert record["equal"]
    assert record["precision"] > 0.9


def test_a_lost_and_a_wrong_pair_are_noticed():
    rows = data.load("isotropic", 400)
    right = oracle.brute_force(rows, 0.1)
    assert oracle.audited_rows(rows, 0.1, right) == 0
    assert oracle.audited_rows(rows, 0.1, right[1:]) == 1
    assert oracle.audited_rows(rows, 0.1, np.append(right, np.uint64(5 << 32 | 7))) == 1
    i, j = oracle.split(right)
    assert (oracle.keys(j, i) == right).all()


def test_batches_make_the_same_pairs_everywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(incremental, "BATCH", 20)
    monkeypatch.setattr(incremental, "BATCHES", 4)
    records = []
    for name in filter(incremental.available, incremental.GROWING):
        case = JOIN | {"bench": "B5", "contender": name, "threshold": 0.1}
        records.append(case | cases.growing(case) | {"machine": "here"})
    ours, product, *others = records
    assert ours["pairs"] == product["pairs"] > 100
    assert all(record["pairs"] <= ours["pairs"] for record in others)
    document = tmp_path / "README.md"
    document.write_text(f"{BEGIN}\n{END}\n")
    report.write_tables(records, document)
    assert "khala_jobs SimilarityIndex" in document.read_text()


def test_matches_groups_and_reproducibility_make_tables(tmp_path):
    records = []
    for bench, names in (
        ("B2", [one.name for one in contenders.MATCHES if one.available()]),
        ("B3", list(contenders.GROUPS)[:2]),
        ("B7", ["khala_jobs"]),
    ):
        for name in names:
            case = JOIN | {"bench": bench, "contender": name, "threshold": 0.9, "groups": 10}
            records.append(case | cases.RUNS[bench](case) | {"machine": "here"})
    assert all(record["pairs"] >= 100 for record in records if record["bench"] == "B2")
    assert len({record["pairs"] for record in records if record["bench"] == "B3"}) == 1
    assert records[-1]["one_set"]
    document = tmp_path / "README.md"
    document.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    report.write_tables(records, document)
    text = document.read_text()
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "one set hash" in text
    assert f"| {contenders.MATCHES[0].name} |" in text


def test_threads_are_held_against_processes_of_their_own(tmp_path):
    processors = sorted(os.sched_getaffinity(0))[:2]
    case = JOIN | {"bench": "threads", "contender": "khala_jobs", "threshold": 0.9, "rounds": 2}
    case |= {"processors": processors, "threads": len(processors)}
    record = case | cases.RUNS["threads"](case) | {"machine": "here"}
    assert record["share"] == record["processes_s"] / (len(processors) * record["threads_s"])
    document = tmp_path / "README.md"
    document.write_text(f"{BEGIN}\n{END}\n")
    report.write_tables([record], document)
    assert "Threads of one join beside as many pinned processes" in document.read_text()


@pytest.mark.parametrize("name", [name for name in data.NAMES if name != "minilm"])
def test_rows_are_seeded_and_of_length_one(name):
    rows = data.load(name, 120)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert (rows == data.load(name, 120)).all()


@pytest.mark.skipif("KHALA_JOBS_DATA" not in os.environ, reason="needs the embeddings")
def test_more_rows_than_there_are_have_noise():
    rows = data.load("minilm", 79_000)
    assert len(rows) == 79_000
    assert 0.85 < float(rows[0] @ rows[78_041]) < 1.0
