"""What a vector store does, embedded or server: the contract tests hold both to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np

from retrieval.sparse import SparseVector


@dataclass(frozen=True, slots=True)
class Point:
    """One chunk's vectors. ``id`` is the chunk's id, so that writing twice is writing once."""

    id: UUID
    knowledge_base_id: UUID
    document_id: UUID
    version: int
    dense: np.ndarray
    sparse: SparseVector


@dataclass(frozen=True, slots=True)
class Hit:
    id: UUID
    score: float


class VectorStore(Protocol):
    """Points of one embedder, partitioned by knowledge base.

    Every search requires ``knowledge_base_ids``: forgetting the tenant filter is a type error.
    Ties are broken by id, so that two engines give one order.
    """

    def upsert(self, points: Sequence[Point]) -> None:
        """Writes the points; durable when it returns."""

    def search_dense(
        self, vector: np.ndarray, *, knowledge_base_ids: Sequence[UUID], limit: int
    ) -> list[Hit]:
        """Best first, by cosine."""

    def search_sparse(
        self, vector: SparseVector, *, knowledge_base_ids: Sequence[UUID], limit: int
    ) -> list[Hit]:
        """Best first, by BM25 (the store knows the IDF)."""

    def delete_document(self, document_id: UUID, *, keep_version: int | None = None) -> None:
        """Removes a document's points, except those of ``keep_version``."""

    def delete_knowledge_base(self, knowledge_base_id: UUID) -> None: ...

    def count(self, *, document_id: UUID | None = None, knowledge_base_id: UUID | None = None) -> int: ...

    def point_ids(self, document_id: UUID) -> Iterable[UUID]: ...

    def close(self) -> None: ...


class StoreUnavailable(Exception):
    """The store does not answer, or another process holds its files."""
