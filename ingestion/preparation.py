"""How a knowledge base changes its embedder without a gap in its answers.

`KnowledgeBase.embedder` answers, `next_embedder` is being prepared: retrieval brings every live chunk
into its collection and notes that on the document (`prepared_version`). When it is so for all of them
one UPDATE exchanges the two. `mark_ready` lets a document answer under the same lock, and only by the
embedder that answers, so that none falls between.

One worker at a time has the turn, which it keeps by renewing `preparation_heartbeat_at`; a turn that is
older than `LEASE` belongs to nobody. After the exchange, or where a change is taken back, the turn is left
to grow old: then, when no search is under way that began before, the next one clears up.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from ingestion.models import Document, KnowledgeBase
from ingestion.states import LEASE, UNFINISHED, announce_next_embedder


def choose(knowledge_base: KnowledgeBase, embedder: str) -> None:
    """Set out to change to ``embedder``; the one that answers takes a change back.

    Fills in fields of ``knowledge_base``, a locked row that the caller saves in the same transaction.
    """
    if embedder == (knowledge_base.next_embedder or knowledge_base.embedder):
        return
    knowledge_base.preparation_error = ""
    if embedder == knowledge_base.embedder or not live_documents(knowledge_base).exists():
        knowledge_base.embedder, knowledge_base.next_embedder = embedder, ""
        knowledge_base.preparation_heartbeat_at = timezone.now()
        return
    knowledge_base.next_embedder = embedder
    knowledge_base.preparation_heartbeat_at = None
    knowledge_base.documents.update(prepared_version=0)
    transaction.on_commit(lambda: announce_next_embedder(knowledge_base.pk), robust=True)


def live_documents(knowledge_base: KnowledgeBase) -> QuerySet[Document]:
    """Those that answer, also while a new parse of them is under way or has failed."""
    return knowledge_base.documents.alive().filter(live_version__gt=0)


def progress(knowledge_base: KnowledgeBase) -> tuple[int, int]:
    """How many documents are prepared for the next embedder, of how many."""
    live = live_documents(knowledge_base)
    return live.filter(prepared_version=F("live_version")).count(), live.count()


def to_prepare(knowledge_base: KnowledgeBase) -> QuerySet[Document]:
    """What is left to do. A document whose next version is on its way is left until it is through."""
    left = live_documents(knowledge_base).exclude(prepared_version=F("live_version"))
    return left.exclude(status__in=UNFINISHED)


def take_turn(knowledge_base_id: UUID, *, since: datetime | None = None) -> KnowledgeBase | None:
    """The knowledge base, if it is this worker's turn; ``since`` goes on with a turn that it had."""
    now = timezone.now()
    free = Q(preparation_heartbeat_at=None) | Q(preparation_heartbeat_at__lt=now - LEASE)
    turn = Q(preparation_heartbeat_at=since) if since else free
    rows = KnowledgeBase.objects.alive().filter(pk=knowledge_base_id)
    return rows.get() if rows.filter(turn).update(preparation_heartbeat_at=now) else None


def keep_turn(knowledge_base: KnowledgeBase) -> bool:
    """Renew the turn; False where another has it, or the change is another or none."""
    now = timezone.now()
    kept = _turn(knowledge_base).update(preparation_heartbeat_at=now)
    if kept:
        knowledge_base.preparation_heartbeat_at = now
    return bool(kept)


def end_turn(knowledge_base: KnowledgeBase) -> None:
    """Nothing to do for now."""
    _turn(knowledge_base).update(preparation_heartbeat_at=None, preparation_error="")


def fail_turn(knowledge_base: KnowledgeBase, error: str) -> None:
    """Say what is wrong. It is somebody's turn again after a `LEASE`."""
    _turn(knowledge_base).update(preparation_heartbeat_at=timezone.now(), preparation_error=error[:2000])


def _turn(knowledge_base: KnowledgeBase) -> QuerySet[KnowledgeBase]:
    return KnowledgeBase.objects.alive().filter(
        pk=knowledge_base.pk,
        next_embedder=knowledge_base.next_embedder,
        preparation_heartbeat_at=knowledge_base.preparation_heartbeat_at,
    )


def mark_prepared(knowledge_base: KnowledgeBase, document_id: UUID, *, version: int) -> bool:
    """Note that all of ``version`` is in the next embedder's collection; False where it is not live."""
    with transaction.atomic():
        if not keep_turn(knowledge_base):  # also locks the row, so that the change cannot become another
            return False
        live = live_documents(knowledge_base).filter(pk=document_id, live_version=version)
        return bool(live.update(prepared_version=version))


def forget_prepared(knowledge_base: KnowledgeBase, document_ids: Iterable[UUID]) -> None:
    """These are to be prepared again: the collection lost something of them."""
    knowledge_base.documents.filter(pk__in=list(document_ids)).update(prepared_version=0)


def exchange(knowledge_base: KnowledgeBase) -> bool:
    """Let the next embedder answer; False where a document is not prepared for it."""
    with transaction.atomic():
        if not keep_turn(knowledge_base):  # also locks the row: no document becomes ready meanwhile
            return False
        live = Document.objects.alive().filter(knowledge_base=OuterRef("pk"), live_version__gt=0)
        left = live.exclude(prepared_version=F("live_version"))
        rows = KnowledgeBase.objects.filter(~Exists(left), pk=knowledge_base.pk)
        return bool(rows.update(embedder=F("next_embedder"), next_embedder="", preparation_error=""))


def unattended() -> list[UUID]:
    """Knowledge bases whose change is nobody's turn, after a crash, a failure or an exchange."""
    stale = Q(preparation_heartbeat_at__lt=timezone.now() - LEASE)
    waiting = Q(preparation_heartbeat_at=None) & ~Q(next_embedder="")
    return list(KnowledgeBase.objects.alive().filter(stale | waiting).values_list("pk", flat=True))
