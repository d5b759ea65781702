"""From a question to a cited answer."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from chat.events import AnswerEvent


async def answer(message_id: UUID, *, stop: asyncio.Event | None = None) -> AsyncIterator[AnswerEvent]:
    raise NotImplementedError
    yield
