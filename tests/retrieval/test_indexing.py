"""Chunks become points that can be found, once, whatever happens in between."""

import logging
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from ingestion import services
from ingestion.models import Chunk, Document
from ingestion.pages import Block, Page, Span
from retrieval import indexing, receivers, stores, tasks
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.sparse import query_vector
from retrieval.stores.base import StoreFull, StoreUnavailable
from tests.fakes import HashingEmbedder

pytestmark = pytest.mark.django_db
Status = Document.Status


@pytest.fixture(autouse=True)
def embedder(monkeypatch, settings):
    """A small embedder instead of the knowledge base's own, and the embedded store."""
    settings.QDRANT_URL = ""
    embedder = HashingEmbedder()
    monkeypatch.setattr(indexing, "embedder_for", lambda knowledge_base: embedder)
    yield embedder
    stores.close_all()


@pytest.fixture
def document(knowledge_base) -> Document:
    return make_document(knowledge_base)


def make_document(
    knowledge_base, texts=("annual leave", "travel costs", "the report of the year")
) -> Document:
    """A document that has been parsed and waits for the index."""
    document = Document.objects.create(
        knowledge_base=knowledge_base,
        name="handbook.txt",
        file=ContentFile(b"x", name="x"),
        sha256=uuid4().hex,
        size=1,
        mime="text/plain",
        status=Status.PARSING,
    )
    parse(document, texts)
    return document


def parse(document: Document, texts) -> None:
    Document.objects.filter(pk=document.pk).update(status=Status.PARSING)
    page = Page(1, tuple(Block("paragraph", text) for text in texts))
    spans, start = [], 0
    for text in texts:
        spans.append(Span(text, start, start + len(text), page=1, tokens=len(text.split())))
        start += len(text) + 2
    assert services.replace_chunks(document=document, pages=[page], spans=spans)


def points(document: Document) -> set:
    return set(stores.get_store(HashingEmbedder()).point_ids(document.pk))


def chunk_ids(document: Document) -> set:
    return set(Chunk.objects.filter(document=document).values_list("pk", flat=True))


def test_an_indexed_document_is_ready_and_found(document):
    indexing.index(document.pk)
    document.refresh_from_db()
    assert document.status == Status.READY
    assert (document.live_version, document.chunks_done, document.chunks_total) == (1, 3, 3)
    assert document.heartbeat_at is None
    assert points(document) == chunk_ids(document)
    store = stores.get_store(HashingEmbedder())
    hits = store.search_sparse(
        query_vector("travel"), knowledge_base_ids=[document.knowledge_base_id], limit=5
    )
    assert [hit.id for hit in hits] == [Chunk.make_id(document.pk, 1, 1)]


def test_the_title_and_headings_are_found_too(document):
    indexing.index(document.pk)
    store = stores.get_store(HashingEmbedder())
    hits = store.search_sparse(
        query_vector("handbook"), knowledge_base_ids=[document.knowledge_base_id], limit=5
    )
    assert len(hits) == 3


def test_each_chunk_gets_its_own_vector(document, embedder):
    """Batches are sorted by length; a vector must not end at another chunk's id."""
    indexing.index(document.pk)
    store = stores.get_store(embedder)
    for chunk in document.chunks.all():
        vector = embedder.embed_query(chunk.embedded_text)
        hits = store.search_dense(vector, knowledge_base_ids=[document.knowledge_base_id], limit=1)
        assert hits[0].id == chunk.pk
        assert hits[0].score == pytest.approx(1, abs=1e-3)


def test_a_task_that_is_delivered_twice_does_the_work_once(document, embedder, monkeypatch):
    indexing.index(document.pk)
    before = points(document)
    monkeypatch.setattr(embedder, "embed_documents", lambda texts: pytest.fail("embedded again"))
    indexing.index(document.pk)
    tasks.index_document(str(document.pk))
    assert points(document) == before


def test_two_workers_at_once_do_not_meet(document, embedder, monkeypatch):
    """While one holds the claim the other does nothing."""
    embed, calls = embedder.embed_documents, []

    def embed_and_deliver_again(texts):
        calls.append(len(texts))
        indexing.index(document.pk)
        return embed(texts)

    monkeypatch.setattr(embedder, "embed_documents", embed_and_deliver_again)
    indexing.index(document.pk)
    assert calls == [3]
    document.refresh_from_db()
    assert document.status == Status.READY


def test_progress_grows_with_each_batch(knowledge_base, embedder, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 4)
    document = make_document(knowledge_base, [f"text {n} " * (n + 1) for n in range(10)])
    seen, lengths, embed = [], [], embedder.embed_documents

    def watch(texts):
        document.refresh_from_db()
        seen.append(document.chunks_done)
        lengths.extend(map(len, texts))
        return embed(texts)

    monkeypatch.setattr(embedder, "embed_documents", watch)
    indexing.index(document.pk)
    assert seen == [0, 4, 8]
    assert lengths == sorted(lengths, reverse=True)
    assert len(points(document)) == 10


def test_a_new_version_takes_the_place_of_the_old(document):
    indexing.index(document.pk)
    old = points(document)
    parse(document, ["a second edition", "shorter"])
    assert points(document) == old, "the old one answers until the new one is whole"
    indexing.index(document.pk)
    document.refresh_from_db()
    assert document.live_version == 2
    assert points(document) == chunk_ids(document)
    assert len(points(document)) == 2
    assert points(document).isdisjoint(old)


def test_another_embedder_leaves_nothing_in_the_old_collection(document, monkeypatch):
    indexing.index(document.pk)
    other = HashingEmbedder("other", dimension=32)
    monkeypatch.setattr(indexing, "embedder_for", lambda knowledge_base: other)
    assert services.index_again(document.pk)
    indexing.index(document.pk)
    assert points(document) == set()
    assert set(stores.get_store(other).point_ids(document.pk)) == chunk_ids(document)


def test_a_document_that_is_deleted_in_the_middle_leaves_nothing(
    knowledge_base, embedder, monkeypatch, alice
):
    monkeypatch.setattr(indexing, "BATCH", 2)
    document = make_document(knowledge_base, [f"text {n}" for n in range(6)])
    embed, calls = embedder.embed_documents, []

    def embed_then_delete(texts):
        calls.append(len(texts))
        if len(calls) == 2:
            services.delete_document(document=document, user=alice)
        return embed(texts)

    monkeypatch.setattr(embedder, "embed_documents", embed_then_delete)
    indexing.index(document.pk)
    assert calls == [2, 2], "no batch is embedded for a document that is gone"
    assert points(document) == set()
    indexing.index(document.pk)
    assert points(document) == set()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EmbedderUnavailable("no answer"), "embedder_unavailable"),
        (StoreUnavailable("gone"), "store_unavailable"),
        (StoreFull("no room"), "disk_full"),
    ],
)
def test_what_does_not_answer_is_tried_again_and_then_told(document, embedder, monkeypatch, error, code):
    """The claim is given back, uncounted; after the last attempt the row says why."""

    def fail(texts):
        raise error

    monkeypatch.setattr(embedder, "embed_documents", fail)
    for _attempt in range(5):
        with pytest.raises(type(error)):
            indexing.index(document.pk)
        document.refresh_from_db()
        assert (document.status, document.heartbeat_at, document.attempts) == (Status.INDEXING, None, 0)
    tasks.index_document.apply(args=[str(document.pk)])
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, code)
    assert str(error) in document.error_detail


def test_an_answer_after_some_failures_is_enough(document, embedder, monkeypatch):
    embed, failures = embedder.embed_documents, [EmbedderUnavailable("busy"), StoreUnavailable("starting")]

    def flaky(texts):
        if failures:
            raise failures.pop()
        return embed(texts)

    monkeypatch.setattr(embedder, "embed_documents", flaky)
    tasks.index_document.apply(args=[str(document.pk)])
    document.refresh_from_db()
    assert document.status == Status.READY
    assert len(points(document)) == 3


def test_a_bug_ends_in_the_row_and_in_the_log(document, embedder, monkeypatch, caplog):
    monkeypatch.setattr(embedder, "embed_documents", lambda texts: np.zeros((1, 64), dtype=np.float32))
    with caplog.at_level(logging.ERROR):
        indexing.index(document.pk)
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, "index_failed")
    assert "could not be indexed" in caplog.text
    assert points(document) == set()


def test_a_worker_that_died_leaves_its_claim_to_the_next(document):
    stale = timezone.now() - 2 * services.LEASE
    Document.objects.filter(pk=document.pk).update(heartbeat_at=stale, attempts=1)
    indexing.index(document.pk)
    document.refresh_from_db()
    assert document.status == Status.READY


def test_an_unknown_id_is_no_error():
    indexing.index(uuid4())
    indexing.remove_document(uuid4())
    indexing.remove_knowledge_base(uuid4())


def test_removing_takes_points_rows_and_file(document, alice):
    indexing.index(document.pk)
    services.delete_document(document=document, user=alice)
    tasks.remove_document(str(document.pk))
    assert points(document) == set()
    assert not Document.objects.filter(pk=document.pk).exists()
    tasks.remove_document(str(document.pk))


def test_a_living_document_is_not_removed(document):
    indexing.index(document.pk)
    tasks.remove_document(str(document.pk))
    assert len(points(document)) == 3


def test_removing_a_knowledge_base_takes_all_of_it(knowledge_base, alice):
    documents = [make_document(knowledge_base) for _ in range(2)]
    for document in documents:
        indexing.index(document.pk)
    tasks.remove_knowledge_base(str(knowledge_base.pk))
    assert stores.get_store(HashingEmbedder()).count() == 6, "a living one is not removed"
    services.delete_knowledge_base(knowledge_base=knowledge_base, user=alice)
    tasks.remove_knowledge_base(str(knowledge_base.pk))
    assert stores.get_store(HashingEmbedder()).count() == 0
    assert not Document.objects.exists()


def test_repair_finds_what_the_index_lost(knowledge_base):
    whole, lost, partly = (make_document(knowledge_base) for _ in range(3))
    for document in (whole, lost, partly):
        indexing.index(document.pk)
    store = stores.get_store(HashingEmbedder())
    store.delete_document(lost.pk)
    keep = sorted(chunk_ids(partly))[0]
    kept = [point for point in _points_of(partly) if point.id == keep]
    store.delete_document(partly.pk)
    store.upsert(kept)

    assert set(indexing.repair()) == {lost.pk, partly.pk}
    for document in (lost, partly):
        document.refresh_from_db()
        assert document.status == Status.INDEXING
        indexing.index(document.pk)
        assert points(document) == chunk_ids(document)
    assert indexing.repair() == []


def test_repair_drops_what_the_database_does_not_know(document):
    indexing.index(document.pk)
    store = stores.get_store(HashingEmbedder())
    point = _points_of(document)[0]
    store.upsert([replace(point, id=uuid4(), document_id=uuid4())])
    store.upsert([replace(point, id=uuid4(), version=7)])
    assert indexing.repair() == [], "dropping is enough, nothing is embedded again"
    assert store.documents() == {document.pk: 3}
    assert points(document) == chunk_ids(document)


def test_repair_leaves_alone_what_is_being_worked_on(document, knowledge_base):
    store = stores.get_store(HashingEmbedder())
    store.upsert(_points_of(document)[:1])
    assert indexing.repair() == []
    assert store.count() == 1


def _points_of(document: Document):
    document = Document.objects.get(pk=document.pk)
    return indexing.make_points(document, list(document.chunks.all()), HashingEmbedder())


def test_the_signals_send_tasks(monkeypatch, document, alice, django_capture_on_commit_callbacks):
    sent = []

    class Signature:
        def __init__(self, name, args):
            self.task = (name, *args)

        def delay(self):
            sent.append(self.task)

    monkeypatch.setattr(receivers, "signature", Signature)
    with django_capture_on_commit_callbacks(execute=True):
        parse(document, ["again"])
        services.delete_document(document=document, user=alice)
        services.delete_knowledge_base(knowledge_base=document.knowledge_base, user=alice)
    assert sent == [
        ("retrieval.tasks.index_document", str(document.pk)),
        ("retrieval.tasks.remove_document", str(document.pk)),
        ("retrieval.tasks.remove_knowledge_base", str(document.knowledge_base_id)),
    ]
