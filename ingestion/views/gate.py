"""The door of every view here: 404 for what a person may not see, 403 for what they may not change."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.shortcuts import get_object_or_404

from ingestion.models import Document, KnowledgeBase


def open_knowledge_base(user, pk: UUID, *, editing: bool = False) -> KnowledgeBase:
    """The knowledge base with its team, and ``is_editable`` for ``user``, in one query."""
    editable = KnowledgeBase.objects.editable_by(user).filter(pk=OuterRef("pk"))
    visible = KnowledgeBase.objects.visible_to(user).select_related("team")
    found = get_object_or_404(visible.annotate(is_editable=Exists(editable)), pk=pk)
    if editing and not found.is_editable:
        raise PermissionDenied
    return found


def readable_documents(user) -> QuerySet[Any]:
    """Documents that ``user`` may open, each with its knowledge base and ``is_editable``."""
    editable = KnowledgeBase.objects.editable_by(user).filter(pk=OuterRef("knowledge_base"))
    visible = Document.objects.visible_to(user).select_related("knowledge_base__team")
    return visible.annotate(is_editable=Exists(editable))


def open_document(user, pk: UUID, *, editing: bool = False) -> Document:
    """The document with its knowledge base, and ``is_editable`` for ``user``, in one query."""
    found = get_object_or_404(readable_documents(user), pk=pk)
    if editing and not found.is_editable:
        raise PermissionDenied
    return found
