"""An answer without a language model: the documents' own best sentences, each with its citation."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from chat.prompts import Source
from chat.statements import sentences
from retrieval.sparse import query_vector

LONGEST_SENTENCE = 400


def extract(question: str, sources: Sequence[Source], *, limit: int = 3) -> str:
    """Up to ``limit`` sentences from ``sources`` (best first), as a Markdown list with [n].

    A sentence's score is the summed IDF of the question's terms in it, over the sentences at
    hand, lowered for later passages. A row of a table counts as a sentence that names its columns.
    Where no word of the question occurs (another language), the beginning of the best passage stands in.
    """
    asked = set(query_vector(question).indices)
    candidates = []
    for rank, source in enumerate(sources):
        for start, sentence in _sentences(source.text):
            terms = set(query_vector(sentence).indices)
            if len(terms) > 1:
                candidates.append((rank, start, source.number, sentence, terms & asked))
    frequency = Counter(term for *_, shared in candidates for term in shared)

    def score(candidate) -> float:
        rank, *_, shared = candidate
        idf = sum(math.log(1 + len(candidates) / frequency[term]) for term in shared)
        return idf / (1 + 0.15 * rank)

    best = sorted((c for c in candidates if c[4]), key=lambda c: (-score(c), c[0], c[1]))[:limit]
    if best:
        best = [candidate for candidate in best if score(candidate) >= score(best[0]) / 3]
    else:
        best = candidates[:2]
    seen: set[str] = set()
    lines = []
    for _, _, number, sentence, _ in best:
        if sentence not in seen:
            seen.add(sentence)
            lines.append(f"- {_shortened(sentence)} [{number}]")
    return "\n".join(lines)


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """(offset, sentence), the rows of Markdown tables with their columns' names, their headers left out."""
    header: list[str] = []
    for start, end in sentences(text):
        sentence = " ".join(text[start:end].split())
        if not (sentence.startswith("|") and sentence.endswith("|")):
            header = []
            yield start, sentence.strip("|-*# ")
            continue
        cells = [cell.strip() for cell in sentence.strip("|").split("|")]
        if not header:
            header = cells
        elif any(cell.strip("-: ") for cell in cells):
            named = [f"{name}: {cell}" if name else cell for name, cell in zip(header, cells, strict=False)]
            yield start, "; ".join(part for part, cell in zip(named, cells, strict=False) if cell)


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= LONGEST_SENTENCE else sentence[: LONGEST_SENTENCE - 1].rstrip() + "…"
