from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from khala_jobs import similarity
from khala_jobs._core import vec as core
from khala_jobs.errors import Interrupted, InvalidArgument


def as_dict(pairs: similarity.Pairs) -> dict[tuple[int, int], float]:
    return {(int(i), int(j)): float(c) for i, j, c in zip(pairs.i, pairs.j, pairs.score, strict=True)}


def clustered(rng: np.random.Generator, rows: int, dim: int, spread: float = 0.3) -> np.ndarray:
    centres = rng.normal(size=(max(1, rows // 30), dim))
    noise = rng.normal(size=(rows, dim))
    return (centres[rng.integers(len(centres), size=rows)] + spread * noise).astype(np.float32)


def equiangular(rng: np.random.Generator, rows: int, dim: int, cosine: float) -> np.ndarray:
    """Every pair at `cosine` but for the rounding of the elements."""
    basis = np.linalg.qr(rng.normal(size=(dim, rows + 1)))[0].T
    return np.ascontiguousarray(np.sqrt(cosine) * basis[-1] + np.sqrt(1 - cosine) * basis[:-1], np.float32)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(
    ("name", "threshold"),
    [
        ("clustered", 0.9),
        ("random", 0.1),
        ("cone", 0.89),
        ("duplicates", 0.5),
        ("near", 0.95),
        ("wide", 0.93),
    ],
)
def test_equals_brute_force_bit_by_bit(oracle, name, threshold, grouped, threads):
    rng = np.random.default_rng(7)
    matrix = {
        "clustered": lambda: clustered(rng, 700, 48),
        "random": lambda: (
            rng.normal(size=(500, 24)).astype(np.float32) * rng.lognormal(size=(500, 1)).astype("f4")
        ),
        "cone": lambda: (1 + 0.35 * rng.normal(size=(400, 96))).astype(np.float32),
        "duplicates": lambda: clustered(rng, 40, 16)[rng.integers(40, size=600)],
        "near": lambda: equiangular(rng, 180, 256, 0.95),
        "wide": lambda: clustered(rng, 100, 1537, 0.25),
    }[name]()
    matrix = np.ascontiguousarray(matrix)
    groups = rng.integers(-2, 3, size=len(matrix)).astype(np.int32) if grouped else None
    expected = oracle(matrix, threshold, groups)
    assert expected
    found = similarity.find_pairs(matrix, threshold, groups=groups, threads=threads)
    assert as_dict(found) == expected
    order = np.lexsort((found.j, found.i))
    assert (order == np.arange(len(found))).all()


elements = st.floats(-4, 4, width=32).map(lambda value: np.float32(round(value * 4) / 4))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    matrix=npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=elements),
    threshold=st.floats(-1, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_small_matrix_in_any_order(oracle, matrix, threshold, seed):
    """Elements are multiples of 1/4: copies, parallel rows, zero rows and exact ties at the threshold."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 3, size=len(matrix)).astype(np.int32)
    zero = {int(row) for row in np.flatnonzero(~matrix.any(axis=1))}
    kept = np.array([row for row in range(len(matrix)) if row not in zero], np.int64)
    small = oracle(matrix[kept], threshold, groups[kept])
    expected = {(int(kept[i]), int(kept[j])): cosine for (i, j), cosine in small.items()}
    found = similarity.find_pairs(matrix, threshold, groups=groups, faulty="quarantine")
    assert as_dict(found) == expected
    assert {fault.row for fault in found.faults} == zero
    assert all(fault.fault == "zero_norm" for fault in found.faults)

    order = rng.permutation(len(matrix))
    moved = similarity.find_pairs(matrix[order], threshold, groups=groups[order], faulty="quarantine")
    back_left, back_right = order[moved.i], order[moved.j]
    low, high = np.minimum(back_left, back_right), np.maximum(back_left, back_right)
    assert (
        similarity.pair_set_hash(low, high)
        == found.certificate.set_hash
        == similarity.pair_set_hash(found.i, found.j)
    )


LEVELS = ["baseline", "v3", "v4"]


@pytest.mark.parametrize("isa", LEVELS)
def test_every_instruction_set_gives_the_same_bits(isa):
    if LEVELS.index(isa) > LEVELS.index(similarity.isa()):
        pytest.skip(f"this processor lacks {isa}")
    matrix = equiangular(np.random.default_rng(3), 200, 301, 0.9)
    (left, right, cosine), _, _, certificate = core.self_join(matrix, 0.9, isa=isa)
    reference = similarity.find_pairs(matrix, 0.9)
    assert certificate["isa"] == isa
    assert certificate["set_hash"] == reference.certificate.set_hash
    assert (left == reference.i).all()
    assert (right == reference.j).all()
    assert cosine.tobytes() == reference.score.tobytes()


@pytest.mark.slow
def test_real_embeddings_equal_brute_force(minilm, oracle):
    """On real data float64 rarely has to step in, and never disagrees with brute force."""
    matrix = np.ascontiguousarray(minilm[:1200])
    expected = oracle(matrix, 0.7)
    for threshold in (0.7, 0.85, 0.95):
        above = {pair: cosine for pair, cosine in expected.items() if cosine >= threshold}
        assert above
        assert as_dict(similarity.find_pairs(matrix, threshold)) == above


@pytest.mark.slow
def test_real_embeddings_whole_and_in_groups(minilm):
    matrix = np.ascontiguousarray(minilm[:20_000])
    whole = similarity.find_pairs(matrix, 0.95, threads=2)
    groups = (np.arange(20_000) // 50).astype(np.int32)
    grouped = similarity.find_pairs(matrix, 0.95, groups=groups, threads=2)
    inside = groups[whole.i] == groups[whole.j]
    assert similarity.pair_set_hash(whole.i[inside], whole.j[inside]) == grouped.certificate.set_hash
    assert grouped.certificate.pairs_evaluated <= 400 * 50 * 49 / 2


def test_collapsed_copies_are_told_by_their_representative():
    matrix = np.array([[1, 0], [0, 1], [1, 0], [1, 0.1], [0, 1]], np.float32)
    expanded = similarity.find_pairs(matrix, 0.9)
    assert set(as_dict(expanded)) == {(0, 2), (0, 3), (1, 4), (2, 3)}
    collapsed = similarity.find_pairs(matrix, 0.9, copies="collapse")
    assert set(as_dict(collapsed)) == {(0, 3)}
    assert collapsed.representative.tolist() == [0, 1, 0, 3, 1]
    assert as_dict(expanded)[0, 2] == 1.0


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (1, 384)])
def test_fewer_than_two_rows_have_no_pairs(shape):
    found = similarity.find_pairs(np.ones(shape, np.float32), 0.5)
    assert len(found) == 0
    assert found.i.dtype == np.int64
    assert found.score.dtype == np.float64
    assert len(found.representative) == shape[0]


def test_faulty_rows_are_refused_or_reported():
    matrix = np.ones((6, 3), np.float32)
    matrix[1, 2], matrix[3], matrix[4, 0] = np.nan, 0, -np.inf
    with pytest.raises(
        InvalidArgument, match=r"3 of 6 rows .* row 1 \(nan\), row 3 \(zero_norm\), row 4 \(inf"
    ) as caught:
        similarity.find_pairs(matrix, 0.5)
    assert caught.value.field == "vectors"
    found = similarity.find_pairs(matrix, 0.5, faulty="quarantine")
    assert found.faults == (
        similarity.RowFault(1, "nan"),
        similarity.RowFault(3, "zero_norm"),
        similarity.RowFault(4, "infinite"),
    )
    assert set(as_dict(found)) == {(0, 2), (0, 5), (2, 5)}


def test_too_many_pairs_are_an_error():
    matrix = np.ones((100, 2), np.float32)
    with pytest.raises(InvalidArgument, match="more than 4949 pairs") as caught:
        similarity.find_pairs(matrix, 0.5, max_pairs=4949)
    assert caught.value.field == "max_pairs"
    assert len(similarity.find_pairs(matrix, 0.5, max_pairs=4950)) == 4950


ok = np.ones((4, 3), np.float32)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("vectors", {"vectors": np.ones((4, 3), np.int64)}),
        ("vectors", {"vectors": np.ones((4, 3), np.complex64)}),
        ("vectors", {"vectors": np.ones(3, np.float32)}),
        ("vectors", {"vectors": np.ones((2, 2, 2), np.float32)}),
        ("vectors", {"vectors": None}),
        ("vectors", {"vectors": 7}),
        ("vectors", {"vectors": np.ones((1, 70_000), np.float32)}),
        ("ids", {"ids": ["a", "b"]}),
        ("threshold", {"threshold": 1.5}),
        ("threshold", {"threshold": float("nan")}),
        ("groups", {"groups": [[1], [2], [3], [4]]}),
        ("groups", {"groups": np.zeros(3, np.int32)}),
        ("groups", {"groups": np.zeros(0, np.int32)}),
        ("groups", {"groups": np.zeros((4, 1), np.int32)}),
        ("threads", {"threads": 0}),
        ("threads", {"threads": 65}),
        ("max_pairs", {"max_pairs": -1}),
        ("copies", {"copies": "merge"}),
        ("faulty", {"faulty": "ignore"}),
    ],
)
def test_arguments_are_taken_as_documented_or_refused_by_name(field, arguments):
    with pytest.raises(InvalidArgument) as caught:
        similarity.find_pairs(**{"vectors": ok, "threshold": 0.9, **arguments})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_progress_is_told_and_ends_at_the_total():
    matrix = np.random.default_rng(1).standard_normal((6000, 64), np.float32)
    told = []
    caller = threading.get_ident()

    def progress(done: int, total: int) -> None:
        assert threading.get_ident() == caller
        told.append((done, total))

    found = similarity.find_pairs(matrix, 0.99, progress=progress)
    assert told[-1] == (6000 * 5999 // 2,) * 2 == (found.certificate.pairs_evaluated,) * 2
    assert told == sorted(told)


def test_what_progress_raises_stops_the_join():
    matrix = np.random.default_rng(1).standard_normal((60_000, 256), np.float32)
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        similarity.find_pairs(matrix, 0.3, progress=progress)  # so low that codes rule out little
    assert len(seen) == 1
    assert seen[0][0] < seen[0][1]


def test_ctrl_c_stops_a_join_on_the_main_thread():
    """SIGINT while the join runs: KeyboardInterrupt at once, not when all pairs were looked at."""
    assert threading.current_thread() is threading.main_thread()
    matrix = np.random.default_rng(1).standard_normal((60_000, 512), np.float32)

    def wait_until(running: bool) -> None:
        deadline = time.monotonic() + 60
        # Alive, and not only about to be started: a thread that its maker left in between is listed for ever.
        while running != any(t.name == "khala-vec" and t.is_alive() for t in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def interrupt_once_it_runs() -> None:
        wait_until(running=True)
        signal.raise_signal(signal.SIGINT)

    # Where the tests run in the background of a shell, SIGINT is ignored until somebody says otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        killer = threading.Thread(target=interrupt_once_it_runs)
        killer.start()
        with pytest.raises(KeyboardInterrupt):
            similarity.find_pairs(matrix, 0.99)
        killer.join()
        wait_until(running=False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_cancelled_kernel_says_so():
    watch = core.Progress()
    watch.cancel()
    with pytest.raises(Interrupted, match="stopped before it began"):
        core.self_join(ok, 0.5, progress=watch)
    assert watch.done == 0


def test_other_python_threads_run_meanwhile():
    matrix = np.random.default_rng(1).standard_normal((8000, 256), np.float32)
    turns = 0
    done = threading.Event()

    def spin() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1

    spinner = threading.Thread(target=spin)
    spinner.start()
    before = turns
    similarity.find_pairs(matrix, 0.99)
    during = turns - before
    done.set()
    spinner.join()
    assert during > 1000


def test_threads_share_one_matrix():
    matrix = clustered(np.random.default_rng(2), 1500, 32)
    hashes = []
    workers = [
        threading.Thread(
            target=lambda: hashes.append(similarity.find_pairs(matrix, 0.9).certificate.set_hash)
        )
        for _ in range(6)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(hashes) == 6
    assert len(set(hashes)) == 1
