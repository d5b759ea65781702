"""The request that a view behind ``login_required``, or an operation of the API, gets."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from teams.models import User


class MemberRequest(HttpRequest):
    """Somebody is logged in: for type checkers alone, Django makes no such object."""

    user: User
    auth: User
    """Set by the API's authentication."""
    htmx: HtmxDetails
