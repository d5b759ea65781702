"""What a person may do in a chat."""

import pytest

from chat import services
from chat.models import Conversation, Message
from chat.services import QuestionRefused
from ingestion.models import KnowledgeBase


def test_the_owner_and_a_viewer_may_start_a_conversation(alice, bob, knowledge_base):
    for person in (alice, bob):
        conversation = services.start_conversation(user=person, knowledge_bases=[knowledge_base])
        assert list(conversation.knowledge_bases.all()) == [knowledge_base]


def test_an_outsider_may_not(charlie, knowledge_base):
    with pytest.raises(QuestionRefused) as refusal:
        services.start_conversation(user=charlie, knowledge_bases=[knowledge_base])
    assert refusal.value.code == "no_knowledge_base"
    assert not Conversation.objects.exists()


def test_a_closed_knowledge_base_is_left_out(bob, alice, team, knowledge_base):
    closed = KnowledgeBase.objects.create(team=team, name="Closed", access="members", created_by=alice)
    conversation = services.start_conversation(user=bob, knowledge_bases=[knowledge_base, closed])
    assert list(conversation.knowledge_bases.all()) == [knowledge_base]


def test_a_question_makes_a_pending_answer_and_names_the_conversation(conversation):
    answer = services.ask(conversation=conversation, question="  How many days?\x00 ")
    question = conversation.messages.first()
    assert (question.role, question.text) == ("user", "How many days?")
    assert (answer.role, answer.status) == ("assistant", "pending")
    assert question.created_at < answer.created_at
    assert Conversation.objects.get().title == "How many days?"


@pytest.mark.parametrize(
    ("question", "code"),
    [("", "question_empty"), (" \n\x00\ud83d", "question_empty"), ("x" * 20_000, "question_too_long")],
)
def test_a_question_of_no_or_of_too_many_characters(conversation, question, code):
    with pytest.raises(QuestionRefused) as refusal:
        services.ask(conversation=conversation, question=question)
    assert refusal.value.code == code
    assert not Message.objects.exists()


def test_too_long_says_how_long(conversation):
    with pytest.raises(QuestionRefused) as refusal:
        services.check_question("x" * 20_000)
    assert refusal.value.params == {"limit": 4000, "length": 20_000}


def test_who_lost_the_knowledge_base_cannot_ask_it(conversation, team):
    team.memberships.all().delete()
    with pytest.raises(QuestionRefused, match="no_knowledge_base"):
        services.ask(conversation=conversation, question="How many days?")


def test_too_many_questions_in_a_minute(conversation, settings):
    settings.ASK_RATE_PER_MINUTE = 2
    services.ask(conversation=conversation, question="One?")
    services.ask(conversation=conversation, question="Two?")
    with pytest.raises(QuestionRefused, match="too_many_questions"):
        services.ask(conversation=conversation, question="Three?")


def test_asking_anew_stops_the_answer_that_still_waits(conversation):
    first = services.ask(conversation=conversation, question="One?")
    services.ask(conversation=conversation, question="Two?")
    first.refresh_from_db()
    assert (first.status, first.notice) == ("stopped", "stopped")


def test_stop_before_the_answer_began_and_while_another_process_makes_it(conversation):
    waiting = services.ask(conversation=conversation, question="One?")
    services.stop(message=waiting)
    assert (waiting.status, waiting.notice) == ("stopped", "stopped")
    running = Message.objects.create(conversation=conversation, role="assistant", status="streaming")
    services.stop(message=running)
    assert (running.status, running.stop_requested) == ("streaming", True)


def test_stop_leaves_a_finished_answer_alone(conversation):
    done = Message.objects.create(conversation=conversation, role="assistant", status="done", text="Yes.")
    services.stop(message=done)
    assert (done.status, done.stop_requested) == ("done", False)


def test_rename_and_delete(conversation):
    services.rename(conversation=conversation, title="  Leave \n and lunch ")
    assert Conversation.objects.get().title == "Leave and lunch"
    services.rename(conversation=conversation, title=" ")
    assert Conversation.objects.get().title == "Leave and lunch"
    services.delete(conversation=conversation)
    assert not Conversation.objects.exists()
