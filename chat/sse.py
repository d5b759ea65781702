"""Server-sent events from an async generator."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

from django.http import StreamingHttpResponse

PING_EVERY_S = 15.0


def event(name: str, data: object) -> str:
    """One event, its data as JSON on one line."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def response(events: AsyncGenerator[str]) -> StreamingHttpResponse:
    """``events`` as they come; a comment now and then keeps proxies from closing a silent stream."""
    streaming = StreamingHttpResponse(with_pings(events), content_type="text/event-stream")
    streaming["Cache-Control"] = "no-cache"
    streaming["X-Accel-Buffering"] = "no"
    return streaming


async def with_pings(events: AsyncGenerator[str], *, every_s: float = PING_EVERY_S) -> AsyncGenerator[str]:
    """``events``, and the comment ": ping" whenever ``every_s`` seconds pass without one.

    Closes ``events`` when the reader leaves, so that nothing goes on for nobody.
    """
    following = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(events, None))
            done, _ = await asyncio.wait({following}, timeout=every_s)
            if not done:
                yield ": ping\n\n"
                continue
            item, following = following.result(), None
            if item is None:
                return
            yield item
    finally:
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await following
        await events.aclose()
