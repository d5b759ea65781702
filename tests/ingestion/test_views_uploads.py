import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from ingestion.models import Document

BY_SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def address(knowledge_base):
    return reverse("ingestion:upload", args=[knowledge_base.pk])


def text_file(name="notes.txt", content=b"Some words to be read."):
    return SimpleUploadedFile(name, content)


def test_several_files_each_judged_alone(client, alice, knowledge_base, address):
    client.force_login(alice)
    files = [
        text_file("one.txt", b"first file"),
        text_file("empty.txt", b""),
        text_file("two.md", b"# second"),
    ]
    response = client.post(address, {"files": files})
    assert response.status_code == 200
    text = response.content.decode()
    assert {document.name for document in Document.objects.all()} == {"one.txt", "two.md"}
    assert text.count('data-outcome="taken"') == 2
    assert text.count('data-outcome="refused"') == 1
    assert "The file is empty." in text
    assert "<table" in text  # the page itself, with the new documents in it


def test_a_duplicate_is_offered_as_the_document_it_doubles(client, alice, knowledge_base, address):
    client.force_login(alice)
    client.post(address, {"files": text_file("one.txt", b"same")})
    text = client.post(address, {"files": text_file("other name.txt", b"same")}).content.decode()
    first = Document.objects.get()
    assert "already in the knowledge base" in text
    assert f'href="{reverse("ingestion:document", args=[first.pk])}">Open the existing document' in text


def test_a_file_too_large_is_refused_with_the_limit(client, alice, knowledge_base, address, settings):
    settings.MAX_UPLOAD_MB = 1
    client.force_login(alice)
    text = client.post(address, {"files": text_file("big.txt", b"x" * (1024 * 1024 + 1))}).content.decode()
    assert "larger than 1 MB" in text
    assert not Document.objects.exists()


def test_a_type_that_is_not_read_is_refused_by_its_content(client, alice, knowledge_base, address):
    client.force_login(alice)
    program = b"\x7fELF\x02\x01\x01" + bytes(200)
    text = client.post(address, {"files": text_file("report.pdf", program)}).content.decode()
    assert 'data-outcome="refused"' in text
    assert not Document.objects.exists()


def test_for_the_script_only_the_receipt(client, alice, knowledge_base, address):
    client.force_login(alice)
    response = client.post(address, {"files": text_file()}, headers=BY_SCRIPT)
    assert response.templates[0].name == "ingestion/_receipts.html"
    assert "<html" not in response.content.decode()


def test_nothing_chosen_is_said(client, alice, knowledge_base, address):
    client.force_login(alice)
    assert "No file was chosen" in client.post(address).content.decode()


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\x\\plan.txt", "plan.txt"),
        ("invoice\u202etxt.exe.txt", "invoicetxt.exe.txt"),
        ("a" * 300 + ".txt", "a" * 251 + ".txt"),
        ("<script>alert(1)<b>.txt", "<script>alert(1)<b>.txt"),
    ],
)
def test_hostile_names_become_harmless(client, alice, knowledge_base, address, sent, stored):
    client.force_login(alice)
    file = text_file(content=sent.encode())
    file._name = sent  # past the cleaning of Django's own class
    text = client.post(address, {"files": file}, headers=BY_SCRIPT).content.decode()
    document = Document.objects.get()
    assert document.name == stored
    assert document.file.name == f"{knowledge_base.pk}/{document.pk}"
    assert "<script>" not in text


def test_viewer_403_outsider_404(client, bob, charlie, knowledge_base, address):
    for person, status in ((bob, 403), (charlie, 404)):
        client.force_login(person)
        assert client.post(address, {"files": text_file()}).status_code == status
    assert not Document.objects.exists()


def test_only_by_post(client, alice, knowledge_base, address):
    client.force_login(alice)
    assert client.get(address).status_code == 405
