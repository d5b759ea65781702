"""An evaluation run as people read it: the table, the plot, what changed, and two exports."""

import csv
import io
from dataclasses import dataclass

from django.utils.translation import gettext as _

from retrieval.models import EvaluationRun, QuestionResult, RunPipeline
from retrieval.runs import paired_p_value, scores

COLUMNS = ("hit@1", "hit@5", "mrr@10", "ndcg@10", "recall@5", "recall@50")
HEADLINE = "mrr@10"
SIGNIFICANT = 0.05
RISKY = ("=", "+", "-", "@", "\t", "\r")


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
    """A pipeline on the plot: latency to the right, quality upwards, in the plot's units."""

    x: float
    y: float
    number: int
    name: str


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


def plot(table: list[Row], *, width: float = 560, height: float = 240, margin: float = 40) -> list[Dot]:
    """Quality (MRR@10, 0..1) against latency (p50, from 0 to the slowest)."""
    slowest = max((row.p50 for row in table), default=0) or 1.0
    return [
        Dot(
            x=round(margin + row.p50 / slowest * (width - 2 * margin), 1),
            y=round(height - margin - _mean(row.pipeline, HEADLINE) * (height - 2 * margin), 1),
            number=number,
            name=row.pipeline.name,
        )
        for number, row in enumerate(table, 1)
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
    """The table with its intervals; cells that a spreadsheet would run as a formula are quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    bounds = [f"{name} {bound}" for name in COLUMNS for bound in ("mean", "low", "high")]
    writer.writerow(["pipeline", *bounds, "p50 ms", "p95 ms", "p value"])
    for row in rows(run):
        figures = [f"{value:.4f}" for cell in row.cells for value in (cell.mean, cell.low, cell.high)]
        p_value = "" if row.p_value is None else f"{row.p_value:.4f}"
        writer.writerow([harmless(row.pipeline.name), *figures, f"{row.p50:.1f}", f"{row.p95:.1f}", p_value])
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
