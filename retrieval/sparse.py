"""BM25 as sparse vectors, made without a model. See `document_vector` and `query_vector`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SparseVector:
    indices: list[int]
    values: list[float]
