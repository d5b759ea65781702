"""From what a knowledge base names to what runs: built-in models, local ones, a team's connections."""

import threading
from functools import lru_cache
from typing import Literal, cast
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

import rerank
from ingestion.models import KnowledgeBase
from rerank.base import Reranker, RerankerUnavailable
from retrieval import embedders, late_interaction
from retrieval.embedders.base import Embedder, EmbedderUnavailable
from retrieval.embedders.http import HttpEmbedder
from teams.models import ModelConnection
from teams.outbound import AddressRefused, check_url

PREFIX = "connection:"
KEPT_CLIENTS = 64
_loading = threading.Lock()


def embedder_for(knowledge_base: KnowledgeBase) -> Embedder:
    """The embedder that ``knowledge_base`` answers by; raises EmbedderUnavailable."""
    return _named_embedder(knowledge_base.embedder, knowledge_base)


def next_embedder_for(knowledge_base: KnowledgeBase) -> Embedder:
    """The embedder that ``knowledge_base`` is prepared for; raises EmbedderUnavailable."""
    return _named_embedder(knowledge_base.next_embedder, knowledge_base)


def _named_embedder(ref: str, knowledge_base: KnowledgeBase) -> Embedder:
    if not ref.startswith(PREFIX):
        return embedders.get(ref)
    connection = _connection(ref, knowledge_base=knowledge_base, kind=ModelConnection.Kind.EMBEDDER)
    if connection is None:
        raise EmbedderUnavailable(f"the model connection {ref} is gone")
    return _embedder(connection)


def reranker_for(chosen: KnowledgeBase | str, *, knowledge_base: KnowledgeBase | None = None) -> Reranker:
    """The reranker that a knowledge base names, or the one of that name.

    A connection's name needs ``knowledge_base`` beside it, whose team must own the connection.
    Raises RerankerUnavailable.
    """
    if isinstance(chosen, KnowledgeBase):
        return reranker_for(chosen.reranker, knowledge_base=chosen)
    if chosen == late_interaction.NAME:
        return _late_interaction()
    if not chosen.startswith(PREFIX):
        return rerank.get(chosen, models_dir=settings.MODELS_DIR, threads=settings.TORCH_THREADS)
    connection = _connection(chosen, knowledge_base=knowledge_base, kind=ModelConnection.Kind.RERANKER)
    if connection is None:
        raise RerankerUnavailable(f"the model connection {chosen} is gone")
    return _reranker(connection)


def test(connection: ModelConnection) -> str | None:
    """Call the model once: None when it answers rightly, else what is wrong, in words for its owner."""
    try:
        if connection.kind == ModelConnection.Kind.EMBEDDER:
            vectors = _embedder(connection).embed_documents(["A short text.", "一句话。"])
            return None if vectors.shape[1] > 1 else _("The server answers with vectors of one number.")
        if connection.kind == ModelConnection.Kind.RERANKER:
            scores = _reranker(connection).score("Where is the cat?", ["The cat is at home.", "It rains."])
            return None if scores[0] > scores[1] else _("The server ranks an unrelated text higher.")
    except (EmbedderUnavailable, RerankerUnavailable) as error:
        return str(error)
    return _("This kind of connection is not one that retrieval uses.")


def _connection(ref: str, *, knowledge_base: KnowledgeBase | None, kind: str) -> ModelConnection | None:
    """Only the knowledge base's own team's: another team's key is never used."""
    if knowledge_base is None:
        return None
    try:
        wanted = UUID(ref.removeprefix(PREFIX))
    except ValueError:
        return None
    return ModelConnection.objects.filter(pk=wanted, team=knowledge_base.team_id, kind=kind).first()


def _late_interaction() -> Reranker:
    try:
        with _loading:
            return late_interaction.get()
    except EmbedderUnavailable as error:
        raise RerankerUnavailable(str(error)) from error


def _embedder(connection: ModelConnection) -> Embedder:
    # The model is part of the name, and so of the collection: vectors of two models never mix.
    name = f"{connection.pk}-{connection.model}" if connection.model else str(connection.pk)
    return _http_embedder(
        name, connection.protocol, connection.base_url, connection.model, connection.api_key
    )


@lru_cache(KEPT_CLIENTS)
def _http_embedder(name: str, protocol: str, base_url: str, model: str, api_key: str) -> HttpEmbedder:
    return HttpEmbedder(
        name=name,
        protocol=cast(Literal["openai", "tei"], protocol),
        base_url=base_url,
        model=model,
        api_key=api_key,
    )


def _reranker(connection: ModelConnection) -> Reranker:
    try:
        check_url(connection.base_url)
    except AddressRefused as refusal:
        raise RerankerUnavailable(str(refusal)) from refusal
    return _http_reranker(
        connection.name, connection.protocol, connection.base_url, connection.model, connection.api_key
    )


@lru_cache(KEPT_CLIENTS)
def _http_reranker(name: str, protocol: str, base_url: str, model: str, api_key: str) -> Reranker:
    return rerank.connect(name=name, protocol=protocol, base_url=base_url, model=model, api_key=api_key)
