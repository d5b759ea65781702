"""HTML: what a reader sees of it, as headings, paragraphs, lists and tables. Nothing is fetched.

libxml2 reads the broken HTML of the web too; scripts and styles are dropped. The tree is walked
without recursion: hostile and machine-made pages nest thousands deep.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from ingestion.encodings import decode
from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow, squeeze

CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w\-]+)|<\?xml[^>]*encoding=["']([\w\-]+)""", re.I
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
DROPPED = {
    *(
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "object",
        "embed",
        "applet",
        "svg",
        "math",
        "head",
    ),
    *("canvas", "audio", "video", "map", "select", "button", "datalist", "input", "textarea"),
}
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl"),
    *("dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend"),
    *("li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th"),
    *("thead", "tr", "ul", "br", "title", "caption", *HEADINGS),
}
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
MOST_COLUMNS = 200
TOO_DEEP = 2000
TAG = re.compile(r"<[^>]*>")
DROPPED_TEXT = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.I | re.S)


def parse(source: Source) -> Iterator[Page]:
    """Sections of a web page."""
    data = source.path.read_bytes()
    flow = Flow()
    read_into(flow, decode(data, declared=declared_encodings(data)))
    return flow.pages(source)


def declared_encodings(data: bytes) -> list[str]:
    """The encodings that a page names for itself."""
    match = CHARSET.search(data[:4096])
    return [(match[1] or match[2]).decode("ascii")] if match else []


def read_into(flow: Flow, text: str) -> None:
    """Add the blocks of an HTML text to ``flow``."""
    from lxml import etree, html

    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    if not text.strip():
        return
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = html.document_fromstring(text, parser=parser, ensure_head_body=False)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise ParseFailed("corrupt", str(error)[:300]) from error
    title = root.find(".//title")
    if title is not None and title.text and root.find(".//h1") is None:
        flow.heading(title.text, 1)
    before = len(flow.blocks)
    _Walker(flow).walk(root)
    _save_what_is_too_deep(flow, text, before)


def _save_what_is_too_deep(flow: Flow, text: str, before: int) -> None:
    """libxml2 drops what nests deeper than 2048 elements: then the text is taken without its structure."""
    if text.count("<") < TOO_DEEP:
        return
    bare = TAG.sub("\n", DROPPED_TEXT.sub("", text))
    lines = [line for line in map(squeeze, unescape(bare).split("\n")) if line]
    seen = sum(len(block.text) for block in flow.blocks[before:])
    if seen < 0.3 * sum(map(len, lines)):
        del flow.blocks[before:]
        for line in lines:
            flow.paragraph(line)


class _Walker:
    """Collects inline text and hands it on at each block's edge."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.text: list[str] = []
        self.kind = "paragraph"
        self.prefix = ""

    def walk(self, root: Any) -> None:
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            element, leaving = stack.pop()
            tag = local_name(element)
            if leaving:
                self.leave(element, tag)
                continue
            if tag in DROPPED or _is_hidden(element):
                self.text.append(element.tail or "")
                continue
            if tag == "table" and _is_data_table(element):
                self.flush()
                self.table(element)
                self.text.append(element.tail or "")
                continue
            if tag == "pre":
                self.flush()
                self.flow.add("code", "".join(element.itertext()))
                self.text.append(element.tail or "")
                continue
            self.enter(element, tag)
            stack.append((element, True))
            stack.extend((child, False) for child in reversed(element))
        self.flush()

    def enter(self, element: Any, tag: str) -> None:
        if tag in BLOCKS and tag != "br":
            self.flush()
        if tag in ("li", "dt", "dd"):
            self.kind = "list"
            self.prefix = "- " if tag == "li" else ""
        elif tag == "img" and (said := squeeze(element.get("alt") or "")):
            self.text.append(f" {said} ")
        elif tag == "br":
            self.text.append("\n")
        self.text.append(element.text or "")

    def leave(self, element: Any, tag: str) -> None:
        if tag in HEADINGS:
            self.flow.heading("".join(self.text), HEADINGS[tag])
            self.text = []
        elif tag in ("td", "th"):
            self.text.append(" ")
        elif tag in BLOCKS and tag != "br":
            self.flush()
        self.text.append(element.tail or "")

    def flush(self) -> None:
        lines = [squeeze(re.sub(r"\s+", " ", line)) for line in "".join(self.text).split("\n\n")]
        said = "\n".join(line for line in lines if line)
        if said:
            if self.kind == "list" and self.flow.blocks and self.flow.blocks[-1].kind == "list":
                self.flow.extend_last(self.prefix + said)
            else:
                self.flow.add(self.kind, self.prefix + said)
            self.kind, self.prefix = "paragraph", ""
        self.text = []

    def table(self, element: Any) -> None:
        caption = element.find(".//caption")
        if caption is not None:
            self.flow.paragraph(squeeze("".join(caption.itertext())))
        self.flow.table(table_rows(element))


def _is_hidden(element: Any) -> bool:
    return bool(element.get("hidden") is not None or HIDDEN.search(element.get("style") or ""))


def local_name(element: Any) -> str:
    """An element's name without its namespace; "" for what is no element."""
    return element.tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(element.tag, str) else ""


def _is_data_table(table: Any) -> bool:
    """Whether a table holds data: no table, list or heading inside, several cells in several rows."""
    rows = widest = 0
    for inner in table.iterdescendants():
        tag = local_name(inner)
        if tag in HEADINGS or tag == "table":
            return False
        if tag == "tr":
            rows += 1
            widest = max(widest, sum(local_name(cell) in ("td", "th") for cell in inner))
        elif tag in ("td", "th") and len("".join(inner.itertext())) > 3000:
            return False
    return rows > 1 and widest > 1


def table_rows(table: Any) -> list[list[str]]:
    """The cells of a table; a cell over several columns or rows is said in each column of its first row."""
    rows: list[list[str]] = []
    held: dict[int, tuple[int, str]] = {}
    for row in table.iterdescendants():
        if local_name(row) != "tr":
            continue
        cells: list[str] = []
        for cell in row:
            if local_name(cell) not in ("td", "th"):
                continue
            _fill_held(cells, held)
            said = squeeze(" ".join("".join(_visible(cell)).split()))
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            for column in range(len(cells), len(cells) + wide):
                if high > 1:
                    held[column] = (high - 1, said)
            cells += [said] * wide if rows == [] or wide <= 1 else [said] + [""] * (wide - 1)
        _fill_held(cells, held)
        rows.append(cells)
    return _without_empty_columns(rows)


def _fill_held(cells: list[str], held: dict[int, tuple[int, str]]) -> None:
    while len(cells) in held:
        column = len(cells)
        left, said = held.pop(column)
        if left > 1:
            held[column] = (left - 1, said)
        cells.append(said)


def _visible(cell: Any) -> Iterator[str]:
    yield cell.text or ""
    for child in cell:
        tag = local_name(child)
        if tag and tag not in DROPPED and not _is_hidden(child):
            yield " " if tag in BLOCKS else ""
            yield from child.itertext()
            yield " " if tag in BLOCKS else ""
        yield child.tail or ""


def _span(cell: Any, name: str) -> int:
    value = (cell.get(name) or "1").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 6):
        return 1
    return min(max(int(value), 1), MOST_COLUMNS)


def _without_empty_columns(rows: list[list[str]]) -> list[list[str]]:
    """Pages use empty columns for spacing."""
    width = max(map(len, rows), default=0)
    padded = [row + [""] * (width - len(row)) for row in rows]
    kept = [column for column in range(width) if any(row[column] for row in padded)]
    return [[row[column] for column in kept] for row in padded]
