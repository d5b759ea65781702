"""Pages of the search room: a knowledge base's models and limits, and a search that shows its work."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from ingestion import preparation, services
from ingestion.models import KnowledgeBase
from ingestion.views.gate import open_knowledge_base
from retrieval.forms import SearchForm, SearchSettingsForm, reranker_choices
from retrieval.stages import both_stages
from retrieval.stores.base import StoreUnavailable
from teams.models import ModelConnection
from teams.requests import MemberRequest


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: MemberRequest, pk: UUID) -> HttpResponse:
    knowledge_base = open_knowledge_base(request.user, pk, editing=True)
    form = SearchSettingsForm(request.POST or None, instance=knowledge_base)
    if request.method == "POST" and form.is_valid():
        try:
            changed = services.update_knowledge_base(
                knowledge_base=knowledge_base, user=request.user, **form.cleaned_data
            )
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _saved(form, changed))
            return redirect("retrieval:settings", pk)
    context = {"knowledge_base": knowledge_base, "form": form}
    return render(request, "retrieval/settings.html", context | _preparation(form, knowledge_base))


def _preparation(form: SearchSettingsForm, knowledge_base: KnowledgeBase) -> dict[str, Any]:
    """How far a change of embedder is; empty where there is none."""
    if not knowledge_base.next_embedder:
        return {}
    prepared, documents = preparation.progress(knowledge_base)
    names = dict(cast(Any, form.fields["embedder"]).choices)
    return {
        "prepared": prepared,
        "documents": documents,
        "present_embedder": names[knowledge_base.embedder],
        "next_embedder": names[knowledge_base.next_embedder],
    }


def _saved(form: SearchSettingsForm, knowledge_base: KnowledgeBase) -> str:
    count = knowledge_base.documents.alive().count() if "chunk_tokens" in form.changed_data else 0
    if not count:
        return _("Saved.")
    sentence = ngettext(
        "Saved. %(count)d document is indexed again; its progress is on the page of the knowledge base.",
        "Saved. %(count)d documents are indexed again; their progress is on the page of the knowledge base.",
        count,
    )
    return sentence % {"count": count}


@login_required
@require_GET
def search_page(request: MemberRequest) -> HttpResponse:
    """A search that shows its work: recall beside the second stage, ranks and scores of each."""
    visible = list(KnowledgeBase.objects.visible_to(request.user).filter(is_ephemeral=False))
    connections = list(ModelConnection.objects.visible_to(request.user))
    form = SearchForm(
        request.GET if "q" in request.GET else None,
        knowledge_bases=visible,
        rerankers=reranker_choices(connections),
    )
    context = {"form": form, "knowledge_bases": visible, "stages": None, "is_unavailable": False}
    if form.is_bound and form.is_valid():
        try:
            context["stages"] = both_stages(
                form.cleaned_data["q"], list(form.cleaned_data["knowledge_base"]), form.options()
            )
        except StoreUnavailable:
            context["is_unavailable"] = True
    fragment = request.htmx and request.htmx.target == "results"
    return render(request, "retrieval/_results.html" if fragment else "retrieval/search.html", context)
