"""Where a text may be cut: at sentences, else at clauses, else between words."""

import re
from collections.abc import Callable

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CLOSERS = "\"'”’」』）)】》\\]"
_SENTENCE_END = re.compile(
    rf"[。！？…]+[{_CLOSERS}]*\s*|[；;](?=\s*[{CJK}])\s*|[.!?]+[{_CLOSERS}]*(?:\s+(?=[^\sa-z])|\s*(?=[{CJK}]))|\n+\s*"
)
_CLAUSE_END = re.compile(r"[，、：,;:；]\s*|\s[-–—]\s|\s\|\s")
_WORD_END = re.compile(rf"\s+|(?<=[{CJK}])(?=[{CJK}])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|al|fig|figs|eq|no|nos|sec|vol|pp|p|ed|eds|inc|ltd|co|corp|jr|sr|cf|approx|e\.g|i\.e"
    r"|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)|(?:^|[\s(.])[A-Z]|^\s*\d{1,2})\.$",
    re.IGNORECASE,
)
_TERMINATED = re.compile(rf"[.!?。！？…；;:：][{_CLOSERS}]*\s*$")

TOKENS = re.compile(rf"([{CJK}\uac00-\ud7a3])|([^\W\d_]+)|(\d+)|([^\w\s]|_)")


def estimate_tokens(text: str) -> int:
    """About how many tokens a subword model makes of ``text``, without loading one.

    A CJK character or a mark is one token, a word one for each seven letters, a number one for
    each three digits.
    """
    count = 0
    for _cjk, word, number, _mark in TOKENS.findall(text):
        if word:
            count += 1 + (len(word) - 1) // 7
        elif number:
            count += 1 + (len(number) - 1) // 3
        else:
            count += 1
    return count


def is_terminated(text: str) -> bool:
    """Whether ``text`` ends where a sentence or an introduction to a list ends."""
    return bool(_TERMINATED.search(text))


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of the sentences of ``text``, which together are all of it."""
    cuts = []
    for match in _SENTENCE_END.finditer(text):
        stop = match.end()
        before = text[max(0, match.start() - 12) : match.start() + 1]
        if before.endswith(".") and _ABBREVIATION.search(before):
            continue
        cuts.append(stop)
    return _ranges(cuts, len(text))


def pieces(text: str, *, limit: int, count_tokens: Callable[[str], int]) -> list[tuple[int, int]]:
    """Sentences of ``text``; one longer than ``limit`` tokens is cut at clauses, else between words."""
    result: list[tuple[int, int]] = []
    for start, end in sentences(text):
        result += _divide(text, start, end, limit, count_tokens, (_CLAUSE_END, _WORD_END))
    return result


def _divide(text, start, end, limit, count_tokens, cutters) -> list[tuple[int, int]]:
    if end - start <= limit or count_tokens(text[start:end]) <= limit:
        return [(start, end)]
    if not cutters:
        return [(at, min(at + limit, end)) for at in range(start, end, limit)]
    cuts = [match.end() for match in cutters[0].finditer(text, start, end)]
    parts = [(a, b) for a, b in _ranges([cut - start for cut in cuts], end - start)]
    packed: list[tuple[int, int]] = []
    size = limit + 1
    for a, b in parts:
        tokens = count_tokens(text[start + a : start + b])
        if size + tokens <= limit:
            packed[-1] = (packed[-1][0], start + b)
            size += tokens
        else:
            packed.append((start + a, start + b))
            size = tokens
    if len(packed) == 1:
        return _divide(text, start, end, limit, count_tokens, cutters[1:])
    return [piece for a, b in packed for piece in _divide(text, a, b, limit, count_tokens, cutters[1:])]


def _ranges(cuts: list[int], length: int) -> list[tuple[int, int]]:
    ranges, start = [], 0
    for cut in [*cuts, length]:
        if cut > start:
            ranges.append((start, cut))
            start = cut
    return ranges
