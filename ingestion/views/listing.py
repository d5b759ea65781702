"""One screenful of documents: filtered, and paged by key so that page 1000 costs what page 1 does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from ingestion.models import Document, DocumentQuerySet

PAGE_SIZE = 50
UNFINISHED = (Document.Status.QUEUED, Document.Status.PARSING, Document.Status.INDEXING)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents stand where."""

    total: int
    ready: int
    failed: int
    queued: int
    running: int

    @property
    def unfinished(self) -> int:
        return self.queued + self.running


@dataclass(frozen=True, slots=True)
class Listing:
    """``newer`` and ``older`` are cursors of the neighbouring pages, empty where there is none."""

    rows: list[Document]
    q: str
    status: str
    newer: str
    older: str

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.status)

    @property
    def has_unfinished(self) -> bool:
        return any(row.status in UNFINISHED for row in self.rows)


def count_by_status(documents: DocumentQuerySet) -> Counts:
    """One query, whatever the number of documents."""
    by_status = dict(documents.order_by().values_list("status").annotate(Count("pk")))
    running = by_status.get(Document.Status.PARSING, 0) + by_status.get(Document.Status.INDEXING, 0)
    return Counts(
        total=sum(by_status.values()),
        ready=by_status.get(Document.Status.READY, 0),
        failed=by_status.get(Document.Status.FAILED, 0),
        queued=by_status.get(Document.Status.QUEUED, 0),
        running=running,
    )


def list_documents(documents: QuerySet[Any], params) -> Listing:
    """The page of ``documents``, newest first, that the query string ``params`` asks for.

    Unknown statuses and broken cursors are ignored: a mistyped address still shows documents.
    """
    q = params.get("q", "").replace("\x00", "").strip()[:255]
    status = params.get("status", "")
    if q:
        documents = documents.filter(name__icontains=q)
    if status == "unfinished":
        documents = documents.filter(status__in=UNFINISHED)
    elif status in Document.Status.values:
        documents = documents.filter(status=status)
    else:
        status = ""
    rows, newer, older = _page(documents, after=params.get("after", ""), before=params.get("before", ""))
    return Listing(rows=rows, q=q, status=status, newer=newer, older=older)


def _page(documents: QuerySet[Any], *, after: str, before: str) -> tuple[list[Document], str, str]:
    if (place := _place(before)) is not None:
        at, pk = place
        documents = documents.filter(Q(created_at__gt=at) | Q(created_at=at, pk__lt=pk))
        rows = list(documents.order_by("created_at", "-pk")[: PAGE_SIZE + 1])
        has_newer, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE][::-1]
        return rows, _cursor(rows[0]) if has_newer else "", _cursor(rows[-1]) if rows else ""
    if (place := _place(after)) is not None:
        at, pk = place
        documents = documents.filter(Q(created_at__lt=at) | Q(created_at=at, pk__gt=pk))
    rows = list(documents.order_by("-created_at", "pk")[: PAGE_SIZE + 1])
    has_older, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    return rows, _cursor(rows[0]) if place and rows else "", _cursor(rows[-1]) if has_older else ""


def _cursor(document: Document) -> str:
    return f"{document.created_at.isoformat()}~{document.pk}"


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    at, _, pk = cursor.partition("~")
    try:
        place = datetime.fromisoformat(at), UUID(pk)
    except ValueError:
        return None
    return place if place[0].tzinfo else None
