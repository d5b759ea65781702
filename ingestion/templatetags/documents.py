"""How documents are written in templates."""

from django import template
from django.utils.translation import gettext_lazy as _

from ingestion.models import Document

register = template.Library()

_TYPES = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "text/csv": "CSV",
    "text/markdown": "Markdown",
    "text/tab-separated-values": "TSV",
    "text/plain": _("Text"),
    "text/x-rst": "reStructuredText",
    "application/x-ndjson": "JSON",
    "application/rtf": "RTF",
    "text/html": "HTML",
    "message/rfc822": _("Mail"),
    "application/epub+zip": "EPUB",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
}


@register.filter
def file_type(document: Document) -> str:
    """PDF, Word and so on; for a type without a name of its own, the second half of its MIME type."""
    return str(_TYPES.get(document.mime, "")) or document.mime.rpartition("/")[2].upper()


@register.filter
def is_unfinished(document: Document) -> bool:
    return document.status not in (Document.Status.READY, Document.Status.FAILED)
