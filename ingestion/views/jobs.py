"""The work in progress, and what failed, in every knowledge base that a person may edit."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ingestion import services
from ingestion.models import Document, KnowledgeBase
from ingestion.views.gate import readable_documents
from ingestion.views.listing import UNFINISHED, count_by_status, list_documents
from ingestion.views.progress import documents_in
from teams.requests import MemberRequest

JOB_STATUSES = (*UNFINISHED, Document.Status.FAILED)


@login_required
@require_GET
def jobs(request: MemberRequest) -> HttpResponse:
    editable = KnowledgeBase.objects.editable_by(request.user)
    unsettled = readable_documents(request.user).filter(knowledge_base__in=editable, status__in=JOB_STATUSES)
    context = {
        "listing": list_documents(unsettled, request.GET),
        "counts": count_by_status(documents_in(request.user, "jobs")),
        "statuses": [choice for choice in Document.Status.choices if choice[0] in JOB_STATUSES],
        "place": "jobs",
        "in_jobs": True,
    }
    fragment = request.htmx and request.htmx.target == "documents"
    return render(request, "ingestion/_documents.html" if fragment else "ingestion/jobs.html", context)


@login_required
@require_POST
def retry_all(request: MemberRequest) -> HttpResponse:
    failed = documents_in(request.user, "jobs").filter(status=Document.Status.FAILED)
    count = 0
    for document in list(failed):
        services.retry_document(document=document, user=request.user)
        count += 1
    messages.success(
        request,
        ngettext("%(count)d document is tried again.", "%(count)d documents are tried again.", count)
        % {"count": count},
    )
    return redirect("ingestion:jobs")
