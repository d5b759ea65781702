"""/api/v1/search, on a real index in this process."""

from uuid import uuid4

import pytest

from ingestion import services
from ingestion.models import Document, KnowledgeBase
from ingestion.pages import Block, Page, Span
from retrieval import indexing, stores
from retrieval.stores.base import StoreUnavailable
from teams.models import Membership, Role, Team
from tests.fakes import HashingEmbedder

URL = "/api/v1/search"
TEXTS = ("The office opens at nine.", "Travel costs are paid within a month.")


class LongestFirst:
    """A second stage whose order nobody mistakes for the first's."""

    name = "longest-first"
    score_kind = "similarity"
    calibration = None
    threshold = None

    def score(self, query, texts):
        return [float(len(text)) for text in texts]


@pytest.fixture(autouse=True)
def _small_models(monkeypatch, settings):
    settings.QDRANT_URL = ""
    for module in ("indexing", "search"):
        monkeypatch.setattr(f"retrieval.{module}.embedder_for", lambda knowledge_base: HashingEmbedder())
    monkeypatch.setattr("retrieval.search.reranker_for", lambda *args, **kwargs: LongestFirst())
    yield
    stores.close_all()


def indexed(knowledge_base, *, paged, name="handbook.pdf") -> Document:
    document = Document.objects.create(
        knowledge_base=knowledge_base,
        name=name,
        sha256=uuid4().hex,
        size=1,
        mime="text/plain",
        status=Document.Status.PARSING,
    )
    page = Page(1, tuple(Block("paragraph", text) for text in TEXTS), paged=paged)
    spans, start = [], 0
    for text in TEXTS:
        spans.append(Span(text, start, start + len(text), page=1, tokens=len(text.split())))
        start += len(text) + 2
    services.replace_chunks(document=document, pages=[page], spans=spans)
    indexing.index(document.pk)
    return document


def ask(client, *knowledge_bases, query="office opens", **more):
    ids = [str(getattr(one, "pk", one)) for one in knowledge_bases]
    return client.post(
        URL, {"knowledge_base_ids": ids, "query": query, **more}, content_type="application/json"
    )


def test_passages_with_their_places_and_scores(knowledge_base, alice_api, bob_api):
    document = indexed(knowledge_base, paged=True)
    response = ask(alice_api, knowledge_base, rerank=False, top_n=1)
    assert response.status_code == 200
    body = response.json()
    (hit,) = body["hits"]
    assert hit.pop("recall_score") > 0
    assert hit == {
        "document_id": str(document.pk),
        "document": "handbook.pdf",
        "page": 1,
        "text": TEXTS[0],
        "regions": [],
        "rerank_score": None,
    }
    assert body["timings_ms"]["search"] > 0
    assert ask(bob_api, knowledge_base, rerank=False, top_n=1).json()["hits"][0]["text"] == TEXTS[0]


def test_the_second_stage_has_the_last_word(knowledge_base, alice_api):
    indexed(knowledge_base, paged=True)
    hits = ask(alice_api, knowledge_base, query="office travel").json()["hits"]
    assert [hit["text"] for hit in hits] == [TEXTS[1], TEXTS[0]]
    assert all(isinstance(hit["rerank_score"], float) for hit in hits)


def test_a_format_without_pages_has_none(knowledge_base, alice_api):
    indexed(knowledge_base, paged=False, name="notes.md")
    assert {hit["page"] for hit in ask(alice_api, knowledge_base).json()["hits"]} == {None}


def test_one_hidden_knowledge_base_hides_the_answer(knowledge_base, charlie, alice_api, bob_api, charlie_api):
    other = Team.objects.create(name="Others")
    Membership.objects.create(team=other, user=charlie, role=Role.OWNER)
    theirs = KnowledgeBase.objects.create(team=other, name="Theirs")
    indexed(theirs, paged=True)
    assert ask(charlie_api, theirs).status_code == 200
    for client, asked in (
        (alice_api, [theirs]),
        (alice_api, [knowledge_base, theirs]),
        (charlie_api, [knowledge_base]),
        (bob_api, [uuid4()]),
    ):
        response = ask(client, *asked)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


def test_a_deleted_document_is_found_no_more(knowledge_base, alice, alice_api):
    document = indexed(knowledge_base, paged=True)
    services.delete_document(document=document, user=alice)
    assert ask(alice_api, knowledge_base).json()["hits"] == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\x00", "empty"),
        ("\ud83d", "empty"),
        ("x" * 20_000, "20000 characters; 4000 are allowed"),
    ],
    ids=["nothing", "blank", "null", "half a character", "20,000 characters"],
)
def test_unfit_queries_are_explained(knowledge_base, alice_api, query, complaint):
    response = ask(alice_api, knowledge_base, query=query)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid"
    message = response.json()["error"]["message"]
    assert message.startswith("query: The query ")
    assert complaint in message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": "x"},
        {"query": "x", "knowledge_base_ids": []},
        {"query": "x", "knowledge_base_ids": ["nonsense"]},
        {"query": "x", "knowledge_base_ids": [str(uuid4())], "top_n": 0},
        {"query": "x", "knowledge_base_ids": [str(uuid4())], "top_n": 51},
        {"query": ["x"], "knowledge_base_ids": [str(uuid4())]},
    ],
)
def test_nonsense_is_422(db, alice_api, body):
    assert alice_api.post(URL, body, content_type="application/json").status_code == 422


def test_a_body_that_is_no_json_is_a_clear_error(db, alice_api):
    response = alice_api.post(URL, "{", content_type="application/json")
    assert response.status_code in (400, 422)
    assert response.json()["error"]["message"]


def test_an_index_that_is_away_is_503(knowledge_base, alice_api, monkeypatch):
    def away(*args, **kwargs):
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr("retrieval.api.search", away)
    response = ask(alice_api, knowledge_base)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "search_unavailable"
    assert "refused" not in response.text
