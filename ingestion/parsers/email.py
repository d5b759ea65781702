"""E-mail: who, when, about what, the text, and the attachments that can be read."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from pathlib import Path

from ingestion import sniffing
from ingestion.encodings import decode
from ingestion.errors import ParseFailed, UploadRefused
from ingestion.pages import Page
from ingestion.parsers import html
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow, squeeze

HEADERS = ("Subject", "From", "To", "Cc", "Date")
MOST_PARTS = 500
MOST_ATTACHMENTS = 50
DEEPEST = 3
LONGEST_PLAIN_SHARE = 0.3
"""A plain text much shorter than the HTML beside it ("open this in a browser") is not the message."""


def parse(source: Source) -> Iterator[Page]:
    """Sections of a message and its attachments."""
    flow = Flow()
    _read(flow, source.path.read_bytes(), source, depth=0)
    return flow.pages(source)


def _read(flow: Flow, data: bytes, source: Source, *, depth: int) -> None:
    try:
        message = BytesParser(policy=policy.default).parsebytes(data)
        parts = [part for part, _ in zip(message.walk(), range(MOST_PARTS), strict=False)]
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ParseFailed("corrupt", str(error)[:300]) from error
    subject = _header(message, "Subject")
    lines = [f"{name}: {said}" for name in HEADERS[1:] if (said := _header(message, name))]
    if not lines and not subject and not any(part.get_payload() for part in parts):
        raise ParseFailed("no_text")
    flow.heading(subject, depth + 1)
    flow.paragraph("\n".join(lines))
    bodies = [p for p in parts if not p.is_multipart() and not _is_attachment(p)]
    _body(flow, bodies)
    attachments = [p for p in parts if not p.is_multipart() and _is_attachment(p)]
    for part in attachments[:MOST_ATTACHMENTS]:
        _attachment(flow, part, source, depth)


def _header(message: Message, name: str) -> str:
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    if any("\udc80" <= c <= "\udcff" for c in raw):  # bytes without a declared encoding
        return squeeze(decode(raw.encode("utf-8", "surrogateescape")))
    try:
        return squeeze(str(message.get(name) or ""))
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):  # headers email cannot read
        return squeeze(raw)


def _is_attachment(part: Message) -> bool:
    if part.get_content_disposition() == "attachment":
        return True
    return part.get_content_maintype() not in ("text", "multipart", "message") or bool(_filename(part))


def _filename(part: Message) -> str:
    try:
        return squeeze(part.get_filename() or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _body(flow: Flow, parts: list[EmailMessage]) -> None:
    plain = [(p, text) for p in parts if p.get_content_type() == "text/plain" and (text := _text(p)).strip()]
    rich = [(p, text) for p in parts if p.get_content_type() == "text/html" and (text := _text(p)).strip()]
    read = Flow()
    for _part, text in rich:
        html.read_into(read, text)
    said = sum(len(block.text) for block in read.blocks)
    if plain and sum(len(text) for _part, text in plain) >= said * LONGEST_PLAIN_SHARE:
        for _part, text in plain:
            for paragraph in text.split("\n\n"):
                flow.paragraph(paragraph.strip())
    else:
        for block in read.blocks:
            flow.add("paragraph" if block.kind == "heading" else block.kind, block.text)


def _bytes(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError):
        return b""
    return data if isinstance(data, bytes) else b""


def _text(part: Message) -> str:
    data = _bytes(part)
    declared = [part.get_content_charset(), *html.declared_encodings(data)]
    return decode(data, declared=declared)


def _attachment(flow: Flow, part: Message, source: Source, depth: int) -> None:
    """Read an attachment as a section under its name; one that cannot be read is only named."""
    from ingestion.parsers import registry

    name, data = _filename(part), _bytes(part)
    inline_picture = part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment"
    if not data or inline_picture:  # logos
        return
    flow.heading(name or part.get_content_type(), depth + 2)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            mime = sniffing.mime_of(file, name=name)  # type: ignore[arg-type]
            if mime == sniffing.EMAIL:
                if depth < DEEPEST:
                    _read(flow, data, source, depth=depth + 1)
                return
            inner = replace(source, path=Path(file.name), name=name, mime=mime)
            inner = replace(inner, pages_known=lambda _count: None, page_read=lambda _count: None)
            for page in registry.parse(inner):
                for block in page.blocks:
                    flow.add("paragraph" if block.kind == "heading" else block.kind, block.text)
        except (UploadRefused, ParseFailed):
            return
