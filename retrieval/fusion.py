"""Two lists of hits become one: dense vectors and BM25, weighed by what they say, not by rank alone.

Source of the idea: Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid
Retrieval": a convex combination of scores beats reciprocal ranks, for which a sure first place and
a doubtful one are the same. How the weight was fitted: ``docs/retrieval.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from retrieval.sparse import query_vector
from retrieval.stores.base import Hit

DENSE_WEIGHT = 6.0
"""BM25 points for each term of the question that one unit of cosine is worth."""


@dataclass(frozen=True, slots=True)
class Fused:
    """One candidate: its fused score, and its score and rank (from 1) in each list that has it."""

    id: UUID
    score: float
    dense_score: float | None
    dense_rank: int | None
    bm25_score: float | None
    bm25_rank: int | None


def fuse(query: str, *, dense: Sequence[Hit], sparse: Sequence[Hit], limit: int) -> list[Fused]:
    """All candidates of both lists, best first, ties by id. ``limit`` is how many were asked of each list.

    The score is a weighted sum of the cosine and of BM25 for each term of the query: where no term
    is found, as in a question about documents in another language, BM25 hardly counts. What a full
    list does not hold gets its lowest score there, being at most as good; a list that is not full
    holds all there is.
    """
    terms = max(1, len(query_vector(query).indices))
    dense_scores = {hit.id: hit.score for hit in dense}
    sparse_scores = {hit.id: hit.score for hit in sparse}
    dense_ranks = {hit.id: rank for rank, hit in enumerate(dense, 1)}
    sparse_ranks = {hit.id: rank for rank, hit in enumerate(sparse, 1)}
    dense_floor = min(dense_scores.values(), default=0.0)
    sparse_floor = min(sparse_scores.values()) if len(sparse) >= limit else 0.0
    fused = [
        Fused(
            id=id,
            score=DENSE_WEIGHT * dense_scores.get(id, dense_floor)
            + sparse_scores.get(id, sparse_floor) / terms,
            dense_score=dense_scores.get(id),
            dense_rank=dense_ranks.get(id),
            bm25_score=sparse_scores.get(id),
            bm25_rank=sparse_ranks.get(id),
        )
        for id in dense_scores.keys() | sparse_scores.keys()
    ]
    return sorted(fused, key=lambda candidate: (-candidate.score, candidate.id))
