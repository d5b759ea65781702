"""What a vector store does, embedded or server: the contract tests hold both to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np

from retrieval.sparse import SparseVector

DENSE = "dense"
BM25 = "bm25"
KNOWLEDGE_BASE = "knowledge_base"
DOCUMENT = "document"
VERSION = "version"

TIE_MARGIN = 16
"""Hits asked for beyond the limit, so that equal scores at the cut are ordered here by id."""


@dataclass(frozen=True, slots=True)
class Point:
    """One chunk's vectors. ``id`` is the chunk's id, so that writing twice is writing once."""

    id: UUID
    knowledge_base_id: UUID
    document_id: UUID
    version: int
    dense: np.ndarray
    sparse: SparseVector

    @property
    def payload(self) -> dict[str, str | int]:
        return {
            KNOWLEDGE_BASE: str(self.knowledge_base_id),
            DOCUMENT: str(self.document_id),
            VERSION: self.version,
        }


@dataclass(frozen=True, slots=True)
class Hit:
    id: UUID
    score: float


class VectorStore(Protocol):
    """Points of one embedder, partitioned by knowledge base.

    Every search requires ``knowledge_base_ids``: forgetting the tenant filter is a type error.
    Ties are broken by id, so that two engines give one order. Any method may raise
    `StoreUnavailable`.
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
        """Best first, by BM25 (the store knows the IDF, over all its points)."""

    def delete_document(self, document_id: UUID, *, keep_version: int | None = None) -> None:
        """Removes a document's points, except those of ``keep_version``."""

    def delete_knowledge_base(self, knowledge_base_id: UUID) -> None: ...

    def count(self, *, document_id: UUID | None = None, knowledge_base_id: UUID | None = None) -> int: ...

    def point_ids(self, document_id: UUID) -> Iterable[UUID]: ...

    def documents(self) -> dict[UUID, int]:
        """Every document that has points here, with how many: what an orphan check compares."""

    def close(self) -> None: ...


class StoreUnavailable(Exception):
    """The store does not answer, or another process holds its files. Try again later."""


class StoreFull(StoreUnavailable):
    """The disk has no room for more points. Make room, then try again."""


def best(hits: Iterable[Hit], limit: int) -> list[Hit]:
    """The ``limit`` best, ties by id. Engines agree on a score to about six digits, not to the last bit."""
    return sorted(hits, key=lambda hit: (-round(hit.score, 5), hit.id))[:limit]
