"""Calibrations kept in a JSON file, one a model."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from khala_jobs.errors import SchemaMismatch, StoreCorrupt, StoreIO

from .calibration import Calibration
from .files import write_atomically

__all__ = ["CalibrationStore"]

_FORMAT: Final = "khala_jobs calibration"
_VERSION: Final = 1


class CalibrationStore:
    """A file of calibrations. Every call reads it anew, so processes that share it see each other's.

    Args:
        path: Made by the first `put`; ``<path>-lock`` beside it keeps two writers apart.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def get(self, model_id: str | None) -> Calibration | None:
        """The calibration of a model, or None.

        Raises:
            StoreCorrupt: The file is damaged.
            SchemaMismatch: It is another kind of file, or a newer version's.
            StoreIO: The operating system refused.
        """
        return None if model_id is None else self._read().get(model_id)

    def models(self) -> list[str]:
        """The models that have a calibration. Raises as `get`."""
        return sorted(self._read())

    def put(self, calibration: Calibration) -> None:
        """Keep a calibration in the place of an earlier one of its model.

        Raises:
            StoreFull: The disk is full; the file is untouched.
            (and as `get`)
        """
        with self._locked():
            models = {**self._read(), calibration.model_id: calibration}
            body = {
                "format": _FORMAT,
                "version": _VERSION,
                "models": {name: models[name].to_json() for name in sorted(models)},
            }
            text = orjson.dumps(body, option=orjson.OPT_INDENT_2)

            def write(file: BinaryIO) -> None:
                file.write(text)

            write_atomically(self.path, write)

    def _read(self) -> dict[str, Calibration]:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreIO("path", f"{self.path} cannot be read: {error.strerror}") from error
        try:
            body: Any = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise StoreCorrupt("path", f"{self.path} is no JSON: {error}") from None
        if not isinstance(body, dict) or body.get("format") != _FORMAT:
            raise SchemaMismatch("path", f"{self.path} is not a file of calibrations")
        if body["version"] != _VERSION:
            raise SchemaMismatch(
                "path",
                f"{self.path} has version {body['version']}; this version of khala_jobs knows {_VERSION}",
            )
        try:
            return {name: Calibration.from_json(values) for name, values in body["models"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreCorrupt("path", f"{self.path} is damaged: {error!r}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            lock = os.open(f"{self.path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreIO("path", f"{self.path}-lock cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
