"""An answer without a language model: the documents' own best sentences, each with its citation."""

import math
from collections import Counter
from collections.abc import Sequence

from chat.prompts import Source
from chat.statements import sentences
from retrieval.sparse import query_vector

LONGEST_SENTENCE = 400


def extract(question: str, sources: Sequence[Source], *, limit: int = 3) -> str:
    """Up to ``limit`` sentences from ``sources`` (best first), as a Markdown list with [n].

    A sentence's score is the summed IDF of the question's terms in it, over the sentences at
    hand, lowered for later passages. Where no word of the question occurs (another language), the
    beginning of the best passage stands in.
    """
    asked = set(query_vector(question).indices)
    candidates = []
    for rank, source in enumerate(sources):
        for start, end in sentences(source.text):
            sentence = " ".join(source.text[start:end].split()).strip("|-*# ")
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


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= LONGEST_SENTENCE else sentence[: LONGEST_SENTENCE - 1].rstrip() + "…"
