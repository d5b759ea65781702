"""Running headers, footers and page numbers: what stands in the margins of many pages."""

import re
from collections import Counter
from collections.abc import Sequence

from ingestion.parsers.lines import Line

BAND = 0.09
"""Share of the page's height, at its top and at its bottom, where they stand."""
PAGE_NUMBER = re.compile(
    r"^[\s\-–—·.|/]*(?:page|p\.|第)?\s*(?:\d{1,4}|[ivxlc]{1,7})\s*(?:页)?(?:\s*(?:of|/|共|，共|,)\s*\d{1,4}\s*页?)?[\s\-–—·.|/]*$",
    re.IGNORECASE,
)


def drop_margins(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """The lines of each page without what repeats in the margins."""
    counts: Counter[tuple[str, bool]] = Counter()
    for lines in pages:
        counts.update({key for line in lines if (key := _key(line))})
    often = max(3, round(len(pages) * 0.08))
    return [[line for line in lines if not _is_margin(line, counts, often)] for lines in pages]


def _key(line: Line) -> tuple[str, bool] | None:
    """What a line in a margin has in common with its like on other pages."""
    top = line.region.y1 <= BAND
    if not top and line.region.y0 < 1 - BAND:
        return None
    return re.sub(r"\d+|\s+", "#", line.text.lower()), top


def _is_margin(line: Line, counts: Counter[tuple[str, bool]], often: int) -> bool:
    key = _key(line)
    return key is not None and (bool(PAGE_NUMBER.match(line.text)) or counts[key] >= often)
