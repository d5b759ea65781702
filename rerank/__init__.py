"""The second stage: (question, passages) -> scores. A leaf: no database, no other app.

`get` gives a reranker that runs in this process, by a name of the catalogue or a folder;
`rerank.http` has those behind a server. `rerank.ranking.rank` sorts by their scores.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rerank.base import Reranker
    from rerank.local import LocalReranker

_loaded: dict[tuple, "LocalReranker"] = {}
_locks: dict[tuple, threading.Lock] = {}
_guard = threading.Lock()


def get(
    name_or_path: str, *, models_dir: Path | None = None, threads: int = 0, **options: Any
) -> "LocalReranker":
    """The reranker of that name, loaded once per process and set of options.

    ``models_dir`` is where downloaded models are; ``threads`` bounds one call's (0: the cores we
    have). ``options`` go to the recipe (max_length, cutoff_layer, instruction, device, dtype);
    ``recipe`` names one for a folder that does not tell its own.
    Raises RerankerMissing when it is not on this machine, RerankerUnusable when it cannot be read.
    """
    key = (name_or_path, models_dir, *sorted(options.items()))
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:  # others may load meanwhile, but this one only once
        if key not in _loaded:
            from rerank.loading import load

            _loaded[key] = load(name_or_path, models_dir=models_dir, threads=threads, **options)
        return _loaded[key]


def connect(
    *, protocol: str, base_url: str, model: str = "", api_key: str = "", name: str = ""
) -> "Reranker":
    """The reranker behind a server: one of `rerank.http.PROTOCOLS`, or a language model ("openai")."""
    if protocol == "openai":
        from rerank.llm import LlmReranker

        return LlmReranker(base_url=base_url, model=model, api_key=api_key, name=name)
    from rerank.http import HttpReranker

    return HttpReranker(protocol=protocol, base_url=base_url, model=model, api_key=api_key, name=name)


def release_all() -> None:
    """Forget every loaded model; its memory is free when the last caller lets go."""
    with _guard:
        _loaded.clear()
        _locks.clear()
