"""Builds the pages of formats that flow: headings, paragraphs and tables one after the other.

A long document is cut into several `Page` objects at headings and paragraphs, so that a viewer
shows it in parts; their numbers mean nothing to a reader (``paged`` is False).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ingestion.pages import Block, Page
from ingestion.parsers.base import Source

SECTION_CHARS = 4000
LONGEST_HEADING = 200


class Flow:
    """Collects blocks in reading order and keeps the path of headings above them."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._path: list[tuple[int, str]] = []
        self._levels: dict[str, int] = {}

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(title for _level, title in self._path)

    def level_of(self, mark: str) -> int:
        """A level for a kind of heading that says none: kinds are nested as they first appear."""
        return self._levels.setdefault(mark, len(self._levels) + 1)

    def heading(self, text: str, level: int) -> None:
        """A heading; those of the same or a deeper level end here. A very long one is a paragraph."""
        text = squeeze(text)
        if not text:
            return
        if len(text) > LONGEST_HEADING:
            return self.paragraph(text)
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self.add("heading", text)
        self._path.append((level, text))

    def paragraph(self, text: str) -> None:
        self.add("paragraph", text)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """A table as Markdown; one of a single column or row is text."""
        rows = [[squeeze(cell) for cell in row] for row in rows]
        rows = [row for row in rows if any(row)]
        if not rows:
            return
        if max(map(len, rows)) == 1:
            return self.paragraph("\n".join(row[0] for row in rows))
        self.add("table", markdown_table(rows))

    def add(self, kind: str, text: str) -> None:
        text = clean(text)
        if text.strip():
            self.blocks.append(Block(kind=kind, text=text, heading_path=self.path))

    def extend_last(self, text: str) -> None:
        """Add a line to the last block, until that is a page of its own."""
        last = self.blocks[-1]
        if len(last.text) > SECTION_CHARS / 2:
            return self.add(last.kind, text)
        self.blocks[-1] = replace(last, text=f"{last.text}\n{clean(text)}")

    def pages(self, source: Source, *, label: str = "") -> Iterator[Page]:
        """The blocks as pages of about `SECTION_CHARS` characters, reported to ``source``."""
        groups = list(_sections(self.blocks))
        source.pages_known(len(groups))
        for number, blocks in enumerate(groups, 1):
            yield Page(number=number, blocks=tuple(blocks), label=label, paged=False)
            source.page_read(number)


def _sections(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    size = 0
    for block in blocks:
        heading = block.kind == "heading"
        full = size >= SECTION_CHARS or (heading and size >= SECTION_CHARS * 0.6)
        if full and not all(b.kind == "heading" for b in group[-1:]):
            yield group
            group, size = [], 0
        group.append(block)
        size += len(block.text)
    if group:
        yield group


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal width as a Markdown table whose first row is the header."""
    width = max(map(len, rows))
    lines = ["| " + " | ".join(_cells(row, width)) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def _cells(row: Sequence[str], width: int) -> list[str]:
    cells = [cell.replace("|", "\\|").replace("\n", " ") for cell in row]
    return cells + [""] * (width - len(cells))


_SPACES = re.compile(r"[ \t\u00a0\u3000\u2000-\u200a]+")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff\u00ad\ud800-\udfff]")


def squeeze(text: str) -> str:
    """One line, single spaces."""
    return _SPACES.sub(" ", clean(text).replace("\n", " ")).strip()


def clean(text: str) -> str:
    """Without characters that nobody sees; at most one blank line in a row."""
    text = _UNSEEN.sub("", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")
