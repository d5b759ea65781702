"""How documents move from state to state, also when workers die."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from ingestion import services, states
from ingestion.models import Chunk, Document, DocumentPage
from ingestion.pages import Block, Page, Region, Span
from tests.ingestion.making import make_document

Status = Document.Status
PAGES = [Page(1, (Block("paragraph", "One."),), label="a", width=5), Page(2, (Block("paragraph", "Two."),))]
SPANS = [
    Span("One.", 0, 4, 1, (Region(1, 0.1, 0.2, 0.3, 0.4),), ("H",), 2),
    Span("Two.", 6, 10, 2),
]


@pytest.fixture
def document(knowledge_base):
    return make_document(knowledge_base)


@pytest.fixture
def sent(monkeypatch):
    """("parse" or "index", id) of what was sent."""
    told = []
    monkeypatch.setattr(states, "enqueue_parse", lambda pk: told.append(("parse", pk)))
    monkeypatch.setattr(states, "announce_chunks", lambda pk: told.append(("index", pk)))
    return told


def claim(document, from_status=Status.QUEUED, to_status=Status.PARSING) -> bool:
    return services.claim(document.pk, from_status=from_status, to_status=to_status)


def age(document, **fields):
    Document.objects.filter(pk=document.pk).update(**fields)
    document.refresh_from_db()


def test_one_worker_gets_a_document(document):
    assert claim(document)
    assert not claim(document)
    document.refresh_from_db()
    assert (document.status, document.attempts) == (Status.PARSING, 1)


def test_a_claim_without_heartbeat_is_taken_over(document):
    assert claim(document)
    age(document, heartbeat_at=timezone.now() - services.LEASE - timedelta(seconds=1))
    assert claim(document)
    assert services.heartbeat(document.pk)
    assert not claim(document)


def test_a_deleted_or_worn_out_document_is_not_claimed(document):
    age(document, attempts=states.MAX_ATTEMPTS)
    assert not claim(document)
    age(document, attempts=0, deleted_at=timezone.now())
    assert not claim(document)
    assert not services.heartbeat(document.pk)


def test_progress_is_honest(document):
    assert claim(document)
    assert services.report_progress(document.pk, pages_done=3, pages_total=6)
    document.refresh_from_db()
    assert document.progress == 0.25
    assert services.mark_failed(document.pk, code="timeout", detail="x" * 5000)
    assert not services.report_progress(document.pk, pages_done=4)
    document.refresh_from_db()
    assert (document.pages_done, document.error_code, len(document.error_detail)) == (3, "timeout", 2000)
    assert "too long" in document.error_message


def test_a_parse_is_stored_beside_the_live_version_and_swapped_in(
    document, sent, django_capture_on_commit_callbacks
):
    claim(document)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.replace_chunks(document=document, pages=PAGES, spans=SPANS)
    assert (document.status, document.version, document.live_version) == (Status.INDEXING, 1, 0)
    assert (document.chunks_total, document.pages_total, document.attempts) == (2, 2, 0)
    assert sent == [("index", document.pk)]
    chunk = document.chunks.get(ordinal=0)
    assert chunk.pk == Chunk.make_id(document.pk, 1, 0)
    assert chunk.regions == [{"page": 1, "x0": 0.1, "y0": 0.2, "x1": 0.3, "y1": 0.4}]
    assert [(page.number, page.start, page.text) for page in document.pages.all()] == [
        (1, 0, "One."),
        (2, 6, "Two."),
    ]
    assert claim(document, Status.INDEXING, Status.INDEXING)
    assert not claim(document, Status.INDEXING, Status.INDEXING)
    assert services.mark_ready(document.pk, version=1)

    age(document, status=Status.QUEUED)
    assert claim(document)
    services.replace_chunks(document=document, pages=PAGES[:1], spans=SPANS[:1])
    assert (document.version, document.live_version) == (2, 1)
    assert Chunk.objects.filter(document=document).count() == 3
    assert not services.mark_ready(document.pk, version=1)
    assert services.mark_ready(document.pk, version=2)
    assert Chunk.objects.filter(document=document).count() == 1
    assert DocumentPage.objects.filter(document=document).count() == 1
    document.refresh_from_db()
    assert (document.status, document.live_version, document.progress) == (Status.READY, 2, 1.0)


def test_a_parse_that_comes_too_late_writes_nothing(document, sent):
    claim(document)
    age(document, deleted_at=timezone.now())
    assert not services.replace_chunks(document=document, pages=PAGES, spans=SPANS)
    age(document, deleted_at=None, status=Status.FAILED)
    assert not services.replace_chunks(document=document, pages=PAGES, spans=SPANS)
    assert not Chunk.objects.exists()


def test_at_boot_all_unfinished_work_is_sent_again(knowledge_base, sent):
    now = timezone.now()
    queued = make_document(knowledge_base)
    parsing = make_document(knowledge_base, status=Status.PARSING, heartbeat_at=now, attempts=1)
    indexing = make_document(knowledge_base, status=Status.INDEXING, heartbeat_at=now, attempts=1)
    make_document(knowledge_base, status=Status.READY)
    make_document(knowledge_base, status=Status.FAILED)
    make_document(knowledge_base, deleted_at=now)
    worn = make_document(
        knowledge_base, status=Status.PARSING, heartbeat_at=now, attempts=states.MAX_ATTEMPTS
    )
    assert set(services.recover(stale_only=False)) == {queued.pk, parsing.pk, indexing.pk}
    assert set(sent) == {("parse", queued.pk), ("parse", parsing.pk), ("index", indexing.pk)}
    assert claim(parsing)
    assert claim(indexing, Status.INDEXING, Status.INDEXING)
    worn.refresh_from_db()
    assert (worn.status, worn.error_code) == (Status.FAILED, "worker_died")


def test_beat_sends_only_what_nobody_works_on(knowledge_base, sent):
    now = timezone.now()
    old = now - services.LEASE - timedelta(seconds=1)
    make_document(knowledge_base)
    make_document(knowledge_base, status=Status.PARSING, heartbeat_at=now)
    dead = make_document(knowledge_base, status=Status.PARSING, heartbeat_at=old)
    lost = make_document(knowledge_base)
    age(lost, updated_at=now - states.REQUEUE_AFTER - timedelta(seconds=1))
    assert set(services.recover(stale_only=True)) == {dead.pk, lost.pk}
    assert services.recover(stale_only=True) == []  # sent once, not each minute


def test_a_document_is_told_deleted_until_it_is_purged(document, knowledge_base, settings, monkeypatch):
    told = []
    monkeypatch.setattr(states, "_send", lambda signal, **ids: told.append(ids))
    age(document, deleted_at=timezone.now() - timedelta(minutes=1))
    assert services.announce_deletions() == 1
    assert services.announce_deletions() == 1
    path = document.file.path
    services.purge_document(document.pk)
    assert services.announce_deletions() == 0
    assert not Document.objects.exists()
    assert not Path(path).exists()
    alive = make_document(knowledge_base)
    services.purge_document(alive.pk)
    assert Document.objects.filter(pk=alive.pk).exists()
    assert told == [{"document_id": document.pk}] * 2


def test_a_knowledge_base_is_purged_with_its_files(document, knowledge_base, alice):
    path = document.file.path
    services.purge_knowledge_base(knowledge_base.pk)
    assert Document.objects.exists()
    services.delete_knowledge_base(knowledge_base=knowledge_base, user=alice)
    services.purge_knowledge_base(knowledge_base.pk)
    assert not Document.objects.exists()
    assert not Path(path).exists()
