"""Which vectors are near each other: exact joins, clusters, and what is built on them.

    pairs = find_pairs(vectors, 0.95)               # every pair i < j with cosine >= 0.95, and no other
    clusters = cluster(pairs, priority=ages)        # every member >= 0.95 to its cluster's canonical row

**Exact.** The similarity of two rows is one number, `sim64`: the cosine in float64, summed in one fixed order,
the same bits on every processor. A pair is in an answer exactly when its `sim64` is at least the threshold,
whatever the number of threads, the instruction set and the order of the rows. Byte-identical rows have
similarity 1 by definition. Every answer carries a certificate: what was compared, how often float64 had to
step in, and a hash of the set of pairs with which two programs can compare their answers.

**Nothing in silence.** A row that cannot be compared is refused or listed by its number, an answer that grows
too large is an error and never a shortened one, and numbers are only ever rounded as documented.

The kernels run in C++ without the GIL. Arrays that one is reading must not be written to meanwhile.

Not here: what a pair *means*. A cosine cannot tell "always" from "never"; see `khala_jobs.memory.judge`.
"""

from __future__ import annotations

from .blocks import BLOCK_PAIRS, Checkpoint, find_pairs_in_blocks
from .calibration import Calibration, LabelledPairs, RocPoint, calibrate
from .calibration_store import CalibrationStore
from .clusters import Clusters, Linkage, Stars, cluster, star_clusters
from .drift import Drift, Quantile, find_drift, random_pair_quantiles
from .index import SimilarityIndex
from .intake import Vectors, read_vectors
from .interval import clopper_pearson
from .joins import MAX_PAIRS, find_pairs, isa, match, pair_scores, pair_set_hash, top_k
from .prepared import Corpus, Rotation, fit_rotation
from .stream import iter_pairs
from .values import (
    Audit,
    BlockCertificate,
    Certificate,
    IndexCertificate,
    Matches,
    PairColumns,
    Pairs,
    RowFault,
)

__all__ = [
    "BLOCK_PAIRS",
    "MAX_PAIRS",
    "Audit",
    "BlockCertificate",
    "Calibration",
    "CalibrationStore",
    "Certificate",
    "Checkpoint",
    "Clusters",
    "Corpus",
    "Drift",
    "IndexCertificate",
    "LabelledPairs",
    "Linkage",
    "Matches",
    "PairColumns",
    "Pairs",
    "Quantile",
    "RocPoint",
    "Rotation",
    "RowFault",
    "SimilarityIndex",
    "Stars",
    "Vectors",
    "calibrate",
    "clopper_pearson",
    "cluster",
    "find_drift",
    "find_pairs",
    "find_pairs_in_blocks",
    "fit_rotation",
    "isa",
    "iter_pairs",
    "match",
    "pair_scores",
    "pair_set_hash",
    "random_pair_quantiles",
    "read_vectors",
    "star_clusters",
    "top_k",
]
