"""The queue's side of ingestion. Tasks take ids; doing one twice does no harm."""

from celery import shared_task
from django.conf import settings

from ingestion import reading, services


@shared_task
def parse_document(document_id: str) -> None:
    """Read a queued document into pages and chunks."""
    reading.read(document_id)


@shared_task
def recover_documents(boot: bool = False) -> None:
    """Send unfinished documents on their way again, and deleted ones out of the index.

    ``boot`` is for the start of a process: where that process does all the work itself, whatever
    is claimed was claimed by a process that is no more.
    """
    services.recover(stale_only=not (boot and settings.EMBEDDED))
    services.announce_deletions(older_than=services.LEASE * (0 if boot else 1))
