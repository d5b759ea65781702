"""Reading order: where a page has columns, each is read to its end before the next."""

import re
from collections.abc import Iterator, Sequence

from ingestion.parsers.lines import Line
from ingestion.sentences import CJK

BIN = 4.0
FEWEST_LINES = 3
FEWEST_CHARS = 18
"""In a line of running text, a CJK character counting as two."""
FILL = 0.55
"""Lines of running text fill their column; cells of a table do not."""

_WIDE = re.compile(f"[{CJK}]")


def reading_flows(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Groups of lines in reading order; each group is one column, or what runs across columns."""
    gutter = find_gutter(lines)
    if gutter is None:
        yield list(lines)
        return
    across: list[Line] = []  # bands without columns that follow one another: a table keeps its rows
    for band in _bands(lines, gutter):
        left = [line for line in band if line.x1 <= gutter]
        right = [line for line in band if line.x0 >= gutter]
        if not _is_columns(left, right, gutter):
            across += band
            continue
        if across:
            yield across
            across = []
        yield from reading_flows(left)
        yield from reading_flows(right)
    if across:
        yield across


def find_gutter(lines: Sequence[Line]) -> float | None:
    """The x between two columns of running text, or None."""
    if len(lines) < 2 * FEWEST_LINES:
        return None
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    width = right - left
    if width < 100:
        return None
    bins = int(width / BIN) + 1
    covered = [0] * (bins + 1)
    for line in lines:
        first, last = int((line.x0 - left) / BIN), int((line.x1 - left) / BIN)
        for at in range(first, min(last, bins) + 1):
            covered[at] += 1
    best, best_count = None, 0
    for low, high in _valleys(covered, int(bins * 0.2), int(bins * 0.8), len(lines) * 0.6):
        x = left + (low + high + 1) / 2 * BIN
        count = sum(
            len(a) + len(b)
            for band in _bands(lines, x)
            if _is_columns(
                a := [line for line in band if line.x1 <= x], b := [line for line in band if line.x0 >= x], x
            )
        )
        if count > best_count:
            best, best_count = x, count
    return best if best_count >= max(2 * FEWEST_LINES, 0.25 * len(lines)) else None


def _valleys(covered: list[int], low: int, high: int, most: float) -> list[tuple[int, int]]:
    """Runs of bins in [low, high] that are local minima of the cover, the least covered first."""
    runs = []
    at = low
    while at <= high:
        end = at
        while end < high and covered[end + 1] == covered[at]:
            end += 1
        lower_before = at == 0 or covered[at - 1] > covered[at]
        lower_after = covered[min(end + 1, len(covered) - 1)] > covered[at]
        if lower_before and lower_after and covered[at] <= most:
            runs.append((covered[at], -(end - at), at, end))
        at = end + 1
    return [(start, end) for _cover, _width, start, end in sorted(runs)[:6]]


def _bands(lines: Sequence[Line], x: float) -> Iterator[list[Line]]:
    """Lines from the top, parted at those that cross ``x``; crossing neighbours are one band."""
    band: list[Line] = []
    crossing = False
    for line in sorted(lines, key=lambda line: line.y0):
        crosses = line.x0 < x < line.x1
        if band and crosses != crossing:
            yield band
            band = []
        band.append(line)
        crossing = crosses
    if band:
        yield band


def _is_columns(left: Sequence[Line], right: Sequence[Line], x: float) -> bool:
    if len(left) < FEWEST_LINES or len(right) < FEWEST_LINES:
        # the short end of two columns: a few lines beside each other, or one alone
        return False
    together = min(max(line.y1 for line in left), max(line.y1 for line in right)) - max(
        min(line.y0 for line in left), min(line.y0 for line in right)
    )
    return together > 0 and all(_is_running_text(side) for side in (left, right))


def _is_running_text(lines: Sequence[Line]) -> bool:
    width = max(line.x1 for line in lines) - min(line.x0 for line in lines)
    widths = sorted(line.width for line in lines)
    chars = sorted(len(line.text) + len(_WIDE.findall(line.text)) for line in lines)
    middle = len(lines) // 2
    return widths[middle] >= FILL * width and chars[middle] >= FEWEST_CHARS
