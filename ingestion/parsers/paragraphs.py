"""Lines of one column to paragraphs, list items, tables without rules, and candidates for headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from ingestion.pages import Region
from ingestion.parsers.lines import Line, rows_of, union
from ingestion.sentences import CJK, is_terminated

CELL_GAP = 1.8
"""A gap of this many letter sizes inside a row parts two cells."""
MARKER = re.compile(
    r"^(?:[•●○■□▪◆◇►➢✓\u2022\u25aa\uf0b7*]\s*|[-–—]\s+|[(（]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5}|[一二三四五六七八九十]{1,3})[)）.、．]\s*"
    r"(?=\D)|[①-⑳]|\[\d{1,3}\]\s|(?:\d{1,2}\.){1,4}\d{0,2}\s+(?=\D))"
)
_SPACELESS = re.compile(rf"[{CJK}\u3000-\u303f\uff00-\uffef“”‘’…—]")


@dataclass(slots=True)
class Draft:
    """A block before its headings are known. ``lines`` are (text as it stands in ``text``, region)."""

    kind: str
    text: str
    lines: list[tuple[str, Region]]
    size: float
    bold: bool
    rows: int = 1


@dataclass(slots=True)
class Row:
    cells: list[str]
    x0: float
    x1: float
    y0: float
    y1: float
    size: float
    bold: bool
    region: Region
    table: Line | None = field(default=None)

    @property
    def text(self) -> str:
        return " | ".join(self.cells)


def drafts(lines: Sequence[Line]) -> Iterator[Draft]:
    """The blocks of one column, from the top."""
    rows = [_row(row) for row in rows_of(lines)]
    texts = [row for row in rows if not row.table and len(row.cells) == 1]
    if not texts:
        left, right, pitch = 0.0, 0.0, 1e9
    else:
        left = min(row.x0 for row in texts)
        right = sorted(row.x1 for row in texts)[int(len(texts) * 0.9)]
        gaps = [b.y0 - a.y0 for a, b in pairwise(texts) if 0 < b.y0 - a.y0 < 4 * b.size]
        pitch = median(gaps) if gaps else 1.5 * texts[0].size
    group: list[Row] = []
    for at, row in enumerate(rows):
        if group and _parted(group, row, left, right, pitch, rows[at + 1] if at + 1 < len(rows) else None):
            yield _draft(group)
            group = []
        group.append(row)
    if group:
        yield _draft(group)


def _row(lines: list[Line]) -> Row:
    first = lines[0]
    cells = [first.text]
    for before, line in pairwise(lines):
        if line.x0 - before.x1 > CELL_GAP * max(line.size, before.size):
            cells.append(line.text)
        else:
            cells[-1] = join(cells[-1], line.text, gap=line.x0 - before.x1 > 0.15 * line.size)
    longest = max(lines, key=lambda line: len(line.text))
    return Row(
        cells=cells,
        x0=first.x0,
        x1=max(line.x1 for line in lines),
        y0=min(line.y0 for line in lines),
        y1=max(line.y1 for line in lines),
        size=longest.size,
        bold=all(line.bold for line in lines),
        region=union(line.region for line in lines),
        table=next((line for line in lines if line.rows), None),
    )


def _parted(group: list[Row], row: Row, left: float, right: float, pitch: float, after: Row | None) -> bool:
    """Whether ``row`` starts a block of its own after ``group``."""
    before = group[-1]
    if before.table or row.table:
        return True
    tabular, was_tabular = len(row.cells) > 1, len(before.cells) > 1
    if tabular or was_tabular:
        if tabular and was_tabular:
            return row.y0 - before.y1 > 2.5 * row.size
        # a cell that wraps leaves a row of one cell inside its table
        if not (was_tabular and len(group) > 1 and after and len(after.cells) > 1):
            return True
        return row.y0 - before.y1 >= row.size or after.y0 - row.y1 >= row.size
    # a heading that wraps has the leading of its own size, not that of the text around it
    leading = max(pitch, 1.2 * row.size if row.size > 0.9 * pitch else row.size)
    if abs(row.size - before.size) > 0.12 * before.size or row.y0 - before.y0 > 1.38 * leading:
        return True
    if row.bold != before.bold and (len(group) == 1 or row.bold):
        return True
    short = before.x1 < right - max(3 * row.size, 0.12 * (right - left))
    ended = is_terminated(before.text)
    if MARKER.match(row.text) and (ended or short or MARKER.match(group[0].text)):
        return True
    indented = row.x0 - before.x0 > 0.9 * row.size and not (len(group) == 1 and MARKER.match(before.text))
    return (indented and (ended or short)) or (short and ended)


def _draft(rows: list[Row]) -> Draft:
    first = rows[0]
    if first.table:
        return Draft(
            "table", first.table.text, list(first.table.rows), first.size, False, len(first.table.rows)
        )
    if len(rows) > 1 and sum(len(row.cells) > 1 for row in rows) > 1:
        lines = [(row.text, row.region) for row in rows]
        return Draft("table", "\n".join(text for text, _region in lines), lines, first.size, False, len(rows))
    text = ""
    lines = []
    for row in rows:
        joined = join(text, row.text)
        if text and len(joined) < len(text) + len(row.text):  # a hyphen went
            lines[-1] = (lines[-1][0][:-1], lines[-1][1])
        lines.append((row.text, row.region))
        text = joined
    kind = "list" if MARKER.match(text) and len(rows) + len(text) > 1 else "paragraph"
    longest = max(rows, key=lambda row: len(row.text))
    return Draft(kind, text, lines, longest.size, all(row.bold for row in rows), len(rows))


def join_columns(flows: Sequence[list[Draft]], body: float) -> Sequence[list[Draft]]:
    """A paragraph that goes on at the top of the next column made whole; footnotes follow it."""
    for before, after in pairwise(flow for flow in flows if flow):
        if not (before and after):
            continue  # its only paragraph has gone to the column before
        at = len(before) - 1
        while at > 0 and before[at].size < body * 0.95:
            at -= 1
        tail, head = before[at], after[0]
        both = tail.kind in ("paragraph", "list") and head.kind == "paragraph" and tail.rows > 1
        alike = (
            abs(tail.size - head.size) < 0.05 * body and tail.bold == head.bold and head.size >= body * 0.95
        )
        if both and alike and not is_terminated(tail.text):
            before[at] = _joined(tail, head)
            after.pop(0)
    return flows


def _joined(a: Draft, b: Draft) -> Draft:
    text = join(a.text, b.text)
    lines = list(a.lines)
    if len(text) < len(a.text) + len(b.text):
        lines[-1] = (lines[-1][0][:-1], lines[-1][1])
    return Draft(a.kind, text, lines + b.lines, a.size, a.bold, a.rows + b.rows)


def join(a: str, b: str, *, gap: bool = True) -> str:
    """Two pieces of a text as one: a space between words, none in Chinese, no hyphen at a break."""
    if not a or not b:
        return a + b
    if a[-1] == "-" and len(a) > 2 and a[-2].isalpha() and a[-2].islower() and b[0].islower():
        return a[:-1] + b
    if not gap or a[-1] in "-/" or (_SPACELESS.match(a[-1]) and _SPACELESS.match(b[0])):
        return a + b
    if _SPACELESS.match(a[-1]) or _SPACELESS.match(b[0]):
        return a + b
    return f"{a} {b}"
