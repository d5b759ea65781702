"""PyMuPDF without its layout model: importing that costs a second and half a gigabyte."""

import sys
from pathlib import Path

sys.modules.setdefault("pymupdf.layout", None)  # type: ignore[arg-type]
sys.modules.setdefault("pymupdf4llm", None)  # type: ignore[arg-type]

import pymupdf  # noqa: E402

from ingestion.errors import ParseFailed  # noqa: E402

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)

__all__ = ["open_pdf", "pymupdf"]


def open_pdf(path: Path) -> "pymupdf.Document":
    """An open PDF with at least one page; an empty user password opens it, any other is refused.

    Raises ParseFailed: "password_protected", "corrupt".
    """
    try:
        pdf = pymupdf.open(path, filetype="pdf")
        if pdf.needs_pass and not pdf.authenticate(""):
            raise ParseFailed("password_protected")
        pages = pdf.page_count
    except ParseFailed:
        raise
    except Exception as error:  # PyMuPDF raises its own and RuntimeError, ValueError, ...
        raise ParseFailed("corrupt", type(error).__name__) from error
    if pages < 1:
        raise ParseFailed("corrupt", "no pages")
    return pdf
