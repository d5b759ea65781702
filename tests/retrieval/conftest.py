"""Quick models over the real store."""

import pytest

from retrieval import search as search_module
from retrieval import stores
from tests.fakes import HashingEmbedder
from tests.retrieval.documents import Overlap


@pytest.fixture
def quick_models(monkeypatch, settings):
    """Searches use a hashing embedder and an overlap-counting reranker, and Qdrant's engine for real."""
    settings.QDRANT_URL = ""
    monkeypatch.setattr(search_module, "embedder_for", lambda *args, **kwargs: HashingEmbedder())
    monkeypatch.setattr(search_module, "reranker_for", lambda *args, **kwargs: Overlap())
    yield
    stores.close_all()
