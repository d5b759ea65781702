"""Markdown: headings, lists, tables and code as they are written."""

import re
from collections.abc import Iterator

from ingestion.encodings import decode
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow

HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t#]*$|^ {0,3}(#{1,6})([^\s#].*)$")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
RULE = re.compile(r"^ {0,3}(?:[-*_] *){3,}$")
TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
SETEXT = re.compile(r"^ {0,3}(=+|-+)\s*$")
ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.S)
IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?:[^()\s]|\([^()]*\))+(?:\s+\"[^\"]*\")?\)")
TAG = re.compile(r"</?[a-zA-Z][^>\n]*>|<!--.*?-->", re.S)
EMPHASIS = re.compile(r"(\*\*\*|\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")


def parse(source: Source) -> Iterator[Page]:
    """Sections of a Markdown text."""
    flow = Flow()
    read_into(flow, decode(source.path.read_bytes()))
    return flow.pages(source)


def read_into(flow: Flow, text: str) -> None:
    """Add the blocks of a Markdown text to ``flow``."""
    text = FRONT_MATTER.sub(lambda match: match[1] + "\n\n", text)
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip() or RULE.match(line):
            at += 1
        elif fence := FENCE.match(line):
            end = at + 1
            while end < len(lines) and not lines[end].lstrip().startswith(fence[1]):
                end += 1
            flow.add("code", "\n".join(lines[at + 1 : end]))
            at = end + 1
        elif match := HEADING.match(line):
            flow.heading(plain(match[2] or match[4]), len(match[1] or match[3]))
            at += 1
        elif "|" in line and at + 1 < len(lines) and "-" in lines[at + 1] and TABLE_RULE.match(lines[at + 1]):
            end = at + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            flow.table([cells(row) for row in (lines[at], *lines[at + 2 : end])])
            at = end
        else:
            at = _paragraph(flow, lines, at)


def _paragraph(flow: Flow, lines: list[str], at: int) -> int:
    """Add the paragraph or list that starts at a line; returns the line after it."""
    first = at
    is_list = bool(ITEM.match(lines[at]))
    while at < len(lines) and lines[at].strip():
        line = lines[at]
        if at > first and (HEADING.match(line) or FENCE.match(line)):
            break
        if at > first and not is_list and SETEXT.match(line):
            flow.heading(plain(" ".join(lines[first:at])), 1 if "=" in line else 2)
            return at + 1
        at += 1
    body = [plain(line.lstrip("> ") if line.startswith(">") else line) for line in lines[first:at]]
    flow.add("list" if is_list else "paragraph", "\n".join(line.rstrip() for line in body if line.strip()))
    return at


def cells(row: str) -> list[str]:
    """The cells of a table's row."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    return [plain(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner)]


def plain(text: str) -> str:
    """Text without the marks that only dress it: emphasis, links' addresses, tags."""
    text = IMAGE.sub(r"\1", text)
    text = LINK.sub(r"\1", text)
    text = EMPHASIS.sub(r"\2", EMPHASIS.sub(r"\2", text))
    return TAG.sub("", text) if "<" in text else text
