"""JSON and XML: names and values as lines, lists of records as tables."""

import json
from collections.abc import Iterator
from typing import Any

from ingestion.encodings import decode
from ingestion.pages import Page
from ingestion.parsers import html, text
from ingestion.parsers.base import Source
from ingestion.parsers.delimited import add_table
from ingestion.parsers.flow import Flow, squeeze
from ingestion.sniffing import JSON_LINES

DEEPEST = 40
MOST_COLUMNS = 30
LONGEST_CELL = 300
NAMING = ("title", "name", "label")


def parse_json(source: Source) -> Iterator[Page]:
    """Sections of a JSON file; one that is not valid JSON is read as plain text."""
    said = decode(source.path.read_bytes())
    try:
        if source.mime == JSON_LINES:
            value: Any = [json.loads(line) for line in said.splitlines() if line.strip()]
        else:
            value = json.loads(said)
    except (ValueError, RecursionError):
        return text.parse(source)
    flow = Flow()
    _add(flow, "", value, 1)
    return flow.pages(source)


def _add(flow: Flow, name: str, value: Any, level: int) -> None:
    if level > DEEPEST:
        flow.paragraph(f"{name}: {json.dumps(value, ensure_ascii=False)[:10000]}")
    elif isinstance(value, dict):
        if name:
            flow.heading(name, min(level, 6))
        simple = {key: item for key, item in value.items() if not isinstance(item, dict | list)}
        flow.paragraph("\n".join(f"{key}: {_scalar(item)}" for key, item in simple.items()))
        for key, item in value.items():
            if key not in simple:
                _add(flow, str(key), item, level + 1)
    elif isinstance(value, list):
        if rows := _records(value):
            if name:
                flow.heading(name, min(level, 6))
            add_table(flow, rows)
        elif all(not isinstance(item, dict | list) for item in value):
            lines = "\n".join(f"- {_scalar(item)}" for item in value)
            flow.add("list", f"{name}:\n{lines}" if name else lines)
        else:
            for number, item in enumerate(value, 1):
                _add(flow, f"{name} {number}".strip(), item, level)
    else:
        flow.paragraph(f"{name}: {_scalar(value)}" if name else _scalar(value))


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _records(values: list[Any]) -> list[list[str]]:
    """Flat records with the same few short fields as rows below a header; [] where they are not."""
    if len(values) < 2 or not all(isinstance(value, dict) for value in values):
        return []
    columns = list(dict.fromkeys(key for value in values for key in value))
    cells = [item for value in values for item in value.values()]
    long = any(isinstance(item, dict | list) or len(str(item)) > LONGEST_CELL for item in cells)
    if long or not columns or len(columns) > MOST_COLUMNS:
        return []
    header = [str(column) for column in columns]
    return [header, *([_scalar(value[c]) if c in value else "" for c in columns] for value in values)]


def parse_xml(source: Source) -> Iterator[Page]:
    """Sections of an XML file: entities are not resolved, nothing outside is read."""
    from lxml import etree

    data = source.path.read_bytes()
    said = decode(data, declared=html.declared_encodings(data))
    start = said.find("?>") + 2 if said.lstrip().startswith("<?xml") else 0
    parser = etree.XMLParser(
        **{"resolve_entities": False, "no_network": True, "load_dtd": False, "recover": True},
        **{"remove_comments": True, "remove_pis": True},
    )
    try:
        root = etree.fromstring(said[start:].encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        return text.parse(source)
    flow = Flow()
    _add_elements(flow, root)
    return flow.pages(source)


def _add_elements(flow: Flow, root: Any) -> None:
    """Elements with text of their own as paragraphs; runs of simple fields as lines of one block."""
    fields: list[str] = []

    def flush() -> None:
        flow.paragraph("\n".join(fields))
        fields.clear()

    stack = [root]
    while stack:
        element = stack.pop()
        if not isinstance(element.tag, str):
            continue
        children = list(element)
        own = (element.text or "").strip() or any((child.tail or "").strip() for child in children)
        said = [f"{key}: {value}" for key, value in element.attrib.items() if key in NAMING]
        if own and children:
            flush()
            flow.paragraph(squeeze(" ".join("".join(element.itertext()).split())))
        elif own:
            fields.append(f"{html.local_name(element)}: {element.text.strip()}")
            if len(element.text) > LONGEST_CELL:
                flush()
        else:
            fields += said
            if len(children) > 1:
                flush()
            stack.extend(reversed(children))
    flush()
