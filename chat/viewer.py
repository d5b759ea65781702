"""What the viewer of a citation shows: page images with the passage marked, or the text with it marked."""

from dataclasses import dataclass, field, replace

from chat.models import Citation
from ingestion import rendering
from ingestion.models import Document, DocumentPage

AROUND = 2500
"""Characters of text shown before and after a passage."""


@dataclass(frozen=True, slots=True)
class Box:
    """A region in percent of its page, as SVG wants it."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ImagePage:
    number: int
    boxes: list[Box]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A stretch of a page's text; ``cut_before`` and ``cut_after`` say that more surrounds it."""

    before: str
    marked: str
    after: str
    cut_before: bool
    cut_after: bool


@dataclass(frozen=True, slots=True)
class View:
    """Either ``images`` or ``text``; neither where only the snapshot is left.

    ``document`` is None once it is deleted; ``has_changed`` says that its present text no longer
    holds the passage where it was, or at all.
    """

    citation: Citation
    document: Document | None
    images: list[ImagePage] = field(default_factory=list)
    text: MarkedText | None = None
    page_label: str = ""
    has_changed: bool = False
    previous: Citation | None = None
    next: Citation | None = None


def view_of(citation: Citation, *, user) -> View:
    """Everything the viewer needs for ``citation``, which ``user`` was already found to be allowed to see."""
    document = _alive(citation, user)
    before, after = _neighbours(citation, user)
    view = View(citation, document, previous=before, next=after)
    if document is None:
        return view
    pages = {page.number: page for page in _pages(citation, document)}
    first = pages.get(citation.page or 1)
    label = first.label if first else ""
    if rendering.has_image(document) and citation.regions:
        images = [_image(number, citation, pages.get(number)) for number in _numbers(citation)]
        return replace(view, images=images, page_label=label)
    text = _marked(citation, first) if first else None
    return replace(view, text=text, page_label=label, has_changed=text is None)


def _alive(citation: Citation, user) -> Document | None:
    if citation.document_id is None:
        return None
    return Document.objects.visible_to(user).filter(pk=citation.document_id).first()


def _numbers(citation: Citation) -> list[int]:
    return sorted({region["page"] for region in citation.regions})


def _pages(citation: Citation, document: Document):
    wanted = {citation.page or 1, *_numbers(citation)}
    return DocumentPage.objects.filter(
        document=document, version=document.live_version or document.version, number__in=wanted
    )


def _image(number: int, citation: Citation, page: DocumentPage | None) -> ImagePage:
    boxes = [
        Box(
            x=round(region["x0"] * 100, 3),
            y=round(region["y0"] * 100, 3),
            width=round((region["x1"] - region["x0"]) * 100, 3),
            height=round((region["y1"] - region["y0"]) * 100, 3),
        )
        for region in citation.regions
        if region["page"] == number
    ]
    return ImagePage(number, boxes, page.width if page else 0, page.height if page else 0)


def _marked(citation: Citation, page: DocumentPage) -> MarkedText | None:
    """The passage in its surroundings, looked for where it was and then anywhere; None if it is gone."""
    start, end = max(citation.start - page.start, 0), citation.end - page.start
    quote = citation.quote.strip()
    if not quote or page.text[start:end].strip() not in (quote, quote[: end - start].strip()):
        # A table split by rows repeats its header in the quote, so the last line must do there.
        needle = quote if quote in page.text else quote.splitlines()[-1] if quote else ""
        start = page.text.find(needle) if needle else -1
        end = start + len(needle)
    if start < 0 or end <= start:
        return None
    low, high = max(start - AROUND, 0), min(end + AROUND, len(page.text))
    return MarkedText(
        before=page.text[low:start],
        marked=page.text[start:end],
        after=page.text[end:high],
        cut_before=low > 0,
        cut_after=high < len(page.text),
    )


def _neighbours(citation: Citation, user) -> tuple[Citation | None, Citation | None]:
    """The sources before and after this one, in the order of the answer's source list."""
    sources = in_order(Citation.objects.visible_to(user).filter(message=citation.message_id))
    at = next(n for n, source in enumerate(sources) if source.pk == citation.pk)
    return (sources[at - 1] if at else None), (sources[at + 1] if at + 1 < len(sources) else None)


def in_order(sources) -> list[Citation]:
    """Cited sources first, each part by number."""
    return sorted(sources, key=lambda source: (not source.cited, source.number))
