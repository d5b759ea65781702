"""The catalogue of rerankers that can run on this machine, and their downloads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from rerank.catalogue import CATALOGUE, on_this_machine
from rerank.specs import RerankerSpec
from retrieval import downloads
from retrieval.models import ModelDownload
from teams.requests import MemberRequest

LANGUAGES = {"en": _("English"), "zh": _("Chinese"), "ja": _("Japanese"), "ko": _("Korean")}
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Card:
    """One model as the page shows it. ``folder`` is where it lies on this machine, None elsewhere."""

    spec: RerankerSpec
    folder: Path | None
    download: ModelDownload | None

    @property
    def slug(self) -> str:
        return slugify(self.spec.name)

    @property
    def owner(self) -> str:
        return self.spec.name.split("/")[0]

    @property
    def short_name(self) -> str:
        return self.spec.name.split("/")[1]

    @property
    def languages(self) -> list[str]:
        return [str(LANGUAGES[code]) for code in self.spec.languages or ()]

    @property
    def is_under_way(self) -> bool:
        row = self.download
        return self.folder is None and row is not None and row.status in downloads.UNFINISHED

    @property
    def error(self) -> str:
        return downloads.error_message(self.download) if self.download else ""


def card_of(name: str, rows: dict[str, ModelDownload]) -> Card:
    spec = CATALOGUE[name]
    row = rows.get(name)
    # Half of a model has its folder too: until the download says it is done, it is under way.
    under_way = row is not None and row.status in downloads.UNFINISHED
    folder = None if under_way else on_this_machine(spec, models_dir=settings.MODELS_DIR)
    return Card(spec, folder, row)


def speaks(spec: RerankerSpec, language: str) -> bool:
    """Whether a model reads ``language``; one of many languages reads each."""
    return not language or spec.languages is None or language in spec.languages


@login_required
@require_GET
def rerankers(request: MemberRequest) -> HttpResponse:
    """The catalogue; with ``model``, htmx gets that one's state alone."""
    context: dict[str, Any] = {"may_download": downloads.may_download(request.user)}
    rows = {row.name: row for row in ModelDownload.objects.all()}
    if request.htmx and (name := request.GET.get("model")):
        context["card"] = card_of(known(name), rows)
        return render(request, "retrieval/_reranker_state.html", context)
    language = request.GET.get("language", "")
    if language and language not in (*LANGUAGES, OTHER):
        raise Http404
    context |= {
        "cards": [card_of(name, rows) for name, spec in CATALOGUE.items() if speaks(spec, language)],
        "language": language,
        "languages": [*LANGUAGES.items(), (OTHER, _("Other languages"))],
    }
    return render(request, "retrieval/catalogue.html", context)


def known(name: str) -> str:
    if name not in CATALOGUE:
        raise Http404
    return name


def _named_by_one_who_may(request: MemberRequest) -> str:
    if not downloads.may_download(request.user):
        raise PermissionDenied
    return known(request.POST.get("model", ""))


def _back(request: MemberRequest, name: str) -> HttpResponse:
    language = request.POST.get("language", "")
    query = f"?{urlencode({'language': language})}" if language in (*LANGUAGES, OTHER) else ""
    return redirect(f"{reverse('retrieval:rerankers')}{query}#{slugify(name)}")


@login_required
@require_POST
def download(request: MemberRequest) -> HttpResponse:
    name = _named_by_one_who_may(request)
    downloads.start_download(name=name, user=request.user)
    return _back(request, name)


@login_required
@require_POST
def cancel(request: MemberRequest) -> HttpResponse:
    name = _named_by_one_who_may(request)
    downloads.cancel_download(name=name)
    return _back(request, name)
