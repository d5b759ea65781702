"""The client of language models, against a real HTTP server that misbehaves on demand."""

import asyncio
import time
import uuid

import pytest

from chat import bundled, llm
from chat.llm import RemoteLLM
from teams.models import ModelConnection, Team
from tests.fake_llm import Behaviour, FakeLLM

MESSAGES = [{"role": "user", "content": "Hello?"}]


async def said(model, **options) -> str:
    return "".join([piece async for piece in model.stream(MESSAGES, max_tokens=50, **options)])


async def test_an_answer_comes_in_pieces():
    with FakeLLM("It is 26 days [1].") as fake:
        model = RemoteLLM(fake.base_url, "m", "secret")
        pieces = [piece async for piece in model.stream(MESSAGES, max_tokens=50)]
    assert pieces == ["It", " is", " 26", " days", " [1]."]
    [request] = fake.requests
    assert request["model"] == "m"
    assert request["messages"] == MESSAGES
    assert request["temperature"] == 0
    assert request["max_tokens"] == 50
    assert request["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Behaviour(raw=b"<html>It works!</html>", content_type="text/html"), llm.LLMBroken),
        (Behaviour(raw=b"data: {not json}\n\n"), llm.LLMBroken),
        (Behaviour(raw=b'data: {"choices": [{"delta": {"content": 5}}]}\n\n'), llm.LLMBroken),
        (Behaviour(raw=b'data: ["a list"]\n\n'), llm.LLMBroken),
        (Behaviour(raw=b""), llm.LLMBroken),
        (Behaviour("one two three", cut_after=2), llm.LLMBroken),
        (Behaviour(status=500), llm.LLMBroken),
        (Behaviour(status=401, error="wrong key"), llm.LLMRefused),
        (Behaviour(status=404, error="no such model"), llm.LLMRefused),
        (Behaviour(status=400, error="too long"), llm.LLMRefused),
        (Behaviour(status=429, retry_after="3600"), llm.LLMBusy),
    ],
)
async def test_each_misbehaviour_has_a_name(behaviour, error):
    with FakeLLM(behaviour) as fake, pytest.raises(error):
        await said(RemoteLLM(fake.base_url, "m"))


async def test_the_servers_own_reason_is_kept():
    behaviour = Behaviour(status=404, error="model m is not loaded")
    with FakeLLM(behaviour) as fake, pytest.raises(llm.LLMRefused, match="model m is not loaded"):
        await said(RemoteLLM(fake.base_url, "m"))


async def test_nobody_listens():
    with pytest.raises(llm.LLMUnreachable):
        await said(RemoteLLM("http://127.0.0.1:9/v1", "m"))


@pytest.mark.parametrize("behaviour", [Behaviour("late", first_delay_s=30), Behaviour("one two", delay_s=30)])
async def test_silence_is_cut_short_even_if_the_server_pings(settings, behaviour):
    settings.LLM_TIMEOUT_S = 0.4
    start = time.monotonic()
    with FakeLLM(behaviour) as fake, pytest.raises(llm.LLMSlow):
        await said(RemoteLLM(fake.base_url, "m"))
    assert time.monotonic() - start < 5


async def test_a_short_retry_after_is_waited_for():
    with FakeLLM(Behaviour(status=429, retry_after="0"), Behaviour("Ready.")) as fake:
        assert await said(RemoteLLM(fake.base_url, "m")) == "Ready."
        assert len(fake.requests) == 2


async def test_what_a_server_rejects_is_left_out():
    with FakeLLM(
        Behaviour(status=400, error="use max_completion_tokens instead of max_tokens"),
        Behaviour(status=400, error="temperature must be 1"),
        Behaviour("Fine."),
    ) as fake:
        assert await said(RemoteLLM(fake.base_url, "m")) == "Fine."
    assert fake.requests[-1]["max_completion_tokens"] == 50
    assert "temperature" not in fake.requests[-1]
    assert "max_tokens" not in fake.requests[-1]


async def test_a_reader_who_leaves_closes_the_connection():
    with FakeLLM(Behaviour("one two three", delay_s=30)) as fake:
        stream = RemoteLLM(fake.base_url, "m").stream(MESSAGES, max_tokens=50)
        assert await anext(stream) == "one"
        await stream.aclose()
        assert await asyncio.to_thread(fake.closed_early.wait, 5)


async def test_a_bundled_server_that_ended_with_its_owner_is_replaced(monkeypatch):
    """The first address is one where nobody listens any more, as after the end of another process."""
    with FakeLLM("Never said.") as gone:
        dead = gone.base_url
    with FakeLLM("Here.") as fake:
        addresses = [bundled.Address(dead, "a"), bundled.Address(fake.base_url, "b")]
        monkeypatch.setattr(bundled, "address", lambda: addresses.pop(0))
        assert await said(llm.BundledLLM()) == "Here."
    assert not addresses


async def test_a_bundled_answer_that_broke_off_is_not_begun_again(monkeypatch):
    with FakeLLM(Behaviour("One two three four.", cut_after=2), "Another.") as fake:
        monkeypatch.setattr(bundled, "address", lambda: bundled.Address(fake.base_url, "a"))
        with pytest.raises(llm.LLMBroken):
            await said(llm.BundledLLM())
    assert len(fake.requests) == 1


def test_without_any_model_it_is_missing(settings):
    settings.LLM_BASE_URL, settings.LOCAL_LLM = "", False
    with pytest.raises(llm.LLMMissing):
        llm.resolve()


def test_the_installations_own_model(settings, knowledge_base):
    settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_API_KEY = "http://x/v1", "big", "k"
    assert llm.resolve(knowledge_base) == RemoteLLM("http://x/v1", "big", "k")


@pytest.fixture
def connection(team):
    return ModelConnection.objects.create(
        team=team, kind="llm", protocol="openai", name="Ours", base_url="http://127.0.0.1:9/v1", model="m"
    )


def test_a_knowledge_base_names_a_connection(knowledge_base, connection):
    knowledge_base.llm = connection.ref
    assert llm.resolve(knowledge_base) == RemoteLLM(connection.base_url, "m", "")


def test_an_address_that_may_not_be_called(knowledge_base, connection):
    connection.base_url = "http://169.254.169.254/v1"
    connection.save()
    knowledge_base.llm = connection.ref
    with pytest.raises(llm.LLMRefused):
        llm.resolve(knowledge_base)
    assert llm.test(connection)


def test_a_connection_of_another_team_is_not_used(knowledge_base, connection):
    connection.team = Team.objects.create(name="Others")
    connection.save()
    knowledge_base.llm = connection.ref
    with pytest.raises(llm.LLMMissing):
        llm.resolve(knowledge_base)


@pytest.mark.parametrize("ref", [f"connection:{uuid.uuid4()}", "connection:nonsense", "gpt-9"])
def test_a_name_that_leads_nowhere(knowledge_base, ref):
    knowledge_base.llm = ref
    with pytest.raises(llm.LLMMissing):
        llm.resolve(knowledge_base)


def test_the_test_button(connection):
    with FakeLLM("OK") as fake:
        connection.base_url = fake.base_url
        assert llm.test(connection) is None
    assert "cannot be reached" in llm.test(connection)
