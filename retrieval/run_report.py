"""An evaluation run as people read it: the table, the plot, what changed, and two exports."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from retrieval.models import EvaluationRun, QuestionResult, RunPipeline
from retrieval.runs import CUTOFFS, STAGES, paired_p_value, scores

COLUMNS = ("hit@1", "hit@5", "mrr@10", "ndcg@10", "recall@5", "recall@50")
KINDS = ("hit", "mrr", "ndcg", "map", "recall")
ALL_COLUMNS = tuple(f"{kind}@{cutoff}" for kind in KINDS for cutoff in CUTOFFS)
HEADLINE = "mrr@10"
SIGNIFICANT = 0.05
PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM = 44.0, 540.0, 34.0, 222.0
"""Where the axes lie in the plot's own units; templates/evaluation/_plot.html draws the same."""
RISKY = ("=", "+", "-", "@", "\t", "\r")
HISTORY_LEFT, HISTORY_RIGHT, HISTORY_TOP, HISTORY_BOTTOM = 30.0, 540.0, 12.0, 80.0
"""The same of the history, which templates/evaluation/question_set.html draws."""


@dataclass(frozen=True, slots=True)
class Cell:
    mean: float
    low: float
    high: float
    best: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One pipeline's line. ``p_value`` compares its MRR@10 with the first pipeline's, None for that one."""

    pipeline: RunPipeline
    cells: list[Cell]
    p50: float
    p95: float
    p_value: float | None
    is_best: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """A pipeline on the plot: latency to the right, quality upwards, in the plot's units.

    ``top`` and ``bottom`` are the ends of the 95% interval.
    """

    x: float
    y: float
    top: float
    bottom: float
    number: int
    row: Row


@dataclass(frozen=True, slots=True)
class Change:
    """The same pipeline in the run before: worse beyond chance is an alarm."""

    name: str
    before: float
    now: float
    p_value: float

    @property
    def is_alarm(self) -> bool:
        return self.now < self.before and self.p_value < SIGNIFICANT


def rows(run: EvaluationRun) -> list[Row]:
    """The measured pipelines in their order, the best of each column marked."""
    measured = [pipeline for pipeline in run.pipelines.all() if pipeline.metrics]
    if not measured:
        return []
    best = {name: max(_mean(pipeline, name) for pipeline in measured) for name in COLUMNS}
    winner = max(measured, key=lambda pipeline: _mean(pipeline, HEADLINE))
    first = scores(measured[0])[HEADLINE]
    return [
        Row(
            pipeline=pipeline,
            cells=[
                Cell(**pipeline.metrics[name], best=_mean(pipeline, name) == best[name]) for name in COLUMNS
            ],
            p50=pipeline.metrics["latency_ms"]["p50"],
            p95=pipeline.metrics["latency_ms"]["p95"],
            p_value=None if pipeline is measured[0] else paired_p_value(scores(pipeline)[HEADLINE], first),
            is_best=pipeline is winner,
        )
        for pipeline in measured
    ]


@dataclass(frozen=True, slots=True)
class Plot:
    """Quality (MRR@10) against latency (p50); the quality's axis starts under the lowest interval.

    ``marks`` are (place, value) of the quality axis's lines, in the plot's units and in MRR.
    """

    dots: list[Dot]
    marks: list[tuple[float, float]]
    slowest: float


def plot(table: list[Row]) -> Plot:
    slowest = max((row.p50 for row in table), default=0) or 1.0
    lowest = min((row.pipeline.metrics[HEADLINE]["low"] for row in table), default=0.0)
    floor = max(math.floor(lowest * 5 - 0.01), 0) / 5

    def place(quality: float) -> float:
        return round(PLOT_BOTTOM - (quality - floor) / (1 - floor) * (PLOT_BOTTOM - PLOT_TOP), 1)

    dots = [
        Dot(
            x=round(PLOT_LEFT + row.p50 / slowest * (PLOT_RIGHT - PLOT_LEFT), 1),
            y=place(_mean(row.pipeline, HEADLINE)),
            top=place(row.pipeline.metrics[HEADLINE]["high"]),
            bottom=place(row.pipeline.metrics[HEADLINE]["low"]),
            number=number,
            row=row,
        )
        for number, row in enumerate(table, 1)
    ]
    steps = round((1 - floor) * 5)
    return Plot(dots, [(place(floor + step / 5), floor + step / 5) for step in range(steps + 1)], slowest)


def best_pipeline(run: EvaluationRun) -> RunPipeline | None:
    """The measured pipeline with the highest MRR@10."""
    measured = [pipeline for pipeline in run.pipelines.all() if pipeline.metrics]
    return max(measured, key=headline, default=None)


def headline(pipeline: RunPipeline) -> float:
    """The figure by which pipelines are compared; 0 where none was measured."""
    return _mean(pipeline, HEADLINE) if pipeline.metrics else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """A run in the history: MRR@10 of its best pipeline, and where that lies in the plot's units."""

    run: EvaluationRun
    value: float
    x: str
    y: str


def history(runs: Sequence[EvaluationRun]) -> list[Point]:
    """The oldest first, of runs given newest first; nothing for fewer than two that were measured."""
    values = [(run, headline(best)) for run in reversed(runs) if (best := best_pipeline(run))]
    if len(values) < 2:
        return []
    step = (HISTORY_RIGHT - HISTORY_LEFT) / (len(values) - 1)
    return [
        Point(
            run=run,
            value=value,
            x=f"{HISTORY_LEFT + place * step:.1f}",
            y=f"{HISTORY_BOTTOM - value * (HISTORY_BOTTOM - HISTORY_TOP):.1f}",
        )
        for place, (run, value) in enumerate(values)
    ]


def all_figures(table: list[Row]) -> list[tuple[str, list[tuple[Row, list[Cell]]]]]:
    """For each kind of metric, each pipeline's values at every cutoff, the best of each cutoff marked."""
    best = {name: max((_mean(row.pipeline, name) for row in table), default=0.0) for name in ALL_COLUMNS}

    def cells(row: Row, kind: str) -> list[Cell]:
        names = [f"{kind}@{cutoff}" for cutoff in CUTOFFS]
        return [
            Cell(**row.pipeline.metrics[name], best=_mean(row.pipeline, name) == best[name]) for name in names
        ]

    return [(kind, [(row, cells(row, kind)) for row in table]) for kind in KINDS]


def stage_times(table: list[Row]) -> tuple[list[str], list[tuple[Row, list[dict | None]]]]:
    """Stages that any pipeline has, and each pipeline's {"p50", "p95"} in ms, None where it has none."""
    timed = [row.pipeline.metrics.get("stages_ms", {}) for row in table]
    stages = [stage for stage in STAGES if any(stage in times for times in timed)]
    return stages, [
        (row, [times.get(stage) for stage in stages]) for row, times in zip(table, timed, strict=True)
    ]


def changes(run: EvaluationRun) -> list[Change]:
    """Each pipeline against itself in the last finished run before this one, on the questions both asked."""
    before = (
        EvaluationRun.objects.filter(
            question_set=run.question_set, status=EvaluationRun.Status.DONE, created_at__lt=run.created_at
        )
        .order_by("-created_at")
        .first()
    )
    if before is None:
        return []
    old = {(pipeline.recall, pipeline.reranker): pipeline for pipeline in before.pipelines.all()}
    found = []
    for pipeline in run.pipelines.all():
        twin = old.get((pipeline.recall, pipeline.reranker))
        if twin is None or not pipeline.metrics:
            continue
        common = sorted(_question_ids(pipeline) & _question_ids(twin))
        if not common:
            continue
        ours, theirs = scores(pipeline, questions=common)[HEADLINE], scores(twin, questions=common)[HEADLINE]
        found.append(
            Change(pipeline.name, float(theirs.mean()), float(ours.mean()), paired_p_value(ours, theirs))
        )
    return found


def drill_down(pipeline: RunPipeline, against: RunPipeline | None, only: str = "") -> list[dict]:
    """Question by question: where the right passage stood, and whether this pipeline won or lost.

    ``only`` keeps "won", "lost" or "missed" questions.
    """
    other = {}
    if against:
        other = dict(against.results.values_list("question_id", "final_rank"))
    listed = []
    results: list[QuestionResult] = list(
        pipeline.results.select_related("question__document").order_by("question_id")
    )
    for result in results:
        theirs = other.get(result.question_id)
        outcome = _outcome(result.final_rank, theirs) if against else ""
        missed = result.final_rank is None or result.final_rank > 10
        if only and only != outcome and not (only == "missed" and missed):
            continue
        listed.append({"result": result, "other_rank": theirs, "outcome": outcome, "missed": missed})
    return listed


def as_csv(run: EvaluationRun) -> str:
    """All figures with their intervals; cells that a spreadsheet would run as a formula are quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    bounds = [f"{name} {bound}" for name in ALL_COLUMNS for bound in ("mean", "low", "high")]
    stages = [f"{stage} {bound} ms" for stage in STAGES for bound in ("p50", "p95")]
    writer.writerow(["pipeline", *bounds, "p50 ms", "p95 ms", *stages, "p value"])
    for row in rows(run):
        measured = row.pipeline.metrics
        figures = [
            f"{measured[name][bound]:.4f}" for name in ALL_COLUMNS for bound in ("mean", "low", "high")
        ]
        spent = [
            f"{found[bound]:.1f}" if (found := measured.get("stages_ms", {}).get(stage)) else ""
            for stage in STAGES
            for bound in ("p50", "p95")
        ]
        p_value = "" if row.p_value is None else f"{row.p_value:.4f}"
        writer.writerow(
            [harmless(row.pipeline.name), *figures, f"{row.p50:.1f}", f"{row.p95:.1f}", *spent, p_value]
        )
    return out.getvalue()


def as_markdown(run: EvaluationRun) -> str:
    lines = [
        f"| {_('pipeline')} | {' | '.join(COLUMNS)} | p50 ms | p95 ms |",
        f"| --- | {'---: | ' * (len(COLUMNS) + 2)}".rstrip(),
    ]
    for row in rows(run):
        figures = " | ".join(
            f"**{cell.mean:.3f}**" if cell.best else f"{cell.mean:.3f}" for cell in row.cells
        )
        name = row.pipeline.name.replace("|", "\\|")
        lines.append(f"| {name} | {figures} | {row.p50:.0f} | {row.p95:.0f} |")
    return "\n".join(lines) + "\n"


def harmless(cell: str) -> str:
    """Text that a spreadsheet will not take for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(RISKY) else cell


def _mean(pipeline: RunPipeline, name: str) -> float:
    return pipeline.metrics[name]["mean"]


def _question_ids(pipeline: RunPipeline) -> set[int]:
    return set(pipeline.results.values_list("question_id", flat=True))


def _outcome(ours: int | None, theirs: int | None) -> str:
    best, other = ours or 10**6, theirs or 10**6
    return "won" if best < other else "lost" if best > other else "same"
