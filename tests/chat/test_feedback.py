"""Thumbs on answers, and evaluation questions collected from them."""

import pytest
from django.urls import reverse

from chat import feedback
from chat.models import Citation, Conversation, Message
from chat.quotes import best_quote
from retrieval import question_sets
from retrieval.models import Question

HTMX = {"HX-Request": "true"}


@pytest.fixture
def answer(alice, knowledge_base, handbook):
    conversation = Conversation.objects.create(user=alice, title="Leave")
    conversation.knowledge_bases.set([knowledge_base])
    Message.objects.create(conversation=conversation, role="user", text="How much holiday after five years?")
    answer = Message.objects.create(
        conversation=conversation, role="assistant", status="done", text="It is 26 days [2]."
    )
    texts = ["The canteen is open.", "New staff get 22 days. After five years it is 26 days of holiday."]
    for number, quote in enumerate(texts, 1):
        Citation.objects.create(
            message=answer,
            number=number,
            cited=number == 2,
            document=handbook,
            chunk_id=handbook.pk,
            document_name=handbook.name,
            quote=quote,
        )
    return answer


@pytest.fixture
def question_set(knowledge_base, alice):
    return question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")


def judge(client, answer, **data):
    return client.post(reverse("chat:judge", args=[answer.pk]), data, headers=HTMX)


def test_thumbs_are_kept_shown_and_taken_back(client, alice, answer):
    client.force_login(alice)
    page = judge(client, answer, feedback="up").text
    answer.refresh_from_db()
    assert answer.feedback == "up"
    assert page.count('aria-pressed="true"') == 1
    assert "Thank you." in page
    thread = client.get(reverse("chat:conversation", args=[answer.conversation_id])).text
    assert thread.count('aria-pressed="true"') == 1
    judge(client, answer, feedback="")
    answer.refresh_from_db()
    assert answer.feedback == ""


def test_thumbs_down_asks_for_a_reason(client, alice, answer):
    client.force_login(alice)
    assert 'name="reason"' in judge(client, answer, feedback="down").text
    assert 'name="reason"' not in judge(client, answer, feedback="down", reason=" The number is old. ").text
    answer.refresh_from_db()
    assert (answer.feedback, answer.feedback_reason) == ("down", "The number is old.")
    judge(client, answer, feedback="up")
    answer.refresh_from_db()
    assert answer.feedback_reason == ""


def test_without_javascript_the_form_leads_back_to_the_answer(client, alice, answer):
    client.force_login(alice)
    response = client.post(reverse("chat:judge", args=[answer.pk]), {"feedback": "up"})
    assert response.url.endswith(f"#message-{answer.pk}")


def test_only_the_owner_judges_and_only_finished_answers(client, alice, bob, charlie, answer):
    for person in (bob, charlie):
        client.force_login(person)
        assert judge(client, answer, feedback="up").status_code == 404
    client.force_login(alice)
    assert judge(client, answer, feedback="sideways").status_code == 404
    question = answer.conversation.messages.get(role="user")
    assert judge(client, question, feedback="up").status_code == 404
    Message.objects.update(status="streaming")
    assert judge(client, answer, feedback="up").status_code == 404
    assert not Message.objects.exclude(feedback="").exists()


def test_liked_questions_are_collected_once_with_what_was_cited(
    client, alice, answer, question_set, handbook
):
    client.force_login(alice)
    collect = reverse("chat:collect", args=[question_set.pk])
    assert "no further answer" in client.post(collect, follow=True).text
    feedback.give_feedback(message=answer, value="up")
    assert "1 question was added." in client.post(collect, follow=True).text
    assert "no further answer" in client.post(collect, follow=True).text
    question = Question.objects.get()
    assert (question.text, question.document) == ("How much holiday after five years?", handbook)
    assert question.quote == "After five years it is 26 days of holiday."
    assert question.origin == Question.Origin.FEEDBACK


def test_what_others_liked_stays_theirs(client, alice, bob, charlie, answer, question_set):
    feedback.give_feedback(message=answer, value="up")
    assert feedback.collect_liked(question_set=question_set, user=bob) == 0
    collect = reverse("chat:collect", args=[question_set.pk])
    for person, status in ((bob, 403), (charlie, 404)):
        client.force_login(person)
        assert client.post(collect).status_code == status
    assert not Question.objects.exists()


def test_a_source_that_is_gone_is_not_collected(alice, answer, question_set):
    feedback.give_feedback(message=answer, value="up")
    Citation.objects.update(document=None)
    assert feedback.collect_liked(question_set=question_set, user=alice) == 0


def test_the_quote_is_the_passage_s_own_words():
    assert (
        best_quote("电池保修两年。链条每骑行 300 公里上油。", about="链条多久上油？")
        == "链条每骑行 300 公里上油。"
    )
    assert best_quote("Nothing alike here.", about="凭证") == "Nothing alike here."
    assert len(best_quote("word " * 200, about="word")) <= 200
