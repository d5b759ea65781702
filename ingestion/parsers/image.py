"""Images by OCR: one page for each frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers import ocr
from ingestion.parsers.base import Source
from ingestion.parsers.columns import reading_flows
from ingestion.parsers.headings import Headings, body_size
from ingestion.parsers.paragraphs import drafts, join_columns
from ingestion.parsers.pictures import open_frame, open_image

LONGEST_SIDE = 4000
"""Larger images are made smaller before they are read."""


def parse(source: Source) -> Iterator[Page]:
    """What is written in an image, with the place of each line."""
    if not source.ocr:
        raise ParseFailed("no_text_ocr_off")
    frames = getattr(open_image(source.path), "n_frames", 1)
    if source.mime in ("image/gif", "image/webp", "image/png"):
        frames = 1  # an animation says one thing many times
    source.pages_known(frames)
    for number in range(1, frames + 1):
        array = pixels(source.path, number)
        height, width = array.shape[:2]
        found = [list(drafts(flow)) for flow in reading_flows(ocr.read_array(array, number))]
        body = body_size(draft for flow in found for draft in flow)
        headings = Headings(body=body, bold_body=False, contents={}, least_gain=1.6)
        ordered = [draft for flow in join_columns(found, body) for draft in flow]
        yield Page(number=number, blocks=tuple(headings.blocks(ordered, number)), width=width, height=height)
        source.page_read(number)


def pixels(file: Path | IO[bytes], number: int = 1) -> Any:
    """A frame as an RGB array whose sides are at most `LONGEST_SIDE`."""
    import numpy

    picture = open_frame(file, number)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return numpy.asarray(picture)
