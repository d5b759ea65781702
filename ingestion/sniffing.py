"""What a file is, told by its bytes; its name only decides between formats that are all plain text."""

import re
import zipfile
from pathlib import PurePosixPath
from typing import IO

from ingestion.encodings import looks_like_text, quick_decode
from ingestion.errors import UploadRefused

HEAD = 8192

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EPUB = "application/epub+zip"
RTF = "application/rtf"
TEXT, MARKDOWN, HTML, CSV, TSV = (
    "text/plain",
    "text/markdown",
    "text/html",
    "text/csv",
    "text/tab-separated-values",
)
RST, XML, JSON, JSON_LINES = "text/x-rst", "application/xml", "application/json", "application/x-ndjson"
EMAIL = "message/rfc822"

IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
ARCHIVES = (b"\x1f\x8b", b"BZh", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

BINARY_SUFFIXES = {
    *("pdf", "docx", "docm", "dotx", "pptx", "pptm", "ppsx", "xlsx", "xlsm", "epub"),
    *("png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "doc", "xls", "ppt", "msg"),
}
TEXT_SUFFIXES = {
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "html": HTML,
    "htm": HTML,
    "xhtml": HTML,
    "csv": CSV,
    "tsv": TSV,
    "tab": TSV,
    "rst": RST,
    "xml": XML,
    "json": JSON,
    "jsonl": JSON_LINES,
    "ndjson": JSON_LINES,
    "eml": EMAIL,
}
HTML_START = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S)
MAIL_HEADER = re.compile(
    r"^(?:received|return-path|from|to|subject|date|message-id|mime-version|delivered-to):\s", re.I | re.M
)


def mime_of(file: IO[bytes], *, name: str) -> str:
    """The type of ``file`` (seekable, read from its start) as a key of `ingestion.parsers.registry`.

    Raises `UploadRefused`: "unsupported_type", "archive", "legacy_format", "password_protected",
    or "corrupt" where the name promises a binary format that the bytes do not keep.
    """
    file.seek(0)
    head = file.read(HEAD)
    suffix = PurePosixPath(name).suffix.lower().lstrip(".")
    if b"%PDF-" in head[:1024]:
        return PDF
    for magic, mime in IMAGES:
        if head.startswith(magic) and not (magic == b"BM" and looks_like_text(head)):
            return mime
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"PK"):
        return _zip_type(file, suffix)
    if head.startswith(OLE):
        return _ole_type(file)
    if head.startswith(ARCHIVES) or head[257:262] == b"ustar":
        raise UploadRefused("archive")
    if not looks_like_text(head):
        raise UploadRefused("corrupt" if suffix in BINARY_SUFFIXES else "unsupported_type")
    return _text_type(quick_decode(head), suffix)


def _zip_type(file: IO[bytes], suffix: str) -> str:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                kind = archive.read("mimetype").decode("latin-1").strip()
                if kind == EPUB:
                    return EPUB
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise UploadRefused("corrupt" if suffix in BINARY_SUFFIXES else "archive") from error
    if "[Content_Types].xml" in names:
        for folder, mime in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
            if any(name.startswith(folder) for name in names):
                return mime
    if "META-INF/container.xml" in names:
        return EPUB
    raise UploadRefused("unsupported_type" if suffix in ("odt", "ods", "odp", "jar", "apk") else "archive")


def _ole_type(file: IO[bytes]) -> str:
    """Old Office files and encrypted new ones share a container; its directory names what it holds."""
    file.seek(0)
    content = file.read()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise UploadRefused("password_protected")
    raise UploadRefused("legacy_format")


def _text_type(start: str, suffix: str) -> str:
    if suffix in BINARY_SUFFIXES:
        raise UploadRefused("corrupt")
    if start.startswith("{\\rtf"):
        return RTF
    if suffix in TEXT_SUFFIXES:
        mime = TEXT_SUFFIXES[suffix]
        return HTML if mime == XML and HTML_START.match(start) else mime
    if HTML_START.match(start):
        return HTML
    if suffix in ("", "mail", "mht") and len(set(map(str.lower, MAIL_HEADER.findall(start[:4000])))) >= 3:
        return EMAIL
    if start.lstrip("\ufeff \t\r\n").startswith("<?xml"):
        return XML
    return TEXT
