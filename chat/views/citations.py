"""A source of an answer, opened at the passage."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from chat import viewer
from chat.models import Citation
from teams.requests import MemberRequest


@login_required
@require_GET
def citation(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Beside the answer where htmx asks, else a page of its own."""
    visible = Citation.objects.visible_to(request.user).select_related("message__conversation")
    view = viewer.view_of(get_object_or_404(visible, pk=pk), user=request.user)
    template = "chat/_citation.html" if request.htmx else "chat/citation.html"
    return render(request, template, {"view": view, "citation": view.citation})
