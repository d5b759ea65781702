"""From a document's chunks to points that can be found. The tasks call these; each is safe to call twice."""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Count, F, Q

from ingestion import services
from ingestion.models import Chunk, Document, KnowledgeBase
from retrieval.connections import embedder_for
from retrieval.embedders.base import Embedder, EmbedderUnavailable
from retrieval.sparse import document_vector
from retrieval.stores import all_stores, get_store
from retrieval.stores.base import Point, StoreFull, StoreUnavailable, VectorStore

logger = logging.getLogger(__name__)

BATCH = 64
"""Chunks between two reports of progress."""
Status = Document.Status


def index(document_id: UUID) -> None:
    """Embed and store a document's newest version, let it answer, and drop what it replaces.

    Raises `EmbedderUnavailable` or `StoreUnavailable` with the claim given back: try again later.
    Any other failure ends in the document's row; only a database that fails leaves it claimed,
    for `ingestion.services.recover` to find.
    """
    if not services.claim(document_id, from_status=Status.INDEXING, to_status=Status.INDEXING):
        return
    document = Document.objects.select_related("knowledge_base").filter(pk=document_id).first()
    if document is None:
        return
    try:
        _index(document)
    except (EmbedderUnavailable, StoreUnavailable):
        services.release(document_id)
        raise
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("Document %s could not be indexed", document_id)
        services.mark_failed(document_id, code="index_failed", detail=repr(error))


def give_up(document_id: UUID, error: Exception) -> None:
    """End the work on a document after the last attempt, with a reason that its owner understands."""
    code = "store_unavailable"
    if isinstance(error, StoreFull):
        code = "disk_full"
    elif isinstance(error, EmbedderUnavailable):
        code = "embedder_unavailable"
    services.mark_failed(document_id, code=code, detail=str(error))


def _index(document: Document) -> None:
    knowledge_base = document.knowledge_base
    embedder = embedder_for(knowledge_base)
    store = get_store(embedder)
    version = document.version
    # Batches of like length waste little on padding; the longest come first, so that a batch that
    # is too large for the machine is known at once.
    chunks = sorted(document.chunks.filter(version=version), key=lambda chunk: len(chunk.text), reverse=True)
    for start in range(0, len(chunks), BATCH):
        batch = chunks[start : start + BATCH]
        store.upsert(make_points(document, batch, embedder))
        if not services.report_progress(document.pk, chunks_done=start + len(batch)):
            break  # deleted, or finished by another worker
    if not services.mark_ready(document.pk, version=version, embedder=knowledge_base.embedder):
        now = KnowledgeBase.objects.filter(pk=knowledge_base.pk).first()
        if now and now.embedder != knowledge_base.embedder:  # see `ingestion.preparation`
            document.knowledge_base = now
            return _index(document)
    try:
        _clear(document.pk, store)
    except StoreUnavailable:
        logger.warning("Old points of document %s stay until the next repair", document.pk, exc_info=True)


def make_points(document: Document, chunks: Sequence[Chunk], embedder: Embedder) -> list[Point]:
    """A point for each chunk. Raises EmbedderUnavailable, ValueError for vectors of another shape."""
    texts = [chunk.embedded_text for chunk in chunks]
    vectors = embedder.embed_documents(texts)
    if vectors.shape != (len(texts), embedder.dimension):
        raise ValueError(f"{embedder.name} gave {vectors.shape} for {len(texts)} x {embedder.dimension}")
    return [
        Point(
            id=chunk.pk,
            knowledge_base_id=document.knowledge_base_id,
            document_id=document.pk,
            version=chunk.version,
            dense=vector,
            sparse=document_vector(text),
        )
        for chunk, text, vector in zip(chunks, texts, vectors, strict=True)
    ]


def _clear(document_id: UUID, store: VectorStore) -> None:
    """Remove the points that must not be found: all of a deleted document, else those of versions
    that do not answer and, unless a change of embedder is under way, those in other collections."""
    rows = Document.objects.alive().filter(pk=document_id).select_related("knowledge_base")
    document = rows.first()
    if document and document.status != Status.READY:
        return  # another worker is on a newer version, and will clear
    for other in all_stores():
        kept = document and (other is store or document.knowledge_base.next_embedder)
        keep = document.live_version if document and kept else None
        other.delete_document(document_id, keep_version=keep)


def remove_document(document_id: UUID) -> None:
    """Take a deleted document out of every collection, then out of the database."""
    if Document.objects.alive().filter(pk=document_id).exists():
        return
    for store in all_stores():
        store.delete_document(document_id)
    services.purge_document(document_id)


def remove_knowledge_base(knowledge_base_id: UUID) -> None:
    """Take a deleted knowledge base out of every collection, then out of the database."""
    if KnowledgeBase.objects.filter(pk=knowledge_base_id, deleted_at=None).exists():
        return
    for store in all_stores():
        store.delete_knowledge_base(knowledge_base_id)
    services.purge_knowledge_base(knowledge_base_id)


def repair() -> list[UUID]:
    """Make the index agree with the database, which is the truth; returns the documents to index again.

    A loss of power may take the last writes of the embedded index, and a kill may leave points of a
    document that was deleted meanwhile. Documents that are being worked on are left alone.
    """
    for store in all_stores():
        _drop_orphans(store)
    again: list[UUID] = []
    for knowledge_base in KnowledgeBase.objects.filter(deleted_at=None):
        try:
            again += _repair(knowledge_base)
        except (EmbedderUnavailable, StoreUnavailable):
            logger.warning("Knowledge base %s could not be compared with its index", knowledge_base.pk)
    return again


def _drop_orphans(store: VectorStore) -> None:
    indexed = set(store.documents())
    alive = set(Document.objects.alive().filter(knowledge_base__deleted_at=None).values_list("pk", flat=True))
    for document_id in indexed - alive:
        store.delete_document(document_id)


def _repair(knowledge_base: KnowledgeBase) -> list[UUID]:
    live = Count("chunks", filter=Q(chunks__version=F("live_version")))
    ready = knowledge_base.documents.alive().filter(status=Status.READY).annotate(live_chunks=live)
    rows = list(ready.values_list("pk", "live_version", "live_chunks"))
    if not rows:
        return []
    store = get_store(embedder_for(knowledge_base))
    indexed = store.documents()
    again = []
    for document_id, version, chunks in rows:
        if indexed.get(document_id, 0) > chunks:
            store.delete_document(document_id, keep_version=version)
            indexed[document_id] = store.count(document_id=document_id)
        if indexed.get(document_id, 0) != chunks and services.index_again(document_id):
            again.append(document_id)
    return again
