"""Platt scales: the fit against a known curve and a peer's optimum, and what a search makes of one."""

import numpy as np
import pytest
from django.urls import reverse

from rerank.base import Platt
from rerank.ranking import Ranked
from retrieval import calibration, question_sets, runs
from retrieval.models import EvaluationRun, QuestionResult
from retrieval.passages import SearchOptions
from retrieval.runs import Pipeline
from retrieval.search import search
from tests.retrieval.documents import add


def sample(*, slope: float, intercept: float, count: int = 20_000):
    random = np.random.default_rng(7)
    scores = random.normal(0, 3, count)
    right = random.random(count) < 1 / (1 + np.exp(-(slope * scores + intercept)))
    return scores, right


def test_the_fit_finds_the_curve_that_made_the_data():
    found = calibration.fit(*sample(slope=1.7, intercept=-0.6))
    assert (found.slope, found.intercept) == (pytest.approx(1.7, abs=0.06), pytest.approx(-0.6, abs=0.06))


def test_no_step_from_the_fit_raises_the_likelihood():
    scores, right = sample(slope=0.4, intercept=1.0, count=60)
    found = calibration.fit(scores, right)
    positive, negative = right.sum(), (~right).sum()
    targets = np.where(right, (positive + 1) / (positive + 2), 1 / (negative + 2))  # Platt 1999, 2.2

    def loss(slope, intercept):
        logits = slope * scores + intercept
        return (np.logaddexp(0, logits) - targets * logits).sum()

    least = loss(found.slope, found.intercept)
    for step in (1e-3, -1e-3):
        assert loss(found.slope + step, found.intercept) > least
        assert loss(found.slope, found.intercept + step) > least


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_perfectly_separable_scores_of_any_unit_are_smoothed(unit):
    scores = np.arange(40) * unit
    found = calibration.fit(scores, np.arange(40) >= 30)
    ends = calibration.chances(scores[[0, -1]], found)
    assert np.isfinite(ends).all()
    assert ends[0] < 0.1 < 0.85 < ends[1] < 1


def test_equal_scores_cannot_be_fitted():
    assert calibration.fit(np.ones(10), np.arange(10) > 5) is None


def test_chances_replace_those_of_the_reranker_in_its_order():
    rows = [Ranked(1, 2.0, 0.99), Ranked(0, 0.0, 0.5), Ranked(2, None, None)]
    applied = calibration.apply(rows, {"slope": 1.0, "intercept": -2.0, "threshold": 0.3})
    assert [(row.index, row.probability) for row in applied] == [
        (1, 0.5),
        (0, pytest.approx(1 / (1 + np.exp(2)))),
        (2, None),
    ]


@pytest.fixture
def run(knowledge_base, alice, quick_models):
    """Six questions of which each finds its passage, among passages that share fewer words."""
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"]
    add(knowledge_base, *(f"the {word} office opens at {hour}" for hour, word in enumerate(words)))
    made = question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")
    for hour, word in enumerate(words):
        question_sets.add_question(
            question_set=made, text=f"when opens the {word} office", quote=f"opens at {hour}"
        )
    started = runs.start_run(
        question_set=made, user=alice, pipelines=[Pipeline("bm25"), Pipeline("hybrid", "overlap")]
    )
    runs.execute_run(started.pk)
    started.refresh_from_db()
    return started


def test_a_run_gives_a_threshold_that_keeps_the_right_passages(run):
    bm25, reranked = run.pipelines.all()
    assert calibration.of_pipeline(bm25) is None
    found = calibration.of_pipeline(reranked)
    assert (found.right, found.kept, found.dropped) == (6, 1.0, 1.0)
    assert 0 < found.threshold < 1
    chances = [chance for _score, chance in found.curve()]
    assert chances == sorted(chances)


def test_too_few_passages_say_nothing(run):
    QuestionResult.objects.filter(pipeline__reranker="overlap").first().delete()
    QuestionResult.objects.filter(pipeline__reranker="overlap").first().delete()
    assert calibration.of_pipeline(run.pipelines.last()) is None


def test_scores_that_point_the_wrong_way_are_not_fitted(run):
    for result in QuestionResult.objects.filter(pipeline__reranker="overlap"):
        result.raw_scores = [-score for score in result.raw_scores]
        result.save()
    assert calibration.of_pipeline(run.pipelines.last()) is None


def test_in_use_it_serves_its_own_reranker_alone(client, alice, run, knowledge_base):
    client.force_login(alice)
    page = reverse("evaluation:run", args=[run.pk])
    assert "From score to chance" in client.get(page).text
    client.post(reverse("evaluation:use_calibration", args=[run.pipelines.last().pk]))
    knowledge_base.refresh_from_db()
    saved = knowledge_base.calibrations["overlap"]
    assert (knowledge_base.reranker, knowledge_base.threshold) == ("overlap", saved["threshold"])
    asked = "when opens the alpha office"
    result = search(asked, knowledge_bases=[knowledge_base])
    assert result.threshold == saved["threshold"]
    assert [passage.chunk.ordinal for passage in result.passages] == [0]
    best = result.passages[0]
    expected = calibration.chances(np.array([best.rerank_raw]), Platt(saved["slope"], saved["intercept"]))
    assert best.rerank_score == pytest.approx(float(expected[0]))
    other = search(asked, knowledge_bases=[knowledge_base], options=SearchOptions(reranker="other"))
    assert other.threshold == 0.5  # its own
    assert other.passages[0].rerank_score != pytest.approx(best.rerank_score)
    again = client.get(page).text
    assert "Use this threshold with the knowledge base" not in again


def test_another_second_stage_does_not_inherit_the_threshold(client, alice, run, knowledge_base):
    client.force_login(alice)
    client.post(reverse("evaluation:use_calibration", args=[run.pipelines.last().pk]))
    run.pipelines.filter(reranker="overlap").update(reranker="newer")
    client.post(reverse("evaluation:use", args=[run.pipelines.last().pk]))
    knowledge_base.refresh_from_db()
    assert (knowledge_base.reranker, knowledge_base.threshold) == ("newer", None)


def test_who_may(client, alice, bob, charlie, run, knowledge_base):
    address = reverse("evaluation:use_calibration", args=[run.pipelines.last().pk])
    for person, status in ((bob, 403), (charlie, 404)):
        client.force_login(person)
        assert client.post(address).status_code == status
    client.force_login(alice)
    assert client.post(reverse("evaluation:use_calibration", args=[999_999])).status_code == 404
    EvaluationRun.objects.update(status="running")
    assert client.post(address).status_code == 404
    knowledge_base.refresh_from_db()
    assert knowledge_base.calibrations == {}
