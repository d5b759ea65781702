"""Vector stores: Qdrant's engine in this process, or a Qdrant server. See `get_store`."""

import re
import threading
from pathlib import Path

from django.conf import settings

from retrieval.embedders.base import Embedder
from retrieval.stores.base import VectorStore

__all__ = ["all_stores", "close_all", "collection_name", "get_store"]

_lock = threading.Lock()
_open: dict[tuple[str, str], VectorStore] = {}


def collection_name(embedder: Embedder) -> str:
    """Where an embedder's vectors live. The dimension is part of it: a model that was exchanged
    behind the same name starts a collection of its own instead of breaking the old one."""
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', embedder.name)}-{embedder.dimension}"


def get_store(embedder: Embedder) -> VectorStore:
    """The one store of ``embedder`` in this process, made when first asked for.

    Raises `StoreUnavailable` where another process holds the embedded store's files.
    """
    return _store(collection_name(embedder), embedder.dimension)


def all_stores() -> list[VectorStore]:
    """The stores of all embedders that ever wrote, for what concerns a document wherever it is."""
    if settings.QDRANT_URL:
        from retrieval.stores import server

        names = server.collections(settings.QDRANT_URL, settings.QDRANT_API_KEY)
    else:
        names = sorted(path.parent.name for path in _folder().glob("*/current"))
    return [_store(name, None) for name in names]


def close_all() -> None:
    """Close every store of this process; the next `get_store` opens anew."""
    with _lock:
        while _open:
            _open.popitem()[1].close()


def _folder() -> Path:
    return settings.DATA_DIR / "vectors"


def _store(name: str, dimension: int | None) -> VectorStore:
    place = settings.QDRANT_URL or str(_folder())
    with _lock:
        if (place, name) not in _open:
            _open[place, name] = _make(name, dimension)
        return _open[place, name]


def _make(name: str, dimension: int | None) -> VectorStore:
    """Engines are imported when chosen: each is heavy, and only one of them is used."""
    if settings.QDRANT_URL:
        from retrieval.stores.server import ServerStore

        return ServerStore(settings.QDRANT_URL, settings.QDRANT_API_KEY, name, dimension)
    from retrieval.stores.edge import EdgeStore

    return EdgeStore(_folder() / name, dimension)
