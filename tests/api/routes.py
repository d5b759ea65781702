"""Every address that the URL configuration knows, with the methods it takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Route:
    pattern: str
    name: str


def all_routes() -> list[Route]:
    """In the order of the configuration; the administration's own left out."""
    return [route for route in _walk(get_resolver(), "", "") if not route.pattern.startswith("admin/")]


def admin_routes() -> list[Route]:
    return [route for route in _walk(get_resolver(), "", "") if route.pattern.startswith("admin/")]


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Route(pattern, f"{namespace}{entry.name or ''}")
        else:
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, pattern, inner)
