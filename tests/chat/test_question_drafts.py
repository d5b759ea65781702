"""Questions drafted by a language model that a test plays: what it is asked, what is kept, who may."""

import pytest
from django.urls import reverse

from chat import question_drafts
from chat.tasks import draft_questions
from ingestion.models import Chunk, Document
from retrieval import question_sets
from retrieval.models import Question
from tests.fake_llm import Behaviour, FakeLLM

CHINESE = (
    "电机和电池的保修期为两年，自购车之日起计算。链条每骑行三百公里需要清洁上油。"
    "保修时需要出示购车发票以及首次保养的记录，遗失发票者可凭会员号查询。"
)


@pytest.fixture
def question_set(knowledge_base, handbook, alice):
    Chunk.objects.filter(document=handbook, ordinal=1).update(text=CHINESE)
    return question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")


@pytest.fixture
def model(settings):
    def reply(messages):
        chinese = "老师" in messages[0]["content"]
        if chinese:
            return "1. 电池保修多久？\n2. 链条多久上油一次？\n3. 多余的问题？"
        return "Here you are:\n1) How many days after five years?\n- *How many days do new staff get?*\n"

    with FakeLLM(reply) as fake:
        settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_API_KEY = fake.base_url, "fake", ""
        yield fake


@pytest.fixture
def at_once(monkeypatch):
    """Tasks run where they are sent."""
    monkeypatch.setattr(draft_questions, "delay", draft_questions)


def start(client, question_set, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("chat:draft", args=[question_set.pk]))
    return client.get(reverse("evaluation:question_set", args=[question_set.pk]))


@pytest.mark.usefixtures("at_once")
def test_two_questions_a_passage_in_its_language(
    client, alice, question_set, model, handbook, django_capture_on_commit_callbacks
):
    client.force_login(alice)
    page = start(client, question_set, django_capture_on_commit_callbacks).text
    assert "How many days after five years?" in page
    drafts = {question.text: question for question in question_set.questions.all()}
    assert list(drafts) == [
        "How many days after five years?",
        "How many days do new staff get?",
        "电池保修多久？",
        "链条多久上油一次？",
    ]
    assert {(one.is_accepted, one.origin, one.document) for one in drafts.values()} == {
        (False, Question.Origin.DRAFTED, handbook)
    }
    assert drafts["链条多久上油一次？"].quote == "链条每骑行三百公里需要清洁上油。"
    assert len(model.requests) == 2  # the third chunk is too short to ask about
    question_set.refresh_from_db()
    assert not question_set.is_drafting
    start(client, question_set, django_capture_on_commit_callbacks)
    assert question_set.questions.count() == 4  # the same questions are not kept twice


@pytest.mark.usefixtures("at_once")
def test_a_person_accepts_edits_and_rejects(
    client, alice, question_set, model, django_capture_on_commit_callbacks
):
    client.force_login(alice)
    start(client, question_set, django_capture_on_commit_callbacks)
    first, second, *others = question_set.questions.all()
    client.post(
        reverse("evaluation:accept_draft", args=[first.pk]), {"text": "How many, in all?", "quote": "26 days"}
    )
    client.post(reverse("evaluation:delete_question", args=[second.pk]))
    first.refresh_from_db()
    assert (first.text, first.quote, first.is_accepted) == ("How many, in all?", "26 days", True)
    bad = client.post(reverse("evaluation:accept_draft", args=[others[0].pk]), {"text": ""}, follow=True)
    assert "A question needs its words" in bad.text
    assert question_set.questions.filter(is_accepted=False).count() == 2
    client.post(reverse("evaluation:accept_all", args=[question_set.pk]))
    assert question_set.questions.filter(is_accepted=True).count() == 3


def test_without_a_model_it_says_so(client, alice, question_set, settings, monkeypatch):
    settings.LLM_BASE_URL = ""
    monkeypatch.setattr("chat.bundled.is_available", lambda: False)
    client.force_login(alice)
    page = client.post(reverse("chat:draft", args=[question_set.pk]), follow=True).text
    assert "There is no language model to draft with" in page
    assert not question_set.questions.exists()


@pytest.mark.usefixtures("at_once")
def test_a_model_that_fails_ends_the_drafting_and_keeps_what_there_is(
    client, alice, question_set, model, django_capture_on_commit_callbacks
):
    model.behaviours[:] = [Behaviour("What is it about?\nWho is it for?"), Behaviour(status=401)]
    client.force_login(alice)
    page = start(client, question_set, django_capture_on_commit_callbacks).text
    assert "The language model failed; what it drafted before is kept." in page
    assert question_set.questions.count() == 2


def test_nothing_to_draft_from(client, alice, question_set, model):
    Document.objects.update(live_version=7)
    client.force_login(alice)
    page = client.post(reverse("chat:draft", args=[question_set.pk]), follow=True).text
    assert "there is nothing to draft from" in page


def test_only_editors_draft_and_accept(client, bob, charlie, question_set, model, handbook):
    draft = Question.objects.create(
        question_set=question_set, text="What?", document=handbook, is_accepted=False
    )
    for person, status in ((bob, 403), (charlie, 404)):
        client.force_login(person)
        for address in (
            reverse("chat:draft", args=[question_set.pk]),
            reverse("evaluation:accept_all", args=[question_set.pk]),
            reverse("evaluation:accept_draft", args=[draft.pk]),
        ):
            assert client.post(address, {"text": "Mine"}).status_code == status
    draft.refresh_from_db()
    assert (draft.text, draft.is_accepted) == ("What?", False)
    assert model.requests == []


def test_passages_are_spread_over_the_documents(knowledge_base, handbook):
    Chunk.objects.filter(document=handbook).delete()
    Chunk.objects.bulk_create(
        Chunk(id=Chunk.make_id(handbook.pk, 1, number), document=handbook, version=1, ordinal=number,
              text="x" * 80, page=1, start=0, end=80)
        for number in range(50)
    )  # fmt: skip
    chosen = question_drafts.spread_chunks(knowledge_base, 5)
    ordinals = [Chunk.objects.get(pk=pk).ordinal for pk in chosen]
    assert ordinals == [0, 12, 24, 36, 49]
