"""Keyset pagination: a page begins after the last row of the one before, however long the list is."""

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from teams.api_errors import ApiError


def newest_first(rows: QuerySet, *, after: str, limit: int) -> tuple[list, str | None]:
    """At most ``limit`` rows by falling ``created_at``, and the cursor of the next page if there is one.

    ``after`` is the cursor that the page before gave, "" for the first page. Raises ApiError 422 for
    anything else. The rows need ``created_at`` and a UUID as primary key.
    """
    if after:
        at, pk = _decode(after)
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__gt=pk))
    found = list(rows.order_by("-created_at", "pk")[: limit + 1])
    more = len(found) > limit
    page = found[:limit]
    return page, _encode(page[-1]) if more else None


def _encode(row) -> str:
    packed = json.dumps([row.created_at.isoformat(), str(row.pk)])
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return moment, UUID(pk)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise ApiError(422, "bad_cursor", _("“after” is not a cursor that this list gave.")) from error
