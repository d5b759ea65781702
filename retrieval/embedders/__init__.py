"""Embedders by name: the built-in one here, a team's own behind HTTP (`retrieval.connections`)."""

import threading
from typing import TYPE_CHECKING

from django.conf import settings

from retrieval.embedders.base import EmbedderUnavailable

if TYPE_CHECKING:
    from retrieval.embedders.minilm import MiniLM

BUILT_IN = ("minilm-zh",)
_loaded: dict[str, "MiniLM"] = {}
_lock = threading.Lock()


def get(name: str) -> "MiniLM":
    """The built-in embedder of that name, loaded once per process.

    Raises EmbedderUnavailable for a name that is not built in or where its files are missing.
    """
    if name not in BUILT_IN:
        raise EmbedderUnavailable(f"no built-in embedder is called {name!r}")
    with _lock:
        if name not in _loaded:
            from retrieval.embedders.minilm import MiniLM

            _loaded[name] = MiniLM(threads=settings.TORCH_THREADS)
        return _loaded[name]
