"""EPUB: the chapters in the order of the book's spine."""

import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from ingestion.encodings import decode
from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers import html
from ingestion.parsers.archives import open_zip, read_member
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow

CONTAINER = "META-INF/container.xml"


def parse(source: Source) -> Iterator[Page]:
    """Sections of a book."""
    archive = open_zip(source.path)
    rootfile = next(_xml(read_member(archive, CONTAINER)).iter("{*}rootfile"), None)
    if rootfile is None:
        raise ParseFailed("corrupt", "no package")
    package_name = rootfile.get("full-path") or ""
    package = _xml(read_member(archive, package_name))
    items = {item.get("id"): item for item in package.iter("{*}item")}
    names = set(archive.namelist())
    flow = Flow()
    for reference in package.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        href = unquote((item.get("href") or "").split("#")[0])
        name = posixpath.normpath(posixpath.join(posixpath.dirname(package_name), href))
        if name in names and "html" in (item.get("media-type") or "html"):
            data = read_member(archive, name)
            html.read_into(flow, decode(data, declared=html.declared_encodings(data)))
    return flow.pages(source)


def _xml(data: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ParseFailed("corrupt", str(error)[:300]) from error
    if root is None:
        raise ParseFailed("corrupt", "no XML")
    return root
