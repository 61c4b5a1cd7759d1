"""Work that is done once and used often: a rotation of a model, and a corpus that is matched against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument

from .arguments import instance
from .intake import merged_faults, read_vectors
from .values import Faulty, Float32Column, Float32Matrix, RowFault
from .watch import named, thread_count

__all__ = ["Corpus", "Rotation", "fit_rotation"]


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """Directions along which the vectors of one embedding model differ most.

    Joins rule pairs out by what they see along these; they fit a rotation to their rows themselves unless one
    is given, which saves that time. A rotation that suits the rows badly costs time and never changes an answer.
    Both arrays may be stored and given back: ``Rotation(directions, centre)``.

    Attributes:
        directions: float32 [width, dim], orthonormal rows, width at most min(dim, 512).
        centre: float32 [dim], of length 1 at most.
    """

    directions: Float32Matrix
    centre: Float32Column

    def native(self) -> Any:
        """The rotation as the kernels take it.

        Raises:
            InvalidArgument: `rotation`: shapes that do not fit, values that are not finite, directions that are
                not orthonormal.
        """
        return named(
            lambda: _vec.Rotation(self.directions, self.centre),
            {"directions": "rotation", "centre": "rotation"},
        )


def fit_rotation(vectors: Any, *, faulty: Faulty = "refuse") -> Rotation:
    """Fit a rotation to vectors of one embedding model.

    Args:
        vectors: As in `find_pairs`; some thousand of them are looked at.
        faulty: As in `find_pairs`.

    Returns:
        The rotation, for `find_pairs`, `match` and `Corpus`.

    Raises:
        InvalidArgument: No vector can be compared, or the vectors are not as documented.
    """
    read = read_vectors(vectors, faulty=faulty)
    native = named(lambda: _vec.fit_rotation(read.matrix), {"matrix": "vectors"})
    return Rotation(native.directions, native.centre)


class Corpus:
    """Vectors made ready for many matches: they are read, checked and encoded once.

    Holds the vectors and some 150 bytes for each besides; they must not be written to meanwhile. Give it to
    `match` in the place of the corpus.

    Args:
        vectors: As in `find_pairs`.
        rotation: That of the embedding model, of `fit_rotation`; fitted to these vectors when None.
        faulty: What to do with rows that cannot be compared, as in `find_pairs`.
        threads: 1..64; one for each processor of this process when None.

    Raises:
        InvalidArgument: An argument is not as documented, or rows are faulty.
    """

    def __init__(
        self,
        vectors: Any,
        *,
        rotation: Rotation | None = None,
        faulty: Faulty = "refuse",
        threads: int | None = None,
    ) -> None:
        self.read = read_vectors(vectors, "corpus", faulty=faulty)
        self._native = named(
            lambda: _vec.Corpus(
                self.read.matrix,
                report_faulty=faulty == "quarantine",
                threads=thread_count(threads),
                rotation=native_rotation(rotation),
            ),
            {"matrix": "corpus"},
        )

    def __len__(self) -> int:
        return len(self.read.matrix)

    @property
    def vectors(self) -> Float32Matrix:
        """float32 [n, dim], as they are compared."""
        return self.read.matrix

    @property
    def faults(self) -> tuple[RowFault, ...]:
        """Rows that were left out."""
        return merged_faults(self.read, self._native.faults)

    def native(self) -> Any:
        """The corpus as the kernels take it."""
        return self._native


def native_rotation(rotation: Rotation | None) -> Any:
    """A rotation as the kernels take it, or None.

    Raises:
        InvalidArgument: `rotation`: it is none, or as in `Rotation.native`.
    """
    instance("rotation", rotation, Rotation, or_none=True)
    return None if rotation is None else rotation.native()


def refuse_groups(groups: object, field: str) -> None:
    """A corpus that was made ready is one group.

    Raises:
        InvalidArgument: Groups are given.
    """
    if groups is not None:
        raise InvalidArgument(field, "a Corpus is one group; give the vectors themselves where groups matter")
