"""The gate of the evaluation pages."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404


def open_one(queryset: Any, pk, user, *, editing: bool = False):
    """404 for what ``user`` may not see, 403 for what they may only read."""
    found = get_object_or_404(queryset.visible_to(user), pk=pk)
    if editing and not queryset.editable_by(user).filter(pk=pk).exists():
        raise PermissionDenied
    return found
