"""The two answers to someone who may not: 404 to outsiders, 403 to those who may only look."""

from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404

Row = TypeVar("Row", bound=Model)


def changeable_or_refused(visible: QuerySet[Row], changeable: QuerySet[Row], **lookup: Any) -> Row:
    """The object that ``lookup`` names, for someone who wants to change it.

    Raises Http404 when it is not among ``visible``, PermissionDenied when it is but not among
    ``changeable``.
    """
    found = get_object_or_404(visible, **lookup)
    if not changeable.filter(pk=found.pk).exists():
        get_object_or_404(visible, pk=found.pk)  # it may have been deleted meanwhile
        raise PermissionDenied
    return found
