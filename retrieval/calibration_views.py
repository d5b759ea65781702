"""The fitted scale of each reranker of a run: shown, and put to use."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from retrieval import calibration
from retrieval.models import EvaluationRun, RunPipeline
from retrieval.open_one import open_one
from teams.requests import MemberRequest

LEFT, RIGHT, TOP, BOTTOM = 34.0, 310.0, 12.0, 130.0
"""Where the axes of the curve lie; templates/evaluation/_calibration.html draws the same."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A pipeline's calibration, with its curve and its threshold in the plot's units."""

    pipeline: RunPipeline
    fitted: calibration.Calibration
    points: str
    threshold_y: str
    in_use: bool


def shown(run: EvaluationRun) -> list[Shown]:
    """One for each reranker of the run that could be calibrated on it."""
    own = run.question_set.knowledge_base
    listed = []
    for pipeline in run.pipelines.all():
        fitted = calibration.of_pipeline(pipeline)
        if fitted is None:
            continue
        width = (fitted.highest - fitted.lowest) or 1.0
        points = " ".join(
            f"{LEFT + (score - fitted.lowest) / width * (RIGHT - LEFT):.1f},{_place(chance):.1f}"
            for score, chance in fitted.curve()
        )
        saved = own.calibrations.get(pipeline.reranker, {}) if own.reranker == pipeline.reranker else {}
        in_use = saved.get("slope") == fitted.platt.slope and own.threshold == fitted.threshold
        listed.append(Shown(pipeline, fitted, points, f"{_place(fitted.threshold):.1f}", in_use))
    return listed


def _place(chance: float) -> float:
    return BOTTOM - chance * (BOTTOM - TOP)


@login_required
@require_POST
def use(request: MemberRequest, pk: int) -> HttpResponse:
    """Give the knowledge base this reranker with its calibration and threshold."""
    pipeline = get_object_or_404(
        RunPipeline.objects.select_related("run__question_set__knowledge_base"), pk=pk
    )
    found = open_one(EvaluationRun.objects, pipeline.run_id, request.user, editing=True)
    fitted = calibration.of_pipeline(pipeline)
    if fitted is None or found.status != EvaluationRun.Status.DONE:
        raise Http404
    calibration.use(pipeline=pipeline, calibration=fitted)
    messages.success(request, _("“%(name)s” is used from now on.") % {"name": pipeline.name})
    return redirect("evaluation:run", found.pk)
