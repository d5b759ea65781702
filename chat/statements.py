"""Sentences of English, Chinese and mixed text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

CITATION = re.compile(r"\[(\d{1,3})\]")

# A sentence ends at a Chinese full stop, or at a Latin one before space that does not follow an
# abbreviation or an initial, or at a line's end; citations after the stop belong to it.
_STOP = re.compile(
    r"(?:[。！？；!?]+[”’\"')）」』]*|(?<!\b[A-Z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bNo)(?<!\bMr)(?<!\bDr)(?<!\bal)"
    r"\.[”’\"')]*(?=\s|\[|$)|\n+)(?:\s*\[\d{1,3}\])*"
)

_LIST_NUMBER = re.compile(r"\s*\d{1,3}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence at ``text[start:end]`` of its answer, with the source numbers it names."""

    text: str
    start: int
    end: int
    cited: tuple[int, ...]

    @property
    def bare(self) -> str:
        """The sentence without its citations and list marker."""
        return re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+", "", CITATION.sub("", self.text)).strip(" *_`#>")


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """[start, end) of each sentence, without surrounding space; covers all that is not space."""
    start = 0
    for match in [*_STOP.finditer(text), None]:
        if match and _LIST_NUMBER.fullmatch(text, start, match.start()):
            continue
        end = match.end() if match else len(text)
        piece = text[start:end]
        if stripped := piece.strip():
            begin = start + piece.index(stripped[0])
            yield begin, begin + len(stripped)
        start = end


def statements(answer: str) -> list[Statement]:
    """The answer's sentences that state something."""
    found = []
    for start, end in sentences(answer):
        text = answer[start:end]
        statement = Statement(text, start, end, tuple(dict.fromkeys(map(int, CITATION.findall(text)))))
        if re.search(r"\w", statement.bare):
            found.append(statement)
    return found


def is_chinese(text: str) -> bool:
    """Whether a question is to be answered in Chinese: no fewer Han characters than Latin words, no kana."""
    han = sum("\u4e00" <= character <= "\u9fff" for character in text)
    kana = any("\u3040" <= character <= "\u30ff" for character in text)
    words = len(re.findall(r"[A-Za-z]+", text))
    return not kana and han > 0 and han >= words
