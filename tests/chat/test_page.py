"""What the chat page shows of a knowledge base's last measurement."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chat import page
from ingestion.models import KnowledgeBase
from retrieval.models import EvaluationRun, Question, QuestionResult, QuestionSet, RunPipeline


def figures(hit: float, mrr: float) -> dict:
    return {"hit@5": {"mean": hit}, "mrr@10": {"mean": mrr}, "latency_ms": {"p50": 1, "p95": 2}}


@pytest.fixture
def run(knowledge_base, handbook):
    knowledge_base.reranker = "late-interaction"
    knowledge_base.save()
    golden = QuestionSet.objects.create(knowledge_base=knowledge_base, name="Golden")
    questions = [Question.objects.create(question_set=golden, text=text, document=handbook) for text in "abc"]
    run = EvaluationRun.objects.create(question_set=golden, status="done", finished_at=timezone.now())
    for ordinal, (reranker, metrics) in enumerate(
        [("", figures(1.0, 0.9)), ("late-interaction", figures(1.0, 0.8)), ("other", {})]
    ):
        pipeline = RunPipeline.objects.create(run=run, ordinal=ordinal, reranker=reranker, metrics=metrics)
        for question in questions:
            QuestionResult.objects.create(pipeline=pipeline, question=question)
    return run


def test_the_welcome_shows_the_figures_of_the_pipeline_in_use(client, alice, run):
    client.force_login(alice)
    text = client.get(reverse("chat:home")).text
    assert "Measured on 3 questions: Hit@5 100%, MRR@10 0.800 with hybrid + late-interaction" in text
    assert reverse("evaluation:run", args=[run.pk]) in text


def test_it_takes_one_query(run, knowledge_base, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = page.measured([knowledge_base.pk])
    assert (found.questions, found.mrr) == (3, 0.8)
    with django_assert_num_queries(1):
        assert page.measured([run.pk]) is None


def test_without_the_pipeline_in_use_the_best_stands(run, knowledge_base):
    KnowledgeBase.objects.update(reranker="never measured")
    assert page.measured([knowledge_base.pk]).mrr == 0.9


def test_an_unfinished_run_says_nothing(run, knowledge_base):
    EvaluationRun.objects.update(status="running")
    assert page.measured([knowledge_base.pk]) is None


def test_an_outsider_and_a_shut_out_viewer_see_no_figures(client, bob, charlie, run):
    KnowledgeBase.objects.update(access=KnowledgeBase.Access.MEMBERS)
    for person in (bob, charlie):
        client.force_login(person)
        assert "Measured on" not in client.get(reverse("chat:home")).text
