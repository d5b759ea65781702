"""A small handbook that the search finds, without an index: chunks in the database, a scripted order."""

import pytest
from django.core.cache import cache

from chat import drafts
from chat.models import Conversation
from ingestion.models import Chunk, Document, DocumentPage
from retrieval.passages import Passage, SearchResult

TEXTS = (
    "New staff get 22 days of holiday a year. After five years it is 26 days.",
    "The canteen is open from 11:30 to 14:00.",
    "Bicycles are repaired by Omar in the workshop.",
)


@pytest.fixture(autouse=True)
def fresh_allowance():
    """Each test may ask as often as its person's first minute allows."""
    cache.clear()


@pytest.fixture
def handbook(knowledge_base, alice):
    """A READY document of two pages and three chunks."""
    document = Document.objects.create(
        knowledge_base=knowledge_base, name="Handbook.pdf", file="x", sha256="0" * 64, size=1,
        mime="application/pdf", status=Document.Status.READY, version=1, live_version=1, created_by=alice,
    )  # fmt: skip
    for number in (1, 2):
        DocumentPage.objects.create(document=document, version=1, number=number, start=0, text="")
    for ordinal, text in enumerate(TEXTS):
        Chunk.objects.create(
            id=Chunk.make_id(document.pk, 1, ordinal),
            document=document,
            version=1,
            ordinal=ordinal,
            text=text,
            page=1 + ordinal // 2,
            regions=[{"page": 1, "x0": 0.1, "y0": 0.1, "x1": 0.9, "y1": 0.2}],
            start=0,
            end=len(text),
        )
    return document


class FoundPassages:
    """What the search says: ``offer`` passages, or only the ``closest`` ones. Keeps the queries."""

    def __init__(self):
        self.queries, self.answerable, self.error = [], True, None

    def __call__(self, query, *, knowledge_bases, options):
        self.queries.append(query)
        if self.error:
            raise self.error
        chunks = Chunk.objects.select_related("document").filter(document__knowledge_base__in=knowledge_bases)
        passages = [
            Passage(chunk, recall_score=1.0 / rank, recall_rank=rank, rerank_score=0.9)
            for rank, chunk in enumerate(chunks, start=1)
        ]
        timings = {"recall": 1.0, "rerank": 2.0}
        if self.answerable:
            return SearchResult(passages, [], timings)
        return SearchResult([], passages, timings)


@pytest.fixture
def found(handbook, monkeypatch):
    search = FoundPassages()
    monkeypatch.setattr(drafts, "search", search)
    monkeypatch.setattr(drafts, "_judge", lambda draft: (None, None))
    return search


@pytest.fixture
def conversation(alice, knowledge_base):
    conversation = Conversation.objects.create(user=alice)
    conversation.knowledge_bases.set([knowledge_base])
    return conversation
