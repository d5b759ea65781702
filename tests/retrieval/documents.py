"""Documents that are ready and indexed in the real store, by quick models."""

from uuid import uuid4

from ingestion.models import Chunk, Document, KnowledgeBase
from rerank.base import Platt
from retrieval.sparse import document_vector
from retrieval.stores import get_store
from retrieval.stores.base import Point
from tests.fakes import HashingEmbedder


class Overlap:
    """A reranker that counts shared words; its scores are logits with a line of their own."""

    name, score_kind, calibration, threshold = "overlap", "logit", Platt(1.0, -1.5), 0.5

    def score(self, query, texts):
        wanted = set(query.lower().split())
        return [float(len(wanted & set(text.lower().split()))) for text in texts]


def add(knowledge_base: KnowledgeBase, *texts: str, name: str = "handbook.txt", version: int = 1) -> Document:
    """A document that is ready, one chunk for each text."""
    document = Document.objects.create(
        knowledge_base=knowledge_base,
        name=name,
        file="x",
        sha256=uuid4().hex,
        size=1,
        mime="text/plain",
        status=Document.Status.READY,
        version=version,
        live_version=version,
    )
    start, chunks = 0, []
    for ordinal, text in enumerate(texts):
        chunks.append(
            Chunk(
                id=Chunk.make_id(document.pk, version, ordinal),
                document=document,
                version=version,
                ordinal=ordinal,
                text=text,
                page=1,
                start=start,
                end=start + len(text),
                tokens=len(text.split()),
            )
        )
        start += len(text) + 2
    Chunk.objects.bulk_create(chunks)
    embedder = HashingEmbedder()
    get_store(embedder).upsert(
        [
            Point(
                chunk.pk,
                knowledge_base.pk,
                document.pk,
                version,
                embedder.embed_query(chunk.embedded_text),
                document_vector(chunk.embedded_text),
            )
            for chunk in chunks
        ]
    )
    return document
