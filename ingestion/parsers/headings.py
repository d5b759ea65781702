"""Which blocks of a PDF are headings, and which stand above which.

The file's own outline decides where it has one; else type size, weight and numbering do.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ingestion.pages import Block
from ingestion.parsers.lines import union
from ingestion.parsers.paragraphs import Draft

LONGEST = 120
LARGER = 1.12
_NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,4})[.、．]?\s*\D")
_CHINESE = (
    re.compile(r"^第[一二三四五六七八九十百\d]+[编篇部分章]"),
    re.compile(r"^第[一二三四五六七八九十百\d]+节"),
    re.compile(r"^[一二三四五六七八九十]{1,3}[、.．]"),
    re.compile(r"^[(（][一二三四五六七八九十]{1,3}[)）]"),
)
_SENTENCE = re.compile(r"[。；;，,：:]$|[^.]\.$")
_LETTER = re.compile(r"[^\W\d_]")

Rank = tuple[float, ...]


def body_size(drafts: Iterable[Draft]) -> float:
    """The type size that most characters have."""
    sizes: Counter[float] = Counter()
    for draft in drafts:
        if draft.kind != "table":
            sizes[round(draft.size * 2) / 2] += len(draft.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def outline(entries: Iterable[Sequence]) -> dict[tuple[int, str], int]:
    """(page, title without spaces) -> level, of a PDF's table of contents."""
    return {(page, _key(title)): level for level, title, page in entries if page > 0 and _key(title)}


def _key(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


class Headings:
    """Gives blocks their headings, page after page."""

    def __init__(
        self,
        *,
        body: float,
        bold_body: bool,
        contents: dict[tuple[int, str], int],
        least_gain: float = LARGER,
    ) -> None:
        self.body = body
        self.least_gain = least_gain
        self.bold_body = bold_body
        self.contents = contents
        self._path: list[tuple[Rank, str]] = []

    def blocks(self, drafts: Iterable[Draft], page: int) -> Iterable[Block]:
        """Blocks of one page; call with the pages in order."""
        for draft in drafts:
            rank = self._rank(draft, page)
            if rank:
                while self._path and self._path[-1][0] >= rank:
                    self._path.pop()
            path = tuple(title for _rank, title in self._path)
            if rank:
                self._path.append((rank, draft.text))
            yield Block(
                kind="heading" if rank else draft.kind,
                text=draft.text,
                region=union(region for _text, region in draft.lines) if draft.lines else None,
                heading_path=path,
                lines=tuple(draft.lines),
            )

    def _rank(self, draft: Draft, page: int) -> Rank | None:
        """Lower ranks stand above higher ones; None: no heading."""
        text = draft.text.strip()
        if draft.kind == "table" or draft.rows > 3 or len(text) > LONGEST or not _LETTER.search(text):
            return None
        if self.contents:
            key = _key(text)
            for near in (page, page - 1, page + 1):
                if level := self.contents.get((near, key)):
                    return (0, level)
        numbered = _NUMBERED.match(text)
        chinese = next((depth for depth, pattern in enumerate(_CHINESE) if pattern.match(text)), None)
        if _SENTENCE.search(text) or (len(text) < 2):
            return None
        larger = draft.size >= self.body * self.least_gain and draft.size - self.body >= 0.9
        heavier = draft.bold and not self.bold_body and draft.size >= self.body * 0.95 and draft.rows <= 2
        chapter = chinese in (0, 1) and draft.rows == 1 and len(text) <= 40
        if not (larger or chapter or (heavier and len(text) <= 90)):
            return None
        depth = 1
        if chinese is not None:
            depth = chinese + 1
        elif numbered:
            depth = numbered[1].count(".") + 1
        size = round(draft.size * 2) / 2 if larger else self.body
        return (1, -size, depth)
