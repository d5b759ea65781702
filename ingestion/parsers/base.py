"""What every parser is given and what it promises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.pages import Page


def _ignore(_count: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, with its limits.

    ``pages_known`` and ``page_read`` report honest progress: how many pages there are, and how
    many have been looked at so far.
    """

    path: Path
    name: str
    mime: str
    ocr: bool = True
    max_pages: int = 5000
    max_chars: int = 40_000_000
    pages_known: Callable[[int], None] = field(default=_ignore)
    page_read: Callable[[int], None] = field(default=_ignore)


Parser = Callable[[Source], Iterator[Page]]
"""Yields pages in order; raises `ingestion.errors.ParseFailed` with a code people can act on."""
