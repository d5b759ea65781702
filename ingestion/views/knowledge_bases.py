"""Knowledge bases: all that a person may open, one with its documents, and its settings."""

from typing import Any
from uuid import UUID

from django.conf import settings as project_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ingestion import services
from ingestion.forms import DeleteKnowledgeBaseForm, KnowledgeBaseForm
from ingestion.models import Document, KnowledgeBase
from ingestion.views.gate import open_knowledge_base, readable_documents
from ingestion.views.listing import UNFINISHED, count_by_status, list_documents
from teams.models import EDITING_ROLES, Membership, Team
from teams.requests import MemberRequest


def with_counts(user) -> QuerySet[Any]:
    """What ``user`` may open, each with its numbers and ``is_editable``: one query for all."""
    readers = KnowledgeBase.readers.through.objects.filter(knowledgebase=OuterRef("pk")).order_by()
    alive = Q(documents__deleted_at=None)
    ready = alive & Q(documents__status=Document.Status.READY)
    return (
        KnowledgeBase.objects.visible_to(user)
        .filter(is_ephemeral=False)
        .select_related("team")
        .annotate(
            ready_count=Count("documents", filter=ready),
            failed_count=Count("documents", filter=alive & Q(documents__status=Document.Status.FAILED)),
            unfinished_count=Count("documents", filter=alive & Q(documents__status__in=UNFINISHED)),
            chunk_count=Coalesce(Sum("documents__chunks_total", filter=ready), 0),
            reader_count=Coalesce(
                Subquery(
                    readers.values("knowledgebase").annotate(n=Count("pk")).values("n"),  # type: ignore[misc]
                    output_field=IntegerField(),
                ),
                0,
            ),
            is_editable=Exists(KnowledgeBase.objects.editable_by(user).filter(pk=OuterRef("pk"))),
            team_name=F("team__name"),
        )
        .order_by("team_name", "name", "pk")
    )


def editing_teams(user) -> QuerySet[Team]:
    """Teams in which ``user`` may make a knowledge base."""
    editing = Membership.objects.filter(user=user, role__in=EDITING_ROLES)
    return Team.objects.filter(pk__in=editing.values("team"))


@login_required
@require_GET
def index(request: MemberRequest) -> HttpResponse:
    return render(
        request,
        "ingestion/knowledge_bases.html",
        {
            "knowledge_bases": list(with_counts(request.user)),
            "may_create": editing_teams(request.user).exists(),
        },
    )


@login_required
@require_http_methods(["GET", "POST"])
def create(request: MemberRequest) -> HttpResponse:
    teams = list(editing_teams(request.user))
    if not teams:
        raise PermissionDenied
    form = KnowledgeBaseForm(
        request.POST or None, user=request.user, teams=teams, chosen=request.GET.get("team")
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_knowledge_base(user=request.user, **form.values())
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("“%(name)s” is ready for documents.") % {"name": made.name})
            return redirect("ingestion:knowledge_base", made.pk)
    return render(request, "ingestion/knowledge_base_new.html", {"form": form, "teams": teams})


@login_required
@require_GET
def detail(request: MemberRequest, pk: UUID) -> HttpResponse:
    knowledge_base = open_knowledge_base(request.user, pk)
    fragment = request.htmx and request.htmx.target == "documents"
    template = "ingestion/_documents.html" if fragment else "ingestion/knowledge_base.html"
    return render(request, template, page_context(request, knowledge_base))


def page_context(request: MemberRequest, knowledge_base: KnowledgeBase) -> dict:
    """What the page of one knowledge base shows; also after an upload without JavaScript."""
    documents = readable_documents(request.user).filter(knowledge_base=knowledge_base)
    return {
        "knowledge_base": knowledge_base,
        "listing": list_documents(documents, request.GET),
        "counts": count_by_status(Document.objects.alive().filter(knowledge_base=knowledge_base)),
        "statuses": Document.Status.choices,
        "place": knowledge_base.pk,
        "max_upload_mb": project_settings.MAX_UPLOAD_MB,
        "max_upload_bytes": project_settings.MAX_UPLOAD_MB * 1024 * 1024,
    }


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: MemberRequest, pk: UUID) -> HttpResponse:
    knowledge_base = open_knowledge_base(request.user, pk, editing=True)
    form = KnowledgeBaseForm(
        request.POST or None, user=request.user, teams=[knowledge_base.team], instance=knowledge_base
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_knowledge_base(knowledge_base=knowledge_base, user=request.user, **form.changes())
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("Saved."))
            still_open = KnowledgeBase.objects.visible_to(request.user).filter(pk=pk).exists()
            return redirect("ingestion:settings", pk) if still_open else redirect("ingestion:knowledge_bases")
    return _settings_page(request, knowledge_base, form, DeleteKnowledgeBaseForm(knowledge_base))


@login_required
@require_POST
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    knowledge_base = open_knowledge_base(request.user, pk, editing=True)
    confirmation = DeleteKnowledgeBaseForm(knowledge_base, request.POST)
    if not confirmation.is_valid():
        form = KnowledgeBaseForm(
            None, user=request.user, teams=[knowledge_base.team], instance=knowledge_base
        )
        return _settings_page(request, knowledge_base, form, confirmation)
    services.delete_knowledge_base(knowledge_base=knowledge_base, user=request.user)
    messages.success(request, _("“%(name)s” and its documents are deleted.") % {"name": knowledge_base.name})
    return redirect("ingestion:knowledge_bases")


def _settings_page(
    request: MemberRequest,
    knowledge_base: KnowledgeBase,
    form: KnowledgeBaseForm,
    confirmation: DeleteKnowledgeBaseForm,
) -> HttpResponse:
    context = {"knowledge_base": knowledge_base, "form": form, "confirmation": confirmation}
    return render(request, "ingestion/settings.html", context)
