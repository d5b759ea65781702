"""PowerPoint: a slide is a page. Title, texts from the top left, tables, values of charts, notes."""

from collections.abc import Iterator
from typing import Any

from ingestion.pages import Block, Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import clean, markdown_table, squeeze
from ingestion.parsers.office import MOST_PICTURES, Package

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
LEFT_OUT = {"sldNum", "dt", "ftr", "hdr", "sldImg"}


def parse(source: Source) -> Iterator[Page]:
    """The slides in their order, hidden ones too."""
    package = Package(source.path)
    main = package.main_part()
    relations = package.relations(main)
    slides = [
        relations[slide.get(R + "id")][1]
        for slide in package.xml(main).iter(P + "sldId")
        if slide.get(R + "id") in relations
    ]
    source.pages_known(len(slides))
    reader = _Reader(source, package)
    for number, name in enumerate(slides, 1):
        if name in package.names:
            yield Page(number=number, blocks=tuple(reader.blocks(name)))
        else:
            yield Page(number=number, blocks=())
        source.page_read(number)


class _Reader:
    def __init__(self, source: Source, package: Package) -> None:
        self.source = source
        self.package = package
        self.pictures = 0

    def blocks(self, part: str) -> Iterator[Block]:
        """The blocks of one slide, its title first."""
        relations = self.package.relations(part)
        shapes = sorted(self._shapes(self.package.xml(part)), key=_place)
        titles = [shape for shape in shapes if _placeholder(shape) in ("title", "ctrTitle")]
        path: tuple[str, ...] = ()
        for shape in titles:
            if title := squeeze(_text(shape)):
                yield Block("heading", title, heading_path=path)
                path = (title,)
        for shape in shapes:
            if shape not in titles:
                for kind, text in self._said(shape, relations):
                    if text := clean(text).strip():
                        yield Block(kind, text, heading_path=path)
        for kind, name in relations.values():
            if kind == "notesSlide" and name in self.package.names:
                notes = self.package.xml(name).iter(P + "sp")
                text = "\n".join(_text(shape) for shape in notes if _placeholder(shape) not in LEFT_OUT)
                if text := clean(text).strip():
                    yield Block("note", text, heading_path=path)

    def _shapes(self, slide: Any) -> Iterator[Any]:
        for shape in slide.iter(P + "sp", P + "graphicFrame", P + "pic"):
            if not any(parent.tag == FALLBACK for parent in shape.iterancestors()):
                yield shape

    def _said(self, shape: Any, relations: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
        if _placeholder(shape) in LEFT_OUT:
            return
        if shape.tag == P + "pic":
            yield "figure", self._picture(shape, relations)
            return
        tables = list(shape.iter(A + "tbl"))
        for table in tables:
            yield "table", _table(table)
        for chart in shape.iter(C + "chart"):
            name = relations.get(chart.get(R + "id"), ("", ""))[1]
            if name in self.package.names:
                yield "table", chart_table(self.package.xml(name))
        for diagram in shape.iter(DIAGRAM + "relIds"):
            name = relations.get(diagram.get(R + "dm"), ("", ""))[1]
            if name in self.package.names:
                yield "list", "\n".join(_paragraphs(self.package.xml(name)))
        if not tables:
            yield "paragraph", _text(shape)

    def _picture(self, shape: Any, relations: dict[str, tuple[str, str]]) -> str:
        blip = next(shape.iter(A + "blip"), None)
        name = relations.get(blip.get(R + "embed"), ("", ""))[1] if blip is not None else ""
        if not name or not self.source.ocr or self.pictures >= MOST_PICTURES:
            return ""
        self.pictures += 1
        return "\n".join(self.package.picture_lines(name))


def _placeholder(shape: Any) -> str | None:
    mark = next(shape.iter(P + "ph"), None)
    return None if mark is None else mark.get("type", "body")


def _place(shape: Any) -> tuple[int, int]:
    """Rows of shapes from the top, each from the left; what takes its place from the layout comes first."""
    offset = next(shape.iter(A + "off"), None)
    if offset is None:
        return (-1, 0)
    x, y = (int(v) if v and v.lstrip("-").isdigit() else 0 for v in (offset.get("x"), offset.get("y")))
    return (y // 400_000, x)  # shapes that start within about a centimetre stand in one row


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter(A + "p"):
        parts = []
        for part in paragraph.iter(A + "t", A + "br"):
            parts.append("\n" if part.tag == A + "br" else part.text or "")
        if text := "".join(parts).strip():
            yield text


def _text(shape: Any) -> str:
    return "\n".join(_paragraphs(shape))


def _table(table: Any) -> str:
    rows: list[list[str]] = []
    for row in table.iter(A + "tr"):
        cells: list[str] = []
        for cell in row.iter(A + "tc"):
            if cell.get("vMerge") in ("1", "true") and rows and len(cells) < len(rows[-1]):
                cells.append(rows[-1][len(cells)])
            elif cell.get("hMerge") in ("1", "true"):
                cells.append(cells[-1] if cells and not rows else "")
            else:
                cells.append(squeeze(" ".join(_paragraphs(cell))))
        rows.append(cells)
    return markdown_table(rows) if rows else ""


def chart_table(chart: Any) -> str:
    """A chart's values as a table: categories down, series across."""
    title = (
        squeeze(" ".join(_paragraphs(chart.find(f".//{C}title"))))
        if chart.find(f".//{C}title") is not None
        else ""
    )
    header = [title]
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in chart.iter(C + "ser"):
        header.append(squeeze(" ".join(v.text or "" for v in series.iterfind(f"{C}tx//{C}v"))))
        for source in (C + "cat", C + "xVal"):
            categories |= _points(series.find(source))
        columns.append(_points(series.find(C + "val")) or _points(series.find(C + "yVal")))
    if not columns:
        return title
    indexes = sorted(set(categories).union(*columns))
    rows = [[categories.get(i, str(i + 1)), *(column.get(i, "") for column in columns)] for i in indexes]
    return markdown_table([header, *rows])


def _points(element: Any) -> dict[int, str]:
    if element is None:
        return {}
    return {
        int(point.get("idx") or 0): squeeze(point.findtext(C + "v") or "") for point in element.iter(C + "pt")
    }
