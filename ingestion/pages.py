"""What a parser returns and a chunker makes: plain values, no database.

Places on a page are fractions of its width and height, so that they hold at any zoom.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Region:
    """A box on a page: corners in 0..1 of its width and height, the origin at the top left."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list, table, code or caption.

    ``text`` is what people and models read (a table as Markdown). ``region`` is None where the
    format has no geometry. ``heading_path`` holds the headings above it, outermost first.
    ``lines`` are the (text, region) of single lines where known, so that a part of a block can
    be marked more tightly than the whole.
    """

    kind: str
    text: str
    region: Region | None = None
    heading_path: tuple[str, ...] = ()
    lines: tuple[tuple[str, Region], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide or sheet, numbered from 1; a flowing format is one page whose ``label`` is empty.

    ``paged`` is False where page numbers mean nothing to a reader (Markdown, HTML, Word, mail).
    ``width`` and ``height`` are points, 0 where there is no geometry.
    """

    number: int
    blocks: tuple[Block, ...]
    label: str = ""
    paged: bool = True
    width: float = 0.0
    height: float = 0.0

    @property
    def text(self) -> str:
        return "\n\n".join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk before it has a row.

    ``start`` and ``end`` are character offsets in the document's text, which is its pages' texts
    joined by two line feeds; ``text`` is that slice, except where a table split by rows repeats
    its header. ``page`` is the page of the first character.
    """

    text: str
    start: int
    end: int
    page: int
    regions: tuple[Region, ...] = ()
    heading_path: tuple[str, ...] = field(default=())
    tokens: int = 0
