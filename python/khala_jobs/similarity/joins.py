"""Exact threshold joins over vectors: within one set, and of one set with another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from khala_jobs._core import vec as _vec

from .approximate import Mode, Question, Sampler
from .arguments import INT64_MAX, MAX_PAIRS, cosine, counted, one_of, pair_limit, share, whole
from .groups import Groups, group_numbers, shared_group_numbers
from .intake import merged_faults, read_vectors
from .prepared import Corpus, Rotation, native_rotation, refuse_groups
from .values import COPIES, Certificate, Copies, Faulty, Float64Column, Int64Column, Matches, Pairs
from .watch import Progress, named, thread_count, watched

__all__ = ["MAX_PAIRS", "find_pairs", "isa", "match", "pair_scores", "pair_set_hash", "top_k"]


def find_pairs(
    vectors: Any,
    threshold: float,
    *,
    ids: Sequence[object] | None = None,
    groups: Groups | None = None,
    copies: Copies = "expand",
    faulty: Faulty = "refuse",
    mode: Mode = "exact",
    recall: float = 0.99,
    rotation: Rotation | None = None,
    max_pairs: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Pairs:
    """Find every pair of rows whose cosine is at least `threshold`: all of them and no other.

    Args:
        vectors: float32, float16 or float64 [n, dim], a sequence of vectors, or JSON: see `read_vectors`;
            dim 1..65,536. Rows need not be normalised.
        threshold: Cosine, -1..1.
        ids: Names of the n rows, for `Pairs.named`.
        groups: One value a row (integers, or any hashable values); rows of different groups are never
            compared. None: one group. Tens of thousands of small groups are one batch.
        copies: Byte-identical rows of a group: "expand" reports their pairs as well, "collapse" only those of
            the rows in `Pairs.representative`. A thousand copies of one row are half a million pairs.
        faulty: Rows with NaN or infinity, of zeros, or that could not be read: "refuse" the call, naming
            them, or leave them out and list them in `Pairs.faults` ("quarantine").
        mode: "exact", or "approximate": some pairs may be missing, how many is counted on 500 random rows,
            no two of them copies, and said in `Pairs.audit`. What is found is decided as always.
        recall: Part of the pairs that an approximate join is to find, above 0 and below 1.
        rotation: Of an earlier `fit_rotation` to vectors of the same model; None: fitted to these.
        max_pairs: More pairs than this are an error, never a shortened answer. None: `MAX_PAIRS`.
        threads: 1..64; the answer does not depend on it. None: one for each processor of this process.
        progress: Called about ten times a second, in the calling thread, with the number of row pairs
            looked at and that of all. What it raises stops the join and is raised from here.

    Returns:
        The pairs, ascending by (i, j), with the certificate.

    Raises:
        InvalidArgument: An argument is not as documented, rows are faulty, or there are too many pairs.
    """
    read = read_vectors(vectors, faulty=faulty)
    threshold, recall, limit = cosine("threshold", threshold), share("recall", recall), pair_limit(max_pairs)
    one_of("copies", copies, COPIES)
    one_of("mode", mode, ("exact", "approximate"))
    numbers = group_numbers(groups, len(read.matrix), "groups")
    if ids is not None:
        counted("ids", ids, len(read.matrix))
    native = native_rotation(rotation)
    quarantine = faulty == "quarantine"
    asked = Question(read.matrix, threshold, numbers, quarantine, native, limit, thread_count(threads))

    def join(slack: float, watch: _vec.Progress) -> Any:
        return _vec.self_join(
            read.matrix,
            threshold,
            groups=numbers,
            max_pairs=limit,
            collapse_copies=copies == "collapse",
            report_faulty=quarantine,
            threads=asked.threads,
            progress=watch,
            rotation=native,
            slack=slack,
        )

    def kernel(watch: _vec.Progress) -> Any:
        if mode == "exact":
            return *join(1.0, watch), None
        sampler = Sampler(asked)
        slack = sampler.choose_slack(recall)
        result = join(slack, watch)
        return *result, sampler.audit(result[0][:2], slack)

    columns, representative, faults, certificate, audited = named(
        lambda: watched(kernel, read.matrix.size, progress), {"matrix": "vectors"}
    )
    i, j, score = columns
    found = merged_faults(read, faults)
    return Pairs(i, j, score, representative, copies, found, Certificate(**certificate), ids, audited)


def match(
    queries: Any,
    corpus: Any,
    threshold: float,
    *,
    k: int | None = None,
    query_groups: Groups | None = None,
    corpus_groups: Groups | None = None,
    faulty: Faulty = "refuse",
    max_pairs: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Matches:
    """Find for every query the rows of the corpus whose cosine to it is at least `threshold`.

    Args:
        queries: What is new: [q, dim], as `vectors` of `find_pairs`.
        corpus: What there is: [n, dim], or a `Corpus`, which was read and checked when it was made.
        threshold: Cosine, -1..1.
        k: At most this many rows for each query, the most similar ones, equal ones by ascending row.
            None: all.
        query_groups: One value a query, which is compared with the rows of its own group only. Given with
            `corpus_groups`.
        corpus_groups: One value a row of the corpus; a `Corpus` is one group.
        faulty: As in `find_pairs`, for both sides.
        max_pairs: More pairs than this in the answer are an error. None: `MAX_PAIRS`.
        threads: 1..64; the answer does not depend on it. None: one for each processor of this process.
        progress: As in `find_pairs`.

    Returns:
        The pairs by query, most similar rows first, with the certificate.

    Raises:
        InvalidArgument: An argument is not as documented, rows are faulty, or there are too many pairs.
    """
    asked = read_vectors(queries, "queries", faulty=faulty)
    threshold, limit = cosine("threshold", threshold), pair_limit(max_pairs)
    best = 0 if k is None else whole("k", k, 1)
    if isinstance(corpus, Corpus):
        refuse_groups(query_groups, "query_groups")
        refuse_groups(corpus_groups, "corpus_groups")
        known, against, left, right = corpus.read, corpus.native(), None, None
    else:
        known = read_vectors(corpus, "corpus", faulty=faulty)
        against = known.matrix
        left, right = shared_group_numbers(query_groups, len(asked.matrix), corpus_groups, len(known.matrix))

    def kernel(watch: _vec.Progress) -> Any:
        return _vec.match_rows(
            asked.matrix,
            against,
            threshold,
            query_groups=left,
            groups=right,
            best=best,
            max_pairs=limit,
            report_faulty=faulty == "quarantine",
            threads=thread_count(threads),
            progress=watch,
        )

    columns, query_faults, corpus_faults, certificate = named(
        lambda: watched(kernel, asked.matrix.size + known.matrix.size, progress), {"matrix": "corpus"}
    )
    query, row, score = columns
    faults = merged_faults(asked, query_faults), merged_faults(known, corpus_faults)
    return Matches(query, row, score, *faults, Certificate(**certificate))


def top_k(
    queries: Any,
    corpus: Any,
    k: int,
    *,
    query_groups: Groups | None = None,
    corpus_groups: Groups | None = None,
    faulty: Faulty = "refuse",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Matches:
    """Find for every query the k most similar rows of the corpus, exactly, however dissimilar they are.

    Args:
        queries: [q, dim], as `vectors` of `find_pairs`.
        corpus: [n, dim].
        k: 1 or more; all rows where there are fewer.
        query_groups: As in `match`.
        corpus_groups: As in `match`.
        faulty: As in `find_pairs`.
        threads: As in `find_pairs`.
        progress: As in `find_pairs`.

    Returns:
        q * k pairs (fewer where the corpus or a group is smaller), as `match` orders them.

    Raises:
        InvalidArgument: As `match`.
    """
    return match(
        queries,
        corpus,
        -1.0,
        k=whole("k", k, 1),
        query_groups=query_groups,
        corpus_groups=corpus_groups,
        faulty=faulty,
        max_pairs=INT64_MAX,
        threads=threads,
        progress=progress,
    )


def pair_scores(vectors: Any, i: Int64Column, j: Int64Column) -> Float64Column:
    """Compute `sim64` of the pairs (i[k], j[k]) of rows, which need not be near each other.

    Args:
        vectors: [n, dim], as in `find_pairs`.
        i: int64 [m].
        j: int64 [m].

    Returns:
        float64 [m].

    Raises:
        InvalidArgument: A row is not there or cannot be compared.
    """
    matrix = read_vectors(vectors, faulty="quarantine").matrix
    names = {"matrix": "vectors", "left": "i", "right": "j"}
    scores: Float64Column = named(lambda: _vec.pair_cosines(matrix, i, j), names)
    return scores


def pair_set_hash(i: Int64Column, j: Int64Column) -> int:
    """Hash a set of pairs of int64 columns, whatever their order: to compare the answers of two programs."""
    return int(named(lambda: _vec.pair_set_hash(i, j), {"left": "i", "right": "j"}))


def isa() -> str:
    """Name the compiled copy of the kernels that runs here, "baseline", "v3" or "v4".

    The environment variable KHALA_JOBS_ISA, read once a process, overrides the choice.

    Raises:
        InvalidArgument: KHALA_JOBS_ISA is none of auto, baseline, v3, v4.
        Unsupported: KHALA_JOBS_ISA asks for what this processor or build lacks.
    """
    return str(_vec.isa())
