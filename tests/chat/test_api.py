"""Questions over REST: the owner and a viewer are answered, an outsider finds nothing."""

import json

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from retrieval.stores.base import StoreUnavailable
from teams import services as teams
from tests.fake_llm import Behaviour, FakeLLM

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/ask"
QUESTION = "How many days of holiday?"
ANSWER = "New staff get 22 days of holiday a year [1]."


@pytest.fixture
def model(settings):
    with FakeLLM(ANSWER) as fake:
        settings.LLM_BASE_URL, settings.LLM_MODEL = fake.base_url, "fake"
        yield fake


def header(user):
    return {"Authorization": f"Bearer {teams.create_api_key(user=user)[1]}"}


def ask(user, knowledge_base, **body):
    body = {"knowledge_base_ids": [str(knowledge_base.pk)], "question": QUESTION, **body}
    return Client(headers=header(user)).post(ADDRESS, body, content_type="application/json")


def test_the_answer_has_the_promised_shape(alice, knowledge_base, found, model):
    body = ask(alice, knowledge_base).json()
    assert body["answer"] == ANSWER
    assert body["refused"] is False
    assert body["notice"] is None
    assert body["model"] == "fake"
    [citation] = body["citations"]
    assert (citation["number"], citation["document"], citation["page"]) == (1, "Handbook.pdf", 1)
    assert citation["quote"].startswith("New staff get 22 days")
    assert set(citation["regions"][0]) == {"page", "x0", "y0", "x1", "y1"}
    assert set(body["passages"][0]) == {"document", "page", "recall_score", "rerank_score", "text"}
    assert {"recall", "rerank", "llm_total", "total"} <= set(body["timings_ms"])


def test_a_viewer_is_answered(bob, knowledge_base, found, model):
    assert ask(bob, knowledge_base).status_code == 200


def test_an_outsider_finds_nothing(charlie, knowledge_base, found, model):
    assert ask(charlie, knowledge_base).status_code == 404
    assert found.queries == []


def test_without_a_key(knowledge_base, found):
    assert Client().post(ADDRESS, {}, content_type="application/json").status_code == 401


@pytest.mark.parametrize(("question", "code"), [("", "question_empty"), ("x" * 20_000, "question_too_long")])
def test_a_question_that_cannot_be_asked(alice, knowledge_base, found, question, code):
    response = ask(alice, knowledge_base, question=question)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == code


def test_too_many_questions(alice, knowledge_base, found, model, settings):
    settings.ASK_RATE_PER_MINUTE = 1
    assert ask(alice, knowledge_base).status_code == 200
    refused = ask(alice, knowledge_base)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1


def test_a_search_that_is_down(alice, knowledge_base, found, model):
    found.error = StoreUnavailable("down")
    response = ask(alice, knowledge_base)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "search_unavailable"


def test_a_refusal_offers_what_came_closest(alice, knowledge_base, found, model):
    found.answerable = False
    body = ask(alice, knowledge_base).json()
    assert (body["refused"], body["citations"], len(body["passages"])) == (True, [], 3)
    assert body["notice"]["code"] == "not_found"


async def events(user_headers, knowledge_base):
    body = {"knowledge_base_ids": [str(knowledge_base.pk)], "question": QUESTION, "stream": True}
    response = await AsyncClient().post(ADDRESS, body, content_type="application/json", headers=user_headers)
    assert response["Content-Type"] == "text/event-stream", response.content
    assert response["X-Accel-Buffering"] == "no"
    text = "".join([part.decode() async for part in response.streaming_content])
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_stream_ends_with_the_whole(alice, knowledge_base, found, model):
    headers = await sync_to_async(header)(alice)
    received = await events(headers, knowledge_base)
    assert "".join(data["text"] for name, data in received if name == "token") == ANSWER
    name, last = received[-1]
    assert name == "done"
    assert last["citations"][0]["document"] == "Handbook.pdf"
    found.error = StoreUnavailable("down")
    [(name, data)] = await events(headers, knowledge_base)
    assert (name, data["error"]["code"]) == ("error", "search_unavailable")


async def test_a_broken_model_ends_in_the_documents_own_words(alice, knowledge_base, found, model):
    model.behaviours = [Behaviour(status=500)]
    received = await events(await sync_to_async(header)(alice), knowledge_base)
    assert received[-1][1]["notice"]["code"] == "llm_failed"
    assert "22 days" in received[-1][1]["answer"]
