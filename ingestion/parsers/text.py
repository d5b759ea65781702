"""Plain text and reStructuredText: paragraphs at blank lines, headings where they are plain to see."""

import re
from collections.abc import Iterator

from ingestion.encodings import decode
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow
from ingestion.sniffing import RST

UNDERLINE = re.compile(r"^([=\-~^\"'`#*+.:_])\1{2,}$")
MARKED_HEADING = re.compile(r"^(#{1,6})\s+(\S.*)$")
CHAPTER = re.compile(
    r"^(?:(第[一二三四五六七八九十百千零〇\d]+[编篇部卷])|(第[一二三四五六七八九十百千零〇\d]+章)|(第[一二三四五六七八九十百千零〇\d]+节)"
    r"|(?:(BOOK|PART|VOLUME)|(CHAPTER))\s+[\dIVXLC]+\b)[^。.]{0,40}$",
)
CHAPTER_LEVELS = (1, 2, 3, 1, 2)


def parse(source: Source) -> Iterator[Page]:
    """Sections of a text; lines broken by hand inside a paragraph are kept as they are."""
    text = decode(source.path.read_bytes())
    flow = Flow()
    for paragraph in re.split(r"\n[ \t\u3000]*\n", text):
        _add(flow, paragraph.strip("\n"), underlined=source.mime == RST)
    return flow.pages(source)


def _add(flow: Flow, paragraph: str, *, underlined: bool) -> None:
    lines = [line.rstrip() for line in paragraph.split("\n")]
    first = lines[0].strip() if lines else ""
    if len(lines) >= 3 and UNDERLINE.match(first) and lines[2].strip() == first:
        lines = lines[1:]  # a title between two rules
        first = lines[0].strip()
    rule = lines[1].strip() if len(lines) >= 2 and first else ""
    if UNDERLINE.match(rule) and (underlined or rule[0] in "=-"):
        flow.heading(first, flow.level_of(rule[0]))
        lines = lines[2:]
    elif match := MARKED_HEADING.match(first):
        flow.heading(match[2], len(match[1]))
        lines = lines[1:]
    elif len(lines) == 1 and (match := CHAPTER.match(first)):
        flow.heading(first, CHAPTER_LEVELS[next(i for i, group in enumerate(match.groups()) if group)])
        lines = []
    flow.paragraph("\n".join(lines))
