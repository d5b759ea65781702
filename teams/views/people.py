"""The team page: its people, their roles, who is invited, and what happened."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from teams import audit, mail, services
from teams.access import changeable_or_refused
from teams.forms import InvitationForm, RoleForm, TeamForm
from teams.models import AuditEvent, Invitation, Membership, Role, Team
from teams.requests import MemberRequest
from teams.views.current import current_team, remember_once, shown_once, team_context

EVENTS_PER_PAGE = 20


def team_url(team: Team) -> str:
    return f"{reverse('teams:team')}?team={team.pk}"


def owned_team(request: MemberRequest, pk: UUID) -> Team:
    """The team that the person owns: 404 to outsiders, 403 to its other members."""
    return changeable_or_refused(
        Team.objects.visible_to(request.user), Team.objects.owned_by(request.user), pk=pk
    )


@login_required
@never_cache
@require_GET
def team(request: MemberRequest) -> HttpResponse:
    found = current_team(request)
    if found is None:
        return render(request, "teams/no_team.html", {"form": TeamForm()})
    return _page(request, found)


def _page(request: MemberRequest, found: Team, *, form: InvitationForm | None = None) -> HttpResponse:
    context = team_context(request, found)
    context |= {
        "memberships": found.memberships.select_related("user"),
        "roles": Role.choices,
        "new_team_form": TeamForm(prefix="new"),
    }
    if context["is_owner"]:
        context |= {
            "form": form or InvitationForm(),
            "rename_form": TeamForm(instance=found),
            "invitations": found.invitations.filter(accepted_at=None),
            "fresh_invitation": shown_once(request, "invitation"),
            **_events(request, found),
        }
    return render(request, "teams/team.html", context, status=422 if form and form.errors else 200)


def _events(request: MemberRequest, found: Team) -> dict:
    """A page of the audit trail, newest first; it goes on before the event that ``?before=`` names."""
    rows = AuditEvent.objects.filter(team=found).select_related("actor").order_by("-pk")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    events = list(rows[: EVENTS_PER_PAGE + 1])
    page = events[:EVENTS_PER_PAGE]
    return {
        "events": [{"sentence": audit.sentence(event), "at": event.at} for event in page],
        "older": page[-1].pk if len(events) > EVENTS_PER_PAGE else None,
    }


@login_required
@require_POST
def create(request: MemberRequest) -> HttpResponse:
    form = TeamForm(request.POST, prefix="new" if "new-name" in request.POST else None)
    if not form.is_valid():
        return render(request, "teams/no_team.html", {"form": form}, status=422)
    made = services.create_team(name=form.cleaned_data["name"], owner=request.user)
    return redirect(team_url(made))


@login_required
@require_POST
def rename(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = owned_team(request, pk)
    try:
        services.rename_team(team=found, name=request.POST.get("name", ""), actor=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(team_url(found))


@login_required
@require_POST
def invite(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = owned_team(request, pk)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    try:
        invitation, token = services.invite(team=found, invited_by=request.user, **form.cleaned_data)
    except services.AlreadyMember as refusal:
        form.add_error("email", str(refusal))
        return _page(request, found, form=form)
    link = request.build_absolute_uri(reverse("teams:accept", args=[token]))
    sent = mail.send_invitation(invitation, link)
    remember_once(request, "invitation", {"email": invitation.email, "link": link, "sent": sent})
    return redirect(team_url(found))


@login_required
@require_POST
def revoke_invitation(request: MemberRequest, pk: int) -> HttpResponse:
    invitation = changeable_or_refused(
        Invitation.objects.filter(team__in=Team.objects.visible_to(request.user), accepted_at=None),
        Invitation.objects.filter(team__in=Team.objects.owned_by(request.user)),
        pk=pk,
    )
    services.revoke_invitation(invitation=invitation, actor=request.user)
    return redirect(team_url(invitation.team))


def _membership(request: MemberRequest, pk: int) -> Membership:
    return changeable_or_refused(
        Membership.objects.filter(team__in=Team.objects.visible_to(request.user)),
        Membership.objects.filter(team__in=Team.objects.owned_by(request.user)),
        pk=pk,
    )


@login_required
@require_POST
def change_role(request: MemberRequest, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    form = RoleForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(form.errors["role"].as_data())
        services.change_role(membership=membership, role=form.cleaned_data["role"], actor=request.user)
    except services.LastOwner as refusal:
        messages.error(request, str(refusal))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(team_url(membership.team))


@login_required
@require_POST
def remove(request: MemberRequest, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    try:
        services.remove_member(membership=membership, actor=request.user)
    except services.LastOwner as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(name)s is no longer in the team.") % {"name": membership.user})
    if membership.user_id == request.user.pk:
        return redirect("teams:team")
    return redirect(team_url(membership.team))


@login_required
@require_POST
def leave(request: MemberRequest, pk: UUID) -> HttpResponse:
    membership = get_object_or_404(Membership, team=pk, user=request.user)
    try:
        services.remove_member(membership=membership, actor=request.user)
    except services.LastOwner as refusal:
        messages.error(request, str(refusal))
        return redirect(team_url(membership.team))
    messages.success(request, _("You have left %(team)s.") % {"team": membership.team})
    return redirect("teams:team")
