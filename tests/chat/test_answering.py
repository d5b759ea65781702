"""Answers of a conversation: found, written, checked, saved, in every way that can end."""

import asyncio
import uuid

import pytest

from chat import answering, drafts, services
from chat.events import Done, Failed, SourcesFound, Token
from chat.models import Message
from ingestion.models import KnowledgeBase
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.stores.base import StoreUnavailable
from tests.fake_llm import Behaviour, FakeLLM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask(conversation, found, settings):
    """Asks a question with these behaviours of the model; returns the events and the saved answer."""

    def ask(*behaviours, question="How many days of holiday?", stop_after=None):
        message = services.ask(conversation=conversation, question=question)

        async def run():
            stop, events = asyncio.Event(), []
            async for event in answering.answer(message.pk, stop=stop):
                events.append(event)
                if len(events) == stop_after:
                    stop.set()
            return events

        with FakeLLM(*(behaviours or ("unused",))) as ask.fake:
            settings.LLM_BASE_URL = ask.fake.base_url if behaviours else ""
            settings.LLM_MODEL = "fake"
            events = asyncio.run(run())
        message.refresh_from_db()
        return events, message

    return ask


def shown(events):
    return "".join(event.text for event in events if isinstance(event, Token))


def test_a_cited_answer(ask, found):
    events, message = ask("After five years staff get 26 days of holiday [1].")
    assert isinstance(events[0], SourcesFound)
    assert isinstance(events[-1], Done)
    assert shown(events) == message.text == "After five years staff get 26 days of holiday [1]."
    assert (message.status, message.notice, message.refused, message.model) == ("done", "", False, "fake")
    cited = message.citations.get(cited=True)
    assert (cited.number, cited.page, cited.document_name) == (1, 1, "Handbook.pdf")
    assert cited.quote.startswith("New staff get 22 days")
    assert cited.regions[0]["page"] == 1
    assert (cited.recall_score, cited.rerank_score) == (1.0, 0.9)
    assert message.citations.count() == 3
    assert {"rewrite", "recall", "rerank", "llm_first_token", "llm_total", "check", "total"} <= set(
        message.timings_ms
    )


def test_the_model_reads_numbered_passages_with_their_place(ask):
    ask("26 days [1].")
    prompt = ask.fake.requests[0]["messages"][-1]["content"]
    assert "[1] (Handbook.pdf, page 1)\nNew staff" in prompt
    assert prompt.endswith("Question: How many days of holiday?")


def test_an_invented_number_is_marked_and_an_unknown_source_dropped(ask):
    _, message = ask("After five years it is 99 days of holiday [1] [8].")
    assert message.text == "After five years it is 99 days of holiday [1]."
    assert message.unsupported == [[0, len(message.text)]]


def test_nothing_above_the_threshold_is_a_refusal_without_the_model(ask, found):
    found.answerable = False
    events, message = ask("I would invent something [1].")
    assert ask.fake.requests == []
    assert isinstance(events[-1], Done)
    assert (message.refused, message.notice, message.status) == (True, "not_found", "done")
    assert message.text == "Not found in the documents."
    assert message.citations.count() == 3
    assert not message.citations.filter(cited=True).exists()


def test_the_model_itself_may_say_that_it_is_not_there(ask):
    _, message = ask("文档中没有找到答案。", question="食堂的负责人是谁？")
    assert (message.refused, message.notice) == (True, "not_found")


@pytest.mark.parametrize(
    ("behaviour", "notice"),
    [
        (None, "llm_missing"),
        (Behaviour("late", first_delay_s=30), "llm_slow"),
        (Behaviour(status=500), "llm_failed"),
        (Behaviour(raw=b"rubbish"), "llm_failed"),
        (Behaviour("Two words", cut_after=1), "llm_failed"),
        (Behaviour(""), "llm_failed"),
    ],
)
def test_without_a_working_model_the_documents_answer(ask, settings, behaviour, notice):
    settings.LLM_TIMEOUT_S = 0.5
    events, message = ask(*([behaviour] if behaviour else []))
    assert isinstance(events[-1], Done)
    assert (message.status, message.notice, message.model) == ("done", notice, "")
    assert "New staff get 22 days of holiday a year. [1]" in message.text
    assert message.citations.get(number=1).cited
    assert not message.unsupported


def test_a_model_that_breaks_off_late_leaves_what_it_wrote(ask):
    text = "New staff get 22 days of holiday a year [1]. And then it"
    _, message = ask(Behaviour(text + " stopped", cut_after=13))
    assert message.notice == "llm_interrupted"
    assert message.text == text
    assert message.citations.get(number=1).cited


def test_stop_keeps_what_was_written(ask):
    events, message = ask(
        Behaviour("New staff get 22 days of holiday a year [1]. " * 50, delay_s=0.02), stop_after=12
    )
    assert isinstance(events[-1], Done)
    assert (message.status, message.notice) == ("stopped", "stopped")
    assert message.text.startswith("New staff get 22 days of holiday a year [1].")
    assert len(message.text) < 300
    assert message.citations.get(number=1).cited


def test_stop_while_the_model_thinks(ask):
    events, message = ask(Behaviour("late", first_delay_s=30), stop_after=1)
    assert isinstance(events[-1], Done)
    assert (message.status, message.text) == ("stopped", "")


@pytest.mark.parametrize(
    ("error", "notice"),
    [
        (EmbedderUnavailable("x"), "search_unavailable"),
        (StoreUnavailable("x"), "search_unavailable"),
        (RuntimeError("a bug"), "answer_failed"),
    ],
)
def test_a_search_that_fails_is_told_and_kept(ask, found, error, notice):
    found.error = error
    events, message = ask("unused")
    assert isinstance(events[-1], Failed)
    assert events[-1].code == notice
    assert (message.status, message.notice) == ("failed", notice)


def test_who_lost_the_right_to_read_gets_no_answer(ask, team, monkeypatch):
    real = answering._begin

    def begin(message_id):
        team.memberships.all().delete()
        return real(message_id)

    monkeypatch.setattr(answering, "_begin", begin)
    events, message = ask("unused")
    assert events[-1].code == "no_knowledge_base"
    assert message.citations.count() == 0


def test_a_conversation_deleted_meanwhile_ends_quietly(ask, found, conversation, monkeypatch):
    def search_and_delete(query, **arguments):
        result = found(query, **arguments)
        conversation.delete()
        return result

    monkeypatch.setattr(drafts, "search", search_and_delete)
    with pytest.raises(Message.DoesNotExist):
        ask("Never said.")


def test_a_cancelled_task_saves_what_it_has(conversation, found, settings):
    message = services.ask(conversation=conversation, question="How many days of holiday?")

    async def run(fake):
        async def read():
            async for event in answering.answer(message.pk):
                if isinstance(event, Token):
                    started.set()

        started = asyncio.Event()
        task = asyncio.create_task(read())
        await asyncio.wait_for(started.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with FakeLLM(Behaviour("New staff get 22 days of holiday", delay_s=0.3)) as fake:
        settings.LLM_BASE_URL, settings.LLM_MODEL = fake.base_url, "fake"
        asyncio.run(run(fake))
    message.refresh_from_db()
    assert (message.status, message.notice) == ("failed", "interrupted")
    assert message.text.startswith("New")


def test_the_next_question_understands_the_last_one(ask, found):
    ask("The canteen is open from 11:30 to 14:00 [2].", question="When is the canteen open?")
    _, message = ask(
        "Until when is the canteen open?", "It is open from 11:30 to 14:00 [2].", question="And until when?"
    )
    assert found.queries[-1] == message.query == "Until when is the canteen open?"
    answered = ask.fake.requests[-1]["messages"]
    assert {"role": "user", "content": "Question: When is the canteen open?"} in answered
    assert answered[-1]["content"].endswith("Question: And until when?")


def test_answer_once_keeps_nothing(found, knowledge_base, settings):
    with FakeLLM("The canteen is open from 11:30 to 14:00 [2].") as fake:
        settings.LLM_BASE_URL, settings.LLM_MODEL = fake.base_url, "fake"
        result = asyncio.run(answering.answer_once("When is lunch?", knowledge_bases=[knowledge_base]))
    assert result.answer == "The canteen is open from 11:30 to 14:00 [2]."
    assert [one.number for one in result.citations] == [2]
    assert len(result.passages) == 3
    assert not Message.objects.exists()


def test_answer_once_for_an_outsider(found, knowledge_base, charlie):
    with pytest.raises(KnowledgeBase.DoesNotExist):
        asyncio.run(answering.answer_once("?", knowledge_bases=[knowledge_base], user=charlie))


def test_answer_once_when_the_search_is_down(found, knowledge_base):
    found.error = StoreUnavailable("down")
    with pytest.raises(answering.SearchUnavailable):
        asyncio.run(answering.answer_once("?", knowledge_bases=[knowledge_base]))


def test_an_answer_that_is_not_there():
    async def run():
        async for _ in answering.answer(uuid.uuid4()):
            pass

    with pytest.raises(Message.DoesNotExist):
        asyncio.run(run())
