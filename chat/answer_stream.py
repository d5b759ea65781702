"""An answer's events as the lines of ``text/event-stream`` that the chat page listens to."""

from collections.abc import AsyncIterator, Callable
from html import escape

from asgiref.sync import sync_to_async

from chat.events import AnswerEvent, Done, Failed, SourcesFound, Token
from chat.models import Message

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
"""A proxy that buffers or compresses would hold the tokens back."""

KEEP_ALIVE = ": still here\n\n"


def encode(event: str, data: str, *, id: int | None = None) -> str:
    """One event; every line of ``data`` becomes a line of its own, as the format wants."""
    lines = [f"event: {event}"] + ([] if id is None else [f"id: {id}"])
    lines += [f"data: {line}" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines) + "\n\n"


async def page_events(
    events: AsyncIterator[AnswerEvent], *, after: int, render: Callable[[str, Message], str]
) -> AsyncIterator[str]:
    """The events of one answer: sources, text, token, done or failed.

    The first words come as "text", which takes the place of what the page was drawn with; the others
    as "token", to append. Their id is the number of characters sent so far, which is what ``after``
    of a reader that comes back holds; to it only the rest is sent, as tokens.
    ``render(name, message)`` makes the markup of "sources" and "message"; it may read the database.
    """
    in_thread = sync_to_async(render)
    position = after
    try:
        async for event in events:
            match event:
                case SourcesFound(message=message):
                    yield encode("sources", await in_thread("sources", message))
                case Token(text=""):
                    yield KEEP_ALIVE
                case Token(text=text):
                    name = "token" if position else "text"
                    position += len(text)
                    yield encode(name, escape(text), id=position)
                case Done(message=message):
                    yield encode("done", await in_thread("message", message))
                case Failed(message=message):
                    yield encode("failed", await in_thread("message", message))
    except Message.DoesNotExist:  # its conversation was deleted: nothing takes its place
        yield encode("done", "")
