"""Pages to chunks: by structure first (headings, blocks, rows), by tokens second.

The text is flattened to atoms: whole blocks, or the sentences and rows of a block too large for
one chunk. Atoms are packed in order. A chunk ends

- before a heading, once it is large enough to stand for itself;
- at the end of a page, slide or sheet, but not inside a sentence that goes on overleaf;
- where the next atom does not fit; never right after a heading.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingestion.pages import Block, Page, Region, Span
from ingestion.sentences import estimate_tokens, is_terminated, pieces, sentences

__all__ = ["estimate_tokens", "split"]

SEPARATOR = "\n\n"
STANDS_ALONE = 0.35
"""Share of the target from which a section is a chunk of its own."""
SHORT_LEAD = 0.25
"""A lead shorter than this share of the target stays with the table below it."""
MAY_OVERFLOW = 60
"""Tokens by which the end of a sentence on the next page may exceed the target."""
HEADER_SHARE = 0.5
"""A table's header larger than this share of the target is not repeated."""


@dataclass(slots=True)
class Placed:
    """A block with its place in the document's text."""

    block: Block
    page: Page
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.block.text)


@dataclass(slots=True)
class Atom:
    """What is never cut. ``header`` is what a chunk that starts here repeats first."""

    start: int
    end: int
    tokens: int
    placed: Placed
    header: str = ""

    @property
    def is_heading(self) -> bool:
        return self.placed.block.kind == "heading"


def split(pages: Sequence[Page], *, target_tokens: int, count_tokens: Callable[[str], int]) -> list[Span]:
    """Cut pages into chunks of at most about ``target_tokens``; the same pages give the same chunks."""
    blocks = list(_place(pages))
    chunks: list[list[Atom]] = []
    current: list[Atom] = []
    size = 0
    previous: Placed | None = None

    def close() -> None:
        nonlocal current, size
        if current:
            chunks.append(current)
        current, size = [], 0

    def bare(atoms: list[Atom]) -> bool:
        """Nothing, or headings that wait for their text."""
        return all(atom.is_heading for atom in atoms)

    for placed in blocks:
        lead = size if size < target_tokens * SHORT_LEAD else 0
        atoms = _atoms(placed, target_tokens, lead, count_tokens)
        if previous and _page_ends(previous, placed) and not bare(current):
            room = target_tokens - size
            taken = _first_sentence(atoms, room, count_tokens) if _goes_on(previous, placed) else None
            if taken:
                current.append(taken[0])
                atoms = taken[1]
            close()
        elif placed.block.kind == "heading" and size >= target_tokens * STANDS_ALONE and not bare(current):
            close()
        for position, atom in enumerate(atoms):
            # a block that would be torn apart starts a chunk of its own if the current one can stand
            whole = sum(a.tokens for a in atoms) if position == 0 else atom.tokens
            torn = position == 0 and size + whole > target_tokens and size >= target_tokens * 0.5
            waiting = bare(current) and size <= target_tokens * 0.5
            if (size + atom.tokens > target_tokens or torn) and not waiting:
                current, moved = (current, []) if bare(current) else _without_last_headings(current)
                close()
                current, size = moved, sum(a.tokens for a in moved)
            if not current and atom.header:
                size += count_tokens(atom.header)
            current.append(atom)
            size += atom.tokens
        previous = placed
    close()
    text = SEPARATOR.join(page.text for page in pages)
    return [span for atoms in chunks if (span := _span(atoms, text, blocks, count_tokens))]


def _place(pages: Sequence[Page]) -> Iterator[Placed]:
    start = 0
    for page in pages:
        at = start
        for block in page.blocks:
            if block.text.strip():
                yield Placed(block, page, at)
            at += len(block.text) + len(SEPARATOR)
        start += len(page.text) + len(SEPARATOR)


def _page_ends(before: Placed, after: Placed) -> bool:
    return after.page.paged and before.page.number != after.page.number


def _goes_on(before: Placed, after: Placed) -> bool:
    """Whether a sentence runs over the end of a page."""
    return (
        before.block.kind == after.block.kind == "paragraph"
        and before.block.heading_path == after.block.heading_path
        and not is_terminated(before.block.text)
        and not after.block.text[:1].isupper()
    )


def _first_sentence(
    atoms: list[Atom], room: int, count_tokens: Callable[[str], int]
) -> tuple[Atom, list[Atom]] | None:
    """The first sentence of a block, and the rest; None if it is too long to be taken over."""
    first = atoms[0]
    text = first.placed.block.text[first.start - first.placed.start : first.end - first.placed.start]
    _start, end = sentences(text)[0]
    tokens = count_tokens(text[:end])
    if tokens > room + MAY_OVERFLOW:
        return None
    head = Atom(first.start, first.start + end, tokens, first.placed)
    if end == len(text):
        return head, atoms[1:]
    rest = Atom(first.start + end, first.end, first.tokens - tokens, first.placed)
    return head, [rest, *atoms[1:]]


def _without_last_headings(atoms: list[Atom]) -> tuple[list[Atom], list[Atom]]:
    at = len(atoms)
    while at and atoms[at - 1].is_heading:
        at -= 1
    return atoms[:at], atoms[at:]


def _atoms(placed: Placed, target: int, lead: int, count_tokens: Callable[[str], int]) -> list[Atom]:
    """``lead`` tokens before it, a caption say, belong to the start of a table."""
    block = placed.block
    tokens = count_tokens(block.text)
    is_table = block.kind == "table"
    if tokens + (lead if is_table else 0) <= target:
        return [Atom(placed.start, placed.end, tokens, placed)]
    if is_table:
        return _rows(placed, target, count_tokens)
    # parts of equal size rather than full ones and a crumb
    even = math.ceil(tokens / math.ceil(tokens / target)) + target // 10
    atoms: list[Atom] = []
    for start, end in pieces(block.text, limit=target, count_tokens=count_tokens):
        tokens = count_tokens(block.text[start:end])
        if atoms and atoms[-1].tokens + tokens <= min(even, target):
            atoms[-1].end = placed.start + end
            atoms[-1].tokens += tokens
        else:
            atoms.append(Atom(placed.start + start, placed.start + end, tokens, placed))
    return atoms


def _rows(placed: Placed, target: int, count_tokens: Callable[[str], int]) -> list[Atom]:
    """A table's rows; its header stays with its first row and is repeated by later chunks."""
    text = placed.block.text
    lines = text.split("\n")
    header = "\n".join(lines[:2]) if len(lines) > 2 and set(lines[1]) <= set("|-: ") else ""
    header_tokens = count_tokens(header)
    if header_tokens > target * HEADER_SHARE:
        header, header_tokens = "", 0
    room = target - header_tokens
    atoms: list[Atom] = []
    at = 0
    for number, line in enumerate(lines):
        end = at + len(line) + (number < len(lines) - 1)
        tokens = count_tokens(line)
        if header and number in (1, 2) and atoms and tokens <= room:
            atoms[-1].end = placed.start + end  # header, its rule and the first row are one
            atoms[-1].tokens += tokens
        elif tokens <= room:
            atoms.append(Atom(placed.start + at, placed.start + end, tokens, placed, header))
        else:
            for a, b in pieces(text[at:end], limit=room, count_tokens=count_tokens):
                tokens = count_tokens(text[at + a : at + b])
                atoms.append(Atom(placed.start + at + a, placed.start + at + b, tokens, placed, header))
        at = end
    if atoms:
        atoms[0].header = ""
    return atoms


def _span(
    atoms: list[Atom], text: str, blocks: list[Placed], count_tokens: Callable[[str], int]
) -> Span | None:
    start, end = atoms[0].start, atoms[-1].end
    raw = text[start:end]
    start += len(raw) - len(raw.lstrip())
    end -= len(raw) - len(raw.rstrip())
    if start >= end:
        return None
    body = text[start:end]
    if atoms[0].header:
        body = f"{atoms[0].header}\n{body}"
    covered: dict[int, Placed] = {id(atom.placed): atom.placed for atom in atoms}
    regions = [region for placed in covered.values() for region in _regions(placed, start, end)]
    paths = [atom.placed.block.heading_path for atom in atoms if not atom.is_heading]
    return Span(
        text=body,
        start=start,
        end=end,
        page=atoms[0].placed.page.number,
        regions=tuple(dict.fromkeys(regions)),
        heading_path=_common(paths) if paths else atoms[0].placed.block.heading_path,
        tokens=count_tokens(body),
    )


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    first, rest = paths[0], paths[1:]
    depth = len(first)
    for path in rest:
        while path[:depth] != first[:depth]:
            depth -= 1
    return first[:depth]


def _regions(placed: Placed, start: int, end: int) -> Iterator[Region]:
    """The lines of a block that [start, end) covers; the whole block where it has none."""
    block = placed.block
    at = 0
    found = False
    for line, region in block.lines:
        position = block.text.find(line, at)
        if position < 0:
            continue
        at = position + len(line)
        found = True
        if placed.start + position < end and placed.start + at > start:
            yield region
    if not found and block.region is not None:
        yield block.region
