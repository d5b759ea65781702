"""Which team a page is about, and what is shown to its owner once."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from teams.models import Membership, Role, Team
from teams.requests import MemberRequest


def current_team(request: MemberRequest, *, owning: bool = False) -> Team | None:
    """The team that ``?team=`` names, else the person's first; None for someone in no team.

    ``owning`` prefers a team that the person owns, and refuses (403) one that they do not.
    """
    teams = Team.objects.visible_to(request.user)
    owned = Team.objects.owned_by(request.user)
    if named := request.GET.get("team"):
        try:
            team = get_object_or_404(teams, pk=UUID(named))
        except ValueError as error:
            raise Http404 from error
    else:
        team = (owned.first() if owning else None) or teams.first()
    if owning and team and not owned.filter(pk=team.pk).exists():
        raise PermissionDenied
    return team


def team_context(request: MemberRequest, team: Team) -> dict:
    """What every page of a team needs: the team, the person's role in it, their other teams."""
    membership = Membership.objects.get(team=team, user=request.user)
    return {
        "team": team,
        "teams": Team.objects.visible_to(request.user),
        "membership": membership,
        "is_owner": membership.role == Role.OWNER,
    }


def remember_once(request: MemberRequest, name: str, value: dict) -> None:
    """Keeps ``value`` for the next page that asks for it, and for no other."""
    request.session[f"once:{name}"] = value


def shown_once(request: MemberRequest, name: str) -> dict | None:
    """What `remember_once` kept; a second call, or a reload, gets None."""
    return request.session.pop(f"once:{name}", None)
