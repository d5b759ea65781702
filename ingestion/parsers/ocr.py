"""Text from pixels, by rapidocr (PP-OCR: Chinese and English). Slow: one to three seconds a page."""

import math
import threading
from typing import Any

from ingestion.pages import Region
from ingestion.parsers.flow import squeeze
from ingestion.parsers.lines import Line

DPI = 150
MAX_PIXELS = 6_000_000
LEAST_SCORE = 0.5
LETTER_SHARE = 0.75
"""Type size as a share of the height of a line's box."""

_lock = threading.Lock()
_engine: Any = None


def engine() -> Any:
    """The recogniser, made once. Its line classifier is off: it turns good lines upside down."""
    global _engine
    with _lock:
        if _engine is None:
            from rapidocr import RapidOCR

            _engine = RapidOCR(params={"Global.use_cls": False, "Global.log_level": "error"})
        return _engine


def read_pdf_page(page, number: int) -> list[Line]:
    """The lines that are seen on a PyMuPDF page, in points."""
    import numpy

    from ingestion.parsers.mupdf import pymupdf

    width, height = page.rect.width, page.rect.height
    if width < 1 or height < 1:
        return []
    zoom = min(DPI / 72, math.sqrt(MAX_PIXELS / (width * height)))
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False, colorspace=pymupdf.csRGB)
    array = numpy.frombuffer(pixels.samples, dtype=numpy.uint8).reshape(pixels.height, pixels.width, 3)
    return read_array(array, number, scale=1 / zoom)


def read_array(array, number: int, *, scale: float = 1.0) -> list[Line]:
    """The lines of an RGB array (height, width, 3); pixels times ``scale`` give the lines' units."""
    height, width = array.shape[:2]
    if min(height, width) < 8 or array.min() == array.max():
        return []
    found = engine()(array[:, :, ::-1].copy())
    lines = []
    for corners, text, score in zip(
        found.boxes if found.boxes is not None else (), found.txts or (), found.scores or (), strict=False
    ):
        text = squeeze(text)
        if not text or score < LEAST_SCORE:
            continue
        x0, y0 = (float(v) for v in corners.min(axis=0))
        x1, y1 = (float(v) for v in corners.max(axis=0))
        fractions = (x0 / width, y0 / height, x1 / width, y1 / height)
        region = Region(number, *(min(1.0, max(0.0, v)) for v in fractions))
        box = (x0 * scale, y0 * scale, x1 * scale, y1 * scale)
        lines.append(Line(text, *box, (y1 - y0) * scale * LETTER_SHARE, False, region))
    return lines
