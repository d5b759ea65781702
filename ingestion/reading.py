"""From a stored file to pages and chunks in the database."""

import logging
import time
from uuid import UUID

from django.db import DatabaseError

from ingestion import chunking, sandbox, services
from ingestion.errors import ParseCancelled, ParseFailed
from ingestion.files import local_copy
from ingestion.models import Document

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_REPORTS = 0.5


def read(document_id: UUID | str) -> None:
    """Parse a queued document in a child process, cut it into chunks, and hand it to the index.

    Every failure ends in the document's row; only a database that fails leaves it claimed, for
    `ingestion.services.recover` to find.
    """
    if not services.claim(document_id, from_status=Document.Status.QUEUED, to_status=Document.Status.PARSING):
        return
    document = Document.objects.select_related("knowledge_base").get(pk=document_id)
    try:
        with local_copy(document) as path:
            pages = sandbox.parse(path, name=document.name, mime=document.mime, on_page=_Reporter(document))
        spans = chunking.split(
            pages, target_tokens=document.knowledge_base.chunk_tokens, count_tokens=chunking.estimate_tokens
        )
        if not spans:
            raise ParseFailed("no_text")
        services.replace_chunks(document=document, pages=pages, spans=spans)
    except ParseCancelled:
        logger.info("Document %s was deleted while it was read", document_id)
    except ParseFailed as failure:
        services.mark_failed(document_id, code=failure.code, detail=failure.detail)
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("Document %s could not be read", document_id)
        services.mark_failed(document_id, code="crashed", detail=repr(error))


class _Reporter:
    """Passes progress on, at most twice a second; stops the work where the document is gone."""

    def __init__(self, document: Document) -> None:
        self.document_id = document.pk
        self.next_report = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self.next_report and done < total:
            return
        self.next_report = now + SECONDS_BETWEEN_REPORTS
        if not services.report_progress(self.document_id, pages_done=done, pages_total=total):
            raise ParseCancelled
