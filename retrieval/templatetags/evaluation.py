"""Figures of evaluation runs, as the pages write them."""

from django import template
from django.utils.translation import gettext_lazy as _

from retrieval import run_report
from retrieval.models import EvaluationRun, RunPipeline

register = template.Library()
NOTICES = {
    "dense_unavailable": _("The embedding model does not answer; words alone were searched for."),
    "rerank_unavailable": _("The second stage could not run; the order of recall stands."),
    "rerank_cut": _("The second stage ran out of time; what it did not reach is in the order of recall."),
}
DRAFT_ERRORS = {
    "llm_missing": _(
        "There is no language model to draft with: set one up under Models, or fetch the small one."
    ),
    "llm_slow": _("The language model did not answer in time; what it drafted before is kept."),
    "llm_failed": _("The language model failed; what it drafted before is kept."),
}
STAGES = {
    "embed": _("Embedding the question"),
    "recall": _("First stage: recall"),
    "rerank": _("Second stage: rerank"),
    "context": _("Gathering the surroundings"),
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
def kind_label(kind: str) -> str:
    """ "ndcg" -> "nDCG"."""
    return LABELS[kind]


@register.filter
def stage_label(stage: str) -> str:
    return str(STAGES.get(stage, stage))


@register.filter
def hundred(value: float) -> str:
    """A share of 0..1 on a scale of 0..100, as SVG writes numbers."""
    return f"{value * 100:.1f}"


@register.filter
def mark_place(value: float) -> str:
    """Left edge of a mark four wide that lies on the scale of `hundred` and does not leave it."""
    return f"{value * 96:.1f}"


@register.filter
def draft_error(code: str) -> str:
    """Why the model drafts no more, as a sentence."""
    return str(DRAFT_ERRORS.get(code, code))


@register.filter
def search_notice(code: str) -> str:
    """What went wrong in a search, as a sentence."""
    return str(NOTICES.get(code, code))


@register.filter
def at(values, index: int):
    return values[index]


@register.filter
def best_pipeline(run: EvaluationRun) -> RunPipeline | None:
    return run_report.best_pipeline(run)
