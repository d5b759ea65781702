"""Sizes of models, as the catalogue writes them."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def size(count: int) -> str:
    """Bytes in decimal units, as hubs and disks count: 428000000 -> "428 MB"."""
    return f"{_short(count)}B"


@register.filter
def parameters(count: int) -> str:
    """568000000 -> "568 M"; 2510000000 -> "2.5 B"."""
    return _short(count).replace("G", "B")


def _short(count: int) -> str:
    if count >= 1e9:
        return f"{number_format(round(count / 1e9, 1), 1)} G"
    return f"{number_format(round(count / 1e6), 0)} M"
