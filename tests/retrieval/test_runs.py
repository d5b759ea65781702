"""Evaluation runs on the real store: figures, resuming, cancelling, and what the report says."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from ingestion.models import Document
from retrieval import question_sets, run_report, runs
from retrieval.models import EvaluationRun, QuestionResult
from retrieval.runs import Pipeline
from tests.retrieval.documents import add

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_models")]


@pytest.fixture
def question_set(knowledge_base, alice):
    add(knowledge_base, "the bridge opens at nine", "the bridge is long and green", "ferries leave at noon")
    made = question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")
    question_sets.add_question(question_set=made, text="when does the bridge open opens", quote="at nine")
    question_sets.add_question(question_set=made, text="ferries leave", quote="leave at noon")
    question_sets.add_question(question_set=made, text="who is the mayor", quote="words that stand nowhere")
    return made


def start(question_set, alice, *pipelines) -> EvaluationRun:
    return runs.start_run(question_set=question_set, user=alice, pipelines=pipelines)


def test_a_run_measures_each_pipeline_on_each_question(question_set, alice):
    run = start(question_set, alice, Pipeline("bm25"), Pipeline("hybrid", "overlap"), Pipeline("bm25"))
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.status == EvaluationRun.Status.DONE
    assert runs.progress(run) == 1.0
    bm25, reranked = run.pipelines.all()
    assert (bm25.name, reranked.name) == ("bm25", "hybrid + overlap")
    assert reranked.metrics["hit@1"]["mean"] == pytest.approx(2 / 3)  # nobody can win the third
    assert reranked.metrics["latency_ms"]["p95"] >= reranked.metrics["latency_ms"]["p50"] > 0
    lost = QuestionResult.objects.get(pipeline=reranked, question__quote__startswith="words")
    assert (lost.final_rank, lost.relevant) == (None, [])
    won = QuestionResult.objects.get(pipeline=reranked, question__text="ferries leave")
    assert (won.final_rank, won.hits[0]["relevant"]) == (1, True)
    assert bm25.results.first().hits[0]["rerank_score"] is None


def test_a_run_goes_on_where_its_worker_died(question_set, alice, monkeypatch):
    run = start(question_set, alice, Pipeline("bm25"))
    asked = []
    real = runs.search

    def search(query, **kwargs):
        asked.append(query)
        if len(asked) == 2:
            raise KeyboardInterrupt  # what a killed worker looks like from here
        return real(query, **kwargs)

    monkeypatch.setattr(runs, "search", search)
    with pytest.raises(KeyboardInterrupt):
        runs.execute_run(run.pk)
    assert runs.unfinished_runs() == []  # its lease still holds
    runs.execute_run(run.pk)
    assert len(asked) == 2
    EvaluationRun.objects.update(heartbeat_at=timezone.now() - runs.LEASE - timedelta(seconds=1))
    assert runs.unfinished_runs() == [run.pk]
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert (run.status, len(asked)) == ("done", 4)  # the first question was not asked again


def test_a_cancelled_run_stops_before_its_next_question(question_set, alice, monkeypatch):
    run = start(question_set, alice, Pipeline("bm25"), Pipeline("dense"))
    real = runs.search

    def search(query, **kwargs):
        runs.cancel_run(run=run)
        return real(query, **kwargs)

    monkeypatch.setattr(runs, "search", search)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.status == EvaluationRun.Status.CANCELLED
    assert QuestionResult.objects.count() == 1


def test_a_run_that_breaks_says_so(question_set, alice, monkeypatch):
    run = start(question_set, alice, Pipeline("bm25"))

    def search(query, **kwargs):
        raise RuntimeError("secret path /etc")

    monkeypatch.setattr(runs, "search", search)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", "RuntimeError")


def test_the_report_compares_and_remembers(question_set, alice):
    first = start(question_set, alice, Pipeline("bm25"), Pipeline("hybrid", "overlap"))
    runs.execute_run(first.pk)
    table = run_report.rows(first)
    assert table[0].p_value is None
    assert 0 < table[1].p_value <= 1
    assert sum(row.is_best for row in table) == 1
    assert run_report.changes(first) == []
    second = start(question_set, alice, Pipeline("bm25"))
    runs.execute_run(second.pk)
    (change,) = run_report.changes(second)
    assert (change.before, change.p_value, change.is_alarm) == (change.now, 1.0, False)
    assert run_report.as_markdown(first).count("\n") == 4
    assert run_report.as_csv(first).splitlines()[1].startswith("bm25,")


def test_every_figure_is_in_the_report_and_the_csv(question_set, alice):
    run = start(question_set, alice, Pipeline("bm25"), Pipeline("hybrid", "overlap"))
    runs.execute_run(run.pk)
    table = run_report.rows(run)
    figures = dict(run_report.all_figures(table))
    assert set(figures) == {"hit", "mrr", "ndcg", "map", "recall"}
    row, cells = figures["hit"][0]
    assert (row.pipeline.recall, len(cells)) == ("bm25", len(runs.CUTOFFS))
    assert [cell.mean for cell in cells] == sorted(cell.mean for cell in cells)  # grows with k
    assert any(cells[2].best for _row, cells in figures["mrr"])
    stages, lines = run_report.stage_times(table)
    assert {"recall", "rerank"} <= set(stages)
    assert lines[0][1][stages.index("rerank")] is None  # bm25 alone has no second stage
    assert 0 <= lines[1][1][stages.index("rerank")]["p50"] <= lines[1][1][stages.index("rerank")]["p95"]
    header, *values = (line.split(",") for line in run_report.as_csv(run).splitlines())
    assert {"map@3 mean", "ndcg@50 low", "recall@1 high", "rerank p95 ms"} <= set(header)
    assert {len(line) for line in values} == {len(header)}


def test_the_plot_holds_every_interval(question_set, alice):
    run = start(question_set, alice, Pipeline("bm25"), Pipeline("hybrid", "overlap"))
    runs.execute_run(run.pk)
    plot = run_report.plot(run_report.rows(run))
    assert [dot.number for dot in plot.dots] == [1, 2]
    for dot in plot.dots:
        assert run_report.PLOT_LEFT <= dot.x <= run_report.PLOT_RIGHT
        assert run_report.PLOT_TOP <= dot.top <= dot.y <= dot.bottom <= run_report.PLOT_BOTTOM
    assert plot.marks[-1] == (run_report.PLOT_TOP, 1.0)
    assert run_report.plot([]).dots == []


def test_history_begins_with_the_second_run(question_set, alice):
    for expected in (0, 2):
        runs.execute_run(start(question_set, alice, Pipeline("bm25")).pk)
        points = run_report.history(question_set.runs.prefetch_related("pipelines"))
        assert len(points) == expected
    assert float(points[0].x) < float(points[1].x)
    assert points[0].run.created_at < points[1].run.created_at


def test_drafts_are_not_asked(question_set, alice):
    question_set.questions.filter(text="ferries leave").update(is_accepted=False)
    run = start(question_set, alice, Pipeline("bm25"))
    runs.execute_run(run.pk)
    assert QuestionResult.objects.count() == 2
    assert runs.progress(run) == 1.0


def test_raw_scores_stand_beside_the_ranking(question_set, alice):
    run = start(question_set, alice, Pipeline("bm25"), Pipeline("hybrid", "overlap"))
    runs.execute_run(run.pk)
    bm25, reranked = run.pipelines.all()
    assert set(bm25.results.first().raw_scores) == {None}
    result = reranked.results.first()
    assert len(result.raw_scores) == len(result.ranking)
    assert result.raw_scores == sorted(result.raw_scores, reverse=True)


def test_drill_down_tells_won_from_lost(question_set, alice):
    run = start(question_set, alice, Pipeline("bm25"), Pipeline("hybrid", "overlap"))
    runs.execute_run(run.pk)
    bm25, reranked = run.pipelines.all()
    QuestionResult.objects.filter(pipeline=bm25, question__text="ferries leave").update(final_rank=3)
    outcomes = [line["outcome"] for line in run_report.drill_down(reranked, bm25)]
    assert outcomes.count("won") == 1
    assert [line["result"].question.text for line in run_report.drill_down(reranked, bm25, "won")] == [
        "ferries leave"
    ]
    assert len(run_report.drill_down(reranked, None, "missed")) == 1


def test_the_winner_can_be_put_to_use(question_set, alice):
    run = start(question_set, alice, Pipeline("hybrid", "overlap"))
    runs.use_pipeline(pipeline=run.pipelines.get())
    question_set.knowledge_base.refresh_from_db()
    assert question_set.knowledge_base.reranker == "overlap"


def test_bootstrap_interval_covers_the_mean():
    sample = np.array([0.0, 1.0] * 50)
    interval = runs.interval(sample)
    assert interval["low"] < interval["mean"] == 0.5 < interval["high"]
    assert 0.15 < interval["high"] - interval["low"] < 0.25  # 2 x 1.96 x 0.05


def test_randomisation_test_knows_chance_from_difference():
    better, worse = np.ones(12), np.zeros(12)
    assert runs.paired_p_value(better, worse) < 0.01
    mixed = np.array([1.0, 0.0] * 6)
    assert runs.paired_p_value(mixed, 1 - mixed) > 0.5
    assert runs.paired_p_value(mixed, mixed) == 1.0


def test_no_cell_becomes_a_formula():
    assert run_report.harmless("=1+1") == "'=1+1"
    assert run_report.harmless("bm25") == "bm25"


def test_a_run_waits_for_documents_that_are_not_ready(question_set, alice):
    Document.objects.update(status=Document.Status.INDEXING)
    run = start(question_set, alice, Pipeline("bm25"))
    runs.execute_run(run.pk)
    assert runs.unfinished_runs() == [run.pk]
    Document.objects.update(status=Document.Status.READY)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.status == EvaluationRun.Status.DONE
