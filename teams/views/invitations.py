"""Where an invitation's link leads: make an account, or join with the one there is."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from teams import services
from teams.forms import NewAccountForm
from teams.models import Invitation
from teams.requests import MemberRequest

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    invitation = services.find_invitation(token)
    if invitation is None or not invitation.is_open:
        # One answer for a wrong, a withdrawn, a used and an expired link.
        return render(request, "teams/invitation_closed.html", status=404)
    if request.user.is_authenticated:
        return _join(cast(MemberRequest, request), invitation)
    if services.account_of(invitation):
        login_url = f"{reverse('account_login')}?next={request.path}"
        context = {"invitation": invitation, "login_url": login_url}
        return render(request, "teams/invitation_login.html", context)
    return _new_account(request, invitation)


def _join(request: MemberRequest, invitation: Invitation) -> HttpResponse:
    if request.user.email.lower() != invitation.email.lower():
        return render(request, "teams/invitation_other_person.html", {"invitation": invitation}, status=403)
    if request.method == "GET":
        return render(request, "teams/invitation_join.html", {"invitation": invitation})
    try:
        services.accept_invitation(invitation=invitation, user=request.user)
    except services.InvitationClosed:
        return render(request, "teams/invitation_closed.html", status=404)
    return _welcome(request, invitation)


def _new_account(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = NewAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.accept_invitation(invitation=invitation, **form.cleaned_data)
        except services.TeamsError:
            return redirect(request.path)  # taken meanwhile: the page now says what is so
        except ValidationError as error:
            form.add_error(None, error)
        else:
            login(request, user, backend=BACKEND)
            return _welcome(request, invitation)
    context = {"invitation": invitation, "form": form}
    return render(request, "teams/invitation_account.html", context, status=422 if form.errors else 200)


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, _("Welcome to %(team)s.") % {"team": invitation.team})
    return redirect("/")
