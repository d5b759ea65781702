"""OpenAI's protocol, spoken by the official client to a real server."""

import asyncio
import json
import threading

import httpx
import openai
import pytest
import uvicorn

from qa_project.asgi import application
from teams import services as teams
from tests.fake_llm import FakeLLM

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = [{"role": "user", "content": "How many days of holiday?"}]
ANSWER = "New staff get 22 days of holiday a year [1]."
WITH_SOURCES = ANSWER + "\n\nSources:\n[1] Handbook.pdf, page 1"


@pytest.fixture(scope="module")
def server():
    """The product's ASGI application behind uvicorn, on a free port."""
    config = uvicorn.Config(application, port=0, log_level="warning", lifespan="off", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/v1"
    running.should_exit = True
    thread.join(10)


@pytest.fixture
def client(server, found, settings):
    """A client of the official library for a person."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]

    def client(user=None, key="wrong"):
        key = teams.create_api_key(user=user)[1] if user else key
        return openai.OpenAI(base_url=server, api_key=key, max_retries=0)

    with FakeLLM(ANSWER) as client.model:
        settings.LLM_BASE_URL, settings.LLM_MODEL = client.model.base_url, "fake"
        yield client


def test_knowledge_bases_are_models(client, alice, charlie, knowledge_base):
    [model] = client(alice).models.list().data
    assert model.id == str(knowledge_base.pk)
    assert client(alice).models.retrieve("Handbook").id == model.id
    assert client(charlie).models.list().data == []


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_whole_answer(client, bob, knowledge_base, by):
    name = str(knowledge_base.pk) if by == "id" else "Handbook"
    completion = client(bob).chat.completions.create(model=name, messages=QUESTION)
    assert completion.choices[0].message.content == WITH_SOURCES
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens > 0
    assert completion.citations[0]["document"] == "Handbook.pdf"


def test_a_stream(client, alice, knowledge_base):
    chunks = list(
        client(alice).chat.completions.create(
            model="Handbook", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == WITH_SOURCES
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].citations[0]["page"] == 1
    assert chunks[-1].usage.completion_tokens > 0


def test_earlier_turns_are_history_and_parts_are_text(client, alice, knowledge_base):
    client(alice).chat.completions.create(
        model="Handbook",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "When is lunch?"},
            {"role": "assistant", "content": "From 11:30 [2].\n\nSources:\n[2] Handbook.pdf"},
            {"role": "user", "content": [{"type": "text", "text": "How many days of holiday?"}]},
        ],
    )
    sent = client.model.requests[-1]["messages"]
    assert sent[-3:-1] == [
        {"role": "user", "content": "Question: When is lunch?"},
        {"role": "assistant", "content": "From 11:30."},
    ]
    assert sent[-1]["content"].endswith("Question: How many days of holiday?")


def test_half_a_character_does_no_harm(client, alice, knowledge_base):
    """A client that cuts a text may cut an emoji, and JSON carries the half."""
    key = client(alice).api_key
    halved = {
        "model": "Hand\ud83dbook",
        "messages": [
            {"role": "user", "content": "When is lunch? \ud83d"},
            {"role": "assistant", "content": "\ud83d"},
            {"role": "user", "content": [{"type": "text", "text": "How many days \ud83d of holiday?"}]},
        ],
    }
    response = httpx.post(
        f"{client(alice).base_url}chat/completions",
        content=json.dumps(halved),
        headers={"Authorization": f"Bearer {key}"},
    )
    assert response.status_code == 200, response.text


def test_refusals_in_openais_shape(client, alice, charlie, knowledge_base, settings):
    with pytest.raises(openai.AuthenticationError) as wrong_key:
        client().models.list()
    assert wrong_key.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as outsider:
        client(charlie).chat.completions.create(model="Handbook", messages=QUESTION)
    assert outsider.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client(alice).chat.completions.create(model="gpt-9", messages=QUESTION)
    for messages in (
        [],
        [{"role": "assistant", "content": "x"}],
        [{"role": "user", "content": "x" * 20_000}],
    ):
        with pytest.raises(openai.BadRequestError) as refusal:
            client(alice).chat.completions.create(model="Handbook", messages=messages)
        assert refusal.value.param == "messages"
    settings.ASK_RATE_PER_MINUTE = 1
    client(alice).chat.completions.create(model="Handbook", messages=QUESTION)
    with pytest.raises(openai.RateLimitError):
        client(alice).chat.completions.create(model="Handbook", messages=QUESTION)


def test_a_search_that_fails_is_a_server_error(client, alice, found):
    found.error = RuntimeError("a bug")
    with pytest.raises(openai.InternalServerError) as failure:
        client(alice).chat.completions.create(model="Handbook", messages=QUESTION)
    assert "a bug" not in str(failure.value)
    with pytest.raises(openai.APIError):
        list(client(alice).chat.completions.create(model="Handbook", messages=QUESTION, stream=True))
