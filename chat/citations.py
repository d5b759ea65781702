"""The numbers in an answer: brought into one form while it streams, and only those that exist."""

import re
from collections.abc import Collection

_OPENING = "[【［〔"
_CLOSING = "]】］〕"
_LONGEST = 40
_WITHIN = re.compile(
    r"\s*(?:(?:source|sources|passage|passages|ref|来源|段落|资料|文档)\s*)?"
    r"\^?(\d{1,3}(?:\s*(?:[,，、;；\-–]|and|和)\s*\d{1,3})*)\s*(?:†[^\]】］]*)?\s*",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")


class CitationFilter:
    """Rewrites [1, 2], [1-3], 【1】, ［1］, [Source 1], [^1] to [1][2]... in a stream of pieces.

    Numbers outside of ``numbers`` are dropped. A piece that ends inside a bracket is held back
    until the bracket closes, so that a reader never sees half a citation.
    """

    def __init__(self, numbers: Collection[int]):
        self._numbers = frozenset(numbers)
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown now of the text so far."""
        text = self._held + piece
        self._held = ""
        shown = []
        while text:
            start = next((i for i, character in enumerate(text) if character in _OPENING), None)
            if start is None:
                # Space before a citation that may be dropped waits for what follows it.
                kept = text.rstrip(" ")
                self._held = text[len(kept) :]
                shown.append(kept)
                break
            end = next((i for i in range(start + 1, len(text)) if text[i] in _CLOSING), None)
            if end is None and len(text) - start <= _LONGEST and "\n" not in text[start:]:
                kept = text[:start].rstrip(" ")
                self._held = text[len(kept) :]
                shown.append(kept)
                break
            if end is None or end - start > _LONGEST:
                shown.append(text[: start + 1])
                text = text[start + 1 :]
                continue
            inside = self._rewritten(text[start + 1 : end])
            if inside is None:
                shown.append(text[: end + 1])
            elif inside:
                shown.append(text[:start] + inside)
            else:
                shown.append(text[:start].rstrip(" "))
            text = text[end + 1 :]
        return "".join(shown)

    def flush(self) -> str:
        """What was held back when the stream ended."""
        held, self._held = self._held, ""
        return held.rstrip(" ")

    def _rewritten(self, inside: str) -> str | None:
        """ "[1][2]" for what stood between brackets; "" if none exists, None if it is no citation."""
        match = _WITHIN.fullmatch(inside)
        if not match:
            return None
        numbers = []
        listed = _RANGE.sub(
            lambda span: ",".join(map(str, range(int(span[1]), min(int(span[2]), int(span[1]) + 20) + 1))),
            match[1],
        )
        for digits in re.findall(r"\d+", listed):
            number = int(digits)
            if number in self._numbers and number not in numbers:
                numbers.append(number)
        return "".join(f"[{number}]" for number in numbers)


def normalised(text: str, numbers: Collection[int]) -> str:
    """The whole of ``text`` through a `CitationFilter`."""
    citation_filter = CitationFilter(numbers)
    return citation_filter.feed(text) + citation_filter.flush()
