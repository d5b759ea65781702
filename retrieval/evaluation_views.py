"""Pages that measure retrieval: question sets, runs, and what each question came to."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from retrieval import calibration_views, question_sets, run_report, runs
from retrieval.evaluation_forms import ImportForm, QuestionForm, QuestionSetForm, RunForm
from retrieval.forms import reranker_choices
from retrieval.models import EvaluationRun, Question, QuestionSet, RunPipeline
from retrieval.open_one import open_one
from teams.requests import MemberRequest

EXPORTS = {
    "csv": ("text/csv; charset=utf-8", run_report.as_csv),
    "md": ("text/markdown; charset=utf-8", run_report.as_markdown),
}
SHOWN_QUESTIONS = 500


@login_required
@require_GET
def index(request: MemberRequest) -> HttpResponse:
    sets = (
        QuestionSet.objects.visible_to(request.user)
        .select_related("knowledge_base__team")
        .annotate(question_count=Count("questions", filter=Q(questions__is_accepted=True)))
    )
    last = (
        EvaluationRun.objects.filter(question_set=OuterRef("pk"), status=EvaluationRun.Status.DONE)
        .order_by("-created_at")
        .values("pk")[:1]
    )
    measured = RunPipeline.objects.filter(
        run__in=sets.annotate(last=Subquery(last)).values("last")
    ).select_related("run")
    best = {pipeline.run.question_set_id: pipeline for pipeline in sorted(measured, key=run_report.headline)}
    cards = [{"set": found, "best": best.get(found.pk)} for found in sets]
    return render(request, "evaluation/index.html", {"cards": cards})


@login_required
@require_http_methods(["GET", "POST"])
def create_set(request: MemberRequest) -> HttpResponse:
    form = QuestionSetForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        created = question_sets.create_question_set(
            knowledge_base=form.cleaned_data["knowledge_base"],
            user=request.user,
            name=form.cleaned_data["name"],
        )
        return redirect("evaluation:question_set", created.pk)
    return render(request, "evaluation/create_set.html", {"form": form})


@login_required
@require_GET
def question_set(request: MemberRequest, pk: UUID) -> HttpResponse:
    return _set_page(request, open_one(QuestionSet.objects, pk, request.user))


def rerankers_of(found: QuestionSet) -> list[tuple[str, str]]:
    """What may be the second stage of a run: built in, on this machine, or the team's own."""
    return reranker_choices(list(found.knowledge_base.team.model_connections.all()))


def _set_page(request: MemberRequest, found: QuestionSet, *, status: int = 200, **forms) -> HttpResponse:
    shown_runs = list(found.runs.prefetch_related("pipelines")[:20])
    context = {
        "set": found,
        "is_editable": QuestionSet.objects.editable_by(request.user).filter(pk=found.pk).exists(),
        "questions": found.questions.filter(is_accepted=True).select_related("document")[:SHOWN_QUESTIONS],
        "drafts": found.questions.filter(is_accepted=False).select_related("document")[:SHOWN_QUESTIONS],
        "question_count": found.questions.filter(is_accepted=True).count(),
        "runs": shown_runs,
        "history": run_report.history(shown_runs),
        "question_form": QuestionForm(knowledge_base=found.knowledge_base),
        "import_form": ImportForm(),
        "run_form": RunForm(rerankers=rerankers_of(found)),
        **forms,
    }
    return render(request, "evaluation/question_set.html", context, status=status)


@login_required
@require_POST
def add_question(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = open_one(QuestionSet.objects, pk, request.user, editing=True)
    form = QuestionForm(request.POST, knowledge_base=found.knowledge_base)
    if form.is_valid():
        try:
            question_sets.add_question(question_set=found, **form.cleaned_data)
        except question_sets.QuestionRefused as refusal:
            form.add_error("quote", str(refusal))
        else:
            return redirect("evaluation:question_set", pk)
    return _set_page(request, found, status=422, question_form=form)


@login_required
@require_POST
def import_questions(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = open_one(QuestionSet.objects, pk, request.user, editing=True)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _set_page(request, found, status=422, import_form=form)
    upload = form.cleaned_data["file"]
    try:
        report = question_sets.import_questions(question_set=found, name=upload.name, content=upload.read())
    except question_sets.QuestionRefused as refusal:
        form.add_error("file", str(refusal))
        return _set_page(request, found, status=422, import_form=form)
    messages.success(
        request,
        ngettext("%(count)s question was added.", "%(count)s questions were added.", report.added)
        % {"count": report.added},
    )
    for line, reason in report.skipped[:10]:
        messages.warning(
            request, _("Line %(line)s was left out: %(reason)s") % {"line": line, "reason": reason}
        )
    return redirect("evaluation:question_set", pk)


@login_required
@require_POST
def delete_set(request: MemberRequest, pk: UUID) -> HttpResponse:
    open_one(QuestionSet.objects, pk, request.user, editing=True).delete()
    return redirect("evaluation:index")


@login_required
@require_POST
def delete_question(request: MemberRequest, pk: int) -> HttpResponse:
    question = get_object_or_404(Question.objects.select_related("question_set"), pk=pk)
    found = open_one(QuestionSet.objects, question.question_set_id, request.user, editing=True)
    question.delete()
    return redirect("evaluation:question_set", found.pk)


@login_required
@require_POST
def start_run(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = open_one(QuestionSet.objects, pk, request.user, editing=True)
    form = RunForm(request.POST, rerankers=rerankers_of(found))
    if not form.is_valid():
        return _set_page(request, found, status=422, run_form=form)
    started = runs.start_run(question_set=found, user=request.user, pipelines=form.chosen())
    return redirect("evaluation:run", started.pk)


@login_required
@require_GET
def run(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The run's page; htmx asks again for the fragment while it goes on."""
    found = open_one(EvaluationRun.objects.select_related("question_set__knowledge_base"), pk, request.user)
    table = run_report.rows(found)
    context = {
        "run": found,
        "set": found.question_set,
        "is_editable": EvaluationRun.objects.editable_by(request.user).filter(pk=pk).exists(),
        "unfinished": found.status in runs.UNFINISHED,
        "progress": runs.progress(found),
        "question_count": found.question_set.questions.filter(is_accepted=True).count(),
        "columns": run_report.COLUMNS,
        "rows": table,
        "best": next((row for row in table if row.is_best), None),
        "plot": run_report.plot(table),
        "cutoffs": runs.CUTOFFS,
        "figures": run_report.all_figures(table),
        "stages": run_report.stage_times(table),
        "changes": [] if found.status in runs.UNFINISHED else run_report.changes(found),
        "calibrations": [] if found.status in runs.UNFINISHED else calibration_views.shown(found),
    }
    return render(request, "evaluation/_run.html" if request.htmx else "evaluation/run.html", context)


@login_required
@require_GET
def drill_down(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = open_one(EvaluationRun.objects.select_related("question_set__knowledge_base"), pk, request.user)
    pipelines = list(found.pipelines.all())
    if not pipelines:
        raise Http404
    chosen = _pipeline(request.GET.get("pipeline"), pipelines) or pipelines[-1]
    against = _pipeline(request.GET.get("against"), pipelines)
    only = request.GET.get("only", "")
    context = {
        "run": found,
        "set": found.question_set,
        "pipelines": pipelines,
        "chosen": chosen,
        "against": against,
        "only": only,
        "results": run_report.drill_down(chosen, against, only),
    }
    return render(request, "evaluation/drill_down.html", context)


def _pipeline(asked: str | None, pipelines: list[RunPipeline]) -> RunPipeline | None:
    return next((pipeline for pipeline in pipelines if str(pipeline.pk) == asked), None)


@login_required
@require_GET
def export(request: MemberRequest, pk: UUID, form: str) -> HttpResponse:
    found = open_one(EvaluationRun.objects, pk, request.user)
    if form not in EXPORTS:
        raise Http404
    content_type, write = EXPORTS[form]
    response = HttpResponse(write(found), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="evaluation-{found.created_at:%Y-%m-%d}.{form}"'
    return response


@login_required
@require_POST
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = open_one(EvaluationRun.objects, pk, request.user, editing=True)
    runs.cancel_run(run=found)
    return redirect("evaluation:run", pk)


@login_required
@require_POST
def use(request: MemberRequest, pk: int) -> HttpResponse:
    """Make this pipeline's second stage that of the knowledge base."""
    pipeline = get_object_or_404(
        RunPipeline.objects.select_related("run__question_set__knowledge_base"), pk=pk
    )
    found = open_one(EvaluationRun.objects, pipeline.run_id, request.user, editing=True)
    if pipeline.recall != "hybrid":
        raise Http404
    runs.use_pipeline(pipeline=pipeline)
    messages.success(request, _("“%(name)s” is used from now on.") % {"name": pipeline.name})
    return redirect("evaluation:run", found.pk)
