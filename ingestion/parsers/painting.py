"""A page of a PDF or an image as PNG, with a cap on its pixels."""

import io
import math
from pathlib import Path

from ingestion.errors import ParseFailed
from ingestion.sniffing import PDF

MAX_PIXELS = 8_000_000
"""Of the result. A page a kilometre wide is painted small."""


def paint(path: Path, *, mime: str, number: int, width: int) -> bytes:
    """Page ``number`` (from 1), ``width`` pixels wide where the cap allows; raises `ParseFailed`."""
    return _paint_pdf(path, number, width) if mime == PDF else _paint_image(path, number, width)


def _paint_pdf(path: Path, number: int, width: int) -> bytes:
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    with pymupdf.open(path, filetype="pdf") as pdf:
        if pdf.needs_pass and not pdf.authenticate(""):
            raise ParseFailed("password_protected")
        if not 1 <= number <= pdf.page_count:
            raise ParseFailed("no_such_page")
        page = pdf[number - 1]
        box = page.rect
        if box.is_empty:
            raise ParseFailed("no_such_page")
        zoom = min(width / box.width, math.sqrt(MAX_PIXELS / (box.width * box.height)))
        return page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False).tobytes("png")


def _paint_image(path: Path, number: int, width: int) -> bytes:
    from ingestion.parsers.pictures import open_frame

    picture = open_frame(path, number)
    scale = min(1.0, width / picture.width, math.sqrt(MAX_PIXELS / (picture.width * picture.height)))
    if scale < 1:
        size = (max(1, int(picture.width * scale)), max(1, int(picture.height * scale)))
        picture = picture.resize(size)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
