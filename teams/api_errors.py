"""One shape for every refusal of the API: {"error": {"code", "message"}}."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja import errors as ninja_errors

logger = logging.getLogger(__name__)


class Problem(Schema):
    code: str
    message: str


class ErrorOut(Schema):
    error: Problem


class ApiError(Exception):
    """A refusal with a status, a code for programs and a sentence for people.

    ``extra`` joins the body beside "error"; ``headers`` the response.
    """

    def __init__(
        self, status: int, code: str, message: str, *, extra: dict | None = None, headers: dict | None = None
    ):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.extra, self.headers = extra or {}, headers or {}


def response(status: int, code: str, message: str, extra: dict[str, Any] | None = None, headers=None):
    """The refusal as JSON, for code outside of the API's own exception handling."""
    body = {"error": {"code": code, "message": message}, **(extra or {})}
    return JsonResponse(body, status=status, headers=headers, json_dumps_params={"ensure_ascii": False})


def _api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return response(error.status, error.code, error.message, error.extra, error.headers)


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return response(404, "not_found", _("There is no such thing, or it is not yours to see."))


def _forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return response(403, "forbidden", _("Your role in the team does not allow this."))


def _unauthorized(request: HttpRequest, error: ninja_errors.AuthenticationError) -> HttpResponse:
    message = _("Send an API key as “Authorization: Bearer KEY”, or log in.")
    return response(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def _http_error(request: HttpRequest, error: ninja_errors.HttpError) -> HttpResponse:
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return response(error.status_code, code, str(error))


def _invalid(request: HttpRequest, error: ninja_errors.ValidationError) -> HttpResponse:
    """The first complaint in words, all of them in ``fields``."""
    fields = [
        {"field": _field(item["loc"]), "message": item["msg"].removeprefix("Value error, ")}
        for item in error.errors
    ]
    first = fields[0] if fields else {"field": "body", "message": ""}
    return response(422, "invalid", f"{first['field']}: {first['message']}", {"fields": fields})


def _field(place: Sequence[str | int]) -> str:
    """The field as the caller named it: before it stand its source and, in a body, our parameter's name."""
    names = place[2:] if place[:2] == ("body", "body") else place[1:]
    return ".".join(map(str, names)) or "body"


def _unfit(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return response(422, "invalid", " ".join(error.messages))


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("An API call failed: %s %s", request.method, request.path, exc_info=error)
    return response(500, "internal", _("Something went wrong on our side. It has been logged."))


def install(api: NinjaAPI) -> None:
    """Makes ``api`` answer every refusal in the one shape."""
    handlers: tuple[tuple[type[Exception], Any], ...] = (
        (Exception, _unexpected),
        (ApiError, _api_error),
        (Http404, _not_found),
        (PermissionDenied, _forbidden),
        (ninja_errors.HttpError, _http_error),
        (ninja_errors.AuthenticationError, _unauthorized),
        (ninja_errors.ValidationError, _invalid),
        (ValidationError, _unfit),
    )
    for exception, handler in handlers:
        api.add_exception_handler(exception, handler)
