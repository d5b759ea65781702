"""Word: body in order with headings by style or outline level, tables, notes, comments, text boxes.

The XML is read directly: python-docx refuses Strict files and leaves out text boxes, notes and
content controls.
"""

import re
from collections.abc import Iterator
from typing import Any

from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow, squeeze
from ingestion.parsers.office import MOST_PICTURES, Package

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
SKIPPED = {W + "del", W + "moveFrom", W + "pPr", W + "rPr", W + "instrText", W + "delText", FALLBACK}
TRANSPARENT = {W + name for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")}
STYLE_LEVEL = re.compile(r"^(?:heading|标题|überschrift|titre)\s*(\d)$", re.I)


def parse(source: Source) -> Iterator[Page]:
    """Sections of a Word document."""
    return _Reader(source).pages()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.package = Package(source.path)
        self.part = self.package.main_part()
        self.relations = self.package.relations(self.part)
        self.levels, self.list_styles = self._styles()
        self.flow = Flow()
        self.pictures = 0

    def pages(self) -> Iterator[Page]:
        body = self.package.xml(self.part).find(W + "body")
        if body is None:
            raise ParseFailed("corrupt", "no body")
        self.blocks(body)
        for kind in ("footnotes", "endnotes", "comments"):
            self._notes(kind)
        return self.flow.pages(self.source)

    def _part_of_kind(self, kind: str) -> str | None:
        names = (name for found, name in self.relations.values() if found == kind)
        return next((name for name in names if name in self.package.names), None)

    def _styles(self) -> tuple[dict[str, int], set[str]]:
        """(style -> level of heading, styles that make list items), what they are based on included."""
        levels: dict[str, int] = {}
        lists: set[str] = set()
        name = self._part_of_kind("styles")
        if not name:
            return levels, lists
        based: dict[str, str] = {}
        for style in self.package.xml(name).iter(W + "style"):
            key = style.get(W + "styleId") or ""
            title = _value(style.find(W + "name")) or ""
            outline = _value(style.find(f"{W}pPr/{W}outlineLvl"))
            if match := STYLE_LEVEL.match(title):
                levels[key] = int(match[1])
            elif title.lower() == "title":
                levels[key] = 0
            elif outline and outline.isdigit() and int(outline) < 9:
                levels[key] = int(outline) + 1
            if style.find(f"{W}pPr/{W}numPr") is not None or title.lower().startswith("list"):
                lists.add(key)
            if parent := _value(style.find(W + "basedOn")):
                based[key] = parent
        for key in based:
            above, seen = key, {key}
            while above not in levels and (above := based.get(above, "")) and above not in seen:
                seen.add(above)
            if above in levels:
                levels.setdefault(key, levels[above])
        return levels, lists

    def blocks(self, container: Any) -> None:
        """Paragraphs and tables, also inside content controls and change marks."""
        stack = list(reversed(container))
        while stack:
            element = stack.pop()
            if element.tag == W + "p":
                self.paragraph(element)
            elif element.tag == W + "tbl":
                self.table(element)
            elif element.tag in (
                W + "sdt",
                W + "sdtContent",
                W + "ins",
                W + "moveTo",
                W + "customXml",
                W + "smartTag",
            ):
                stack.extend(reversed(element))

    def paragraph(self, element: Any) -> None:
        text = self.text(element)
        properties = element.find(W + "pPr")
        style, outline, numbered = "", None, False
        if properties is not None:
            style = _value(properties.find(W + "pStyle")) or ""
            outline = _value(properties.find(W + "outlineLvl"))
            numbered = properties.find(W + "numPr") is not None
        level = self.levels.get(style)
        if outline and outline.isdigit() and int(outline) < 9:
            level = int(outline) + 1
        if level is not None and text.strip():
            self.flow.heading(text, level)
        elif (numbered or style in self.list_styles) and text.strip():
            self.list_item(text.strip())
        else:
            self.flow.paragraph(text.strip())
        for box in element.iter(W + "txbxContent"):
            if not any(parent.tag == FALLBACK for parent in box.iterancestors()):
                self.blocks(box)
        for blip in element.iter(A + "blip"):
            self.picture(blip.get(R + "embed"))

    def list_item(self, text: str) -> None:
        line = f"- {text}"
        if self.flow.blocks and self.flow.blocks[-1].kind == "list":
            self.flow.extend_last(line)
        else:
            self.flow.add("list", line)

    def picture(self, relation: str | None) -> None:
        """What is written in a picture; OCR is slow, so of the first ones only."""
        if not self.source.ocr or self.pictures >= MOST_PICTURES or relation not in self.relations:
            return
        lines = list(self.package.picture_lines(self.relations[relation][1]))
        self.pictures += 1
        self.flow.add("figure", "\n".join(lines))

    def table(self, element: Any) -> None:
        rows: list[list[str]] = []
        above: list[str] = []
        inner: list[Any] = []
        for row in element.iter(W + "tr"):
            if next(row.iterancestors(W + "tbl")) is not element:
                continue
            cells: list[str] = []
            for cell in row.iter(W + "tc"):
                if next(cell.iterancestors(W + "tr")) is not row:
                    continue
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                wide = _value(cell.find(f"{W}tcPr/{W}gridSpan")) or "1"
                said = self.cell_text(cell, inner)
                if merged is not None and _value(merged) != "restart" and len(cells) < len(above):
                    said = above[len(cells)]
                columns = min(int(wide), 100) if wide.isdigit() else 1
                cells += [said] * columns if not rows else [said] + [""] * (columns - 1)
            rows.append(cells)
            above = cells
        self.flow.table(rows)
        for blip in element.iter(A + "blip"):
            self.picture(blip.get(R + "embed"))

    def cell_text(self, cell: Any, _inner: list[Any]) -> str:
        """All paragraphs of a cell, those of tables inside it too."""
        return squeeze(" ".join(self.text(paragraph) for paragraph in cell.iter(W + "p")))

    def text(self, paragraph: Any) -> str:
        """The text of a paragraph without its text boxes; formulas in linear form."""
        parts: list[str] = []
        stack = [paragraph]
        while stack:
            element = stack.pop()
            tag = element.tag
            if tag == W + "t":
                parts.append(element.text or "")
            elif tag == W + "tab":
                parts.append("\t")
            elif tag in (W + "br", W + "cr"):
                parts.append("\n")
            elif tag == W + "noBreakHyphen":
                parts.append("-")
            elif tag in (M + "oMath", M + "oMathPara"):
                parts.append(f" {formula(element)} ")
            elif tag not in SKIPPED and tag != W + "txbxContent":
                stack.extend(reversed(element))
        return "".join(parts)

    def _notes(self, kind: str) -> None:
        name = self._part_of_kind(kind)
        if not name:
            return
        said = []
        for note in self.package.xml(name):
            if note.get(W + "type") in ("separator", "continuationSeparator", "continuationNotice"):
                continue
            text = squeeze(" ".join(self.text(paragraph) for paragraph in note.iter(W + "p")))
            author = note.get(W + "author") if kind == "comments" else None
            if text:
                said.append(f"{author}: {text}" if author else text)
        for text in said:
            self.flow.add("note", text)


def _value(element: Any) -> str | None:
    return element.get(W + "val") if element is not None else None


def formula(element: Any) -> str:
    """An Office formula as one line: fractions with /, powers with ^, indices with _."""
    tag = element.tag.removeprefix(M) if isinstance(element.tag, str) else ""
    if tag == "t":
        return element.text or ""
    parts = {child.tag.removeprefix(M): child for child in element if isinstance(child.tag, str)}
    said = {name: formula(child) for name, child in parts.items()}
    match tag:
        case "f":
            return f"({said.get('num', '')})/({said.get('den', '')})"
        case "sSup":
            return f"{said.get('e', '')}^{_braced(said.get('sup', ''))}"
        case "sSub":
            return f"{said.get('e', '')}_{_braced(said.get('sub', ''))}"
        case "sSubSup":
            return f"{said.get('e', '')}_{_braced(said.get('sub', ''))}^{_braced(said.get('sup', ''))}"
        case "rad":
            return f"√({said.get('e', '')})"
        case "nary":
            sign = parts["naryPr"].find(M + "chr") if "naryPr" in parts else None
            mark = sign.get(M + "val") if sign is not None else "∫"
            return f"{mark}_{_braced(said.get('sub', ''))}^{_braced(said.get('sup', ''))} {said.get('e', '')}"
        case "d":
            return "(" + ", ".join(formula(child) for child in element if child.tag == M + "e") + ")"
    return "".join(formula(child) for child in element)


def _braced(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"
