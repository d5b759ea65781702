"""Answers live apart from their readers: who comes late, leaves, or sits in another process."""

import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import live, services
from chat.events import Done, Failed, SourcesFound, Token
from chat.models import Message
from tests.fake_llm import Behaviour, FakeLLM

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "New staff get 22 days of holiday a year [1]. After five years it is 26 days of holiday [1]."


@pytest.fixture
def answer(conversation, found):
    return services.ask(conversation=conversation, question="How many days of holiday?")


@pytest.fixture
def play(settings, monkeypatch):
    """Runs an async scene beside a model that behaves so; nothing of it outlives the scene."""
    monkeypatch.setattr(live, "SAVE_EVERY_S", 0.1)
    monkeypatch.setattr(live, "TAIL_EVERY_S", 0.05)

    def play(scene, behaviour=None):
        async def run():
            try:
                async with asyncio.timeout(30):
                    return await scene()
            finally:
                await live.finish_all()

        with FakeLLM(behaviour or TEXT) as fake:
            settings.LLM_BASE_URL, settings.LLM_MODEL = fake.base_url, "fake"
            return asyncio.run(run())

    return play


async def read(message_id, after=0):
    return [event async for event in live.follow(message_id, after=after)]


def shown(events):
    return "".join(event.text for event in events if isinstance(event, Token))


def test_one_reader(answer, play):
    events = play(lambda: read(answer.pk))
    assert isinstance(events[0], SourcesFound)
    assert isinstance(events[-1], Done)
    assert shown(events) == TEXT


def test_several_readers_read_the_same_answer_made_once(answer, play):
    async def scene():
        return await asyncio.gather(*(read(answer.pk) for _ in range(5)))

    for events in play(scene, Behaviour(TEXT, delay_s=0.01)):
        assert shown(events) == TEXT
        assert isinstance(events[-1], Done)


def test_a_reader_who_comes_late_gets_the_rest(answer, play):
    async def scene():
        first = asyncio.create_task(read(answer.pk))
        await asyncio.sleep(0.5)
        late = await read(answer.pk, after=10)
        return await first, late

    first, late = play(scene, Behaviour(TEXT, delay_s=0.05))
    assert shown(first) == TEXT
    assert shown(late) == TEXT[10:]


def test_a_finished_answer_is_read_from_the_database(answer, play):
    async def scene():
        await read(answer.pk)
        return await read(answer.pk, after=4)

    events = play(scene)
    assert shown(events) == TEXT[4:]
    assert isinstance(events[-1], Done)


def test_the_answer_goes_on_when_its_reader_leaves(answer, play):
    async def scene():
        async for event in live.follow(answer.pk):
            if isinstance(event, Token):
                break
        await asyncio.sleep(0.3)
        halfway = await Message.objects.aget(pk=answer.pk)
        while (await Message.objects.aget(pk=answer.pk)).status == "streaming":
            await asyncio.sleep(0.05)
        return halfway

    halfway = play(scene, Behaviour(TEXT, delay_s=0.05))
    assert 0 < len(halfway.text) < len(TEXT)
    assert TEXT.startswith(halfway.text)
    answer.refresh_from_db()
    assert (answer.status, answer.text) == ("done", TEXT)


def test_stop_reaches_the_task_at_once(answer, play):
    async def scene():
        reader = asyncio.create_task(read(answer.pk))
        await asyncio.sleep(0.5)
        start = time.monotonic()
        await asyncio.to_thread(services.stop, message=answer)
        return await reader, time.monotonic() - start

    events, spent = play(scene, Behaviour(TEXT, delay_s=0.1))
    assert spent < 3
    assert isinstance(events[-1], Done)
    answer.refresh_from_db()
    assert answer.status == "stopped"
    assert answer.text.startswith("New")


def test_stop_from_another_process_is_seen_in_the_row(answer, play):
    async def scene():
        reader = asyncio.create_task(read(answer.pk))
        await asyncio.sleep(0.5)
        await Message.objects.filter(pk=answer.pk).aupdate(stop_requested=True)
        await reader

    play(scene, Behaviour(TEXT, delay_s=0.1))
    answer.refresh_from_db()
    assert answer.status == "stopped"


def test_a_reader_in_another_process_tails_the_row(answer, play):
    row = Message.objects.filter(pk=answer.pk)
    row.update(status="streaming", text="New staff", heartbeat_at=timezone.now())

    async def scene():
        reader = asyncio.create_task(read(answer.pk))
        await asyncio.sleep(0.2)
        await row.aupdate(text=TEXT, status="done")
        return await reader

    events = play(scene)
    assert [event.text for event in events if isinstance(event, Token)] == ["New staff", TEXT[9:]]
    assert isinstance(events[-1], Done)


def test_an_answer_whose_process_died_is_told_so(answer, play):
    stale = timezone.now() - live.LEASE - timedelta(seconds=1)
    Message.objects.filter(pk=answer.pk).update(status="streaming", text="New staff", heartbeat_at=stale)
    events = play(lambda: read(answer.pk))
    assert shown(events) == "New staff"
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "interrupted"
    answer.refresh_from_db()
    assert (answer.status, answer.text) == ("failed", "New staff")


def test_a_shutdown_saves_every_answer(answer, play):
    async def scene():
        reader = asyncio.create_task(read(answer.pk))
        await asyncio.sleep(0.5)
        await live.finish_all()
        return await reader

    events = play(scene, Behaviour(TEXT, delay_s=0.2))
    assert isinstance(events[-1], Done)
    answer.refresh_from_db()
    assert answer.status == "stopped"
    assert answer.text


def test_a_silent_model_keeps_the_connection_alive(answer, play, monkeypatch):
    monkeypatch.setattr(live, "KEEP_ALIVE_S", 0.2)
    events = play(lambda: read(answer.pk), Behaviour("Late.", first_delay_s=1))
    assert [event.text for event in events if isinstance(event, Token)].count("") >= 2
    assert isinstance(events[-1], Done)


def test_fifty_readers_do_not_hold_up_the_event_loop(answer, play):
    async def scene():
        readers = [asyncio.create_task(read(answer.pk)) for _ in range(50)]
        longest = 0.0
        while not all(reader.done() for reader in readers):
            start = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - start)
        return longest, [await reader for reader in readers]

    longest, everything = play(scene, Behaviour(TEXT * 3, delay_s=0.01))
    assert all(shown(events) == TEXT * 3 for events in everything)
    assert longest < 1.0


def test_the_answer_of_a_deleted_conversation(answer, play, conversation):
    conversation.delete()
    with pytest.raises(Message.DoesNotExist):
        play(lambda: read(answer.pk))
