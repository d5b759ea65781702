"""A person's own pages: their name, and their API keys."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from teams import services
from teams.forms import ApiKeyForm, ProfileForm
from teams.models import ApiKey
from teams.requests import MemberRequest
from teams.views.current import remember_once, shown_once


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: MemberRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("teams:profile")
    return render(request, "teams/profile.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def api_keys(request: MemberRequest) -> HttpResponse:
    """GET lists the person's keys, POST makes one."""
    form = ApiKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        row, key = services.create_api_key(user=request.user, name=form.cleaned_data["name"])
        remember_once(request, "api_key", {"name": row.name, "key": key})
        return redirect("teams:api_keys")
    context = {
        "form": form,
        "keys": request.user.api_keys.all(),
        "fresh_key": shown_once(request, "api_key"),
        "api_url": request.build_absolute_uri("/api/v1/"),
    }
    return render(request, "teams/api_keys.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def revoke_api_key(request: MemberRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, user=request.user, pk=pk)
    services.revoke_api_key(key=key, actor=request.user)
    messages.success(request, _("The key “%(name)s” is revoked.") % {"name": key.name})
    return redirect("teams:api_keys")
