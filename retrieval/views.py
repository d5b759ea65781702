"""Pages of the search room: a knowledge base's models and limits, and a search that shows its work."""

from copy import copy
from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from ingestion import services
from ingestion.models import KnowledgeBase
from ingestion.views.gate import open_knowledge_base
from retrieval.forms import SearchForm, SearchSettingsForm, reranker_choices
from retrieval.passages import Passage, SearchOptions, SearchResult
from retrieval.search import search
from retrieval.stores.base import StoreUnavailable
from teams.models import ModelConnection

REMAKES_INDEX = frozenset({"embedder", "chunk_tokens"})


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, pk: UUID) -> HttpResponse:
    knowledge_base = open_knowledge_base(request.user, pk, editing=True)
    form = SearchSettingsForm(request.POST or None, instance=knowledge_base)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_knowledge_base(
                knowledge_base=copy(knowledge_base), user=request.user, **form.cleaned_data
            )
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _saved(form, knowledge_base))
            return redirect("retrieval:settings", pk)
    context = {"knowledge_base": knowledge_base, "form": form}
    return render(request, "retrieval/settings.html", context)


def _saved(form: SearchSettingsForm, knowledge_base) -> str:
    count = knowledge_base.documents.alive().count() if REMAKES_INDEX & set(form.changed_data) else 0
    if not count:
        return _("Saved.")
    sentence = ngettext(
        "Saved. %(count)d document is indexed again; its progress is on the page of the knowledge base.",
        "Saved. %(count)d documents are indexed again; their progress is on the page of the knowledge base.",
        count,
    )
    return sentence % {"count": count}


@dataclass(frozen=True, slots=True)
class Found:
    """A passage in one stage's list. ``other_rank`` is its rank in the other stage, None where absent."""

    rank: int
    passage: Passage
    other_rank: int | None
    is_kept: bool = True

    @property
    def moved(self) -> int:
        """Places won (above 0) or lost by the second stage."""
        return (self.other_rank or self.rank) - self.rank

    @property
    def lost(self) -> int:
        return -self.moved


@dataclass(frozen=True, slots=True)
class Stages:
    """What recall found, and what the second stage made of it; ``second`` is None where it did not run."""

    first: SearchResult
    second: SearchResult | None
    top_n: int

    @property
    def recalled(self) -> list[Found]:
        ranks = {found.passage.chunk.pk: found.rank for found in self.reranked}
        return [
            Found(rank, passage, ranks.get(passage.chunk.pk))
            for rank, passage in enumerate(self.first.passages, start=1)
        ]

    @property
    def reranked(self) -> list[Found]:
        """Best first; those under the threshold, which do not answer, come last."""
        if self.second is None:
            return []
        kept = len(self.second.passages)
        passages = [*self.second.passages, *self.second.closest][: self.top_n]
        return [
            Found(rank, passage, passage.recall_rank, is_kept=rank <= kept)
            for rank, passage in enumerate(passages, start=1)
        ]


@login_required
@require_GET
def search_page(request: HttpRequest) -> HttpResponse:
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


def both_stages(query: str, knowledge_bases: list[KnowledgeBase], options: SearchOptions) -> Stages:
    """The same search without and with the second stage."""
    first = search(query, knowledge_bases=knowledge_bases, options=replace(options, rerank=False))
    if not options.rerank:
        return Stages(first, None, options.top_n)
    second = search(query, knowledge_bases=knowledge_bases, options=options)
    return Stages(first, second, options.top_n)
