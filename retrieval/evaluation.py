"""Retrieval measured on a folder of passages, questions and judgements, as BEIR lays them out.

``corpus.jsonl`` (id, title, text), ``queries.jsonl`` (id, text, perhaps "unanswerable": true) and
``qrels.tsv`` (query-id, corpus-id, relevance, with a header line).
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from rerank.base import Reranker
from rerank.ranking import rank
from retrieval import languages, metrics
from retrieval.embedders.base import Embedder
from retrieval.fusion import fuse
from retrieval.sparse import document_vector, query_vector
from retrieval.stores.base import Hit, Point, VectorStore
from retrieval.stores.edge import EdgeStore

RECALLED = 50
CUTOFFS = (5, 10, 50)
REPORTED = ("hit@5", "mrr@10", "ndcg@10", "recall@5", "recall@50")
NAMESPACE = UUID("6f1c2a4e-52c1-4a58-9d5e-8f8f3f2f6f10")
BATCH = 256


@dataclass(frozen=True, slots=True)
class Dataset:
    """Texts of passages and of questions (those with an answer, those without) by id, and grades."""

    name: str
    texts: dict[str, str]
    queries: dict[str, str]
    unanswerable: dict[str, str]
    qrels: dict[str, dict[str, int]]


@dataclass(slots=True)
class Run:
    """What one pipeline returned: scores by query and passage, and the best score where nothing answers."""

    name: str
    results: dict[str, dict[str, float]] = field(default_factory=dict)
    tops: dict[str, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    def add(self, query: str, scores: dict[str, float], *, top: float, spent_ms: float) -> None:
        self.results[query] = scores
        self.tops[query] = top
        self.latencies.append(spent_ms)


def read_dataset(folder: Path, *, limit: int | None = None) -> Dataset:
    """The folder's set; ``limit`` keeps so many answerable questions, evenly spread, and half as many others.

    Raises OSError, KeyError or ValueError where it is not such a folder.
    """
    passages = _lines(folder / "corpus.jsonl")
    texts = {row["id"]: "\n".join(filter(None, [row.get("title"), row["text"]])) for row in passages}
    queries: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for row in _lines(folder / "queries.jsonl"):
        queries[bool(row.get("unanswerable"))][row["id"]] = row["text"]
    qrels: dict[str, dict[str, int]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        next(file)
        for line in file:
            query, passage, grade = line.split("\t")
            qrels.setdefault(query, {})[passage] = int(grade)
    answerable = spread({id: text for id, text in queries[False].items() if id in qrels}, limit)
    unanswerable = spread(queries[True], None if limit is None else limit // 2)
    return Dataset(folder.name, texts, answerable, unanswerable, {id: qrels[id] for id in answerable})


def spread(queries: dict[str, str], limit: int | None) -> dict[str, str]:
    """At most ``limit`` of them at even distances, always the same ones."""
    if limit is None or len(queries) <= limit:
        return queries
    ids = list(queries)
    return {ids[place]: queries[ids[place]] for place in np.linspace(0, len(ids) - 1, limit).astype(int)}


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


class Index:
    """A data set in an embedded store of its own; passage ids in, passage ids out."""

    def __init__(self, dataset: Dataset, embedder: Embedder, store: VectorStore):
        self._embedder, self._store = embedder, store
        self._ids = {uuid5(NAMESPACE, id): id for id in dataset.texts}
        self.points = {id: point for point, id in self._ids.items()}
        for start in range(0, len(self.points), BATCH):
            self._add([*dataset.texts.items()][start : start + BATCH])

    def _add(self, rows: Sequence[tuple[str, str]]) -> None:
        vectors = self._embedder.embed_documents([text for _, text in rows])
        self._store.upsert(
            [
                Point(
                    id=self.points[id],
                    knowledge_base_id=NAMESPACE,
                    document_id=self.points[id],
                    version=1,
                    dense=vector,
                    sparse=document_vector(text),
                )
                for (id, text), vector in zip(rows, vectors, strict=True)
            ]
        )

    def dense(self, query: str) -> list[Hit]:
        """By vectors; nothing where the query's language is not the embedder's."""
        known, language = self._embedder.languages, languages.detect(query)
        if known is not None and language is not None and language not in known:
            return []
        vector = self._embedder.embed_query(query)
        return self._store.search_dense(vector, knowledge_base_ids=[NAMESPACE], limit=RECALLED)

    def sparse(self, query: str) -> list[Hit]:
        """By BM25."""
        words = query_vector(query)
        if not words.indices:
            return []
        return self._store.search_sparse(words, knowledge_base_ids=[NAMESPACE], limit=RECALLED)

    def named(self, scores: dict[UUID, float]) -> dict[str, float]:
        return {self._ids[id]: score for id, score in scores.items()}


@contextmanager
def indexed(dataset: Dataset, embedder: Embedder) -> Iterator[Index]:
    """The data set in a store that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="evaluate-") as folder:
        store = EdgeStore(Path(folder), embedder.dimension)
        try:
            yield Index(dataset, embedder, store)
        finally:
            store.close()


def evaluate(
    dataset: Dataset,
    *,
    embedders: Sequence[Embedder],
    rerankers: Sequence[Reranker],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """BM25, then for each embedder dense, hybrid, and hybrid with each second stage; ready for JSON."""
    runs: list[Run] = []
    for embedder in embedders:
        suffix = f" ({embedder.name})" if len(embedders) > 1 else ""
        with indexed(dataset, embedder) as index:
            measured = _measure(dataset, index, rerankers, suffix, on_progress)
        runs += measured if not runs else measured[1:]  # BM25 is the same for all embedders
    return {
        "dataset": dataset.name,
        "passages": len(dataset.texts),
        "queries": len(dataset.queries),
        "unanswerable": len(dataset.unanswerable),
        "runs": [summary(run, dataset) for run in runs],
    }


def _measure(
    dataset: Dataset,
    index: Index,
    rerankers: Sequence[Reranker],
    suffix: str,
    on_progress: Callable[[int, int], None],
) -> list[Run]:
    bm25, dense, hybrid = Run("bm25"), Run(f"dense{suffix}"), Run(f"hybrid{suffix}")
    staged = [Run(f"hybrid + {reranker.name}{suffix}") for reranker in rerankers]
    queries = dataset.queries | dataset.unanswerable
    for done, (id, query) in enumerate(queries.items(), 1):
        began = time.perf_counter()
        by_words = index.sparse(query)
        words_ms = _since(began)
        began = time.perf_counter()
        by_vectors = index.dense(query)
        vectors_ms = _since(began)
        fused = fuse(query, dense=by_vectors, sparse=by_words, limit=RECALLED)[:RECALLED]
        recall_ms = words_ms + _since(began)
        for run, found, spent in (
            (bm25, {hit.id: hit.score for hit in by_words}, words_ms),
            (dense, {hit.id: hit.score for hit in by_vectors}, vectors_ms),
            (hybrid, {candidate.id: candidate.score for candidate in fused}, recall_ms),
        ):
            run.add(id, index.named(found), top=max(found.values(), default=0.0), spent_ms=spent)
        recalled = list(hybrid.results[id])
        for run, reranker in zip(staged, rerankers, strict=True):
            began = time.perf_counter()
            rows = rank(reranker, query, [dataset.texts[passage] for passage in recalled])
            scores = {recalled[row.index]: row.score for row in rows if row.score is not None}
            best = rows[0].probability if rows and rows[0].probability is not None else 0.0
            run.add(id, scores, top=best, spent_ms=recall_ms + _since(began))
        on_progress(done, len(queries))
    return [bm25, dense, hybrid, *staged]


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def summary(run: Run, dataset: Dataset) -> dict:
    """Means over answerable questions, latencies, and how well the best score knows the others."""
    answered = {id: run.results[id] for id in dataset.queries}
    means = metrics.mean_scores(answered, dataset.qrels, cutoffs=CUTOFFS)
    p50, p95 = np.percentile(run.latencies, [50, 95]) if run.latencies else (0.0, 0.0)
    report = {
        "name": run.name,
        **{name: round(means.get(name, 0.0), 4) for name in REPORTED},
        "latency_ms": {"p50": round(float(p50), 1), "p95": round(float(p95), 1)},
    }
    if dataset.unanswerable:
        tops = [[run.tops[id] for id in ids] for ids in (dataset.queries, dataset.unanswerable)]
        report["refusal_auroc"] = round(metrics.auroc(*tops), 4)
    return report
