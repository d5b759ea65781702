"""Excel: a sheet is a page; its filled areas are Markdown tables with what the cells show.

The XML is streamed, cell by cell: the range a sheet claims to use is not believed, merged headers
are known, and Strict files are read like others.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.delimited import add_table
from ingestion.parsers.flow import Flow, squeeze
from ingestion.parsers.office import Package

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MOST_COLUMNS = 1000
MOST_CELLS = 3_000_000
DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
PERCENT_FORMATS = {9: 0, 10: 2}
FIXED_FORMATS = {1: 0, 2: 2, 3: 0, 4: 2, 37: 0, 38: 0, 39: 2, 40: 2}
REFERENCE = re.compile(r"^([A-Z]{1,3})(\d{1,7})$")
HIGHEST_HEADER = 4
NUMBER = re.compile(r"^[-+(]?[$€£¥]?[\d.,]+%?\)?$|^[-–—]$")
YEAR = re.compile(r"^(?:19|20)\d\d$")
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')


@dataclass(slots=True)
class Format:
    """How a number is shown: as a date, as a percentage, with so many decimals."""

    date: bool = False
    percent: bool = False
    decimals: int | None = None


@dataclass(slots=True)
class Sheet:
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)


def parse(source: Source) -> Iterator[Page]:
    """The sheets in their order, hidden ones too; chart sheets are empty pages."""
    package = Package(source.path)
    main = package.main_part()
    relations = package.relations(main)
    workbook = package.xml(main)
    properties = next(workbook.iter("{*}workbookPr"), None)
    from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    nothing = ("", "")
    listed = workbook.iter("{*}sheet")
    sheets = [(sheet.get("name") or "", relations.get(sheet.get(R + "id"), nothing)) for sheet in listed]
    if not sheets:
        raise ParseFailed("corrupt", "no sheets")
    source.pages_known(len(sheets))
    reader = _Reader(package, relations, from_1904)
    for number, (title, (kind, name)) in enumerate(sheets, 1):
        flow = Flow()
        if kind == "worksheet" and name in package.names:
            sheet = reader.read(name)
            if sheet.rows:
                flow.heading(title, 1)
                add_sheet(flow, sheet)
        yield Page(number=number, blocks=tuple(flow.blocks), label=squeeze(title))
        source.page_read(number)


class _Reader:
    def __init__(self, package: Package, relations: dict[str, tuple[str, str]], from_1904: bool) -> None:
        self.package = package
        self.epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)
        self.cells = 0
        parts = {kind: name for kind, name in relations.values() if name in package.names}
        self.strings = self._strings(parts.get("sharedStrings"))
        self.formats = self._formats(parts.get("styles"))

    def _events(self, name: str, *tags: str) -> Iterator[Any]:
        from lxml import etree

        wanted = [f"{{*}}{tag}" for tag in tags]
        safely = {"resolve_entities": False, "no_network": True, "huge_tree": True, "recover": True}
        with self.package.archive.open(name) as stream:
            try:
                for _event, element in etree.iterparse(stream, tag=wanted, **safely):
                    yield element
                    element.clear()
                    while element.getprevious() is not None and element.getparent() is not None:
                        del element.getparent()[0]
            except etree.XMLSyntaxError as error:
                raise ParseFailed("corrupt", f"{name}: {error}"[:300]) from error

    def _strings(self, name: str | None) -> list[str]:
        if not name:
            return []
        return ["".join(_texts(item)) for item in self._events(name, "si")]

    def _formats(self, name: str | None) -> list[Format]:
        """The format of each cell style."""
        if not name:
            return []
        root = self.package.xml(name)
        custom = {f.get("numFmtId"): f.get("formatCode") or "" for f in root.iter("{*}numFmt")}
        styles = next(root.iter("{*}cellXfs"), None)
        return (
            [_format(style.get("numFmtId") or "0", custom) for style in styles] if styles is not None else []
        )

    def read(self, name: str) -> Sheet:
        sheet = Sheet()
        number = 0
        for element in self._events(name, "row", "mergeCell"):
            if element.tag.endswith("mergeCell"):
                if area := _area(element.get("ref") or ""):
                    sheet.merges.append(area)
                continue
            given = element.get("r") or ""
            number = int(given) if given.isdigit() else number + 1
            cells: dict[int, str] = {}
            column = 0
            for cell in element:
                match = REFERENCE.match(cell.get("r") or "")
                column = column_number(match[1]) if match else column + 1
                if column <= MOST_COLUMNS and (said := self._value(cell)):
                    cells[column] = said
            if cells:
                self.cells += len(cells)
                if self.cells > MOST_CELLS:
                    raise ParseFailed("too_much_text", f"> {MOST_CELLS} cells")
                sheet.rows[number] = cells
        return sheet

    def _value(self, cell: Any) -> str:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            return squeeze("".join(_texts(cell)))
        value = next((child.text or "" for child in cell if child.tag.endswith("}v")), "")
        if kind == "s":
            return (
                squeeze(self.strings[int(value)])
                if value.isdigit() and int(value) < len(self.strings)
                else ""
            )
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind in ("str", "e", "d"):
            return squeeze(value)
        style = cell.get("s") or "0"
        known = style.isdigit() and int(style) < len(self.formats)
        return self._number(value, self.formats[int(style)] if known else Format())

    def _number(self, value: str, style: Format) -> str:
        try:
            number = float(value)
        except ValueError:
            return squeeze(value)
        if style.date and 0 <= number < 2_958_466 and math.isfinite(number):
            moment = self.epoch + timedelta(seconds=round(number * 86400))
            if number < 1:
                return f"{moment:%H:%M:%S}"
            return f"{moment:%Y-%m-%d}" if number == int(number) else f"{moment:%Y-%m-%d %H:%M:%S}"
        if style.percent:
            return f"{plain_number(number * 100, style.decimals)}%"
        return plain_number(number, style.decimals)


def plain_number(number: float, decimals: int | None = None) -> str:
    """A number without exponent, separators or the noise of binary fractions."""
    if not math.isfinite(number):
        return str(number)
    if decimals is not None and decimals <= 10:
        return f"{number:.{decimals}f}"
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.12g}"


def _texts(element: Any) -> Iterator[str]:
    """The runs of a rich text, without its phonetic guides."""
    for text in element.iter("{*}t"):
        if not any(parent.tag.endswith("}rPh") for parent in text.iterancestors()):
            yield text.text or ""


def _format(number: str, custom: dict[str | None, str]) -> Format:
    code = custom.get(number)
    if code is None:
        known = int(number) if number.isdigit() else 0
        decimals = PERCENT_FORMATS.get(known, FIXED_FORMATS.get(known))
        return Format(date=known in DATE_FORMATS, percent=known in PERCENT_FORMATS, decimals=decimals)
    shown = _QUOTED.sub("", code.split(";")[0])
    digits = re.search(r"[0#?](?:\.([0#?]+))?", re.sub(r"[#?0,]+(?=[#?0])", "", shown))
    fixed = len(digits[1]) if digits and digits[1] else 0
    is_date = bool(re.search(r"[ymdhs]", shown, re.I)) and "General" not in shown and "#" not in shown
    numeric = bool(digits) and not is_date and "E" not in shown and "/" not in shown
    # optional digits (#) may be more than are shown: left as they are
    return Format(
        is_date, "%" in shown, fixed if numeric and not (digits and "#" in (digits[1] or "")) else None
    )


def column_number(letters: str) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _area(reference: str) -> tuple[int, int, int, int] | None:
    """(first row, first column, last row, last column) of "A1:C2"."""
    start, _colon, end = reference.partition(":")
    first, last = REFERENCE.match(start), REFERENCE.match(end)
    if not first or not last:
        return None
    return int(first[2]), column_number(first[1]), int(last[2]), column_number(last[1])


def add_sheet(flow: Flow, sheet: Sheet) -> None:
    """The filled areas of a sheet, parted at empty rows, as titles, notes and tables."""
    _spread_down(sheet)
    area: list[int] = []
    for number in sorted(sheet.rows):
        # a header and its numbers are often parted by one empty row
        near = not area or number == area[-1] + 1
        goes_on = area and number == area[-1] + 2 and _is_data(list(sheet.rows[number].values()))
        if not (near or goes_on):
            _add_area(flow, sheet, area)
            area = []
        area.append(number)
    if area:
        _add_area(flow, sheet, area)


def _spread_down(sheet: Sheet) -> None:
    """Say a cell that is merged over several rows in each of them."""
    for top, left, bottom, _right in sheet.merges:
        if said := sheet.rows.get(top, {}).get(left):
            for row in range(top + 1, min(bottom, top + 1000) + 1):
                if row in sheet.rows:
                    sheet.rows[row].setdefault(left, said)


def _is_data(cells: list[str]) -> bool:
    """Whether a row holds numbers; years are names of columns."""
    numbers = [cell for cell in cells if NUMBER.match(cell) and not YEAR.match(cell)]
    return len(cells) > 1 and len(numbers) >= len(cells) / 3


def _add_area(flow: Flow, sheet: Sheet, area: list[int]) -> None:
    """Lone cells above and below are text; between them is a table."""
    columns = sorted({column for number in area for column in sheet.rows[number]})
    lone = [len(sheet.rows[number]) == 1 for number in area]
    first, last = 0, len(area)
    if len(columns) > 1:
        while first < last and lone[first]:
            first += 1
        while last > first and lone[last - 1]:
            last -= 1
    said = ["\n".join(sheet.rows[number].values()) for number in area]
    if len(columns) == 1:
        flow.paragraph("\n".join(said))
        return
    flow.paragraph("\n".join(said[:first]))
    rows = [[sheet.rows[number].get(column, "") for column in columns] for number in area[first:last]]
    add_table(flow, _one_header(rows, area[first:last], columns, sheet.merges))
    flow.paragraph("\n".join(said[last:]))


def _one_header(
    rows: list[list[str]], numbers: list[int], columns: list[int], merges: list[tuple[int, int, int, int]]
) -> list[list[str]]:
    """The rows above the first numbers as one header: "2023 Q1", "2023 Q2"."""
    high = next((at for at, row in enumerate(rows) if _is_data([cell for cell in row if cell])), 0)
    if not 2 <= high <= HIGHEST_HEADER:
        return rows
    header = [list(row) for row in rows[:high]]
    for top, left, _bottom, right in merges:
        if top in numbers[:high] and left in columns:
            row = header[numbers.index(top)]
            for at, column in enumerate(columns):
                if left < column <= right:
                    row[at] = row[columns.index(left)]
    joined = [" ".join(dict.fromkeys(row[at] for row in header if row[at])) for at in range(len(columns))]
    return [joined, *rows[high:]]
