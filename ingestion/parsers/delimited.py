"""CSV and TSV: one Markdown table, its delimiter found by trying."""

import csv
import io
from collections.abc import Iterator, Sequence

from ingestion.encodings import decode
from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow
from ingestion.sniffing import TSV

DELIMITERS = (",", ";", "\t", "|")
LONGEST_CELL = 1_000_000
ROWS_PER_TABLE = 200
"""A longer table is several blocks, each with the header."""


def parse(source: Source) -> Iterator[Page]:
    """The rows of a table in text form."""
    csv.field_size_limit(LONGEST_CELL)
    text = decode(source.path.read_bytes())
    delimiter = "\t" if source.mime == TSV else _delimiter(text)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error as error:
        raise ParseFailed("corrupt", str(error)) from error
    flow = Flow()
    add_table(flow, rows)
    return flow.pages(source)


def add_table(flow: Flow, rows: Sequence[Sequence[str]]) -> None:
    """A table as blocks of at most `ROWS_PER_TABLE` rows; each has the first row as its header."""
    if not rows:
        return
    for start in range(1, max(len(rows), 2), ROWS_PER_TABLE):
        flow.table([rows[0], *rows[start : start + ROWS_PER_TABLE]])


def _delimiter(text: str) -> str:
    """The delimiter that gives most rows the same number of cells, and more than one."""
    first_line = text.partition("\n")[0]
    if first_line.lower().startswith("sep=") and len(first_line.strip()) == 5:
        return first_line.strip()[4]
    sample = io.StringIO(text[:20000])
    scores = {}
    for delimiter in DELIMITERS:
        sample.seek(0)
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row][:50]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count) if widths else 1
        scores[delimiter] = (usual > 1, widths.count(usual) / max(len(widths), 1), usual)
    return max(scores, key=lambda delimiter: scores[delimiter]) if scores else ","
