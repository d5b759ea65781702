"""What the model reads around a passage: its neighbours in the document, within a budget."""

from collections.abc import Sequence

from django.db.models import Q

from ingestion.models import Chunk
from retrieval.passages import Passage

BUDGET_TOKENS = 1200
"""Tokens of neighbours for all passages of a search together."""
REACH = 1
"""Chunks to each side."""
SEPARATOR = "\n\n"
Place = tuple[object, int, int]


def add_context(passages: Sequence[Passage], *, budget: int = BUDGET_TOKENS) -> None:
    """Fill each passage's ``context``: the chunk, then what follows and what precedes it while tokens last.

    The best passage is served first. No chunk is given twice: not one that is a passage itself, nor
    one that already stands beside another.
    """
    around = _neighbours(passages)
    given = {_place(passage.chunk) for passage in passages}
    for passage in passages:
        chunk = passage.chunk
        parts = [chunk]
        for step in (1, -1):
            place = (chunk.document_id, chunk.version, chunk.ordinal + step * REACH)
            neighbour = around.get(place)
            if neighbour is None or place in given or neighbour.tokens > budget:
                continue
            given.add(place)
            budget -= neighbour.tokens
            parts.insert(len(parts) if step > 0 else 0, neighbour)
        passage.context = joined(parts)


def joined(chunks: Sequence[Chunk]) -> str:
    """The texts of chunks that follow each other; what two of them share is given once."""
    text, end = chunks[0].text, chunks[0].end
    for chunk in chunks[1:]:
        shared = end - chunk.start
        exact = len(chunk.text) == chunk.end - chunk.start  # else it repeats a table's header
        text += chunk.text[shared:] if shared > 0 and exact else SEPARATOR + chunk.text
        end = max(end, chunk.end)
    return text


def _place(chunk: Chunk) -> Place:
    return chunk.document_id, chunk.version, chunk.ordinal


def _neighbours(passages: Sequence[Passage]) -> dict[Place, Chunk]:
    places = Q(pk=None)
    for passage in passages:
        chunk = passage.chunk
        ordinals = (chunk.ordinal - REACH, chunk.ordinal + REACH)
        places |= Q(document=chunk.document_id, version=chunk.version, ordinal__in=ordinals)
    return {_place(chunk): chunk for chunk in Chunk.objects.filter(places)}
