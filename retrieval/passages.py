"""What a search returns."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from ingestion.models import Chunk


@dataclass(slots=True)
class Passage:
    """A chunk that was found, with where it stood in each stage (ranks from 1, None: not in that list).

    ``recall_score`` is the fused score; ``rerank_score`` a probability where the reranker is
    calibrated, else its raw score; ``rerank_raw`` the score as the reranker gave it; both None where
    the second stage did not run.
    ``context`` is what the model reads: the chunk, and its neighbours where the budget allows.
    """

    chunk: Chunk
    recall_score: float
    recall_rank: int
    dense_score: float | None = None
    dense_rank: int | None = None
    bm25_score: float | None = None
    bm25_rank: int | None = None
    rerank_score: float | None = None
    rerank_raw: float | None = None
    context: str = ""


@dataclass(slots=True)
class SearchResult:
    """``passages`` best first, at most top_n, none under the threshold; ``closest`` the best that
    were under it (what a refusal offers); ``notices`` codes such as "rerank_unavailable"."""

    passages: list[Passage]
    closest: list[Passage]
    timings_ms: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    reranker: str = ""
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """None takes the first knowledge base's own setting.

    ``recall`` leaves one list out ("dense" or "bm25" alone), for comparisons.
    """

    top_n: int | None = None
    recall_limit: int | None = None
    rerank: bool = True
    reranker: str | None = None
    threshold: float | None = None
    document_ids: tuple[UUID, ...] = ()
    recall: Literal["hybrid", "dense", "bm25"] = "hybrid"
