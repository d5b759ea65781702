"""Which function reads which type. Modules are imported when a file needs them: some are heavy.

To add a format: a function ``(Source) -> Iterator[Page]``, a line here, a line in
`ingestion.sniffing`, and a test with a file of that format.
"""

from collections.abc import Iterator
from importlib import import_module

from ingestion import sniffing
from ingestion.pages import Page
from ingestion.parsers.base import Source

REGISTRY = {
    sniffing.PDF: "ingestion.parsers.pdf:parse",
    sniffing.DOCX: "ingestion.parsers.docx:parse",
    sniffing.PPTX: "ingestion.parsers.pptx:parse",
    sniffing.XLSX: "ingestion.parsers.xlsx:parse",
    sniffing.EPUB: "ingestion.parsers.epub:parse",
    sniffing.HTML: "ingestion.parsers.html:parse",
    sniffing.MARKDOWN: "ingestion.parsers.markdown:parse",
    sniffing.TEXT: "ingestion.parsers.text:parse",
    sniffing.RST: "ingestion.parsers.text:parse",
    sniffing.CSV: "ingestion.parsers.delimited:parse",
    sniffing.TSV: "ingestion.parsers.delimited:parse",
    sniffing.JSON: "ingestion.parsers.structured:parse_json",
    sniffing.JSON_LINES: "ingestion.parsers.structured:parse_json",
    sniffing.XML: "ingestion.parsers.structured:parse_xml",
    sniffing.EMAIL: "ingestion.parsers.email:parse",
    sniffing.RTF: "ingestion.parsers.rtf:parse",
    **{mime: "ingestion.parsers.image:parse" for _magic, mime in sniffing.IMAGES},
    "image/webp": "ingestion.parsers.image:parse",
}


def parse(source: Source) -> Iterator[Page]:
    """The pages of a file, by the function for its type."""
    module, _colon, name = REGISTRY[source.mime].partition(":")
    return getattr(import_module(module), name)(source)
