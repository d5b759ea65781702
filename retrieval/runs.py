"""Services for evaluation runs: start, execute, cancel, and put the winner to use.

A run's rows are the truth: a worker claims it, renews its heartbeat with each question, and skips
what is already answered, so that a run which lost its worker goes on where it stood.
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ingestion.models import Document, KnowledgeBase
from retrieval import metrics
from retrieval.models import EvaluationRun, Question, QuestionResult, QuestionSet, RunPipeline
from retrieval.passages import Passage, SearchOptions
from retrieval.question_sets import relevant_chunks
from retrieval.search import search

log = logging.getLogger(__name__)

Recall = Literal["hybrid", "dense", "bm25"]
LEASE = timedelta(minutes=5)
SHOWN_HITS = 10
CUTOFFS = (1, 3, 5, 10, 50)
STAGES = ("embed", "recall", "rerank", "context")
UNFINISHED = (EvaluationRun.Status.QUEUED, EvaluationRun.Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``recall`` is "bm25", "dense" or "hybrid"; ``reranker`` a name, empty for none."""

    recall: str = "hybrid"
    reranker: str = ""


def start_run(*, question_set: QuestionSet, user, pipelines: Sequence[Pipeline]) -> EvaluationRun:
    """A queued run of the given pipelines; its task is sent when the transaction commits."""
    from retrieval.tasks import run_evaluation

    with transaction.atomic():
        run = EvaluationRun.objects.create(question_set=question_set, created_by=user)
        RunPipeline.objects.bulk_create(
            RunPipeline(run=run, ordinal=ordinal, recall=pipeline.recall, reranker=pipeline.reranker)
            for ordinal, pipeline in enumerate(dict.fromkeys(pipelines))
        )
        transaction.on_commit(lambda: run_evaluation.delay(str(run.pk)), robust=True)
    return run


def cancel_run(*, run: EvaluationRun) -> None:
    """What was measured stays; the worker stops before its next question."""
    EvaluationRun.objects.filter(pk=run.pk, status__in=UNFINISHED).update(
        status=EvaluationRun.Status.CANCELLED, finished_at=timezone.now()
    )


def progress(run: EvaluationRun) -> float:
    """0..1: questions asked of those that all pipelines will be asked."""
    total = run.question_set.questions.filter(is_accepted=True).count() * run.pipelines.count()
    done = QuestionResult.objects.filter(pipeline__run=run).count()
    return min(done / total, 1.0) if total else 0.0


def unfinished_runs() -> list[UUID]:
    """Runs that nobody works on: queued, or running without a heartbeat for a lease."""
    return list(
        EvaluationRun.objects.filter(status__in=UNFINISHED)
        .filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=timezone.now() - LEASE))
        .values_list("pk", flat=True)
    )


def execute_run(run_id: UUID) -> None:
    """Measure every pipeline on every question.

    Does nothing where another worker holds the run. Waits while documents are still being read or
    indexed, since their passages could not be found: `unfinished_runs` names the run again later.
    """
    if _documents_unfinished(run_id):
        return
    claimed = (
        EvaluationRun.objects.filter(pk=run_id, status__in=UNFINISHED)
        .filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=timezone.now() - LEASE))
        .update(status=EvaluationRun.Status.RUNNING, heartbeat_at=timezone.now())
    )
    if not claimed:
        return
    run = EvaluationRun.objects.select_related("question_set__knowledge_base").get(pk=run_id)
    try:
        finished = _measure(run)
    except Exception as error:
        log.exception("evaluation run %s failed", run_id)
        EvaluationRun.objects.filter(pk=run_id, status=EvaluationRun.Status.RUNNING).update(
            status=EvaluationRun.Status.FAILED, error=type(error).__name__, finished_at=timezone.now()
        )
        return
    if finished:
        EvaluationRun.objects.filter(pk=run_id, status=EvaluationRun.Status.RUNNING).update(
            status=EvaluationRun.Status.DONE, finished_at=timezone.now()
        )


def _documents_unfinished(run_id: UUID) -> bool:
    return (
        Document.objects.alive()
        .filter(knowledge_base__question_sets__runs=run_id)
        .exclude(status__in=(Document.Status.READY, Document.Status.FAILED))
        .exists()
    )


def _measure(run: EvaluationRun) -> bool:
    """True when every question was asked of every pipeline, False when the run was cancelled."""
    knowledge_base = run.question_set.knowledge_base
    questions = list(run.question_set.questions.filter(is_accepted=True).select_related("document"))
    relevant = relevant_chunks(questions, knowledge_base)
    for pipeline in run.pipelines.all():
        done = set(pipeline.results.values_list("question_id", flat=True))
        for question in questions:
            if question.pk in done:
                continue
            alive = EvaluationRun.objects.filter(pk=run.pk, status=EvaluationRun.Status.RUNNING).update(
                heartbeat_at=timezone.now()
            )
            if not alive:
                return False
            _ask(pipeline, question, knowledge_base, relevant[question.pk])
        pipeline.metrics = summary(pipeline)
        pipeline.save(update_fields=["metrics", "notice"])
    return True


def _ask(
    pipeline: RunPipeline, question: Question, knowledge_base: KnowledgeBase, relevant: set[UUID]
) -> None:
    options = SearchOptions(
        top_n=max(CUTOFFS),
        recall_limit=max(max(CUTOFFS), knowledge_base.recall_limit),
        rerank=bool(pipeline.reranker),
        reranker=pipeline.reranker or None,
        threshold=-math.inf,
        recall=cast(Recall, pipeline.recall),
    )
    began = time.perf_counter()
    result = search(question.text, knowledge_bases=[knowledge_base], options=options)
    elapsed = (time.perf_counter() - began) * 1000
    if result.notices:
        pipeline.notice = result.notices[0]
    ranked = result.passages
    final = [rank for rank, passage in enumerate(ranked, 1) if passage.chunk.pk in relevant]
    recalled = [passage.recall_rank for passage in ranked if passage.chunk.pk in relevant]
    QuestionResult.objects.update_or_create(
        pipeline=pipeline,
        question=question,
        defaults={
            "recall_rank": min(recalled, default=None),
            "final_rank": min(final, default=None),
            "ranking": [str(passage.chunk.pk) for passage in ranked],
            "relevant": sorted(str(chunk) for chunk in relevant),
            "hits": [_shown(passage, relevant) for passage in ranked[:SHOWN_HITS]],
            "raw_scores": [passage.rerank_raw for passage in ranked],
            "latency_ms": elapsed,
            "timings_ms": {stage: result.timings_ms[stage] for stage in STAGES if stage in result.timings_ms},
        },
    )


def _shown(passage: Passage, relevant: set[UUID]) -> dict:
    return {
        "chunk": str(passage.chunk.pk),
        "document": passage.chunk.document.name,
        "page": passage.chunk.page,
        "relevant": passage.chunk.pk in relevant,
        "recall_rank": passage.recall_rank,
        "dense_rank": passage.dense_rank,
        "bm25_rank": passage.bm25_rank,
        "recall_score": passage.recall_score,
        "rerank_score": passage.rerank_score,
        "text": passage.chunk.text[:300],
    }


def scores(pipeline: RunPipeline, *, questions: Sequence[int] | None = None) -> dict[str, np.ndarray]:
    """Metric name -> [questions] values, in the order of question ids; of all questions, or those named.

    A question whose passage is nowhere in the documents counts as missed.
    """
    results = pipeline.results.order_by("question_id")
    if questions is not None:
        results = results.filter(question_id__in=questions)
    rows = results.values_list("ranking", "relevant", "latency_ms")
    per_question: dict[str, list[float]] = {}
    for ranking, relevant, latency in rows:
        run = {chunk: float(-position) for position, chunk in enumerate(ranking)}
        values = metrics.score_query(run, dict.fromkeys(relevant, 1), cutoffs=CUTOFFS)
        for name, value in {**values, "latency_ms": latency}.items():
            per_question.setdefault(name, []).append(value)
    return {name: np.asarray(values) for name, values in per_question.items()}


def summary(pipeline: RunPipeline) -> dict:
    """Means with bootstrap 95% intervals; p50 and p95 in ms of the whole search and of each stage."""
    values = scores(pipeline)
    latency = values.pop("latency_ms", np.zeros(1))
    table = {name: interval(sample) for name, sample in values.items()}
    spent = list(pipeline.results.values_list("timings_ms", flat=True))
    stages = {name: [timings[name] for timings in spent if name in timings] for name in STAGES}
    return {
        **table,
        "latency_ms": percentiles(latency),
        "stages_ms": {name: percentiles(sample) for name, sample in stages.items() if sample},
    }


def percentiles(sample: Sequence[float] | np.ndarray) -> dict[str, float]:
    """{"p50", "p95"} in the sample's unit."""
    p50, p95 = np.percentile(sample, [50, 95])
    return {"p50": float(p50), "p95": float(p95)}


def interval(sample: np.ndarray, *, resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """{"mean", "low", "high"}: percentile bootstrap over questions (Efron & Tibshirani 1993)."""
    if not sample.size:
        return {"mean": 0.0, "low": 0.0, "high": 0.0}
    draws = np.random.default_rng(seed).integers(0, sample.size, (resamples, sample.size))
    low, high = np.percentile(sample[draws].mean(axis=1), [2.5, 97.5])
    return {"mean": float(sample.mean()), "low": float(low), "high": float(high)}


def paired_p_value(ours: np.ndarray, theirs: np.ndarray, *, flips: int = 5000, seed: int = 0) -> float:
    """Two-sided paired randomisation test (Fisher) of the mean difference; 1.0 where all are equal."""
    difference = ours - theirs
    observed = abs(difference.mean()) if difference.size else 0.0
    if observed == 0:
        return 1.0
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (flips, difference.size))
    extreme = np.count_nonzero(np.abs((signs * difference).mean(axis=1)) >= observed - 1e-12)
    return (extreme + 1) / (flips + 1)


def use_pipeline(*, pipeline: RunPipeline) -> None:
    """Give the run's knowledge base this pipeline's second stage; another reranker's threshold goes."""
    knowledge_base = pipeline.run.question_set.knowledge_base
    if knowledge_base.reranker != pipeline.reranker:
        knowledge_base.reranker, knowledge_base.threshold = pipeline.reranker, None
        knowledge_base.save(update_fields=["reranker", "threshold"])
