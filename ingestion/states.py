"""How a document moves from one state to the next. Workers call these; each is safe to call twice.

A worker claims a row by a conditional UPDATE and keeps it by its heartbeat. A claim whose
heartbeat is older than `LEASE` belongs to nobody: the next worker takes it over.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from celery import signature
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ingestion import rendering
from ingestion.models import Chunk, Document, DocumentPage, KnowledgeBase
from ingestion.pages import Page, Span
from ingestion.signals import (
    document_chunked,
    document_deleted,
    knowledge_base_deleted,
    next_embedder_chosen,
)

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
"""How long a claim holds without a heartbeat."""
REQUEUE_AFTER = timedelta(minutes=10)
"""How long a document may wait in a queue before its task is taken for lost."""
MAX_ATTEMPTS = 3
"""Claims of one stage before the document fails with "worker_died"."""
REQUEUE_LIMIT = 1000
ROWS_PER_STATEMENT = 500

Status = Document.Status
UNFINISHED = (Status.QUEUED, Status.PARSING, Status.INDEXING)


def claim(document_id: UUID | str, *, from_status: str, to_status: str) -> bool:
    """Take a document from one state to the next; False where another worker has it or it is gone."""
    now = timezone.now()
    return bool(
        Document.objects.alive()
        .filter(pk=document_id, status__in={from_status, to_status}, attempts__lt=MAX_ATTEMPTS)
        .filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=now - LEASE))
        .update(
            status=to_status,
            heartbeat_at=now,
            attempts=F("attempts") + 1,
            error_code="",
            error_detail="",
            updated_at=now,
        )
    )


def heartbeat(document_id: UUID | str) -> bool:
    """Keep a claim; False where the document was deleted or failed meanwhile and work should stop."""
    return report_progress(document_id)


def report_progress(
    document_id: UUID | str,
    *,
    pages_done: int | None = None,
    pages_total: int | None = None,
    chunks_done: int | None = None,
    chunks_total: int | None = None,
) -> bool:
    """Write the counts that are given, and the heartbeat; False where work should stop."""
    counts = {
        "pages_done": pages_done,
        "pages_total": pages_total,
        "chunks_done": chunks_done,
        "chunks_total": chunks_total,
    }
    known = {name: count for name, count in counts.items() if count is not None}
    return bool(
        Document.objects.alive()
        .filter(pk=document_id, status__in=UNFINISHED)
        .update(heartbeat_at=timezone.now(), **known)
    )


def release(document_id: UUID | str) -> None:
    """Give a claim back, uncounted: its worker lives, but something that it needs does not answer."""
    Document.objects.alive().filter(pk=document_id, status__in=UNFINISHED, attempts__gt=0).update(
        heartbeat_at=None, attempts=F("attempts") - 1, updated_at=timezone.now()
    )


def index_again(document_id: UUID | str) -> bool:
    """Send a ready document to the index once more; it goes on answering. False where it is not ready."""
    with transaction.atomic():
        changed = (
            Document.objects.alive()
            .filter(pk=document_id, status=Status.READY)
            .update(
                status=Status.INDEXING,
                chunks_done=0,
                attempts=0,
                heartbeat_at=None,
                updated_at=timezone.now(),
            )
        )
        if changed:
            transaction.on_commit(lambda: announce_chunks(UUID(str(document_id))), robust=True)
    return bool(changed)


def replace_chunks(*, document: Document, pages: Sequence[Page], spans: Sequence[Span]) -> bool:
    """Store a parse as the document's next version, in one transaction, and tell the index.

    The live version stays and goes on answering until `mark_ready`. False where the document was
    deleted or taken over meanwhile: nothing is written then.
    """
    with transaction.atomic():
        row = (
            Document.objects.select_for_update().alive().filter(pk=document.pk, status=Status.PARSING).first()
        )
        if row is None:
            return False
        row.version += 1
        for model in (DocumentPage, Chunk):
            model.objects.filter(document=row).exclude(version=row.live_version).delete()
        DocumentPage.objects.bulk_create(_page_rows(row, pages), batch_size=ROWS_PER_STATEMENT)
        Chunk.objects.bulk_create(_chunk_rows(row, spans), batch_size=ROWS_PER_STATEMENT)
        row.status = Status.INDEXING
        row.heartbeat_at = None
        row.attempts = 0
        row.pages_total = row.pages_done = len(pages)
        row.chunks_total, row.chunks_done = len(spans), 0
        row.save()
        transaction.on_commit(lambda: announce_chunks(row.pk), robust=True)
    document.refresh_from_db()
    return True


def _page_rows(document: Document, pages: Sequence[Page]) -> list[DocumentPage]:
    rows, start = [], 0
    for page in pages:
        text = page.text
        rows.append(
            DocumentPage(
                document=document,
                version=document.version,
                number=page.number,
                label=page.label[:200],
                paged=page.paged,
                start=start,
                text=text,
                width=page.width,
                height=page.height,
            )
        )
        start += len(text) + 2
    return rows


def _chunk_rows(document: Document, spans: Sequence[Span]) -> list[Chunk]:
    return [
        Chunk(
            id=Chunk.make_id(document.pk, document.version, ordinal),
            document=document,
            version=document.version,
            ordinal=ordinal,
            text=span.text,
            heading_path=list(span.heading_path),
            page=span.page,
            regions=[asdict(region) for region in span.regions],
            start=span.start,
            end=span.end,
            tokens=span.tokens,
        )
        for ordinal, span in enumerate(spans)
    ]


def mark_ready(document_id: UUID | str, *, version: int, embedder: str | None = None) -> bool:
    """Let ``version`` answer and drop the rows of the others; False where it is no longer the newest.

    ``embedder`` is what it was indexed by: False, too, where the knowledge base answers by another.
    """
    with transaction.atomic():
        if embedder is not None and not _answers_by(document_id, embedder):
            return False
        changed = (
            Document.objects.alive()
            .filter(pk=document_id, version=version, status=Status.INDEXING)
            .update(
                status=Status.READY,
                live_version=version,
                chunks_done=F("chunks_total"),
                heartbeat_at=None,
                attempts=0,
                error_code="",
                error_detail="",
                updated_at=timezone.now(),
            )
        )
        if changed:
            for model in (DocumentPage, Chunk):
                model.objects.filter(document_id=document_id).exclude(version=version).delete()
    return bool(changed)


def _answers_by(document_id: UUID | str, embedder: str) -> bool:
    """Whether it is the embedder of the document's knowledge base, and stays so for this transaction."""
    its_own = Document.objects.filter(pk=document_id).values("knowledge_base")
    rows = KnowledgeBase.objects.select_for_update(no_key=True).filter(pk__in=its_own, embedder=embedder)
    return rows.first() is not None


def mark_failed(document_id: UUID | str, *, code: str, detail: str = "") -> bool:
    """End the work with a reason (a code of `ingestion.errors`); what was live stays live."""
    return bool(
        Document.objects.alive()
        .filter(pk=document_id, status__in=UNFINISHED)
        .update(
            status=Status.FAILED,
            error_code=code,
            error_detail=detail[:2000],
            heartbeat_at=None,
            updated_at=timezone.now(),
        )
    )


def enqueue_parse(document_id: UUID) -> None:
    """Send the parse task; a broker that cannot be reached is logged, and `recover` sends it again."""
    try:
        signature("ingestion.tasks.parse_document", args=[str(document_id)]).delay()
    except Exception:
        logger.exception("The task to parse document %s could not be sent; it stays queued", document_id)


def announce_chunks(document_id: UUID) -> None:
    """Tell the index that a document waits for it."""
    _send(document_chunked, document_id=document_id)


def announce_next_embedder(knowledge_base_id: UUID) -> None:
    """Tell the index that a knowledge base waits to be prepared for another embedder."""
    _send(next_embedder_chosen, knowledge_base_id=knowledge_base_id)


def _send(signal, **ids: UUID) -> None:
    for receiver, outcome in signal.send_robust(sender=Document, **ids):
        if isinstance(outcome, Exception):
            logger.error("%r failed on %s and is told again later", receiver, ids, exc_info=outcome)


def recover(*, stale_only: bool) -> list[UUID]:
    """Send unfinished documents on their way again; returns their ids.

    ``stale_only`` False is for the boot of a process that does all the work itself: whatever
    is claimed then was claimed by a process that is no more.
    """
    now = timezone.now()
    unfinished = Document.objects.alive().filter(status__in=UNFINISHED)
    if stale_only:
        unfinished = unfinished.filter(
            Q(heartbeat_at__lt=now - LEASE) | Q(heartbeat_at=None, updated_at__lt=now - REQUEUE_AFTER)
        )
    unfinished.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=Status.FAILED, error_code="worker_died", heartbeat_at=None, updated_at=now
    )
    rows = list(unfinished.order_by("created_at").values_list("pk", "status")[:REQUEUE_LIMIT])
    for document_id, status in rows:
        to_status = Status.INDEXING if status == Status.INDEXING else Status.QUEUED
        Document.objects.filter(pk=document_id, status=status).update(
            status=to_status, heartbeat_at=None, updated_at=now
        )
        announce_chunks(document_id) if status == Status.INDEXING else enqueue_parse(document_id)
    return [document_id for document_id, _status in rows]


def announce_deletions(*, older_than: timedelta = timedelta(0)) -> int:
    """Tell the index again of what was deleted but is not purged yet; returns how many."""
    before = timezone.now() - older_than
    gone = Document.objects.filter(deleted_at__lt=before, knowledge_base__deleted_at=None)
    documents = list(gone.values_list("pk", flat=True)[:REQUEUE_LIMIT])
    knowledge_bases = list(
        KnowledgeBase.objects.filter(deleted_at__lt=before).values_list("pk", flat=True)[:REQUEUE_LIMIT]
    )
    for knowledge_base_id in knowledge_bases:
        _send(knowledge_base_deleted, knowledge_base_id=knowledge_base_id)
    for document_id in documents:
        _send(document_deleted, document_id=document_id)
    return len(knowledge_bases) + len(documents)


def purge_document(document_id: UUID | str) -> None:
    """Remove the row and the file of a deleted document, once the index holds nothing of it."""
    for document in Document.objects.filter(pk=document_id).exclude(deleted_at=None):
        document.file.delete(save=False)
        rendering.forget(document.pk)
        document.delete()


def purge_knowledge_base(knowledge_base_id: UUID | str) -> None:
    """Remove a deleted knowledge base with its documents, once the index holds nothing of it."""
    for knowledge_base in KnowledgeBase.objects.filter(pk=knowledge_base_id).exclude(deleted_at=None):
        for document in knowledge_base.documents.all():
            document.file.delete(save=False)
            rendering.forget(document.pk)
        knowledge_base.delete()
