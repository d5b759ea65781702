"""Questions over REST: one question, one cited answer, at once or as a stream."""

import logging
from collections.abc import AsyncGenerator
from functools import partial
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import Field, Router, Schema

from chat import notices, sse
from chat.answering import AnswerResult, SearchUnavailable, answer_once, stream_once
from chat.results import as_json
from chat.services import QuestionRefused, check_question
from chat.threads import in_thread
from ingestion.models import KnowledgeBase
from retrieval.api import Region
from teams.api_errors import ApiError, ErrorOut
from teams.auth import ASYNC_API_AUTH
from teams.throttle import allow, seconds_left

logger = logging.getLogger(__name__)
router = Router(tags=["Ask"], auth=ASYNC_API_AUTH)


class AskIn(Schema):
    knowledge_base_ids: list[UUID] = Field(min_length=1, max_length=50)
    question: str
    stream: bool = Field(False, description="server-sent events: token*, then done or error")


class CitationOut(Schema):
    number: int
    document: str
    document_id: UUID
    page: int | None = Field(description="null where the format has no pages")
    quote: str
    regions: list[Region]


class PassageOut(Schema):
    document: str
    page: int | None
    recall_score: float
    rerank_score: float | None
    text: str


class NoticeOut(Schema):
    code: str
    message: str


class AnswerOut(Schema):
    answer: str = Field(description="Markdown with [n], the numbers of the citations")
    refused: bool = Field(description="the documents do not hold the answer")
    notice: NoticeOut | None = Field(description="why the answer is extractive or incomplete")
    citations: list[CitationOut]
    passages: list[PassageOut] = Field(description="what the answer was made from, or came closest")
    unsupported: list[list[int]] = Field(description="[start, end] of what its source does not bear out")
    model: str = Field(description="empty: no language model took part")
    timings_ms: dict[str, float]


@router.post(
    "/ask",
    response={200: AnswerOut, 401: ErrorOut, 404: ErrorOut, 422: ErrorOut, 429: ErrorOut, 503: ErrorOut},
    url_name="ask",
)
async def ask(request: HttpRequest, body: AskIn):
    """A cited answer; 404 if one of the knowledge bases is not yours to read.

    With `stream` the events are `token` {"text"}, then `done` (the same object as without) or `error`.
    """
    user = request.user  # set by the authentication
    try:
        question = check_question(body.question)
    except QuestionRefused as refusal:
        raise ApiError(422, refusal.code, notices.message_for(refusal.code, refusal.params)) from refusal
    knowledge_bases = await in_thread(partial(_readable, user, body.knowledge_base_ids))
    if not await in_thread(partial(allow, f"ask:{user.pk}", settings.ASK_RATE_PER_MINUTE, 60)):
        raise ApiError(
            429,
            "too_many_questions",
            notices.message_for("too_many_questions"),
            headers={"Retry-After": str(seconds_left(60))},
        )
    if body.stream:
        return sse.response(_events(question, knowledge_bases))
    try:
        return as_json(await answer_once(question, knowledge_bases=knowledge_bases))
    except SearchUnavailable as error:
        message = notices.message_for("search_unavailable")
        raise ApiError(503, "search_unavailable", message) from error


async def _events(question: str, knowledge_bases: list[KnowledgeBase]) -> AsyncGenerator[str]:
    code = "answer_failed"
    try:
        async for step in stream_once(question, knowledge_bases=knowledge_bases):
            if isinstance(step, AnswerResult):
                yield sse.event("done", as_json(step))
                return
            yield sse.event("token", {"text": step})
    except SearchUnavailable:
        code = "search_unavailable"
    except Exception:
        logger.exception("A streamed answer failed")
    yield sse.event("error", {"error": {"code": code, "message": notices.message_for(code)}})


def _readable(user, ids: list[UUID]) -> list[KnowledgeBase]:
    """Those knowledge bases in the order asked for; Http404 unless ``user`` may read every one."""
    wanted = dict.fromkeys(ids)
    found = KnowledgeBase.objects.visible_to(user).in_bulk(list(wanted))
    if len(found) < len(wanted):
        raise Http404
    return [found[identifier] for identifier in wanted]
