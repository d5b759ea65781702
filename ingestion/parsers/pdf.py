"""PDF: text with its places, in reading order; scanned pages by OCR.

Two passes: the first collects lines and tables page by page (and is what takes time, so that it
reports progress), the second needs all pages: margins, headings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ingestion.pages import Page
from ingestion.parsers import ruled_tables
from ingestion.parsers.base import Source
from ingestion.parsers.columns import reading_flows
from ingestion.parsers.headings import Headings, body_size, outline
from ingestion.parsers.lines import Frame, Line, page_lines
from ingestion.parsers.margins import drop_margins
from ingestion.parsers.mupdf import open_pdf, pymupdf
from ingestion.parsers.paragraphs import Draft, drafts, join_columns

FEW_CHARS = 40
"""A page with fewer characters than this and a large picture is read by OCR too."""
PICTURE_SHARE = 0.12
GARBAGE = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x80-\x9f]")


@dataclass(slots=True)
class Sheet:
    """What the first pass found on a page."""

    number: int
    width: float
    height: float
    lines: list[Line] = field(default_factory=list)
    aside: list[Line] = field(default_factory=list)


def parse(source: Source) -> Iterator[Page]:
    """The pages of a PDF, blank ones too: their numbers are those of the file."""
    pdf = open_pdf(source.path)
    source.pages_known(pdf.page_count)
    sheets = []
    for number in range(1, pdf.page_count + 1):
        sheets.append(_read(pdf, number, source))
        source.page_read(number)
    pages: list[list[list[Draft]]] = []
    for sheet, lines in zip(sheets, drop_margins([sheet.lines for sheet in sheets]), strict=True):
        flows = [list(drafts(flow)) for flow in reading_flows(lines)]
        aside = [replace(draft, size=0.0, bold=False) for line in sheet.aside for draft in drafts([line])]
        pages.append([*flows, aside])
    running = [draft for flows in pages for flow in flows for draft in flow]
    body = body_size(running)
    bold = sum(len(d.text) for d in running if d.bold) > 0.5 * sum(len(d.text) for d in running)
    headings = Headings(body=body, bold_body=bold, contents=outline(_contents(pdf)))
    for sheet, flows in zip(sheets, pages, strict=True):
        found = [draft for flow in join_columns(flows, body) for draft in flow]
        yield Page(
            number=sheet.number,
            blocks=tuple(headings.blocks(found, sheet.number)),
            width=sheet.width,
            height=sheet.height,
        )


def _contents(pdf) -> list:
    try:
        return pdf.get_toc(simple=True)
    except Exception:  # a broken outline costs its headings, not the text
        return []


def _read(pdf, number: int, source: Source) -> Sheet:
    try:
        page = pdf.load_page(number - 1)
        frame = Frame.of(page, number)
        sheet = Sheet(number, page.rect.width, page.rect.height)
        sheet.lines, sheet.aside, towards = page_lines(page, frame)
        if source.ocr and _wants_ocr(page, sheet):
            _add_ocr(page, sheet)
        elif sheet.lines:
            sheet.lines = ruled_tables.with_tables(page, frame, sheet.lines, towards)
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
        return Sheet(number, 0.0, 0.0)  # one broken page does not take the others with it
    return sheet


def _wants_ocr(page, sheet: Sheet) -> bool:
    text = "".join(line.text for line in [*sheet.lines, *sheet.aside])
    if len(text) >= FEW_CHARS and len(GARBAGE.findall(text)) < 0.3 * len(text):
        return False
    area = page.rect.width * page.rect.height or 1
    pictures = 0.0
    paths = 0
    for kind, box in page.get_bboxlog():
        if "image" in kind:
            pictures += max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
        elif "path" in kind:
            paths += 1
    garbled = bool(text) and len(GARBAGE.findall(text)) >= 0.3 * len(text)
    return pictures >= PICTURE_SHARE * area or garbled or (not text and paths > 100)  # letters as outlines


def _add_ocr(page, sheet: Sheet) -> None:
    from ingestion.parsers import ocr

    text = "".join(line.text for line in sheet.lines)
    kept = [] if len(GARBAGE.findall(text)) >= 0.3 * len(text) else sheet.lines
    seen = ocr.read_pdf_page(page, sheet.number)
    sheet.lines = kept + [line for line in seen if not any(_overlap(line, known) for known in kept)]


def _overlap(a: Line, b: Line) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
