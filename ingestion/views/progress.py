"""What changes on a page without a reload: rows of unfinished documents, and the counts above them.

A page asks for all its unfinished rows at once, every two seconds, and stops when none is left.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ingestion.models import Document, KnowledgeBase
from ingestion.views.gate import readable_documents
from ingestion.views.listing import PAGE_SIZE, UNFINISHED, count_by_status
from teams.requests import MemberRequest

STOP_POLLING = 286
"""The status that makes htmx stop asking."""


@login_required
@require_GET
def progress(request: MemberRequest) -> HttpResponse:
    """``?id=...&id=...`` are the rows waited for, ``?in=`` the page they stand on."""
    asked = [pk for pk in map(uuid_or_none, request.GET.getlist("id")[:PAGE_SIZE]) if pk]
    rows = list(readable_documents(request.user).filter(pk__in=asked))
    gone = set(asked) - {row.pk for row in rows}
    response = render(request, "ingestion/_progress.html", progress_context(request, rows, gone=gone))
    if not any(row.status in UNFINISHED for row in rows):
        response.status_code = STOP_POLLING
    return response


def progress_context(
    request: MemberRequest, rows: Sequence[Document], *, gone: Iterable[UUID] = (), restart: bool = False
) -> dict:
    """For ``_progress.html``: ``restart`` draws the poller again, after a retry brought work back.

    Counts are drawn only when one of them changed, so that screen readers hear news alone.
    """
    place = request.GET.get("in", "")
    changed = restart or gone or any(row.status not in UNFINISHED for row in rows)
    return {
        "rows": rows,
        "gone": list(gone),
        "restart": restart,
        "place": place,
        "in_jobs": place == "jobs",
        "counts": count_by_status(documents_in(request.user, place)) if changed else None,
    }


def documents_in(user, place: str):
    """The documents counted on a page: those of a knowledge base (its id), or of all jobs."""
    documents = Document.objects.alive()
    if place == "jobs":
        return documents.filter(knowledge_base__in=KnowledgeBase.objects.editable_by(user))
    return documents.visible_to(user).filter(knowledge_base=uuid_or_none(place))


def uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
