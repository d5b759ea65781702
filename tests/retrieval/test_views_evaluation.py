"""The evaluation pages, as alice (owner), bob (viewer) and charlie (outsider) see them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from retrieval import question_sets, runs
from retrieval.models import EvaluationRun, QuestionSet
from retrieval.runs import Pipeline
from tests.retrieval.documents import add

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_models")]


@pytest.fixture
def question_set(knowledge_base, alice):
    add(knowledge_base, "the bridge opens at nine", "ferries leave at noon")
    made = question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")
    question_sets.add_question(question_set=made, text="when does the bridge open", quote="at nine")
    return made


@pytest.fixture
def run(question_set, alice):
    started = runs.start_run(
        question_set=question_set,
        user=alice,
        pipelines=[Pipeline("bm25"), Pipeline("hybrid"), Pipeline("hybrid", "overlap")],
    )
    runs.execute_run(started.pk)
    started.refresh_from_db()
    return started


def test_from_an_empty_page_to_a_run(client, alice, knowledge_base, django_capture_on_commit_callbacks):
    add(knowledge_base, "the bridge opens at nine")
    client.force_login(alice)
    assert "No question sets yet" in client.get(reverse("evaluation:index")).text
    client.post(reverse("evaluation:create_set"), {"knowledge_base": knowledge_base.pk, "name": "Golden"})
    made = QuestionSet.objects.get()
    page = reverse("evaluation:question_set", args=[made.pk])
    client.post(reverse("evaluation:add_question", args=[made.pk]), {"text": "When?", "quote": "at nine"})
    file = SimpleUploadedFile("q.jsonl", b'{"question": "Where?", "quote": "bridge"}\n{"question": "lost"}')
    imported = client.post(
        reverse("evaluation:import_questions", args=[made.pk]), {"file": file}, follow=True
    ).text
    assert "1 question was added." in imported
    assert "Line 2 was left out" in imported
    assert "Where?" in client.get(page).text
    with django_capture_on_commit_callbacks():  # the task itself is run below
        response = client.post(
            reverse("evaluation:start_run", args=[made.pk]), {"pipelines": ["bm25|", "hybrid|"]}
        )
    started = EvaluationRun.objects.get()
    assert response.url == reverse("evaluation:run", args=[started.pk])
    assert "hx-trigger" in client.get(response.url).text
    runs.execute_run(started.pk)
    finished = client.get(response.url).text
    assert "hx-trigger" not in finished
    assert "Best" in finished
    assert "1.000" in client.get(page).text


def test_bad_input_is_answered_in_words(client, alice, question_set):
    client.force_login(alice)
    refused = client.post(reverse("evaluation:add_question", args=[question_set.pk]), {"text": "When?"})
    assert refused.status_code == 422
    assert "Name the document" in refused.text
    none = client.post(reverse("evaluation:start_run", args=[question_set.pk]), {"pipelines": ["made|up"]})
    assert none.status_code == 422
    empty = SimpleUploadedFile("q.csv", b"x,y\n")
    refused = client.post(reverse("evaluation:import_questions", args=[question_set.pk]), {"file": empty})
    assert (refused.status_code, "must name the columns" in refused.text) == (422, True)


def test_a_viewer_reads_and_changes_nothing(client, bob, question_set, run):
    client.force_login(bob)
    page = client.get(reverse("evaluation:question_set", args=[question_set.pk]))
    assert page.status_code == 200
    assert "Add a question" not in page.text
    assert "Use this pipeline" not in client.get(reverse("evaluation:run", args=[run.pk])).text
    for name in ("add_question", "import_questions", "delete_set", "start_run"):
        assert client.post(reverse(f"evaluation:{name}", args=[question_set.pk])).status_code == 403
    assert client.post(reverse("evaluation:cancel", args=[run.pk])).status_code == 403
    assert client.post(reverse("evaluation:use", args=[run.pipelines.last().pk])).status_code == 403
    question = question_set.questions.get()
    assert client.post(reverse("evaluation:delete_question", args=[question.pk])).status_code == 403
    assert question_set.questions.count() == 1


def test_an_outsider_finds_nothing(client, charlie, question_set, run):
    client.force_login(charlie)
    assert "Golden" not in client.get(reverse("evaluation:index")).text
    for address in (
        reverse("evaluation:question_set", args=[question_set.pk]),
        reverse("evaluation:run", args=[run.pk]),
        reverse("evaluation:drill_down", args=[run.pk]),
        reverse("evaluation:export", args=[run.pk, "csv"]),
    ):
        assert client.get(address).status_code == 404
    assert client.post(reverse("evaluation:start_run", args=[question_set.pk])).status_code == 404


def test_drill_down_shows_where_the_right_passage_stood(client, alice, run):
    client.force_login(alice)
    first, *_, last = run.pipelines.all()
    address = reverse("evaluation:drill_down", args=[run.pk])
    page = client.get(address, {"pipeline": last.pk, "against": first.pk}).text
    assert "when does the bridge open" in page
    assert "Rank 1" in page
    assert "0 questions" in client.get(address, {"pipeline": last.pk, "only": "missed"}).text


@pytest.mark.parametrize(("form", "starts"), [("csv", "pipeline,hit@1 mean"), ("md", "| pipeline |")])
def test_exports(client, alice, run, form, starts):
    client.force_login(alice)
    response = client.get(reverse("evaluation:export", args=[run.pk, form]))
    assert response.text.startswith(starts)
    assert "attachment" in response["Content-Disposition"]
    assert client.get(reverse("evaluation:export", args=[run.pk, "exe"])).status_code == 404


def test_the_run_shows_the_winner_the_plot_and_all_figures(client, alice, run):
    client.force_login(alice)
    page = client.get(reverse("evaluation:run", args=[run.pk])).text
    assert "Best here" in page
    assert page.count('class="interval"') == 18  # three pipelines, six columns
    assert page.count('class="dot') >= 3
    assert "MAP@k" in page
    assert "Second stage: rerank" in page


def test_use_this_pipeline(client, alice, run, knowledge_base):
    client.force_login(alice)
    client.post(reverse("evaluation:use", args=[run.pipelines.last().pk]))
    knowledge_base.refresh_from_db()
    assert knowledge_base.reranker == "overlap"
    assert client.post(reverse("evaluation:use", args=[run.pipelines.first().pk])).status_code == 404


def test_the_list_shows_the_last_figures(client, alice, run, django_assert_max_num_queries):
    client.force_login(alice)
    with django_assert_max_num_queries(10):
        page = client.get(reverse("evaluation:index")).text
    assert "hybrid + overlap" in page
    assert "100%" in page
