"""Documents in any state, for the tests of the pages that show them."""

import hashlib
from itertools import count

from django.core.files.base import ContentFile

from ingestion import services
from ingestion.models import Document
from ingestion.pages import Block, Page, Region, Span

Status = Document.Status
_serial = count(1)


def make_document(knowledge_base, *, name="notes.txt", content=None, mime="text/plain", **fields) -> Document:
    """A row with its file stored, in whatever state ``fields`` say."""
    content = content if content is not None else f"file {next(_serial)}".encode()
    document = Document(
        knowledge_base=knowledge_base,
        name=name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        mime=mime,
        **fields,
    )
    document.file.save(name, ContentFile(content), save=False)
    document.save(force_insert=True)
    return document


def make_many(knowledge_base, number, **fields) -> list[Document]:
    """Rows without files, in one statement."""
    return Document.objects.bulk_create(
        Document(
            knowledge_base=knowledge_base,
            name=f"file {n:04}.txt",
            size=1,
            sha256=f"{next(_serial):064}",
            mime="text/plain",
            **fields,
        )
        for n in range(number)
    )


def make_read(document, texts, *, label="", regions=True, ready=True) -> Document:
    """Reads ``texts`` in as pages with one chunk per line, and lets them answer where ``ready``."""
    Document.objects.filter(pk=document.pk).update(status=Status.PARSING)
    pages, spans, start = [], [], 0
    for number, text in enumerate(texts, start=1):
        pages.append(
            Page(number, (Block("paragraph", text),), label=f"{label} {number}".strip() if label else "")
        )
        at = start
        lines = text.split("\n")
        for n, line in enumerate(lines):
            region = Region(number, 0.1, n / len(lines), 0.9, (n + 1) / len(lines))
            spans.append(
                Span(
                    line,
                    at,
                    at + len(line),
                    number,
                    regions=(region,) if regions else (),
                    heading_path=("Part", f"Page {number}"),
                    tokens=len(line.split()),
                )
            )
            at += len(line) + 1
        start += len(text) + 2
    document.refresh_from_db()
    assert services.replace_chunks(document=document, pages=pages, spans=spans)
    if ready:
        assert services.mark_ready(document.pk, version=document.version)
    document.refresh_from_db()
    return document
