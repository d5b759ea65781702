"""What people do with knowledge bases and documents."""

import errno
from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import connection

from ingestion import disk, services
from ingestion.errors import MESSAGES, UploadRefused, message_for
from ingestion.models import Chunk, Document, DocumentPage, KnowledgeBase
from ingestion.signals import document_deleted, knowledge_base_deleted
from teams.models import AuditEvent
from tests.ingestion.making import make_document, make_read

Status = Document.Status


@pytest.fixture
def sent(monkeypatch):
    """The ids of the parse tasks that were sent."""
    ids = []
    monkeypatch.setattr(services, "enqueue_parse", ids.append)
    return ids


@pytest.fixture
def heard():
    """What the signals of deletion told."""
    told = []

    def listen(sender, signal, **ids):
        told.append(ids)

    document_deleted.connect(listen)
    knowledge_base_deleted.connect(listen)
    yield told
    document_deleted.disconnect(listen)
    knowledge_base_deleted.disconnect(listen)


def upload(knowledge_base, user, content=b"Some text.", name="notes.txt"):
    return services.create_document(
        knowledge_base=knowledge_base, user=user, name=name, file=ContentFile(content)
    )


def refusal(*arguments, **options) -> UploadRefused:
    with pytest.raises(UploadRefused) as refused:
        upload(*arguments, **options)
    return refused.value


def test_an_upload_is_stored_queued_and_sent(knowledge_base, alice, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        document = upload(knowledge_base, alice)
    document.refresh_from_db()
    assert (document.status, document.mime, document.size) == (Status.QUEUED, "text/plain", 10)
    assert document.file.read() == b"Some text."
    assert document.created_by == alice
    assert sent == [document.pk]
    assert AuditEvent.objects.filter(action="document.created", actor=alice).exists()


def test_only_editors_upload(knowledge_base, bob, charlie):
    for user in (bob, charlie):
        with pytest.raises(PermissionDenied):
            upload(knowledge_base, user)


def test_bad_files_are_refused_and_nothing_is_kept(knowledge_base, alice, settings):
    settings.MAX_UPLOAD_MB = 1
    assert refusal(knowledge_base, alice, b"").code == "empty"
    assert refusal(knowledge_base, alice, b"\x7fELF\x00\x00").code == "unsupported_type"
    too_large = refusal(knowledge_base, alice, b"x" * (1024 * 1024 + 1))
    assert too_large.code == "too_large"
    assert "1 MB" in too_large.message
    assert not Document.objects.exists()
    assert not list(settings.MEDIA_ROOT.rglob("*.*"))


def test_a_duplicate_names_its_twin_and_a_deleted_one_is_no_twin(knowledge_base, alice, sent):
    first = upload(knowledge_base, alice)
    refused = refusal(knowledge_base, alice, name="other name.txt")
    assert (refused.code, refused.params) == ("duplicate", {"document_id": str(first.pk)})
    services.delete_document(document=first, user=alice)
    assert upload(knowledge_base, alice).pk != first.pk


def test_the_same_file_at_the_same_moment_is_taken_once(knowledge_base, alice, sent, monkeypatch, settings):
    first = upload(knowledge_base, alice)
    looks = iter([None, True])
    real = services._refuse_duplicate
    monkeypatch.setattr(services, "_refuse_duplicate", lambda *a: next(looks) and real(*a))
    assert refusal(knowledge_base, alice).code == "duplicate"
    assert [path.name for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == [str(first.pk)]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\报告 2024.pdf", "报告 2024.pdf"),
        ("a\x00b\u202etxt.exe\n.pdf", "abtxt.exe.pdf"),
        ("...", "document"),
        ("", "document"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300, "x" * 255),
    ],
)
def test_names_are_shown_and_never_become_paths(given, kept, knowledge_base, alice, sent, settings):
    assert services.clean_name(given) == kept
    document = upload(
        knowledge_base, alice, name=given + ".txt" if given == "" else given.replace(".pdf", ".txt")
    )
    assert document.file.name == f"{knowledge_base.pk}/{document.pk}"
    assert document.file.path.startswith(str(settings.MEDIA_ROOT))


def test_a_full_disk_is_told_and_leaves_nothing(knowledge_base, alice, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._save", full)
    assert refusal(knowledge_base, alice).code == "disk_full"
    assert not Document.objects.exists()


def test_a_disk_that_is_nearly_full_takes_no_more(knowledge_base, alice, monkeypatch):
    """The embedded index would end the process on a disk without a free page."""
    left = disk.RESERVE_MB * 1024 * 1024
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=left))
    assert refusal(knowledge_base, alice).code == "disk_full"
    assert not Document.objects.exists()
    left += 1024 * 1024
    assert upload(knowledge_base, alice).status == Status.QUEUED


def test_a_broker_that_is_down_leaves_the_document_queued(
    knowledge_base, alice, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    def down(*_arguments, **_options):
        raise ConnectionError("no broker")

    monkeypatch.setattr("celery.canvas.Signature.delay", down)
    with django_capture_on_commit_callbacks(execute=True):
        document = upload(knowledge_base, alice)
    document.refresh_from_db()
    assert document.status == Status.QUEUED
    assert "stays queued" in caplog.text


def test_a_deleted_document_is_gone_at_once_and_told(
    knowledge_base, alice, bob, heard, django_capture_on_commit_callbacks
):
    document = make_document(knowledge_base)
    make_read(document, ["One.\nTwo."])
    with pytest.raises(PermissionDenied):
        services.delete_document(document=document, user=bob)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_document(document=document, user=alice)
        services.delete_document(document=document, user=alice)  # two people at once
    assert not Document.objects.visible_to(alice).exists()
    assert not Chunk.objects.exists()
    assert not DocumentPage.objects.exists()
    assert heard == [{"document_id": document.pk}]


def test_a_deleted_knowledge_base_takes_its_documents_and_frees_its_name(
    knowledge_base, alice, team, heard, django_capture_on_commit_callbacks
):
    make_read(make_document(knowledge_base), ["One."])
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_knowledge_base(knowledge_base=knowledge_base, user=alice)
    assert not KnowledgeBase.objects.visible_to(alice).exists()
    assert not Document.objects.visible_to(alice).exists()
    assert not Chunk.objects.exists()
    assert heard == [{"knowledge_base_id": knowledge_base.pk}]
    assert services.create_knowledge_base(team=team, user=alice, name=knowledge_base.name)


def test_knowledge_bases_are_made_by_editors_with_sane_settings(team, alice, bob, charlie):
    made = services.create_knowledge_base(
        team=team, user=alice, name=" Law ", chunk_tokens=128, readers=[bob]
    )
    assert (made.name, made.chunk_tokens, list(made.readers.all())) == ("Law", 128, [bob])
    for user in (bob, charlie):
        with pytest.raises(PermissionDenied):
            services.create_knowledge_base(team=team, user=user, name="x")
    for fields in ({"name": "Law"}, {"name": ""}, {"name": "y", "chunk_tokens": 5}):
        with pytest.raises(ValidationError):
            services.create_knowledge_base(team=team, user=alice, **fields)


def test_another_chunk_size_parses_again_and_another_embedder_leaves_documents_as_they_are(
    knowledge_base, alice, sent, django_capture_on_commit_callbacks
):
    document = make_document(knowledge_base)
    make_read(document, ["One."])
    with django_capture_on_commit_callbacks(execute=True):
        changed = services.update_knowledge_base(knowledge_base=knowledge_base, user=alice, embedder="other")
    assert (changed.embedder, changed.next_embedder) == (knowledge_base.embedder, "other")
    document.refresh_from_db()
    assert (document.status, document.live_version, sent) == (Status.READY, 1, [])
    with django_capture_on_commit_callbacks(execute=True):
        services.update_knowledge_base(knowledge_base=knowledge_base, user=alice, chunk_tokens=512)
    assert sent == [document.pk]
    document.refresh_from_db()
    assert (document.status, document.live_version) == (Status.QUEUED, 1)


def test_only_a_failed_document_is_retried(
    knowledge_base, alice, bob, sent, django_capture_on_commit_callbacks
):
    document = make_document(
        knowledge_base,
        status=Status.FAILED,
        error_code="timeout",
        error_detail="9 s",
        attempts=3,
        pages_done=4,
    )
    with pytest.raises(PermissionDenied):
        services.retry_document(document=document, user=bob)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.retry_document(document=document, user=alice)
        assert not services.retry_document(document=document, user=alice)
    assert (document.status, document.error_message, document.attempts, document.pages_done) == (
        "queued",
        "",
        0,
        0,
    )
    assert sent == [document.pk]


def test_every_code_has_a_sentence():
    for code in MESSAGES:
        sentence = message_for(code, "12 > 10")
        assert sentence.endswith(".")
        assert "%(" not in sentence
    assert message_for("") == ""
    assert message_for("something new") == "The file could not be processed."
    assert "12 > 10" in message_for("too_many_pages", "12 > 10")


def test_uploads_hold_no_lock_while_the_file_is_written(knowledge_base, alice, sent, monkeypatch):
    real = services._store

    def store(document, file):
        assert not connection.in_atomic_block or len(connection.savepoint_ids) == 0
        real(document, file)

    monkeypatch.setattr(services, "_store", store)
    upload(knowledge_base, alice)
