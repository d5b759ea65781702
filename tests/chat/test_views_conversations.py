"""The chat page: what is listed, what is chosen, and that nobody sees another's conversations."""

import pytest
from django.urls import reverse

from chat.models import Conversation, Message
from ingestion.models import KnowledgeBase
from retrieval import question_sets


@pytest.fixture
def conversation(alice, knowledge_base):
    conversation = Conversation.objects.create(user=alice, title="Carrying leave over")
    conversation.knowledge_bases.set([knowledge_base])
    Message.objects.create(conversation=conversation, role="user", text="How many days?")
    Message.objects.create(conversation=conversation, role="assistant", text="Five days.")
    return conversation


def test_home_needs_a_login(client, db):
    response = client.get(reverse("chat:home"))
    assert response.status_code == 302
    assert reverse("account_login") in response["Location"]


def test_home_lists_only_ones_own_conversations(client, alice, bob, conversation):
    client.force_login(alice)
    assert "Carrying leave over" in client.get(reverse("chat:home")).content.decode()
    client.force_login(bob)
    assert "Carrying leave over" not in client.get(reverse("chat:home")).content.decode()


def test_a_newcomer_without_knowledge_bases_is_shown_the_way(client, charlie):
    client.force_login(charlie)
    page = client.get(reverse("chat:home")).content.decode()
    assert "There is none that you may read yet." in page
    assert reverse("ingestion:knowledge_bases") in page


def test_the_thread_is_shown_to_its_owner_alone(client, alice, bob, charlie, conversation):
    url = reverse("chat:conversation", args=[conversation.pk])
    client.force_login(alice)
    page = client.get(url).content.decode()
    assert "How many days?" in page
    assert "Five days." in page
    for other in (bob, charlie):
        client.force_login(other)
        assert client.get(url).status_code == 404


def test_what_a_model_or_a_person_wrote_is_never_markup(client, alice, conversation):
    Message.objects.create(conversation=conversation, role="user", text="<img src=x onerror=alert(1)>")
    Message.objects.create(conversation=conversation, role="assistant", text="<script>alert(1)</script> text")
    client.force_login(alice)
    page = client.get(reverse("chat:conversation", args=[conversation.pk])).content.decode()
    assert "<img src=x" not in page
    assert "<script>alert" not in page


def test_search_looks_into_titles_and_messages(client, alice, conversation, knowledge_base):
    Conversation.objects.create(user=alice, title="Parking")
    client.force_login(alice)
    headers = {"HX-Request": "true", "HX-Target": "conversations"}
    for text, expected in (("leave", True), ("five DAYS", True), ("park", False)):
        found = client.get(reverse("chat:home"), {"q": text}, headers=headers).content.decode()
        assert ("Carrying leave over" in found) is expected
        assert "<html" not in found


def test_a_knowledge_base_named_in_the_address_is_chosen(client, alice, team, knowledge_base):
    other = KnowledgeBase.objects.create(team=team, name="Other", created_by=alice)
    client.force_login(alice)
    choices = client.get(reverse("chat:home"), {"knowledge_base": str(other.pk)}).context["choices"]
    assert {each.knowledge_base.name: each.chosen for each in choices} == {"Handbook": False, "Other": True}


def test_the_last_choice_is_remembered(client, alice, team, knowledge_base, conversation):
    KnowledgeBase.objects.create(team=team, name="Other", created_by=alice)
    client.force_login(alice)
    choices = client.get(reverse("chat:home")).context["choices"]
    assert {each.knowledge_base.name: each.chosen for each in choices} == {"Handbook": True, "Other": False}


def test_rename(client, alice, bob, charlie, conversation):
    url = reverse("chat:rename", args=[conversation.pk])
    for other in (bob, charlie):
        client.force_login(other)
        assert client.post(url, {"title": "Mine"}).status_code == 404
    client.force_login(alice)
    assert client.get(url).status_code == 405
    assert client.post(url, {"title": "  Leave   rules "}).status_code == 302
    conversation.refresh_from_db()
    assert conversation.title == "Leave rules"


def test_delete(client, alice, bob, charlie, conversation):
    url = reverse("chat:delete", args=[conversation.pk])
    for other in (bob, charlie):
        client.force_login(other)
        assert client.post(url).status_code == 404
    client.force_login(alice)
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 302
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()


def test_the_page_speaks_chinese_when_asked(client, alice):
    client.force_login(alice)
    client.post(reverse("set_language"), {"language": "zh-hans", "next": "/"})
    assert '<html lang="zh-hans">' in client.get(reverse("chat:home")).content.decode()


def test_an_answer_tells_its_model_timings_and_doubts(client, alice, conversation):
    Message.objects.create(
        conversation=conversation,
        role="assistant",
        text="Five days. Two approvals.",
        unsupported=[[11, 25]],
        model="small-model",
        timings_ms={"total": 1234.5, "recall": 12.3, "unheard_of": 1},
    )
    client.force_login(alice)
    page = client.get(reverse("chat:conversation", args=[conversation.pk])).content.decode()
    assert "Partly supported" in page
    assert "Underlined like this" in page
    assert "small-model" in page
    assert page.index("First stage: recall") < page.index("In all")
    assert "12 ms" in page
    assert "unheard_of" not in page


def test_the_examples_are_questions_that_are_known_to_be_answered(client, alice, knowledge_base, handbook):
    golden = question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")
    for text in ("How long is annual leave?", "年假有多少天？"):
        question_sets.add_question(question_set=golden, text=text, quote="thirty days")
    client.force_login(alice)
    english = client.get(reverse("chat:home")).text
    assert "How long is annual leave?" in english
    assert "年假有多少天？" not in english
    chinese = client.get(reverse("chat:home"), headers={"accept-language": "zh-hans"}).text
    assert "年假有多少天？" in chinese
