"""The documents of a knowledge base into the collection of its next embedder, while the present one answers.

How the change goes, and who may work on it, is in `ingestion.preparation`.
"""

import logging
import time
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Count, F, Q

from ingestion import preparation
from ingestion.models import Document, KnowledgeBase
from retrieval.connections import embedder_for, next_embedder_for
from retrieval.embedders.base import Embedder, EmbedderUnavailable
from retrieval.indexing import BATCH, make_points
from retrieval.stores import all_stores, get_store
from retrieval.stores.base import StoreUnavailable, VectorStore

logger = logging.getLogger(__name__)

SLICE_S = 5.0
"""How long one task goes on, so that a new document in the same queue need not wait."""


def prepare(knowledge_base_id: UUID, *, since: datetime | None = None) -> datetime | None:
    """Work for some seconds on a knowledge base's change of embedder, and finish it where all is prepared.

    ``since`` is the turn to go on with. Returns the turn where there is more to do at once, else None:
    all is done, or another worker is at it, or it is tried again later. Only a DatabaseError is raised.
    """
    knowledge_base = preparation.take_turn(knowledge_base_id, since=since)
    if knowledge_base is None:
        return None
    try:
        if not knowledge_base.next_embedder:
            _clear_up(knowledge_base)
        elif not _fill(knowledge_base):
            return knowledge_base.preparation_heartbeat_at
    except (EmbedderUnavailable, StoreUnavailable) as error:
        logger.warning("Knowledge base %s waits for its next embedder: %s", knowledge_base_id, error)
        preparation.fail_turn(knowledge_base, str(error))
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("Knowledge base %s could not be prepared for its next embedder", knowledge_base_id)
        preparation.fail_turn(knowledge_base, repr(error))
    return None


def _fill(knowledge_base: KnowledgeBase) -> bool:
    """False where time is up, or the turn is lost."""
    embedder = next_embedder_for(knowledge_base)
    store = get_store(embedder)
    until = time.monotonic() + SLICE_S
    for document in preparation.to_prepare(knowledge_base):
        if not _fill_document(knowledge_base, document, embedder, store, until):
            return False
    # What is not whole now is so by the next turn: a document that became ready meanwhile, or one
    # whose next version is on its way.
    if not (_is_whole(knowledge_base, store) and preparation.exchange(knowledge_base)):
        preparation.end_turn(knowledge_base)
    return True


def _fill_document(
    knowledge_base: KnowledgeBase, document: Document, embedder: Embedder, store: VectorStore, until: float
) -> bool:
    """False where time is up, or the turn is lost. What is in the store already is not embedded again."""
    version = document.live_version
    present = set(store.point_ids(document.pk))
    missing = [chunk for chunk in document.chunks.filter(version=version) if chunk.pk not in present]
    missing.sort(key=lambda chunk: len(chunk.text), reverse=True)  # see `indexing`
    is_ours = True
    for start in range(0, len(missing), BATCH):
        store.upsert(make_points(document, missing[start : start + BATCH], embedder))
        is_ours = preparation.keep_turn(knowledge_base)
        if not is_ours:
            break
        if time.monotonic() > until:
            return False
    if not preparation.mark_prepared(knowledge_base, document.pk, version=version):
        # Deleted, or read again: what was written may not stay.
        live = Document.objects.alive().filter(pk=document.pk).values_list("live_version", flat=True).first()
        store.delete_document(document.pk, keep_version=live)
    return is_ours and time.monotonic() <= until


def _is_whole(knowledge_base: KnowledgeBase, store: VectorStore) -> bool:
    """Ask the store itself, which a loss of power may have made forget its last writes."""
    indexed = store.documents()
    live = Count("chunks", filter=Q(chunks__version=F("live_version")))
    documents = preparation.live_documents(knowledge_base).annotate(live_chunks=live)
    lost = [pk for pk, chunks in documents.values_list("pk", "live_chunks") if indexed.get(pk, 0) < chunks]
    preparation.forget_prepared(knowledge_base, lost)
    return not lost


def _clear_up(knowledge_base: KnowledgeBase) -> None:
    """Remove what the embedders hold that do not answer."""
    own = get_store(embedder_for(knowledge_base))
    for store in all_stores():
        if store is not own and preparation.keep_turn(knowledge_base):
            store.delete_knowledge_base(knowledge_base.pk)
    preparation.end_turn(knowledge_base)
