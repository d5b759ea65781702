"""What the document page shows: one page of a document, and the chunks that lie on it.

A flowing format is a single page that may be very long: it is read in parts of PART_CHUNKS chunks,
and only the text of the shown part leaves the database.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Max, Min
from django.db.models.functions import Length, Substr

from ingestion import rendering
from ingestion.models import Chunk, Document, DocumentPage
from ingestion.views.progress import uuid_or_none

PART_CHUNKS = 40
PART_CHARACTERS = 60_000


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the page's text; ``chunk`` is the passage it belongs to, None between passages."""

    text: str
    chunk: UUID | None
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Box:
    """A region in percent of the page, as SVG wants it."""

    chunk: UUID
    ordinal: int
    x: float
    y: float
    width: float
    height: float
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """``pages`` are all (number, label); ``part`` counts from 1; ``marked`` is the chunk asked for.

    ``is_gone`` says that the chunk asked for is not of the version shown.
    """

    pages: list[tuple[int, str]]
    page: DocumentPage
    has_image: bool
    chunks: list[Chunk]
    segments: list[Segment]
    boxes: list[Box]
    part: int
    parts: int
    marked: Chunk | None
    is_gone: bool

    @property
    def last(self) -> int:
        return self.pages[-1][0]

    @property
    def has_labels(self) -> bool:
        return any(label for _, label in self.pages)

    @property
    def position(self) -> int:
        return next(n for n, (number, _) in enumerate(self.pages) if number == self.page.number)

    @property
    def previous(self) -> int | None:
        return self.pages[self.position - 1][0] if self.position else None

    @property
    def next(self) -> int | None:
        return self.pages[self.position + 1][0] if self.position + 1 < len(self.pages) else None


def read_page(document: Document, params) -> Reading | None:
    """The page that ``?page=`` or ``?chunk=`` names, else the first; None before anything is read."""
    version = document.live_version or document.version
    pages = list(document.pages.filter(version=version).order_by("number").values_list("number", "label"))
    if not pages:
        return None
    chunks = Chunk.objects.filter(document=document, version=version).order_by("ordinal")
    asked = uuid_or_none(params.get("chunk", ""))
    marked = chunks.filter(pk=asked).first() if asked else None
    number = _number(params.get("page", "")) or (marked.page if marked else 0)
    if number not in dict(pages):
        number = pages[0][0]
    page: Any = (
        document.pages.filter(version=version, number=number)
        .defer("text")
        .annotate(length=Length("text"))
        .get()
    )
    on_page = chunks.filter(start__lt=page.start + max(page.length, 1), end__gt=page.start)
    first, last = on_page.aggregate(first=Min("ordinal"), last=Max("ordinal")).values()
    part, parts = _part(params.get("part", ""), first, last, marked)
    shown = (
        list(on_page.filter(ordinal__gte=first + (part - 1) * PART_CHUNKS)[:PART_CHUNKS])
        if first is not None
        else []
    )
    has_image = rendering.has_image(document)
    return Reading(
        pages=pages,
        page=page,
        has_image=has_image,
        chunks=shown,
        segments=[] if has_image else _segments(page, shown, part, parts, marked),
        boxes=_boxes(shown, number, marked) if has_image else [],
        part=part,
        parts=parts,
        marked=marked,
        is_gone=bool(asked and marked is None),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _part(asked: str, first: int | None, last: int | None, marked: Chunk | None) -> tuple[int, int]:
    """The part to show and how many there are: the one asked for, else that of the marked chunk."""
    if first is None or last is None:
        return 1, 1
    parts = (last - first) // PART_CHUNKS + 1
    part = _number(asked)
    if not part and marked and first <= marked.ordinal <= last:
        part = (marked.ordinal - first) // PART_CHUNKS + 1
    return min(max(part, 1), parts), parts


def _boxes(chunks: list[Chunk], number: int, marked: Chunk | None) -> list[Box]:
    return [
        Box(
            chunk=chunk.pk,
            ordinal=chunk.ordinal,
            x=round(region["x0"] * 100, 3),
            y=round(region["y0"] * 100, 3),
            width=round((region["x1"] - region["x0"]) * 100, 3),
            height=round((region["y1"] - region["y0"]) * 100, 3),
            is_marked=marked is not None and chunk.pk == marked.pk,
        )
        for chunk in chunks
        for region in chunk.regions
        if region["page"] == number
    ]


def _segments(page: Any, chunks: list[Chunk], part: int, parts: int, marked: Chunk | None) -> list[Segment]:
    """The text of the part, cut where passages begin and end.

    Where two passages overlap the text goes to the marked one, else to the later.
    """
    low = page.start if part == 1 or not chunks else max(chunks[0].start, page.start)
    high = page.start + page.length if part == parts or not chunks else max(c.end for c in chunks)
    high = min(high, low + PART_CHARACTERS)
    text = (
        DocumentPage.objects.filter(pk=page.pk)
        .values_list(Substr("text", low - page.start + 1, max(high - low, 1)), flat=True)
        .get()
    )
    edges = sorted({low, high, *(min(max(at, low), high) for c in chunks for at in (c.start, c.end))})
    segments = []
    for start, end in pairwise(edges):
        covering = [chunk for chunk in chunks if chunk.start < end and chunk.end > start]
        is_marked = marked is not None and marked in covering
        owner = marked if is_marked else covering[-1] if covering else None
        segments.append(Segment(text[start - low : end - low], owner.pk if owner else None, is_marked))
    return segments
