"""From an upload to chunks in the database, through the real child process."""

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError

from ingestion import reading, services, tasks
from ingestion.models import Document
from tests.ingestion import files

Status = Document.Status


@pytest.fixture(autouse=True)
def announced(monkeypatch):
    """No index listens here; the ids that it would be told of."""
    ids = []
    monkeypatch.setattr("ingestion.states.announce_chunks", ids.append)
    monkeypatch.setattr("ingestion.services.enqueue_parse", lambda _pk: None)
    return ids


@pytest.fixture
def upload(knowledge_base, alice):
    def upload(data: bytes, name: str) -> Document:
        return services.create_document(
            knowledge_base=knowledge_base, user=alice, name=name, file=ContentFile(data)
        )

    return upload


def read(document) -> Document:
    tasks.parse_document(str(document.pk))
    document.refresh_from_db()
    return document


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (lambda: files.prose_pdf(3), "a.pdf", "committee"),
        (files.word, "a.docx", "thirty days"),
        (files.slides, "a.pptx", "thanks to the team"),
        (files.workbook, "a.xlsx", "1234.5"),
        (files.epub, "a.epub", "Second chapter"),
        (files.mail, "a.eml", "Friday"),
        (lambda: "# 标题\n\n正文内容。".encode("gb18030"), "a.md", "正文内容"),
    ],
)
def test_every_format_ends_in_chunks(upload, make, name, said, announced, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        document = read(upload(make(), name))
    assert document.status == Status.INDEXING, document.error_detail
    assert document.pages_done == document.pages_total == document.pages.count()
    assert document.chunks_total == document.chunks.count() > 0
    assert any(said in chunk.text for chunk in document.chunks.all())
    assert announced == [document.pk]
    text = "\n\n".join(page.text for page in document.pages.all())
    for chunk in document.chunks.all():
        assert chunk.text.endswith(text[chunk.start : chunk.end])
        page = document.pages.get(number=chunk.page)
        assert page.start <= chunk.start <= page.start + len(page.text)


def test_pdf_chunks_are_marked_on_their_page(upload):
    document = read(upload(files.prose_pdf(2), "a.pdf"))
    for chunk in document.chunks.all():
        assert chunk.regions
        assert {region["page"] for region in chunk.regions} == {chunk.page}


@pytest.mark.parametrize(
    ("make", "name", "code"),
    [
        (lambda: files.encrypted_pdf("x"), "a.pdf", "password_protected"),
        (lambda: b"%PDF-1.4 broken", "a.pdf", "corrupt"),
        (files.zip_bomb, "a.docx", "zip_bomb"),
        (lambda: b" \n ", "a.txt", "no_text"),
    ],
)
def test_failures_end_in_the_row(upload, make, name, code):
    document = read(upload(make(), name))
    assert (document.status, document.error_code) == (Status.FAILED, code)
    assert document.error_message


def test_a_file_that_is_gone(upload):
    document = upload(b"Some text.", "a.txt")
    document.file.storage.delete(document.file.name)
    assert read(document).error_code == "missing_file"


def test_a_document_is_read_once(upload):
    document = read(upload(b"Some text.", "a.txt"))
    version = document.version
    assert read(document).version == version == 1


def test_a_document_deleted_meanwhile_stops_the_work(upload, alice, monkeypatch):
    document = upload(files.prose_pdf(40), "a.pdf")
    report = services.report_progress

    def delete_then_report(document_id, **counts):
        services.delete_document(document=document, user=alice)
        return report(document_id, **counts)

    monkeypatch.setattr(services, "report_progress", delete_then_report)
    tasks.parse_document(str(document.pk))
    assert not document.chunks.exists()
    assert not Document.objects.alive().exists()


def test_an_error_of_our_own_fails_the_document_and_one_of_the_database_does_not(upload, monkeypatch):
    def raises(error):
        def split(*_arguments, **_options):
            raise error

        return split

    document = upload(b"Some text.", "a.txt")
    monkeypatch.setattr(reading.chunking, "split", raises(OperationalError("disk full")))
    with pytest.raises(OperationalError):
        read(document)
    document.refresh_from_db()
    assert document.status == Status.PARSING  # `recover` finds it
    Document.objects.filter(pk=document.pk).update(status=Status.QUEUED, heartbeat_at=None)
    monkeypatch.setattr(reading.chunking, "split", raises(ZeroDivisionError("oops")))
    assert read(document).error_code == "crashed"


def test_recover_documents_sends_what_a_dead_process_left(upload, monkeypatch, settings):
    sent = []
    monkeypatch.setattr("ingestion.states.enqueue_parse", sent.append)
    document = upload(b"Some text.", "a.txt")
    services.claim(document.pk, from_status=Status.QUEUED, to_status=Status.PARSING)
    settings.EMBEDDED = False
    tasks.recover_documents(boot=True)
    assert sent == []  # another worker may be at it
    settings.EMBEDDED = True
    tasks.recover_documents(boot=True)
    assert sent == [document.pk]
