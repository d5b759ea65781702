"""Who calls the API: an API key in the Authorization header, or the browser's session.

A request that carries an Authorization header is judged by it alone. A session must pass the CSRF
check. Both set ``request.user`` and ``request.auth`` to the person. ``API_AUTH`` is for sync
operations, ``ASYNC_API_AUTH`` for async ones: its database work leaves the event loop.
"""

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from teams.api_errors import ApiError
from teams.models import User
from teams.services import user_for_key
from teams.throttle import allow, seconds_left


def _admit(request: HttpRequest, user: User | None) -> User | None:
    if user is None:
        return None
    if not allow(f"api:{user.pk}", settings.API_RATE_PER_MINUTE, 60):
        wait = seconds_left(60)
        raise ApiError(
            429,
            "too_many_requests",
            _("Too many requests: try again in %(seconds)d seconds.") % {"seconds": wait},
            headers={"Retry-After": str(wait)},
        )
    request.user = user
    return user


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer KEY``, a key made on the API keys page or by ``create_api_key``."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return _admit(request, user_for_key(token.strip()))


class SessionAuth(APIKeyCookie):
    """The browser's session, with its CSRF token on every unsafe method."""

    param_name = settings.SESSION_COOKIE_NAME

    def _get_key(self, request: HttpRequest) -> str | None:
        if "Authorization" in request.headers:
            return None
        return request.COOKIES.get(self.param_name)

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        if key is None or not request.user.is_authenticated:
            return None
        if check_csrf(request):
            raise ApiError(403, "csrf_failed", _("The CSRF token is missing or wrong."))
        return _admit(request, request.user)


class AsyncApiKeyAuth(ApiKeyAuth):
    async def authenticate(self, request: HttpRequest, token: str) -> User | None:  # type: ignore[override]
        return await sync_to_async(super().authenticate)(request, token)


class AsyncSessionAuth(SessionAuth):
    async def authenticate(self, request: HttpRequest, key: str | None) -> User | None:  # type: ignore[override]
        return await sync_to_async(super().authenticate)(request, key)


API_AUTH = [ApiKeyAuth(), SessionAuth()]
ASYNC_API_AUTH = [AsyncApiKeyAuth(), AsyncSessionAuth()]
