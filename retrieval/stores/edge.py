"""Qdrant's own engine in this process (`qdrant-edge-py`): nothing to install, one process at a time.

A folder holds the shard that ``current`` points to, and the lock that says whose it is. A write
is in the shard's write-ahead log before it returns, so that a killed process loses nothing.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from ingestion import disk
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
    StoreFull,
    StoreUnavailable,
    best,
)

logger = logging.getLogger(__name__)

OPTIMIZE_AFTER = 50_000
"""Changes before graphs are built and deleted points cleared. An exact scan of 50,000 vectors of 384
dimensions takes 8 ms, of 100,000 16 ms; with the graph it is 2 ms."""
OPTIMIZE = (
    "import os, sys, qdrant_edge; os.nice(15); shard = qdrant_edge.EdgeShard.load(sys.argv[1]);"
    "shard.optimize(); shard.close()"
)
SCROLL_PAGE = 1000


class EdgeStore:
    """A `VectorStore` in ``folder``; ``dimension`` None opens only what exists.

    Reads go on while another thread writes. Raises `StoreUnavailable` where another process
    holds the folder.
    """

    def __init__(self, folder: Path, dimension: int | None) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._journal: list[edge.UpdateOperation] | None = None
        self._optimizer: subprocess.Popen | None = None
        self._closed = False
        with _translated(f"The index in {folder} cannot be opened"):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            try:
                if not self._current.exists():
                    _require_room(folder)
                    _create(self._new_shard_folder(), dimension)
                self._shard = edge.EdgeShard.load(str(self._current.resolve()))
            except BaseException:
                self._lock.close()
                raise
            self._sweep()
            info = self._shard.info()
            # Each point has two vectors; the sparse one is indexed as it comes.
            self._changes = 2 * info.points_count - info.indexed_vectors_count

    def upsert(self, points: Sequence[Point]) -> None:
        _require_room(self._folder)
        self._write(
            edge.UpdateOperation.upsert_points(
                [
                    edge.Point(
                        point.id,
                        {
                            DENSE: point.dense.tolist(),
                            BM25: edge.SparseVector(point.sparse.indices, point.sparse.values),
                        },
                        point.payload,
                    )
                    for point in points
                ]
            ),
            changes=len(points),
        )

    def search_dense(
        self, vector: np.ndarray, *, knowledge_base_ids: Sequence[UUID], limit: int
    ) -> list[Hit]:
        return self._search(edge.Query.Nearest(vector.tolist(), DENSE), knowledge_base_ids, limit)

    def search_sparse(
        self, vector: SparseVector, *, knowledge_base_ids: Sequence[UUID], limit: int
    ) -> list[Hit]:
        query = edge.Query.Nearest(edge.SparseVector(vector.indices, vector.values), BM25)
        return self._search(query, knowledge_base_ids, limit)

    def _search(self, query: edge.Query, knowledge_base_ids: Sequence[UUID], limit: int) -> list[Hit]:
        """One request for each knowledge base: a graph links the points of one tenant, and a search
        over several at once would walk in one of them only (measured: half the hits lost)."""
        requests = [
            edge.QueryRequest(limit=limit + TIE_MARGIN, query=query, filter=_where({KNOWLEDGE_BASE: tenant}))
            for tenant in set(knowledge_base_ids)
        ]
        if not requests:
            return []
        with _translated("The index cannot be searched"):
            answers = self._shard.query_batch(edge.QueryBatchRequest(requests))
        return best((Hit(_uuid(point.id), point.score) for points in answers for point in points), limit)

    def delete_document(self, document_id: UUID, *, keep_version: int | None = None) -> None:
        self._delete(_where({DOCUMENT: document_id}, keep_version=keep_version))

    def delete_knowledge_base(self, knowledge_base_id: UUID) -> None:
        self._delete(_where({KNOWLEDGE_BASE: knowledge_base_id}))

    def _delete(self, where: edge.Filter) -> None:
        with _translated("The index cannot be read"):
            doomed = self._shard.count(edge.CountRequest(filter=where))
        if doomed:
            self._write(edge.UpdateOperation.delete_points_by_filter(where), changes=doomed)

    def count(self, *, document_id: UUID | None = None, knowledge_base_id: UUID | None = None) -> int:
        where = _where({DOCUMENT: document_id, KNOWLEDGE_BASE: knowledge_base_id})
        with _translated("The index cannot be read"):
            return self._shard.count(edge.CountRequest(filter=where))

    def point_ids(self, document_id: UUID) -> Iterable[UUID]:
        offset, where = None, _where({DOCUMENT: document_id})
        while True:
            request = edge.ScrollRequest(offset=offset, limit=SCROLL_PAGE, filter=where, with_payload=False)
            with _translated("The index cannot be read"):
                points, offset = self._shard.scroll(request)
            yield from (_uuid(point.id) for point in points)
            if offset is None:
                return

    def documents(self) -> dict[UUID, int]:
        with _translated("The index cannot be read"):
            limit = max(1, self._shard.count(edge.CountRequest()))
            facet = self._shard.facet(edge.FacetRequest(DOCUMENT, limit=limit, exact=True))
        return {_uuid(hit.value): hit.count for hit in facet.hits if hit.count}

    def close(self) -> None:
        with self._writing:
            self._closed = True
            if self._optimizer:
                self._optimizer.kill()
            with _translated("The index cannot be closed"):
                self._shard.close()
            self._lock.close()

    def _write(self, operation: edge.UpdateOperation, *, changes: int) -> None:
        with self._writing, _translated("The index cannot be written"):
            self._shard.update(operation)
            if self._journal is not None:
                self._journal.append(operation)
            self._changes += changes
            if self._changes >= OPTIMIZE_AFTER and self._journal is None:
                self._changes = 0
                self._journal = []
                threading.Thread(target=self.optimize, name="optimize-index", daemon=True).start()

    def optimize(self) -> None:
        """Build graphs and clear deleted points in a copy, then take the copy's place.

        The engine holds the interpreter's lock while it optimizes, minutes for 100,000 points, so
        a process of its own does it. Meanwhile this one reads and writes on; what it writes is also
        kept in a journal, which is applied to the copy. The switch is one rename, so that a kill at
        any moment leaves one of the two whole.
        """
        copy = self._new_shard_folder()
        try:
            with self._writing:
                self._journal = []
                self._shard.flush()
                shutil.copytree(self._current.resolve(), copy)
                self._optimizer = subprocess.Popen([sys.executable, "-c", OPTIMIZE, str(copy)])
            if self._optimizer.wait():
                raise RuntimeError(f"the optimizer ended with {self._optimizer.returncode}")
            optimized = edge.EdgeShard.load(str(copy))
            with self._writing:
                if self._closed:
                    return
                for operation in self._journal:
                    optimized.update(operation)
                _point(self._current, copy)
                self._shard = optimized  # readers of the old one finish on it
        except Exception:
            if not self._closed:
                logger.exception("The index in %s was not optimized; it goes on as it is", self._folder)
        finally:
            self._journal = None
            self._optimizer = None
            if not self._closed:
                self._sweep()

    @property
    def _current(self) -> Path:
        return self._folder / "current"

    def _new_shard_folder(self) -> Path:
        return self._folder / uuid.uuid4().hex

    def _sweep(self) -> None:
        """Remove shards that an optimization or a killed process left behind."""
        used = self._current.resolve()
        for path in self._folder.iterdir():
            if path.is_dir() and not path.is_symlink() and path != used:
                shutil.rmtree(path, ignore_errors=True)


def _create(folder: Path, dimension: int | None) -> None:
    """A shard is made whole under its own name before ``current`` points to it."""
    if dimension is None:
        raise StoreUnavailable(f"There is no index in {folder.parent}.")
    folder.mkdir()
    shard = edge.EdgeShard.create(
        str(folder),
        edge.EdgeConfig(
            vectors={DENSE: edge.EdgeVectorParams(dimension, edge.Distance.Cosine)},
            sparse_vectors={BM25: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
            # A graph for each knowledge base and none over all: nobody searches without a tenant.
            hnsw_config=edge.HnswIndexConfig(m=0, payload_m=16, ef_construct=100, full_scan_threshold=10_000),
        ),
    )
    shard.update(
        edge.UpdateOperation.create_field_index(KNOWLEDGE_BASE, edge.KeywordIndexParams(is_tenant=True))
    )
    shard.update(
        edge.UpdateOperation.create_field_index(DOCUMENT, edge.KeywordIndexParams(enable_hnsw=False))
    )
    shard.close()
    _point(folder.parent / "current", folder)


def _point(link: Path, target: Path) -> None:
    scratch = link.with_name(f"{link.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target.name)
    os.replace(scratch, link)


def _lock(folder: Path):
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreUnavailable(
            f"The index in {folder} is in use by another process (a running `serve`?)."
        ) from error
    return file


def _where(equal: dict[str, UUID | None], *, keep_version: int | None = None) -> edge.Filter:
    """Points that have these values, None being any; without those of ``keep_version``."""
    must: list[Any] = [
        edge.FieldCondition(key, edge.MatchValue(str(value))) for key, value in equal.items() if value
    ]
    kept: list[Any] = [edge.FieldCondition(VERSION, edge.MatchValue(keep_version))] if keep_version else []
    return edge.Filter(must=must, must_not=kept)


def _uuid(point_id: object) -> UUID:
    return point_id if isinstance(point_id, UUID) else UUID(str(point_id))


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """The engine raises bare `Exception`s: a full disk, a damaged file, a shard that is closed."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception and not isinstance(error, OSError):
            raise
        raise StoreUnavailable(f"{what}: {error}") from error


def _require_room(folder: Path) -> None:
    if not disk.has_room(folder):
        raise StoreFull(f"Less than {disk.RESERVE_MB} MB are free where {folder} is")
