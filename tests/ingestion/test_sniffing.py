"""The type of a file is in its bytes; names lie."""

import io
import zipfile

import pytest

from ingestion import sniffing
from ingestion.errors import UploadRefused
from tests.ingestion import files


def mime(data: bytes, name: str) -> str:
    return sniffing.mime_of(io.BytesIO(data), name=name)


def refusal(data: bytes, name: str) -> str:
    with pytest.raises(UploadRefused) as refused:
        mime(data, name)
    return refused.value.code


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (files.prose_pdf, sniffing.PDF),
        (files.word, sniffing.DOCX),
        (files.slides, sniffing.PPTX),
        (files.workbook, sniffing.XLSX),
        (files.epub, sniffing.EPUB),
        (files.blank_image, "image/png"),
    ],
)
@pytest.mark.parametrize("name", ["right", "report.txt", "notes.pdf", ""])
def test_binary_formats_are_told_by_content(make, expected, name):
    assert mime(make(), name) == expected


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"# Title", "a.md", sniffing.MARKDOWN),
        (b"# Title", "a.txt", sniffing.TEXT),
        (b"a,b\n1,2", "A.CSV", sniffing.CSV),
        (b"a\tb", "a.tsv", sniffing.TSV),
        (b"<!DOCTYPE html><p>x", "noname", sniffing.HTML),
        (b'<?xml version="1.0"?><html xmlns="x"></html>', "a.xml", sniffing.HTML),
        (b'<?xml version="1.0"?><feed/>', "a", sniffing.XML),
        (b"From: a@b.c\nTo: d@e.f\nSubject: hi\n\nx", "saved", sniffing.EMAIL),
        (b"{\\rtf1 hi}", "a.txt", sniffing.RTF),
        (b'{"a": 1}', "a.json", sniffing.JSON),
        ("中文".encode("gb18030"), "a", sniffing.TEXT),
        ("text".encode("utf-16"), "a.txt", sniffing.TEXT),
        ("<html><p>x".encode("utf-16"), "a", sniffing.HTML),
        (b"print('x')", "a.py", sniffing.TEXT),
    ],
)
def test_text_formats_are_told_by_content_then_name(data, name, expected):
    assert mime(data, name) == expected


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"\x7fELF\x02\x01\x01\x00\x00", "a.txt", "unsupported_type"),
        (bytes(range(256)) * 4, "a.bin", "unsupported_type"),
        (b"MZ\x90\x00\x03\x00", "report.pdf", "corrupt"),
        (b"hello", "report.pdf", "corrupt"),
        (b"\x1f\x8b\x08", "a.gz", "archive"),
        (zipped(**{"a.txt": "x"}), "a.zip", "archive"),
        (zipped(**{"..__..__etc__passwd": "x"}), "a.zip", "archive"),
        (files.word()[:700], "a.docx", "corrupt"),
        (
            sniffing.OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "a.xlsx",
            "password_protected",
        ),
        (sniffing.OLE + b"\x00" * 600, "a.doc", "legacy_format"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data, name, code):
    assert refusal(data, name) == code
