"""Knowledge bases and documents over REST."""

from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, File, Query, Router, Schema
from ninja.files import UploadedFile
from ninja.responses import Status

from ingestion import services
from ingestion.errors import UploadRefused, message_for
from ingestion.models import Document, KnowledgeBase
from teams.access import changeable_or_refused
from teams.api_errors import ApiError, ErrorOut
from teams.models import EDITING_ROLES, Membership, Team
from teams.pagination import newest_first
from teams.requests import MemberRequest
from teams.text import storable

router = Router(tags=["Knowledge bases and documents"])
REFUSALS = {401: ErrorOut, 403: ErrorOut, 404: ErrorOut, 422: ErrorOut}


class KnowledgeBaseIn(Schema):
    name: str = Field(max_length=120)
    description: str = ""
    team_id: UUID | None = Field(None, description="default: the first team that you may edit")


class KnowledgeBaseOut(Schema):
    id: UUID
    name: str


class DocumentOut(Schema):
    id: UUID | None = Field(description="null: the file was refused, and nothing of it was kept")
    name: str
    status: str = Field(description="queued, parsing, indexing, ready or failed")
    progress: float = Field(description="0 to 1")
    error: str | None = Field(description="what is wrong, in words")
    error_code: str | None = Field(description="the same for programs")
    pages: int
    chunks: int


class DocumentList(Schema):
    items: list[DocumentOut]
    next: str | None = Field(description="pass it as `after` to get the next page; null on the last")


class DocumentsIn(Schema):
    after: str = ""
    limit: int = Field(50, ge=1, le=200)


class UploadRefusedOut(ErrorOut):
    documents: list[DocumentOut]


@router.get("/knowledge-bases", response=list[KnowledgeBaseOut], url_name="knowledge-bases")
def list_knowledge_bases(request: MemberRequest):
    """All that you may read."""
    return KnowledgeBase.objects.visible_to(request.auth).filter(is_ephemeral=False)


@router.post("/knowledge-bases", response={201: KnowledgeBaseOut, 409: ErrorOut, **REFUSALS})
def create_knowledge_base(request: MemberRequest, body: KnowledgeBaseIn):
    """In your team, or in the one named."""
    team = _team_to_edit(request.auth, body.team_id)
    name = storable(body.name).strip()
    if KnowledgeBase.objects.filter(team=team, name=name, deleted_at=None).exists():
        raise ApiError(409, "name_taken", _("The team has a knowledge base of that name."))
    try:
        made = services.create_knowledge_base(
            team=team, user=request.auth, name=name, description=body.description
        )
    except ValidationError as error:
        raise ApiError(422, "invalid", " ".join(error.messages)) from error
    return Status(201, made)


def _team_to_edit(user, team_id: UUID | None) -> Team:
    editing = Membership.objects.filter(user=user, role__in=EDITING_ROLES)
    teams = Team.objects.filter(pk__in=editing.values("team"))
    if team_id:
        return changeable_or_refused(Team.objects.visible_to(user), teams, pk=team_id)
    if team := teams.first():
        return team
    raise PermissionDenied


@router.get(
    "/knowledge-bases/{uuid:id}/documents",
    response={200: DocumentList, **REFUSALS},
    url_name="documents",
)
def list_documents(request: MemberRequest, id: UUID, page: Query[DocumentsIn]):
    """Newest first."""
    knowledge_base = get_object_or_404(KnowledgeBase.objects.visible_to(request.auth), pk=id)
    documents, following = newest_first(knowledge_base.documents.alive(), after=page.after, limit=page.limit)
    return {"items": [document_out(document) for document in documents], "next": following}


@router.post(
    "/knowledge-bases/{uuid:id}/documents",
    response={202: list[DocumentOut], **REFUSALS, 422: UploadRefusedOut},
)
def upload_documents(request: MemberRequest, id: UUID, files: File[list[UploadedFile]]):
    """One entry per file, in their order; they are read and indexed in the background.

    A refused file has an `error` and does not stop the others. A file that the knowledge base holds
    already has `error_code` "duplicate" and the id of the document that it is. 422 when every file
    was refused.
    """
    knowledge_base = changeable_or_refused(
        KnowledgeBase.objects.visible_to(request.auth), KnowledgeBase.objects.editable_by(request.auth), pk=id
    )
    results = [_take(knowledge_base, request.auth, file) for file in files]
    if all(result["id"] is None for result in results):
        first = results[0]
        raise ApiError(422, first["error_code"], first["error"], extra={"documents": results})
    return Status(202, results)


def _take(knowledge_base: KnowledgeBase, user, file: UploadedFile) -> dict:
    try:
        made = services.create_document(
            knowledge_base=knowledge_base, user=user, name=file.name or "", file=file
        )
    except UploadRefused as refusal:
        said = {"error": refusal.message, "error_code": refusal.code}
        if refusal.code == "duplicate":
            present = Document.objects.get(pk=refusal.params["document_id"])
            return {**document_out(present), **said}
        nothing = {"id": None, "status": "failed", "progress": 0.0, "pages": 0, "chunks": 0}
        return {**nothing, "name": services.clean_name(file.name or ""), **said}
    return document_out(made)


@router.get("/documents/{uuid:id}", response={200: DocumentOut, **REFUSALS}, url_name="document")
def get_document(request: MemberRequest, id: UUID):
    """How far a document is, and what went wrong if something did."""
    return document_out(get_object_or_404(Document.objects.visible_to(request.auth), pk=id))


@router.delete("/documents/{uuid:id}", response={204: None, **REFUSALS})
def delete_document(request: MemberRequest, id: UUID):
    """Gone from answers at once."""
    document = changeable_or_refused(
        Document.objects.visible_to(request.auth), Document.objects.editable_by(request.auth), pk=id
    )
    services.delete_document(document=document, user=request.auth)
    return Status(204, None)


def document_out(document: Document) -> dict:
    """The document as the API shows it."""
    failed = document.status == Document.Status.FAILED
    return {
        "id": document.pk,
        "name": document.name,
        "status": document.status,
        "progress": document.progress,
        "error": message_for(document.error_code, document.error_detail) if failed else None,
        "error_code": document.error_code if failed else None,
        "pages": document.pages_total,
        "chunks": document.chunks_total,
    }
