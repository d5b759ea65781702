"""Tables whose cells are drawn with lines, as Markdown with the place of each row.

The grid is made of the page's own strokes and thin rectangles, which costs about a millisecond;
a page without enough of them is left alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingestion.pages import Region
from ingestion.parsers.flow import clean, squeeze
from ingestion.parsers.lines import (
    TEXT_FLAGS,
    Box,
    Direction,
    Frame,
    Line,
    direction,
    region_of,
    shown_box,
    turned_back,
    upright_box,
)
from ingestion.parsers.paragraphs import join

THIN = 3.0
JOIN = 3.0
"""Points within which two strokes are one."""
SHORTEST = 6.0
MOST_STROKES = 6000

Piece = tuple[str, Box]


@dataclass(slots=True)
class Stroke:
    """A horizontal or vertical line: ``at`` is its constant coordinate, ``low``..``high`` its reach."""

    at: float
    low: float
    high: float


@dataclass(slots=True)
class Grid:
    xs: list[float]
    ys: list[float]
    across: list[Stroke] = field(default_factory=list)
    down: list[Stroke] = field(default_factory=list)

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]


def with_tables(page, frame: Frame, lines: list[Line], towards: Direction) -> list[Line]:
    """``lines``, which run ``towards``, with those inside ruled tables replaced by one for each table."""
    across, down = _strokes(page, frame, towards)
    if len(across) < 3 or len(down) < 2:
        return lines
    result = list(lines)
    grids = _grids(across, down)
    pieces = list(_pieces(page, frame, towards)) if grids else []
    for grid in grids:
        inside = [line for line in result if _holds(grid.box, line)]
        if not inside:
            continue
        table = _table(pieces, frame, grid, towards)
        if table:
            gone = {id(line) for line in inside}
            result = [line for line in result if id(line) not in gone]
            result.append(table)
    return result


def _holds(box: Box, line: Line) -> bool:
    x, y = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _strokes(page, frame: Frame, towards: Direction) -> tuple[list[Stroke], list[Stroke]]:
    across: list[Stroke] = []
    down: list[Stroke] = []
    try:
        drawings = page.get_cdrawings()
    except (RuntimeError, ValueError):
        return [], []
    if len(drawings) > MOST_STROKES:
        return [], []
    for drawing in drawings:
        for item in drawing["items"]:
            if item[0] == "l":
                _add(upright_box(shown_box((*item[1], *item[2]), frame), towards), across, down)
            elif item[0] in ("re", "qu"):
                box = item[1] if item[0] == "re" else (*item[1][0], *item[1][3])
                _add_rectangle(upright_box(shown_box(tuple(box)[:4], frame), towards), drawing, across, down)
        if len(across) + len(down) > MOST_STROKES:
            return [], []
    return _merged(across), _merged(down)


def _add_rectangle(box, drawing, across: list[Stroke], down: list[Stroke]) -> None:
    x0, y0, x1, y1 = min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])
    if min(x1 - x0, y1 - y0) <= THIN:
        _add((x0, y0, x1, y1), across, down)
    elif drawing.get("color") or drawing["type"] != "f":  # a frame; filled areas are only shading
        for side in ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)):
            _add(side, across, down)


def _add(box, across: list[Stroke], down: list[Stroke]) -> None:
    x0, y0, x1, y1 = min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])
    if y1 - y0 <= THIN and x1 - x0 >= SHORTEST:
        across.append(Stroke((y0 + y1) / 2, x0, x1))
    elif x1 - x0 <= THIN and y1 - y0 >= SHORTEST:
        down.append(Stroke((x0 + x1) / 2, y0, y1))


def _merged(strokes: Iterable[Stroke]) -> list[Stroke]:
    """Strokes on one line that touch, as one."""
    merged: list[Stroke] = []
    for stroke in sorted(strokes, key=lambda s: (round(s.at / JOIN), s.low)):
        last = merged[-1] if merged else None
        if last and abs(last.at - stroke.at) <= JOIN and stroke.low <= last.high + JOIN:
            last.high = max(last.high, stroke.high)
        else:
            merged.append(Stroke(stroke.at, stroke.low, stroke.high))
    return merged


def _grids(across: Sequence[Stroke], down: Sequence[Stroke]) -> list[Grid]:
    """Strokes that touch one another, where they make at least two rows and two columns."""
    parent = list(range(len(across) + len(down)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, h in enumerate(across):
        for j, v in enumerate(down, len(across)):
            if h.low - JOIN <= v.at <= h.high + JOIN and v.low - JOIN <= h.at <= v.high + JOIN:
                parent[root(i)] = root(j)
    groups: dict[int, tuple[list[Stroke], list[Stroke]]] = {}
    for i, stroke in enumerate([*across, *down]):
        groups.setdefault(root(i), ([], []))[i >= len(across)].append(stroke)
    grids = []
    for horizontal, vertical in groups.values():
        ys, xs = _positions(horizontal), _positions(vertical)
        if len(horizontal) >= 2 and len(vertical) >= 1 and horizontal:
            # tables are often open at their sides
            low, high = min(s.low for s in horizontal), max(s.high for s in horizontal)
            if xs and low < xs[0] - SHORTEST:
                xs.insert(0, low)
            if xs and high > xs[-1] + SHORTEST:
                xs.append(high)
        if len(xs) >= 3 and len(ys) >= 3:
            grids.append(Grid(xs, ys, horizontal, vertical))
    return sorted(grids, key=lambda grid: (grid.ys[0], grid.xs[0]))


def _positions(strokes: Iterable[Stroke]) -> list[float]:
    result: list[float] = []
    for at in sorted(stroke.at for stroke in strokes):
        if not result or at - result[-1] > JOIN:
            result.append(at)
    return result


def _table(pieces: list[Piece], frame: Frame, grid: Grid, towards: Direction) -> Line | None:
    owners = _owners(grid)
    cells: dict[tuple[int, int], list] = {}
    for text, box in pieces:
        column, row = _index(grid.xs, (box[0] + box[2]) / 2), _index(grid.ys, (box[1] + box[3]) / 2)
        if column is not None and row is not None:
            cells.setdefault(owners[row][column], []).append((box, text))
    filled = {owner: _cell_text(pieces) for owner, pieces in cells.items()}
    if len(filled) < 4:
        return None
    rows: list[tuple[str, Region]] = []
    width = len(grid.xs) - 1
    for row in range(len(grid.ys) - 1):
        texts = []
        for column in range(width):
            top, left = owners[row][column]
            # a merged header names each of its columns; a cell merged downwards is said once
            said = (top == row and left == column) or (top == row and row == 0)
            texts.append(filled.get((top, left), "") if said else "")
        if any(texts):
            box = (grid.xs[0], grid.ys[row], grid.xs[-1], grid.ys[row + 1])
            region = region_of(turned_back(box, towards), frame)
            rows.append(("| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |", region))
    if len(rows) < 2:
        return None
    rows.insert(1, ("|" + " --- |" * width, rows[0][1]))
    x0, y0, x1, y1 = grid.box
    text = "\n".join(line for line, _region in rows)
    return Line(text, x0, y0, x1, y1, 0.0, False, region_of(turned_back(grid.box, towards), frame), rows)


def _owners(grid: Grid) -> list[list[tuple[int, int]]]:
    """For each cell of the grid the (row, column) of the first cell of its merged area."""
    owners = [[(r, c) for c in range(len(grid.xs) - 1)] for r in range(len(grid.ys) - 1)]
    for r in range(len(grid.ys) - 1):
        middle = (grid.ys[r] + grid.ys[r + 1]) / 2
        for c in range(len(grid.xs) - 1):
            centre = (grid.xs[c] + grid.xs[c + 1]) / 2
            if c and not _covered(grid.down, grid.xs[c], middle):
                owners[r][c] = owners[r][c - 1]
            elif r and not _covered(grid.across, grid.ys[r], centre):
                owners[r][c] = owners[r - 1][c]
    return owners


def _covered(strokes: Iterable[Stroke], at: float, along: float) -> bool:
    return any(abs(s.at - at) <= JOIN and s.low - JOIN <= along <= s.high + JOIN for s in strokes)


def _index(edges: list[float], value: float) -> int | None:
    return next((i for i in range(len(edges) - 1) if edges[i] <= value <= edges[i + 1]), None)


def _pieces(page, frame: Frame, towards: Direction) -> Iterable[Piece]:
    """Runs of characters without a gap: finer than lines, which may span two narrow cells."""
    for block in page.get_text("rawdict", flags=TEXT_FLAGS)["blocks"]:
        for line in block.get("lines", ()):
            if direction(line["dir"], frame.rotation) == towards:
                yield from _runs(line, frame, towards)
                continue
            text = "".join(char["c"] for span in line["spans"] for char in span["chars"])
            yield squeeze(text), upright_box(shown_box(line["bbox"], frame), towards)


def _runs(line: dict, frame: Frame, towards: Direction) -> Iterable[Piece]:
    text, run = "", (0.0, 0.0, 0.0, 0.0)
    for span in line["spans"]:
        for char in span["chars"]:
            box = upright_box(shown_box(char["bbox"], frame), towards)
            if text and (box[0] - run[2] > 0.6 * span["size"] or char["c"].isspace()):
                yield clean(text), run
                text = ""
            if char["c"].isspace():
                continue
            run = (*run[:2], box[2], max(run[3], box[3])) if text else box
            text += char["c"]
    if text:
        yield clean(text), run


def _cell_text(pieces: list) -> str:
    """The runs inside one cell, line by line."""
    pieces.sort(key=lambda piece: ((piece[0][1] + piece[0][3]) / 2, piece[0][0]))
    lines: list[list] = []
    for piece in pieces:
        middle = (piece[0][1] + piece[0][3]) / 2
        if lines and middle < lines[-1][0][0][3]:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    text = ""
    for line in lines:
        line.sort(key=lambda piece: piece[0][0])
        for _box, run in line:
            text = join(text, run)
    return squeeze(text)
