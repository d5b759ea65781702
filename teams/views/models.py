"""The models page: a team's own models behind HTTP, and a button that really calls them."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from teams import connections
from teams.access import changeable_or_refused
from teams.forms import ConnectionForm, TeamForm
from teams.models import ModelConnection, Team
from teams.requests import MemberRequest
from teams.views.current import current_team, team_context


def models_url(team: Team) -> str:
    return f"{reverse('teams:models')}?team={team.pk}"


@login_required
@require_GET
def models(request: MemberRequest) -> HttpResponse:
    team = current_team(request)
    if team is None:
        return render(request, "teams/no_team.html", {"form": TeamForm()})
    rows = list(team.model_connections.all())
    built_in = {
        ModelConnection.Kind.LLM: settings.LLM_MODEL or (_("Bundled model") if settings.LOCAL_LLM else ""),
        ModelConnection.Kind.EMBEDDER: settings.EMBEDDER,
        ModelConnection.Kind.RERANKER: settings.RERANKER,
    }
    kinds = [
        {
            "value": kind.value,
            "label": kind.label,
            "built_in": built_in[kind],
            "connections": [row for row in rows if row.kind == kind],
        }
        for kind in ModelConnection.Kind
    ]
    return render(request, "teams/models.html", {**team_context(request, team), "kinds": kinds})


@login_required
@require_http_methods(["GET", "POST"])
def create(request: MemberRequest, kind: str) -> HttpResponse:
    if kind not in ModelConnection.Kind.values:
        raise Http404
    team = current_team(request, owning=True)
    if team is None:
        raise Http404
    return _edit(request, ModelConnection(team=team, kind=kind))


def _owned(request: MemberRequest, pk: UUID) -> ModelConnection:
    return changeable_or_refused(
        ModelConnection.objects.visible_to(request.user).select_related("team"),
        ModelConnection.objects.owned_by(request.user),
        pk=pk,
    )


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, pk: UUID) -> HttpResponse:
    return _edit(request, _owned(request, pk))


def _edit(request: MemberRequest, connection: ModelConnection) -> HttpResponse:
    form = ConnectionForm(request.POST or None, instance=connection)
    if request.method == "POST" and form.is_valid():
        connections.save(connection=connection, actor=request.user)
        messages.success(request, _("“%(name)s” is saved. Test it now.") % {"name": connection.name})
        return redirect(models_url(connection.team))
    context = {
        "form": form,
        "connection": connection,
        "is_new": connection._state.adding,
        "back": models_url(connection.team),
    }
    return render(request, "teams/connection.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    """GET asks, and names what stands on the connection; POST deletes."""
    connection = _owned(request, pk)
    if request.method == "GET":
        context = {
            "connection": connection,
            "used_by": connections.used_by(connection),
            "back": models_url(connection.team),
        }
        return render(request, "teams/connection_delete.html", context)
    connections.delete(connection=connection, actor=request.user)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": connection.name})
    return redirect(models_url(connection.team))


@login_required
@require_POST
def test(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Calls the model, and says what came of it: in its row for htmx, else on the models page."""
    connection = _owned(request, pk)
    error = connections.test(connection)
    if request.htmx:
        return render(request, "teams/_connection_row.html", {"connection": connection, "is_owner": True})
    words = {"name": connection.name, "error": error}
    if error:
        messages.error(request, _("“%(name)s” does not work: %(error)s") % words)
    else:
        messages.success(request, _("“%(name)s” answers.") % words)
    return redirect(models_url(connection.team))
