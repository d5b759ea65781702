"""Two lists of hits become one: dense vectors and BM25, weighed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from retrieval.sparse import query_vector
from retrieval.stores.base import Hit

DENSE_WEIGHT = 1.0
BM25_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Fused:
    """One candidate: its fused score, and its score and rank (from 1) in each list that has it."""

    id: UUID
    score: float
    dense_score: float | None
    dense_rank: int | None
    bm25_score: float | None
    bm25_rank: int | None


def fuse(query: str, *, dense: Sequence[Hit], sparse: Sequence[Hit]) -> list[Fused]:
    """All candidates of both lists, best first, ties by id.

    The score is a weighted sum of cosine and of BM25 for each term of the query. What a list does not
    hold gets that list's lowest score there: it is at most as good.
    """
    terms = max(1, len(query_vector(query).indices))
    dense_scores = {hit.id: hit.score for hit in dense}
    sparse_scores = {hit.id: hit.score for hit in sparse}
    dense_ranks = {hit.id: rank for rank, hit in enumerate(dense, 1)}
    sparse_ranks = {hit.id: rank for rank, hit in enumerate(sparse, 1)}
    least_dense = min(dense_scores.values(), default=0.0)
    least_sparse = min(sparse_scores.values(), default=0.0)
    fused = [
        Fused(
            id=id,
            score=DENSE_WEIGHT * dense_scores.get(id, least_dense)
            + BM25_WEIGHT * sparse_scores.get(id, least_sparse) / terms,
            dense_score=dense_scores.get(id),
            dense_rank=dense_ranks.get(id),
            bm25_score=sparse_scores.get(id),
            bm25_rank=sparse_ranks.get(id),
        )
        for id in dense_scores.keys() | sparse_scores.keys()
    ]
    return sorted(fused, key=lambda candidate: (-candidate.score, candidate.id))
