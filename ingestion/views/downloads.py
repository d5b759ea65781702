"""An uploaded file on its way out: always saved, never opened by the browser."""

import asyncio
from collections.abc import AsyncIterator

from django.core.files import File
from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header

from ingestion.models import Document

PIECE = 256 * 1024


def attachment(document: Document) -> StreamingHttpResponse:
    """The original bytes, streamed.

    The type is always the neutral one, with nosniff and an empty sandbox: a hostile HTML or SVG
    file cannot run here even where a browser ignores one of the three.
    """
    try:
        stored = document.file.open("rb")
    except OSError as error:
        raise Http404 from error
    response = StreamingHttpResponse(pieces(stored), content_type="application/octet-stream")
    response["Content-Length"] = document.size
    response["Content-Disposition"] = content_disposition_header(True, document.name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


async def pieces(stored: File) -> AsyncIterator[bytes]:
    """Read in threads: under ASGI a plain file would be read whole into memory first."""
    try:
        while piece := await asyncio.to_thread(stored.read, PIECE):
            yield piece
    finally:
        await asyncio.to_thread(stored.close)
