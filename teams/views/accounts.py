"""The one account page that differs from allauth's."""

from allauth.account import views
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def password_reset(request: HttpRequest) -> HttpResponse:
    """By mail where a mail server is set; else it says whom to ask."""
    if not settings.EMAIL_HOST:
        return render(request, "account/password_reset_unmailed.html")
    return views.password_reset(request)
