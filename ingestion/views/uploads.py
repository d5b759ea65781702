"""Files come in: many at once, each judged alone, so that one refusal loses none of the others."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from ingestion import services
from ingestion.errors import UploadRefused
from ingestion.models import Document, KnowledgeBase
from ingestion.views.gate import open_knowledge_base
from ingestion.views.knowledge_bases import page_context
from teams.requests import MemberRequest


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one file: a document, or the reason why not (and the document it doubles)."""

    name: str
    document: Document | None = None
    reason: str = ""
    duplicate_of: str = ""


@login_required
@require_POST
def upload(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The receipts alone for upload.js, which sends one file at a time; else the whole page again."""
    knowledge_base = open_knowledge_base(request.user, pk, editing=True)
    files = request.FILES.getlist("files")
    context = {"receipts": [receive(knowledge_base, request.user, file) for file in files]}
    if request.htmx:
        return render(request, "ingestion/_receipts.html", context)
    context |= page_context(request, knowledge_base) | {"nothing_chosen": not files}
    return render(request, "ingestion/knowledge_base.html", context)


def receive(knowledge_base: KnowledgeBase, user, file: UploadedFile) -> Receipt:
    """Hands one file to the service and puts its answer into words."""
    name = file.name or ""
    try:
        document = services.create_document(knowledge_base=knowledge_base, user=user, name=name, file=file)
    except UploadRefused as refusal:
        return Receipt(
            services.clean_name(name),
            reason=refusal.message,
            duplicate_of=refusal.params.get("document_id", ""),
        )
    return Receipt(document.name, document=document)
