"""Lines of text with their places: what a PDF's text layer and OCR both give to the layout."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ingestion.pages import Region
from ingestion.parsers.flow import clean

Box = tuple[float, float, float, float]
Direction = tuple[int, int]
"""A quarter turn: (1, 0) runs to the right, (0, 1) down the page."""


@dataclass(slots=True)
class Line:
    """One printed line. x0..y1 are points with the text upright, for finding the reading order;
    ``region`` is where it stands on the page as shown. ``rows`` makes it a whole table."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool
    region: Region
    rows: Sequence[tuple[str, Region]] = ()

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def width(self) -> float:
        return self.x1 - self.x0


@dataclass(frozen=True, slots=True)
class Frame:
    """What places on a page are measured against; asked of PyMuPDF once, for that is slow."""

    number: int
    rotation: int
    matrix: tuple[float, ...]
    width: float
    height: float

    @classmethod
    def of(cls, page, number: int) -> "Frame":
        box = page.rect
        return cls(number, page.rotation, tuple(page.rotation_matrix), box.width or 1, box.height or 1)


def page_lines(page, frame: Frame) -> tuple[list[Line], list[Line], Direction]:
    """(lines in the page's main direction, the others, that direction) of a page's text layer."""
    raw = page.get_text("dict", flags=TEXT_FLAGS)["blocks"]
    raw_lines = [line for block in raw for line in block.get("lines", ())]
    found = [(line, direction(line["dir"], frame.rotation)) for line in raw_lines]
    weights: dict[tuple[int, int], int] = {}
    for line, towards in found:
        weights[towards] = weights.get(towards, 0) + sum(len(span["text"]) for span in line["spans"])
    if not weights:
        return [], [], (1, 0)
    main = max(weights, key=lambda towards: weights[towards])
    upright: list[Line] = []
    others: list[Line] = []
    for raw_line, towards in found:
        line = _line(raw_line, frame, towards)
        if line:
            (upright if towards == main else others).append(line)
    return upright, others, main


TEXT_FLAGS = 2 | 64
"""Keep white space, clip to the page; ligatures are expanded, unknown glyphs become U+FFFD."""


def direction(towards: tuple[float, float], rotation: int) -> tuple[int, int]:
    """The direction a line runs in as shown, rounded to a quarter turn: (1, 0) is to the right."""
    dx, dy = (round(v) for v in towards)
    for _turn in range(rotation // 90 % 4):
        dx, dy = -dy, dx
    return (dx, dy) if abs(dx) + abs(dy) == 1 else (1, 0)


def _line(raw: dict, frame: Frame, towards: tuple[int, int]) -> Line | None:
    spans = [span for span in raw["spans"] if span["text"].strip()]
    if not spans:
        return None
    text = clean("".join(span["text"] for span in raw["spans"])).replace("\n", " ").strip()
    if not text:
        return None
    x0, y0, x1, y1 = raw["bbox"]
    box = shown_box((x0, y0, x1, y1), frame)
    longest = max(spans, key=lambda span: len(span["text"]))
    bold = all(is_bold(span) for span in spans)
    return Line(text, *upright_box(box, towards), longest["size"], bold, region_of(box, frame))


def is_bold(span: dict) -> bool:
    return bool(span["flags"] & 16) or "bold" in span["font"].lower() or "黑" in span["font"]


def shown_box(box: Box, frame: Frame) -> Box:
    """A box of the page's own coordinates as it is shown, after the page's rotation."""
    if not frame.rotation:
        return box
    a, b, c, d, e, f = frame.matrix
    x0, y0, x1, y1 = box
    xs = [a * x + c * y + e for x in (x0, x1) for y in (y0, y1)]
    ys = [b * x + d * y + f for x in (x0, x1) for y in (y0, y1)]
    return min(xs), min(ys), max(xs), max(ys)


def upright_box(box: tuple[float, ...], towards: tuple[int, int]) -> tuple[float, float, float, float]:
    """A shown box turned so that text running ``towards`` runs to the right."""
    dx, dy = towards
    if (dx, dy) == (1, 0):
        return box  # type: ignore[return-value]
    x0, y0, x1, y1 = box
    xs = [x * dx + y * dy for x in (x0, x1) for y in (y0, y1)]
    ys = [-x * dy + y * dx for x in (x0, x1) for y in (y0, y1)]
    return min(xs), min(ys), max(xs), max(ys)


def turned_back(box: Box, towards: Direction) -> Box:
    """An upright box as it is shown: undoes `upright_box`."""
    return upright_box(box, (towards[0], -towards[1]))


def region_of(box: Box, frame: Frame) -> Region:
    """A shown box as fractions of the page."""
    width, height = frame.width, frame.height
    fractions = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    return Region(frame.number, *(min(1.0, max(0.0, value)) for value in fractions))


def union(regions: Iterable[Region]) -> Region:
    """The box around boxes of one page."""
    boxes = list(regions)
    return Region(
        boxes[0].page,
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def rows_of(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines of one column as rows from the top, each from the left."""
    row: list[Line] = []
    top = bottom = 0.0
    for line in sorted(lines, key=lambda line: (line.y0 + line.y1) / 2):
        overlap = min(bottom, line.y1) - max(top, line.y0)
        if row and overlap >= 0.5 * min(bottom - top, line.height):
            row.append(line)
            continue
        if row:
            yield sorted(row, key=lambda line: line.x0)
        row, top, bottom = [line], line.y0, line.y1
    if row:
        yield sorted(row, key=lambda line: line.x0)
