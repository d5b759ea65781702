"""What retrieval does when ingestion tells of a change: it sends a task, by its name, so that a
process which only uploads loads none of what indexing needs."""

from uuid import UUID

from celery import signature
from django.dispatch import receiver

from ingestion.signals import (
    document_chunked,
    document_deleted,
    knowledge_base_deleted,
    next_embedder_chosen,
)


@receiver(document_chunked)
def index_chunks(sender, document_id: UUID, **kwargs) -> None:
    signature("retrieval.tasks.index_document", args=[str(document_id)]).delay()


@receiver(document_deleted)
def forget_document(sender, document_id: UUID, **kwargs) -> None:
    signature("retrieval.tasks.remove_document", args=[str(document_id)]).delay()


@receiver(next_embedder_chosen)
def prepare_for_next_embedder(sender, knowledge_base_id: UUID, **kwargs) -> None:
    signature("retrieval.tasks.prepare_embedder", args=[str(knowledge_base_id)]).delay()


@receiver(knowledge_base_deleted)
def forget_knowledge_base(sender, knowledge_base_id: UUID, **kwargs) -> None:
    signature("retrieval.tasks.remove_knowledge_base", args=[str(knowledge_base_id)]).delay()
