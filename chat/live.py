"""Answers in the making, and those who read them.

Making an answer is an asyncio task of its own, in a fresh context: it outlives the request that
started it, and any number of readers may follow, come late, or leave. A reader in another
process, or after a restart, reads the database row instead.
"""

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from chat import answering
from chat.events import AnswerEvent, Done, Failed, SourcesFound, Token
from chat.models import Message

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)
"""An answer without a heartbeat for so long has lost the process that made it."""
SAVE_EVERY_S = 1.0
TAIL_EVERY_S = 0.5
KEEP_ALIVE_S = 15.0


@dataclass(eq=False)
class _Run:
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    sources: SourcesFound | None = None
    text: str = ""
    outcome: Done | Failed | None = None
    over: bool = False
    """Nothing more comes from this process, with an outcome or without."""

    def tell(self) -> None:
        """Wakes every reader; each finds out by itself what is new to it."""
        self.changed.set()
        self.changed = asyncio.Event()


_runs: dict[UUID, _Run] = {}
_tasks: set[asyncio.Task] = set()


async def ensure_running(message_id: UUID) -> None:
    """Starts making the answer unless somebody, in any process, already did."""
    if message_id in _runs:
        return
    run = _runs[message_id] = _Run(asyncio.get_running_loop())  # before the wait: one claim is enough
    claimed = 0
    try:
        claimed = await Message.objects.filter(pk=message_id, status=Message.Status.PENDING).aupdate(
            status=Message.Status.STREAMING, heartbeat_at=timezone.now()
        )
    finally:
        if not claimed:
            _end(message_id, run)
    # An empty context: the request's own would take its database thread away when it ends.
    if claimed:
        task = asyncio.create_task(_make(message_id, run), context=contextvars.Context())
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


def _end(message_id: UUID, run: _Run) -> None:
    _runs.pop(message_id, None)
    run.over = True
    run.tell()


def request_stop(message_id: UUID) -> None:
    """Stops the answer at once if this process makes it; from any thread."""
    if run := _runs.get(message_id):
        run.loop.call_soon_threadsafe(run.stop.set)


async def _make(message_id: UUID, run: _Run) -> None:
    keeper = asyncio.create_task(_keep(message_id, run))
    try:
        async for event in answering.answer(message_id, stop=run.stop):
            match event:
                case SourcesFound():
                    run.sources = event
                case Token(text=text):
                    run.text += text
                case Done() | Failed():
                    run.outcome = event
            run.tell()
    finally:
        keeper.cancel()
        _end(message_id, run)


async def _keep(message_id: UUID, run: _Run) -> None:
    """Saves the text so far, shows that this process lives, and sees a Stop from another one."""
    row = Message.objects.filter(pk=message_id)
    while run.outcome is None:
        await asyncio.sleep(SAVE_EVERY_S)
        try:
            await row.filter(status=Message.Status.STREAMING).aupdate(
                text=run.text, heartbeat_at=timezone.now()
            )
            if await row.filter(stop_requested=True).aexists() or not await row.aexists():
                run.stop.set()
        except Exception:
            logger.exception("Could not save the answer so far; trying again")


async def follow(message_id: UUID, *, after: int = 0) -> AsyncGenerator[AnswerEvent]:
    """The answer's events from its ``after``-th character on, to its end.

    Starts a PENDING answer. Tokens are coalesced for a slow reader; an empty Token comes every
    15 s of silence, so that proxies and readers know the connection lives.
    Raises Message.DoesNotExist when the answer is deleted.
    """
    await ensure_running(message_id)
    if run := _runs.get(message_id):
        async for event in _follow_run(run, after):
            if isinstance(event, Token):
                after += len(event.text)
            yield event
        if run.outcome is not None:
            return
    async for event in _follow_row(message_id, after):
        yield event


async def _follow_run(run: _Run, position: int) -> AsyncGenerator[AnswerEvent]:
    sources_told = False
    while True:
        changed = run.changed
        if run.sources and not sources_told:
            sources_told = True
            yield run.sources
        if len(run.text) > position:
            text, position = run.text[position:], len(run.text)
            yield Token(text)
        if run.outcome:
            yield run.outcome
            return
        if run.over:
            return
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await changed.wait()
        except TimeoutError:
            yield Token("")


async def _follow_row(message_id: UUID, position: int) -> AsyncGenerator[AnswerEvent]:
    sources_told, silent = False, 0.0
    while True:
        message = await Message.objects.select_related("conversation").aget(pk=message_id)
        if not sources_told and await message.citations.aexists():
            sources_told = True
            yield SourcesFound(message)
        if len(message.text) > position:
            text, position, silent = message.text[position:], len(message.text), 0.0
            yield Token(text)
        if message.status in (Message.Status.DONE, Message.Status.STOPPED):
            yield Done(message)
            return
        if message.status == Message.Status.FAILED:
            yield Failed(message, message.notice)
            return
        if message.heartbeat_at is None or message.heartbeat_at < timezone.now() - LEASE:
            await Message.objects.filter(
                pk=message_id, status=Message.Status.STREAMING, heartbeat_at=message.heartbeat_at
            ).aupdate(status=Message.Status.FAILED, notice="interrupted")
            await ensure_running(message_id)
            continue
        await asyncio.sleep(TAIL_EVERY_S)
        silent += TAIL_EVERY_S
        if silent >= KEEP_ALIVE_S:
            silent = 0.0
            yield Token("")


async def finish_all(grace_s: float = 5.0) -> None:
    """Stops every answer of this process and waits until each is saved: for a shutdown."""
    for run in list(_runs.values()):
        run.stop.set()
    if _tasks:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*_tasks, return_exceptions=True)
