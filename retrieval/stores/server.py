"""A Qdrant server or cluster (`qdrant-client` over REST): several processes, past one machine."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from retrieval.sparse import SparseVector
from retrieval.stores.base import (
    BM25,
    DENSE,
    DOCUMENT,
    KNOWLEDGE_BASE,
    TIE_MARGIN,
    VERSION,
    Hit,
    Point,
    StoreUnavailable,
    best,
)

PREFIX = "qa-"
"""Our collections among those of others on the same server."""
TIMEOUT_S = 10
SCROLL_PAGE = 1000
CONFLICT = 409


class ServerStore:
    """A `VectorStore` in one collection; ``dimension`` None expects that it exists.

    Nothing is asked of the server before the first call, so that a server that is down is
    `StoreUnavailable` there, and a web process starts without it.
    """

    def __init__(self, url: str, api_key: str, name: str, dimension: int | None) -> None:
        self._place = url, api_key
        self._name = PREFIX + name
        self._dimension = dimension
        self._ready = dimension is None
        self._preparing = threading.Lock()

    def upsert(self, points: Sequence[Point]) -> None:
        with self._client() as client:
            client.upsert(
                self._name,
                [
                    models.PointStruct(
                        id=str(point.id),
                        vector={
                            DENSE: point.dense.tolist(),
                            BM25: models.SparseVector(
                                indices=point.sparse.indices, values=point.sparse.values
                            ),
                        },
                        payload=point.payload,
                    )
                    for point in points
                ],
                wait=True,
            )

    def search_dense(
        self, vector: np.ndarray, *, knowledge_base_ids: Sequence[UUID], limit: int
    ) -> list[Hit]:
        return self._search(vector.tolist(), DENSE, knowledge_base_ids, limit)

    def search_sparse(
        self, vector: SparseVector, *, knowledge_base_ids: Sequence[UUID], limit: int
    ) -> list[Hit]:
        query = models.SparseVector(indices=vector.indices, values=vector.values)
        return self._search(query, BM25, knowledge_base_ids, limit)

    def _search(self, query, using: str, knowledge_base_ids: Sequence[UUID], limit: int) -> list[Hit]:
        """One request for each knowledge base, in one call: see `EdgeStore._search`."""
        requests = [
            models.QueryRequest(
                query=query, using=using, filter=_where({KNOWLEDGE_BASE: tenant}), limit=limit + TIE_MARGIN
            )
            for tenant in set(knowledge_base_ids)
        ]
        if not requests:
            return []
        with self._client() as client:
            answers = client.query_batch_points(self._name, requests)
        return best(
            (Hit(UUID(str(point.id)), point.score) for answer in answers for point in answer.points), limit
        )

    def delete_document(self, document_id: UUID, *, keep_version: int | None = None) -> None:
        self._delete(_where({DOCUMENT: document_id}, keep_version=keep_version))

    def delete_knowledge_base(self, knowledge_base_id: UUID) -> None:
        self._delete(_where({KNOWLEDGE_BASE: knowledge_base_id}))

    def _delete(self, where: models.Filter) -> None:
        with self._client() as client:
            client.delete(self._name, models.FilterSelector(filter=where), wait=True)

    def count(self, *, document_id: UUID | None = None, knowledge_base_id: UUID | None = None) -> int:
        where = _where({DOCUMENT: document_id, KNOWLEDGE_BASE: knowledge_base_id})
        with self._client() as client:
            return client.count(self._name, where, exact=True).count

    def point_ids(self, document_id: UUID) -> Iterable[UUID]:
        offset, where = None, _where({DOCUMENT: document_id})
        while True:
            with self._client() as client:
                points, offset = client.scroll(
                    self._name, where, limit=SCROLL_PAGE, offset=offset, with_payload=False
                )
            yield from (UUID(str(point.id)) for point in points)
            if offset is None:
                return

    def documents(self) -> dict[UUID, int]:
        with self._client() as client:
            limit = max(1, client.count(self._name, exact=True).count)
            facet = client.facet(self._name, DOCUMENT, limit=limit, exact=True)
        return {UUID(str(hit.value)): hit.count for hit in facet.hits if hit.count}

    def close(self) -> None:
        """The client is the process's, shared by all collections."""

    @contextlib.contextmanager
    def _client(self) -> Iterator[QdrantClient]:
        with _translated(self._place[0]):
            client = _connect(*self._place)
            try:
                if not self._ready:
                    with self._preparing:
                        self._prepare(client)
                        self._ready = True
                yield client
            except UnexpectedResponse:
                self._ready = self._dimension is None  # a collection that is gone is made anew
                raise

    def _prepare(self, client: QdrantClient) -> None:
        """Make the collection where there is none; two processes may do it at once."""
        assert self._dimension is not None
        if not client.collection_exists(self._name):
            with _already_there_is_fine():
                client.create_collection(
                    self._name,
                    vectors_config={
                        DENSE: models.VectorParams(size=self._dimension, distance=models.Distance.COSINE)
                    },
                    sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                    hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                )
        tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        client.create_payload_index(self._name, KNOWLEDGE_BASE, tenant, wait=True)
        client.create_payload_index(self._name, DOCUMENT, models.PayloadSchemaType.KEYWORD, wait=True)


def collections(url: str, api_key: str) -> list[str]:
    """The names of the stores that the server holds."""
    with _translated(url):
        found = _connect(url, api_key).get_collections().collections
    return sorted(row.name.removeprefix(PREFIX) for row in found if row.name.startswith(PREFIX))


@cache
def _connect(url: str, api_key: str) -> QdrantClient:
    return QdrantClient(url=url, api_key=api_key or None, timeout=TIMEOUT_S)


def _where(equal: dict[str, UUID | None], *, keep_version: int | None = None) -> models.Filter:
    """Points that have these values, None being any; without those of ``keep_version``."""
    must: list[Any] = [_is(key, str(value)) for key, value in equal.items() if value]
    kept: list[Any] = [_is(VERSION, keep_version)] if keep_version else []
    return models.Filter(must=must, must_not=kept)


def _is(key: str, value: str | int) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


@contextlib.contextmanager
def _already_there_is_fine() -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code != CONFLICT:
            raise


@contextlib.contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        raise StoreUnavailable(f"The index at {url} does not answer: {error}") from error
