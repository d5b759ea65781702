"""What Word, PowerPoint and Excel files share: safe opening of the package and its pictures."""

import io
import posixpath
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingestion.errors import ParseFailed
from ingestion.parsers.archives import open_zip, read_member

STRICT = b"http://purl.oclc.org/ooxml/"
TRANSITIONAL = (
    (
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    ),
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/presentationml/main",
        b"http://schemas.openxmlformats.org/presentationml/2006/main",
    ),
    (b"http://purl.oclc.org/ooxml/drawingml/main", b"http://schemas.openxmlformats.org/drawingml/2006/main"),
    (
        b"http://purl.oclc.org/ooxml/drawingml/chart",
        b"http://schemas.openxmlformats.org/drawingml/2006/chart",
    ),
    (
        b"http://purl.oclc.org/ooxml/officeDocument/math",
        b"http://schemas.openxmlformats.org/officeDocument/2006/math",
    ),
)
SMALLEST_PICTURE = 6_000
MOST_PICTURES = 30
OCR_BUDGET_S = 60
"""Seconds spent on the pictures of one file: its text matters more."""


class Package:
    """The parts of an Office file by name, as XML trees without entities or network."""

    def __init__(self, path: Path) -> None:
        self.archive: zipfile.ZipFile = open_zip(path)
        self.names = set(self.archive.namelist())
        self._ocr_seconds = 0.0
        self._relations: dict[str, dict[str, tuple[str, str]]] = {}

    def xml(self, name: str) -> Any:
        """The root of a part; raises ParseFailed("corrupt")."""
        from lxml import etree

        data = read_member(self.archive, name)
        if STRICT in data:
            for strict, transitional in TRANSITIONAL:
                data = data.replace(strict, transitional)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, recover=True
        )
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise ParseFailed("corrupt", f"{name}: {error}"[:300]) from error
        if root is None:
            raise ParseFailed("corrupt", name)
        return root

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """id -> (kind, name of the part) of what a part refers to inside the package."""
        if part not in self._relations:
            folder, base = posixpath.split(part)
            rels = f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels"
            found = {}
            if rels in self.names:
                for relation in self.xml(rels):
                    if relation.get("TargetMode") == "External":
                        continue  # never followed
                    target = relation.get("Target") or ""
                    name = posixpath.normpath(target if target.startswith("/") else f"{folder}/{target}")
                    kind = (relation.get("Type") or "").rpartition("/")[2]
                    found[relation.get("Id")] = (kind, name.lstrip("/"))
            self._relations[part] = found
        return self._relations[part]

    def main_part(self) -> str:
        """The name of the document, workbook or presentation itself."""
        for kind, name in self.relations("").values():
            if kind == "officeDocument" and name in self.names:
                return name
        raise ParseFailed("corrupt", "no main part")

    def picture_lines(self, name: str) -> Iterator[str]:
        """The lines of text in a picture of the package, by OCR."""
        from ingestion.parsers import image, ocr

        if name not in self.names or self.archive.getinfo(name).file_size < SMALLEST_PICTURE:
            return
        if self._ocr_seconds > OCR_BUDGET_S:
            return
        started = time.monotonic()
        try:
            array = image.pixels(io.BytesIO(read_member(self.archive, name)))
        except ParseFailed:
            return  # a drawing format, or broken: the document is more than its pictures
        lines = ocr.read_array(array, 1)
        self._ocr_seconds += time.monotonic() - started
        yield from (line.text for line in lines)
