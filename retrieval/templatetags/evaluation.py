"""Figures of evaluation runs, as the pages write them."""

from django import template
from django.utils.translation import gettext_lazy as _

from retrieval.models import EvaluationRun, RunPipeline

register = template.Library()
NOTICES = {
    "dense_unavailable": _("The embedding model does not answer; words alone were searched for."),
    "rerank_unavailable": _("The second stage could not run; the order of recall stands."),
}
LABELS = {"hit": "Hit", "mrr": "MRR", "ndcg": "nDCG", "recall": "Recall", "map": "MAP"}


@register.filter
def mean(pipeline: RunPipeline, name: str) -> float:
    return pipeline.metrics[name]["mean"]


@register.filter
def percent(value: float) -> str:
    return f"{value * 100:.0f}%"


@register.filter
def metric_label(name: str) -> str:
    """ "ndcg@10" -> "nDCG@10"."""
    kind, _, cutoff = name.partition("@")
    return f"{LABELS[kind]}@{cutoff}"


@register.filter
def search_notice(code: str) -> str:
    """What went wrong in a search, as a sentence."""
    return NOTICES.get(code, code)


@register.filter
def at(values, index: int):
    return values[index]


@register.filter
def best_pipeline(run: EvaluationRun) -> RunPipeline | None:
    """The measured pipeline with the highest MRR@10."""
    measured = [pipeline for pipeline in run.pipelines.all() if pipeline.metrics]
    return max(measured, key=lambda pipeline: pipeline.metrics["mrr@10"]["mean"], default=None)
