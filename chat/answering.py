"""From a question to a cited answer: kept as messages of a conversation, or made once for a program."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from uuid import UUID

from django.db import DatabaseError, transaction

from chat import drafts
from chat.drafts import Draft, Found, SourcesReady
from chat.events import AnswerEvent, Done, Failed, SourcesFound, Token
from chat.models import Citation, Message
from chat.threads import Stopped, in_thread
from ingestion.models import KnowledgeBase
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.passages import SearchOptions
from retrieval.stores.base import StoreUnavailable

logger = logging.getLogger(__name__)

HISTORY = 2
"""Earlier questions and answers that the next question may lean on."""


class SearchUnavailable(Exception):
    """The search cannot answer now. Try again later."""


async def answer(message_id: UUID, *, stop: asyncio.Event | None = None) -> AsyncGenerator[AnswerEvent]:
    """Makes the answer that the row ``message_id`` waits for, and saves it however this ends."""
    stop = stop or asyncio.Event()
    message, draft = await in_thread(partial(_begin, message_id))
    status, notice = Message.Status.FAILED, "interrupted"
    try:
        try:
            if not draft.knowledge_bases:
                raise _NoKnowledgeBase
            async with aclosing(drafts.compose(draft, stop=stop)) as steps:
                async for step in steps:
                    if isinstance(step, SourcesReady):
                        await in_thread(partial(_save_sources, message, draft))
                        yield SourcesFound(message)
                    else:
                        yield Token(step)
            status, notice = Message.Status.DONE, draft.notice
        except Stopped:
            status, notice = Message.Status.STOPPED, "stopped"
            drafts.finish(draft, with_reranker=False)
        except _NoKnowledgeBase:
            notice = "no_knowledge_base"
        except (EmbedderUnavailable, StoreUnavailable) as error:
            logger.warning("The search failed: %s", error)
            notice = "search_unavailable"
        except Exception:
            logger.exception("The answer %s failed", message_id)
            notice = "answer_failed"
    finally:  # also when this task is cancelled: what was written stays
        message.status, message.notice = status, notice
        saved = await in_thread(partial(_save, message, draft))
    if not saved:
        yield Failed(message, "answer_failed")
    elif status == Message.Status.FAILED:
        yield Failed(message, notice)
    else:
        yield Done(message)


@dataclass(slots=True)
class AnswerResult:
    """An answer for a program: ``citations`` are what it cites, ``passages`` all that it was offered."""

    answer: str
    refused: bool
    notice: str
    citations: list[Found]
    passages: list[Found]
    unsupported: list[list[int]]
    timings_ms: dict[str, float]
    model: str


async def answer_once(
    question: str,
    *,
    knowledge_bases: Sequence[KnowledgeBase],
    user=None,
    history: Sequence[tuple[str, str]] = (),
    options: SearchOptions | None = None,
    stop: asyncio.Event | None = None,
) -> AnswerResult:
    """The answer to ``question``, kept nowhere. See `stream_once`."""
    result = None
    async for step in stream_once(
        question, knowledge_bases=knowledge_bases, user=user, history=history, options=options, stop=stop
    ):
        if isinstance(step, AnswerResult):
            result = step
    assert result is not None
    return result


async def stream_once(
    question: str,
    *,
    knowledge_bases: Sequence[KnowledgeBase],
    user=None,
    history: Sequence[tuple[str, str]] = (),
    options: SearchOptions | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncGenerator[str | AnswerResult]:
    """The answer's text piece by piece, then the whole result.

    With a ``user``, knowledge bases that this person may not read are left out.
    Raises SearchUnavailable, and KnowledgeBase.DoesNotExist when none is left.
    """
    if user is not None:
        knowledge_bases = await in_thread(partial(_visible, user, knowledge_bases))
    if not knowledge_bases:
        raise KnowledgeBase.DoesNotExist
    draft = Draft(question, knowledge_bases, history, options or SearchOptions())
    try:
        async with aclosing(drafts.compose(draft, stop=stop or asyncio.Event())) as steps:
            async for step in steps:
                if isinstance(step, str):
                    yield step
    except Stopped:
        drafts.finish(draft, with_reranker=False)
    except (EmbedderUnavailable, StoreUnavailable) as error:
        raise SearchUnavailable(str(error)) from error
    yield AnswerResult(
        answer=draft.text,
        refused=draft.refused,
        notice=draft.notice,
        citations=[found for found in draft.found if found.number in draft.cited],
        passages=list(draft.found),
        unsupported=draft.unsupported,
        timings_ms=draft.timings_ms,
        model=draft.model,
    )


class _NoKnowledgeBase(Exception):
    pass


def _visible(user, knowledge_bases: Sequence[KnowledgeBase]) -> list[KnowledgeBase]:
    visible = KnowledgeBase.objects.visible_to(user).in_bulk([one.pk for one in knowledge_bases])
    return [visible[one.pk] for one in knowledge_bases if one.pk in visible]


def _begin(message_id: UUID) -> tuple[Message, Draft]:
    """The waiting message, and a draft with its question, its readable knowledge bases, its history."""
    message = Message.objects.select_related("conversation__user").get(pk=message_id)
    conversation = message.conversation
    earlier = list(conversation.messages.filter(created_at__lt=message.created_at).order_by("-created_at"))
    question = next((one.text for one in earlier if one.role == Message.Role.USER), "")
    knowledge_bases = list(
        KnowledgeBase.objects.visible_to(conversation.user)
        .filter(pk__in=conversation.knowledge_bases.values("pk"))
        .order_by("created_at")
    )
    return message, Draft(question, knowledge_bases, _history(earlier[1:]))


def _history(newest_first: Sequence[Message]) -> list[tuple[str, str]]:
    """The last answered questions, oldest first."""
    pairs = []
    for reply, asked in pairwise(newest_first):
        if (
            reply.role == Message.Role.ASSISTANT
            and asked.role == Message.Role.USER
            and reply.text
            and not reply.refused
        ):
            pairs.append((asked.text, reply.text))
    return pairs[:HISTORY][::-1]


def _save_sources(message: Message, draft: Draft) -> None:
    """One row for each passage offered; raises Stopped when the conversation is gone meanwhile."""
    with transaction.atomic():
        if not Message.objects.filter(pk=message.pk).exists():
            raise Stopped
        message.query = draft.query
        message.save(update_fields=["query"])
        message.citations.all().delete()
        Citation.objects.bulk_create(_citation(message, found) for found in draft.found)


def _citation(message: Message, found: Found) -> Citation:
    chunk, passage = found.passage.chunk, found.passage
    return Citation(
        message=message,
        number=found.number,
        document_id=chunk.document_id,
        chunk_id=chunk.pk,
        document_name=chunk.document.name,
        page=found.page,
        heading_path=chunk.heading_path,
        quote=chunk.text,
        regions=chunk.regions,
        start=chunk.start,
        end=chunk.end,
        recall_score=passage.recall_score,
        rerank_score=passage.rerank_score,
    )


def _save(message: Message, draft: Draft) -> bool:
    """Writes how the answer ended; False when the database does not take it."""
    message.text, message.refused = draft.text, draft.refused
    message.unsupported, message.model = draft.unsupported, draft.model
    message.timings_ms = draft.timings_ms
    fields = ["text", "refused", "unsupported", "model", "timings_ms", "status", "notice"]
    try:
        with transaction.atomic():
            Message.objects.filter(pk=message.pk).update(**{name: getattr(message, name) for name in fields})
            message.citations.filter(number__in=draft.cited).update(cited=True)
    except DatabaseError:
        logger.exception("The answer %s could not be saved", message.pk)
        return False
    return True
