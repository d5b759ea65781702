"""Asking, the stream of an answer, and stopping it."""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import reverse

from chat import live
from chat.events import Done, Failed, SourcesFound, Token
from chat.models import Citation, Conversation, Message
from ingestion.models import KnowledgeBase

HTMX = {"HX-Request": "true"}


@pytest.fixture
def conversation(alice, knowledge_base):
    conversation = Conversation.objects.create(user=alice, title="Leave")
    conversation.knowledge_bases.set([knowledge_base])
    return conversation


@pytest.fixture
def answer(conversation):
    Message.objects.create(conversation=conversation, role="user", text="How many days?")
    return Message.objects.create(conversation=conversation, role="assistant", status="pending")


def ask(client, **data):
    return client.post(reverse("chat:ask"), data, headers=HTMX)


def test_the_first_question_opens_a_conversation(client, alice, knowledge_base):
    client.force_login(alice)
    response = ask(client, question="How many days of leave?", knowledge_bases=[knowledge_base.pk])
    conversation = Conversation.objects.get()
    answer = conversation.messages.get(role="assistant")
    page = response.content.decode()
    assert response["HX-Push-Url"] == reverse("chat:conversation", args=[conversation.pk])
    assert page.index("How many days of leave?") < page.index(reverse("chat:stream", args=[answer.pk]))
    assert answer.status == "pending"
    assert list(conversation.knowledge_bases.all()) == [knowledge_base]


def test_without_javascript_the_form_leads_to_the_answer(client, alice, knowledge_base):
    client.force_login(alice)
    response = client.post(
        reverse("chat:ask"), {"question": "How many?", "knowledge_bases": [knowledge_base.pk]}
    )
    answer = Message.objects.get(role="assistant")
    assert response.status_code == 302
    assert response["Location"] == reverse("chat:message", args=[answer.pk])


def test_the_next_question_stays_in_the_conversation(client, alice, team, conversation, knowledge_base):
    other = KnowledgeBase.objects.create(team=team, name="Other", created_by=alice)
    client.force_login(alice)
    response = ask(client, conversation=conversation.pk, question="And then?", knowledge_bases=[other.pk])
    assert response.status_code == 200
    assert "HX-Push-Url" not in response
    assert conversation.messages.count() == 2
    assert list(conversation.knowledge_bases.all()) == [other]


def test_an_example_is_asked_when_the_box_is_empty(client, alice, knowledge_base):
    client.force_login(alice)
    ask(client, question="", example="What about leave?", knowledge_bases=[knowledge_base.pk])
    assert Message.objects.get(role="user").text == "What about leave?"


@pytest.mark.parametrize(
    ("question", "words"), [("", "Write a question"), ("  \n ", "Write a question"), ("x" * 20_000, "4000")]
)
def test_a_question_that_cannot_be_asked_is_answered_in_words(client, alice, knowledge_base, question, words):
    client.force_login(alice)
    response = ask(client, question=question, knowledge_bases=[knowledge_base.pk])
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Conversation.objects.exists()
    whole = client.post(reverse("chat:ask"), {"question": question, "knowledge_bases": [knowledge_base.pk]})
    assert whole.status_code == 422
    assert words in whole.content.decode()


def test_the_typed_question_is_kept_when_it_is_refused(client, alice, knowledge_base):
    client.force_login(alice)
    whole = client.post(reverse("chat:ask"), {"question": "Is this kept?"})
    assert whole.status_code == 422
    assert "Is this kept?</textarea>" in whole.content.decode()


def test_nobody_asks_what_they_may_not_read(client, charlie, knowledge_base):
    client.force_login(charlie)
    response = ask(client, question="How many?", knowledge_bases=[knowledge_base.pk])
    assert response.status_code == 422
    assert not Message.objects.exists()


def test_nobody_asks_in_the_conversation_of_another(client, bob, charlie, conversation, knowledge_base):
    for other in (bob, charlie):
        client.force_login(other)
        response = ask(
            client, conversation=conversation.pk, question="Hi?", knowledge_bases=[knowledge_base.pk]
        )
        assert response.status_code == 404
    assert not Message.objects.exists()


def test_too_many_questions_are_refused_in_words(client, alice, conversation, settings, monkeypatch):
    settings.ASK_RATE_PER_MINUTE = 1
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)  # both questions in one window
    client.force_login(alice)
    assert ask(client, conversation=conversation.pk, question="How many?").status_code == 200
    response = ask(client, conversation=conversation.pk, question="And then?")
    assert response.status_code == 429
    assert "Too many questions" in response.content.decode()


def test_stop_is_for_the_owner(client, alice, bob, charlie, answer):
    url = reverse("chat:stop", args=[answer.pk])
    for other in (bob, charlie):
        client.force_login(other)
        assert client.post(url).status_code == 404
    client.force_login(alice)
    assert client.get(url).status_code == 405
    assert client.post(url, headers=HTMX).status_code == 204
    answer.refresh_from_db()
    assert answer.status == "stopped"
    page = client.get(reverse("chat:conversation", args=[answer.conversation_id])).content.decode()
    assert "You stopped this answer." in page
    assert "Ask again" in page


def test_an_unfinished_answer_is_shown_with_what_was_saved(client, alice, answer):
    Message.objects.filter(pk=answer.pk).update(status="streaming", text="Five da")
    client.force_login(alice)
    page = client.get(reverse("chat:conversation", args=[answer.conversation_id])).content.decode()
    assert "Five da" in page
    assert f'sse-connect="{reverse("chat:stream", args=[answer.pk])}"' in page


# --- the stream ----------------------------------------------------------------------------


async def read(user, answer, **headers):
    client = AsyncClient()
    await sync_to_async(client.force_login)(user)
    response = await client.get(reverse("chat:stream", args=[answer.pk]), headers=headers)
    if response.status_code != 200:
        return response, ""
    return response, b"".join([part async for part in response.streaming_content]).decode()


@pytest.fixture
def told(monkeypatch, knowledge_base):
    """Answers with the events it is given, in place of a search and a model."""

    def tell(*events, text="Five <b>days</b> [1].\n\nMore.", refused=False):
        async def follow(message_id, *, after=0):
            message = await Message.objects.aget(pk=message_id)
            await Citation.objects.aget_or_create(
                message=message,
                number=1,
                defaults={
                    "cited": True,
                    "chunk_id": message_id,
                    "document_name": "a.pdf",
                    "quote": "Five days",
                },
            )
            yield SourcesFound(message)
            for piece in (text[after:][:6], "", text[after:][6:]):
                yield Token(piece)
            message.text, message.status = text, "done"
            await message.asave()
            yield Done(message)

        monkeypatch.setattr(live, "follow", follow)

    return tell


@pytest.mark.django_db(transaction=True)
async def test_the_stream_tells_sources_tokens_and_the_whole(alice, answer, told):
    told()
    response, body = await read(alice, answer)
    events = [line[7:] for line in body.splitlines() if line.startswith("event: ")]
    assert events == ["sources", "text", "token", "done"]
    assert response["Content-Type"].startswith("text/event-stream")
    assert response["X-Accel-Buffering"] == "no"
    assert "no-cache" in response["Cache-Control"]
    assert ": still here" in body
    assert "&lt;b&gt;" in body
    assert "id: 6\n" in body
    assert "data: \ndata: More." in body
    assert "Answer ready, 1 source" in body


@pytest.mark.django_db(transaction=True)
async def test_a_reader_that_comes_back_gets_only_the_rest(alice, answer, told):
    told()
    _, body = await read(alice, answer, **{"Last-Event-ID": "5"})
    tokens = body.split("event: done")[0]
    assert "event: text" not in body
    assert "Five" not in tokens
    assert "id: 11\ndata: &lt;b&gt;day\n" in tokens
    assert "id: 28\n" in tokens


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["²x", "-1", "9" * 5000], ids=["letters", "negative", "5,000 digits"])
async def test_a_broken_last_event_id_starts_anew(alice, answer, told, broken):
    told()
    _, body = await read(alice, answer, **{"Last-Event-ID": broken})
    assert "Five" in body


@pytest.mark.django_db(transaction=True)
async def test_a_failure_is_told_in_words(alice, answer, monkeypatch):
    async def follow(message_id, *, after=0):
        message = await Message.objects.aget(pk=message_id)
        message.status, message.notice = "failed", "search_unavailable"
        await message.asave()
        yield Failed(message, "search_unavailable")

    monkeypatch.setattr(live, "follow", follow)
    _, body = await read(alice, answer)
    assert "event: failed" in body
    assert "The search index does not answer" in body


@pytest.mark.django_db(transaction=True)
async def test_a_conversation_deleted_meanwhile_ends_the_stream(alice, answer, monkeypatch):
    async def follow(message_id, *, after=0):
        await Conversation.objects.all().adelete()
        raise Message.DoesNotExist
        yield

    monkeypatch.setattr(live, "follow", follow)
    _, body = await read(alice, answer)
    assert body.endswith("event: done\ndata: \n\n")


@pytest.mark.django_db(transaction=True)
async def test_the_stream_is_closed_to_everybody_else(bob, charlie, answer):
    for other in (bob, charlie):
        response, _ = await read(other, answer)
        assert response.status_code == 404
    assert (await AsyncClient().get(reverse("chat:stream", args=[answer.pk]))).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_the_page_without_javascript_waits_and_leads_back(alice, bob, answer, told):
    told()
    client = AsyncClient()
    await sync_to_async(client.force_login)(alice)
    response = await client.get(reverse("chat:message", args=[answer.pk]))
    assert response.status_code == 302
    assert response["Location"].endswith(f"/c/{answer.conversation_id}/#message-{answer.pk}")
    await sync_to_async(client.force_login)(bob)
    assert (await client.get(reverse("chat:message", args=[answer.pk]))).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_the_stream_speaks_the_readers_language(alice, answer, told):
    told()
    client = AsyncClient()
    await sync_to_async(client.force_login)(alice)
    client.cookies["django_language"] = "zh-hans"
    response = await client.get(reverse("chat:stream", args=[answer.pk]))
    body = b"".join([part async for part in response.streaming_content]).decode()
    assert "Answer ready" not in body
