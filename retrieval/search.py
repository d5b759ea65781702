"""Two-stage search: recall by vectors and by words, fusion, the database's word, then the reranker."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db.models import F

from ingestion.models import Chunk, KnowledgeBase
from rerank.base import Reranker, RerankerUnavailable
from rerank.ranking import rank
from retrieval import calibration, languages
from retrieval.connections import embedder_for, reranker_for
from retrieval.context import add_context
from retrieval.embedders.base import Embedder, EmbedderUnavailable
from retrieval.fusion import fuse
from retrieval.passages import Passage, SearchOptions, SearchResult
from retrieval.sparse import query_vector
from retrieval.stores import all_stores, get_store
from retrieval.stores.base import Hit, VectorStore, best

logger = logging.getLogger(__name__)

MOST_RECALLED = 500
DOCUMENT_FILTER_REACH = 4
"""Where only some documents are asked, this many times the limit is recalled: the stores do not know
about documents asked for, and the database sorts the others out."""


def search(
    query: str, *, knowledge_bases: Sequence[KnowledgeBase], options: SearchOptions = SearchOptions()
) -> SearchResult:
    """The passages of ``knowledge_bases`` that answer ``query``, best first.

    The caller passes knowledge bases that the person may read. Where a part fails the rest answers:
    notices "dense_unavailable" (BM25 alone recalled), "rerank_unavailable" (the order is the recall's,
    without a threshold) and "rerank_cut" (RERANK_TIMEOUT_S passed: what was not scored follows in the
    recall's order). Raises StoreUnavailable where nothing can be recalled.
    """
    result = SearchResult(passages=[], closest=[])
    began = time.perf_counter()
    if not query.strip() or not knowledge_bases:
        return result
    first = knowledge_bases[0]
    top_n = options.top_n or first.top_n
    limit = min(options.recall_limit or first.recall_limit, MOST_RECALLED)
    with _timed(result, "recall"):
        found = [
            passage
            for group in _by_embedder(knowledge_bases)
            for passage in _recall(query, group, limit=limit, options=options, result=result)
        ]
        recalled = _first_of_each_text(found)[:limit]
        for position, passage in enumerate(recalled, 1):
            passage.recall_rank = position
    ranked = _rerank(query, recalled, knowledge_base=first, options=options, result=result)
    _cut(ranked, top_n=top_n, result=result)
    with _timed(result, "context"):
        add_context(result.passages or result.closest)
    # The question is embedded in the middle of recall: taken out, so that the stages add up.
    result.timings_ms["recall"] -= result.timings_ms.get("embed", 0.0)
    result.timings_ms["search"] = (time.perf_counter() - began) * 1000
    return result


@contextmanager
def _timed(result: SearchResult, stage: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        spent = (time.perf_counter() - began) * 1000
        result.timings_ms[stage] = result.timings_ms.get(stage, 0.0) + spent


def _by_embedder(knowledge_bases: Sequence[KnowledgeBase]) -> list[list[KnowledgeBase]]:
    groups: dict[str, list[KnowledgeBase]] = {}
    for knowledge_base in knowledge_bases:
        groups.setdefault(knowledge_base.embedder, []).append(knowledge_base)
    return list(groups.values())


def _recall(
    query: str,
    group: Sequence[KnowledgeBase],
    *,
    limit: int,
    options: SearchOptions,
    result: SearchResult,
) -> list[Passage]:
    """One embedder's knowledge bases: both lists, without what the database does not confirm, fused."""
    ids = [knowledge_base.pk for knowledge_base in group]
    reach = limit * DOCUMENT_FILTER_REACH if options.document_ids else limit
    dense: list[Hit] = []
    stores: list[VectorStore] = []
    try:
        embedder = embedder_for(group[0])
        stores = [get_store(embedder)]
        if options.recall != "bm25" and _has_vote(embedder, query):
            with _timed(result, "embed"):
                vector = embedder.embed_query(query)
            dense = stores[0].search_dense(vector, knowledge_base_ids=ids, limit=reach)
    except EmbedderUnavailable as error:
        logger.warning("No vectors for this search: %s", error)
        _notice(result, "dense_unavailable")
        stores = stores or all_stores()  # without the embedder nobody knows which store is its own
    sparse: list[Hit] = []
    if options.recall != "dense" or not dense:
        words = query_vector(query)
        hits = (
            hit for store in stores for hit in store.search_sparse(words, knowledge_base_ids=ids, limit=reach)
        )
        # While an embedder is changed a chunk is in two stores.
        sparse = best({hit.id: hit for hit in hits}.values(), reach) if words.indices else []
    fused = fuse(query, dense=dense, sparse=sparse, limit=reach)
    chunks = _hydrate({candidate.id for candidate in fused}, ids, document_ids=options.document_ids)
    return [
        Passage(
            chunk=chunks[candidate.id],
            recall_score=candidate.score,
            recall_rank=0,
            dense_score=candidate.dense_score,
            dense_rank=candidate.dense_rank,
            bm25_score=candidate.bm25_score,
            bm25_rank=candidate.bm25_rank,
        )
        for candidate in fused
        if candidate.id in chunks
    ]


def _has_vote(embedder: Embedder, query: str) -> bool:
    language = languages.detect(query)
    return embedder.languages is None or language is None or language in embedder.languages


def _notice(result: SearchResult, code: str) -> None:
    if code not in result.notices:
        result.notices.append(code)


def _hydrate(
    chunk_ids: set[UUID], knowledge_base_ids: Sequence[UUID], *, document_ids: Sequence[UUID]
) -> dict[UUID, Chunk]:
    """Rows of what was found: of a document that is alive, in its live version, where it was looked for.

    The index may be behind the database; the database decides.
    """
    rows = Chunk.objects.filter(
        pk__in=chunk_ids,
        version=F("document__live_version"),
        document__deleted_at=None,
        document__knowledge_base__in=knowledge_base_ids,
        document__knowledge_base__deleted_at=None,
    )
    if document_ids:
        rows = rows.filter(document__in=document_ids)
    return {chunk.pk: chunk for chunk in rows.select_related("document")}


def _first_of_each_text(passages: Sequence[Passage]) -> list[Passage]:
    """Best first; of passages with the same text, white space aside, the best alone."""
    ordered = sorted(passages, key=lambda passage: (-passage.recall_score, passage.chunk.pk))
    kept: dict[str, Passage] = {}
    for passage in ordered:
        kept.setdefault(" ".join(passage.chunk.text.split()), passage)
    return list(kept.values())


def _rerank(
    query: str,
    recalled: list[Passage],
    *,
    knowledge_base: KnowledgeBase,
    options: SearchOptions,
    result: SearchResult,
) -> list[Passage]:
    """``recalled`` in the second stage's order, scores filled in; as it was where that is not to be had."""
    name = knowledge_base.reranker if options.reranker is None else options.reranker
    if not options.rerank or not name or not recalled:
        return recalled
    with _timed(result, "rerank"):
        try:
            reranker = reranker_for(name, knowledge_base=knowledge_base)
            rows = rank(
                reranker,
                query,
                [passage.chunk.embedded_text for passage in recalled],
                timeout_s=settings.RERANK_TIMEOUT_S or None,
            )
        except RerankerUnavailable as error:
            logger.warning("No second stage for this search: %s", error)
            _notice(result, "rerank_unavailable")
            return recalled
    if name in knowledge_base.calibrations:
        rows = calibration.apply(rows, knowledge_base.calibrations[name])
    for row in rows:
        passage = recalled[row.index]
        passage.rerank_raw = row.score
        passage.rerank_score = row.score if row.probability is None else row.probability
    if any(row.score is None for row in rows):
        _notice(result, "rerank_cut")
    result.reranker = name
    if any(row.probability is not None for row in rows):  # no line can be drawn through bare grades
        result.threshold = _threshold(name, reranker, knowledge_base, options)
    return [recalled[row.index] for row in rows]


def _threshold(
    name: str, reranker: Reranker, knowledge_base: KnowledgeBase, options: SearchOptions
) -> float | None:
    """The caller's, else the knowledge base's where it names this reranker, else the calibration's or the
    reranker's own.

    A threshold means something for one reranker only, so a knowledge base's is not carried to another.
    """
    if options.threshold is not None:
        return options.threshold
    own = options.reranker is None or options.reranker == knowledge_base.reranker
    if own and knowledge_base.threshold is not None:
        return knowledge_base.threshold
    if name in knowledge_base.calibrations:
        return knowledge_base.calibrations[name]["threshold"]
    return reranker.threshold


def _cut(ranked: list[Passage], *, top_n: int, result: SearchResult) -> None:
    """The best ``top_n``, those under the threshold apart."""
    threshold = result.threshold
    if threshold is None:
        result.passages = ranked[:top_n]
        return

    def is_enough(passage: Passage) -> bool:
        # What a deadline left unscored is neither known to answer nor known not to.
        return passage.rerank_score is None or passage.rerank_score >= threshold

    result.passages = [passage for passage in ranked if is_enough(passage)][:top_n]
    result.closest = [passage for passage in ranked if not is_enough(passage)][:top_n]
