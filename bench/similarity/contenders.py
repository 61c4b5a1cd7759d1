"""Who takes part. A contender builds something from the rows, and then finds pairs with it; both are timed.

Every one of them runs with the number of threads it is given, on the processors it is pinned to.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from khala_jobs._core import vec

from .data import Matrix

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
PACKAGES = ("numpy", "faiss-cpu", "hnswlib", "scikit-learn", "semhash", "usearch")
BLOCK = 2048
NEIGHBOURS = 100


def is_installed(module: str) -> bool:
    """Whether a module can be imported; no module can."""
    try:
        importlib.import_module(module or "numpy")
    except ImportError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Contender:
    """`build(rows, threads)` makes what `find(built, rows, threshold, threads)` works on."""

    name: str
    exact: bool
    build: Callable[[Matrix, int], Any]
    find: Callable[[Any, Matrix, float, int], Pairs]
    limit: int = 200_000  # more rows would take longer than anybody waits
    needs: str = ""

    def available(self) -> bool:
        """Whether what it needs is installed."""
        return is_installed(self.needs)


def _nothing(rows: Matrix, threads: int) -> None:
    """Build nothing."""


LAST: dict[str, Any] = {}
"""The certificate of our last join."""


def _ours(built: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    (i, j, _), _, _, certificate = vec.self_join(
        rows, threshold, threads=threads, rotation=built, max_pairs=1 << 40
    )
    LAST.update(certificate)
    return i, j


def _half_product(_: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    lefts, rights = [], []
    for begin in range(0, len(rows), BLOCK):
        left = rows[begin : begin + BLOCK]
        for other in range(begin, len(rows), BLOCK):
            i, j = np.nonzero(left @ rows[other : other + BLOCK].T >= threshold)
            i, j = i + begin, j + other
            lefts.append(i[i < j])
            rights.append(j[i < j])
    return np.concatenate(lefts), np.concatenate(rights)


def _faiss(threads: int) -> Any:
    faiss = importlib.import_module("faiss")
    faiss.omp_set_num_threads(threads)
    return faiss


def _faiss_flat(rows: Matrix, threads: int) -> Any:
    index = _faiss(threads).IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index


def faiss_ivf(rows: Matrix, threads: int) -> Any:
    faiss = _faiss(threads)
    lists = max(16, int(4 * np.sqrt(len(rows))))
    quantizer = faiss.IndexFlatIP(rows.shape[1])
    index = faiss.IndexIVFFlat(quantizer, rows.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    index.add(rows)
    index.nprobe = 8
    return index, quantizer


def _faiss_hnsw(rows: Matrix, threads: int) -> Any:
    faiss = _faiss(threads)
    index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = index.hnsw.efSearch = 128
    index.add(rows)
    return index


def _faiss_hnsw_find(index: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    scores, labels = index.search(rows, NEIGHBOURS + 1)
    return _neighbours(labels, scores >= threshold)


def _ranges(index: Any, rows: Matrix, threshold: float) -> Pairs:
    limits, _, found = index.range_search(rows, threshold)
    i = np.repeat(np.arange(len(rows)), np.diff(limits.astype(np.int64)))
    keep = i < found
    return i[keep], found[keep]


def _neighbours(labels: npt.NDArray[Any], similar: npt.NDArray[np.bool_]) -> Pairs:
    i = np.repeat(np.arange(len(labels)), labels.shape[1])[similar.ravel()]
    j = labels.ravel()[similar.ravel()].astype(np.int64)
    keep = i != j
    return i[keep], j[keep]


def hnswlib_build(rows: Matrix, threads: int) -> Any:
    index = importlib.import_module("hnswlib").Index(space="ip", dim=rows.shape[1])
    index.init_index(max_elements=len(rows), ef_construction=128, M=16, random_seed=1)
    index.set_num_threads(threads)
    index.add_items(rows)
    index.set_ef(128)
    return index


def _hnswlib_find(index: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    labels, distances = index.knn_query(rows, k=NEIGHBOURS + 1, num_threads=threads)
    return _neighbours(labels, distances <= 1.0 - threshold)


def usearch_build(rows: Matrix, threads: int) -> Any:
    module = importlib.import_module("usearch.index")
    index = module.Index(ndim=rows.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=128)
    index.add(np.arange(len(rows)), rows, threads=threads)
    return index


def _usearch_find(index: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    index.expansion_search = 128
    found = index.search(rows, NEIGHBOURS + 1, threads=threads)
    return _neighbours(np.asarray(found.keys), np.asarray(found.distances) <= 1.0 - threshold)


def _semhash_build(rows: Matrix, threads: int) -> Any:
    module = importlib.import_module("semhash")
    names = [str(row) for row in range(len(rows))]
    return module.SemHash.from_embeddings(embeddings=rows, records=names, model=None)


def _semhash_find(deduplicator: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    """Pairs of a removed record and the one that it was removed for: what SemHash reports, not every pair."""
    result = deduplicator.self_deduplicate(threshold=threshold)
    pairs = [
        (int(one.record), int(one.duplicate_of)) for one in result.filtered if one.duplicate_of is not None
    ]
    both = np.asarray(pairs or np.empty((0, 2)), np.int64)
    return both[:, 0], both[:, 1]


def _sklearn_find(_: Any, rows: Matrix, threshold: float, threads: int) -> Pairs:
    module = importlib.import_module("sklearn.neighbors")
    neighbours = module.NearestNeighbors(
        radius=np.sqrt(2.0 - 2.0 * threshold), algorithm="brute", n_jobs=threads
    )
    found = neighbours.fit(rows).radius_neighbors(rows, return_distance=False)
    i = np.repeat(np.arange(len(rows)), [len(of) for of in found])
    j = np.concatenate(found).astype(np.int64)
    return i[i < j], j[i < j]


JOINS = (
    Contender("khala_jobs, cold", True, _nothing, _ours, limit=10_000_000),
    Contender(
        "khala_jobs, rotation kept", True, lambda rows, _: vec.fit_rotation(rows), _ours, limit=10_000_000
    ),
    Contender("NumPy half product", True, _nothing, _half_product, limit=100_000),
    Contender("FAISS IndexFlatIP", True, _faiss_flat, lambda b, r, t, _: _ranges(b, r, t), 100_000, "faiss"),
    Contender("FAISS IVF, nprobe 8", False, faiss_ivf, lambda b, r, t, _: _ranges(b[0], r, t), needs="faiss"),
    Contender("scikit-learn radius_neighbors", True, _nothing, _sklearn_find, limit=20_000, needs="sklearn"),
    Contender("hnswlib, k 100", False, hnswlib_build, _hnswlib_find, needs="hnswlib"),
    Contender("FAISS HNSW, k 100", False, _faiss_hnsw, _faiss_hnsw_find, needs="faiss"),
    Contender("USearch, k 100", False, usearch_build, _usearch_find, needs="usearch"),
    Contender("SemHash", False, _semhash_build, _semhash_find, needs="semhash"),
)


# --- a hundred rows against many: find(built, rows, queries, threshold, threads) -> [(query, row)] --------------------

BEST = 5
Matches = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Matcher:
    """As Contender, for matches."""

    name: str
    build: Callable[[Matrix, int], Any]
    find: Callable[[Any, Matrix, Matrix, float, int], Matches]
    limit: int = 2_000_000
    needs: str = ""

    def available(self) -> bool:
        """Whether what it needs is installed."""
        return is_installed(self.needs)


def _ours_matches(built: Any, rows: Matrix, queries: Matrix, threshold: float, threads: int) -> Matches:
    (i, j, _), _, _, _ = vec.match_rows(queries, built, threshold, best=BEST, threads=threads)
    return list(zip(i.tolist(), j.tolist(), strict=True))


def _product_matches(_: Any, rows: Matrix, queries: Matrix, threshold: float, threads: int) -> Matches:
    found: Matches = []
    for begin in range(0, len(rows), 16_384):
        i, j = np.nonzero(queries @ rows[begin : begin + 16_384].T >= threshold)
        found.extend(zip(i.tolist(), (j + begin).tolist(), strict=True))
    return found


def _best(labels: npt.NDArray[Any], similar: npt.NDArray[np.bool_]) -> Matches:
    i, column = np.nonzero(similar)
    return [(int(query), int(labels[query, place])) for query, place in zip(i, column, strict=True)]


def _faiss_matches(index: Any, rows: Matrix, queries: Matrix, threshold: float, threads: int) -> Matches:
    scores, labels = index.search(queries, BEST)
    return _best(labels, scores >= threshold)


def _hnswlib_matches(index: Any, rows: Matrix, queries: Matrix, threshold: float, threads: int) -> Matches:
    labels, distances = index.knn_query(queries, k=BEST, num_threads=threads)
    return _best(labels, distances <= 1.0 - threshold)


def _usearch_matches(index: Any, rows: Matrix, queries: Matrix, threshold: float, threads: int) -> Matches:
    found = index.search(queries, BEST, threads=threads)
    return _best(np.asarray(found.keys), np.asarray(found.distances) <= 1.0 - threshold)


def _usearch_exact(_: Any, rows: Matrix, queries: Matrix, threshold: float, threads: int) -> Matches:
    module = importlib.import_module("usearch.index")
    found = module.search(rows, queries, BEST, "ip", exact=True, threads=threads)
    return _best(np.asarray(found.keys), np.asarray(found.distances) <= 1.0 - threshold)


MATCHES = (
    Matcher("khala_jobs corpus", lambda rows, threads: vec.Corpus(rows, threads=threads), _ours_matches),
    Matcher("NumPy product and scan", _nothing, _product_matches),
    Matcher("FAISS IndexFlatIP, k 5", _faiss_flat, _faiss_matches, needs="faiss"),
    Matcher(
        "FAISS IVF, k 5", faiss_ivf, lambda b, r, q, t, n: _faiss_matches(b[0], r, q, t, n), 200_000, "faiss"
    ),
    Matcher("USearch exact, k 5", _nothing, _usearch_exact, needs="usearch"),
    Matcher("USearch, k 5", usearch_build, _usearch_matches, 100_000, "usearch"),
    Matcher("hnswlib, k 5", hnswlib_build, _hnswlib_matches, 100_000, "hnswlib"),
)


# --- many small groups: find(rows, numbers, size, threshold, threads) -> number of pairs ------------------------------


def _ours_groups(
    rows: Matrix, numbers: npt.NDArray[np.int32], size: int, threshold: float, threads: int
) -> int:
    (i, _, _), _, _, _ = vec.self_join(rows, threshold, groups=numbers, threads=threads)
    return len(i)


def _product_groups(
    rows: Matrix, numbers: npt.NDArray[np.int32], size: int, threshold: float, threads: int
) -> int:
    found = 0
    for begin in range(0, len(rows), size):
        own = rows[begin : begin + size]
        found += int(np.count_nonzero(np.triu(own @ own.T >= threshold, 1)))
    return found


def _faiss_groups(
    rows: Matrix, numbers: npt.NDArray[np.int32], size: int, threshold: float, threads: int
) -> int:
    found = 0
    for begin in range(0, len(rows), size):
        own = np.ascontiguousarray(rows[begin : begin + size])
        found += len(_ranges(_faiss_flat(own, threads), own, threshold)[0])
    return found


GROUPS: dict[str, Callable[..., int]] = {
    "khala_jobs, one batch": _ours_groups,
    "NumPy, a loop": _product_groups,
    "FAISS IndexFlatIP, a loop": _faiss_groups,
}
