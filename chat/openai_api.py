"""OpenAI's protocol: a knowledge base is a model, so that any OpenAI client can ask the documents.

Mounted at /v1/. The last user message is the question, earlier turns are its history; the answer
ends with its sources, and carries them as ``citations`` too. Errors have OpenAI's shape.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from functools import partial, wraps
from itertools import pairwise

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from chat import notices, sse
from chat.answering import AnswerResult, SearchUnavailable, answer_once, stream_once
from chat.prompts import estimate_tokens
from chat.results import as_json
from chat.services import QuestionRefused, check_question
from chat.threads import in_thread
from ingestion.models import KnowledgeBase
from teams.services import user_for_key
from teams.text import storable
from teams.throttle import allow, seconds_left

logger = logging.getLogger(__name__)
HISTORY = 2


class _Refused(Exception):
    def __init__(self, status: int, kind: str, code: str, message: str, param: str | None = None):
        super().__init__(message)
        self.status, self.param = status, param
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _endpoint(method: str):
    """Authenticates by API key, and turns refusals and failures into OpenAI's error objects."""

    def decorate(view):
        @csrf_exempt
        @wraps(view)
        async def endpoint(request: HttpRequest, **arguments) -> HttpResponseBase:
            try:
                if request.method != method:
                    raise _Refused(405, "invalid_request_error", "method_not_allowed", _("Use %s.") % method)
                user = await in_thread(partial(_user, request.headers.get("Authorization", "")))
                return await view(request, user, **arguments)
            except _Refused as refusal:
                response = JsonResponse(refusal.body, status=refusal.status)
                if refusal.status == 429:
                    response["Retry-After"] = str(seconds_left(60))
                return response
            except SearchUnavailable:
                return JsonResponse(_failure("search_unavailable"), status=503)
            except Exception:
                logger.exception("An OpenAI-style request failed")
                return JsonResponse(_failure("answer_failed"), status=500)

        return endpoint

    return decorate


def _failure(code: str) -> dict:
    return {
        "error": {
            "message": notices.message_for(code),
            "type": "server_error",
            "param": None,
            "code": code,
        }
    }


@_endpoint("GET")
async def models(request: HttpRequest, user) -> HttpResponseBase:
    """The knowledge bases that the caller may read, as models; ``id`` may be given as ``model``."""
    return JsonResponse({"object": "list", "data": await in_thread(partial(_models, user))})


@_endpoint("GET")
async def model(request: HttpRequest, user, name: str) -> HttpResponseBase:
    """One knowledge base, by id or name."""
    return JsonResponse(_model(await in_thread(partial(_knowledge_base, user, name))))


@_endpoint("POST")
async def chat_completions(request: HttpRequest, user) -> HttpResponseBase:
    """`POST /v1/chat/completions`, whole or as a stream."""
    body = _body(request)
    knowledge_base = await in_thread(partial(_knowledge_base, user, body.get("model")))
    question, history = _conversation(body.get("messages"))
    if not await in_thread(partial(allow, f"ask:{user.pk}", settings.ASK_RATE_PER_MINUTE, 60)):
        raise _Refused(
            429, "rate_limit_error", "rate_limit_exceeded", notices.message_for("too_many_questions")
        )
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": str(body["model"]),
    }
    if body.get("stream"):
        options = body.get("stream_options")
        with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return sse.response(_chunks(head, question, knowledge_base, history, with_usage))
    result = await answer_once(question, knowledge_bases=[knowledge_base], history=history)
    text = result.answer + _sources(result)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return JsonResponse(
        {
            **head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(question, text),
            "citations": as_json(result)["citations"],
        }
    )


async def _chunks(
    head: dict,
    question: str,
    knowledge_base: KnowledgeBase,
    history: Sequence[tuple[str, str]],
    with_usage: bool,
) -> AsyncGenerator[str]:
    def chunk(delta: dict, finish: str | None = None, **more) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data({**head, "object": "chat.completion.chunk", "choices": [choice], **more})

    yield chunk({"role": "assistant", "content": ""})
    shown = ""
    try:
        async for step in stream_once(question, knowledge_bases=[knowledge_base], history=history):
            if isinstance(step, str):
                shown += step
                yield chunk({"content": step})
                continue
            # What was streamed stays: a citation put right at the end shows in ``citations``.
            if sources := _sources(step):
                shown += sources
                yield chunk({"content": sources})
            yield chunk({}, "stop", citations=as_json(step)["citations"])
        if with_usage:
            usage = {"choices": [], "usage": _usage(question, shown)}
            yield _data({**head, "object": "chat.completion.chunk", **usage})
    except SearchUnavailable:
        yield _data(_failure("search_unavailable"))
    except Exception:
        logger.exception("An OpenAI-style stream failed")
        yield _data(_failure("answer_failed"))
    yield "data: [DONE]\n\n"


def _data(value: dict) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _body(request: HttpRequest) -> dict:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _Refused(400, "invalid_request_error", "invalid_json", _("The body is not a JSON object."))
    return body


def _conversation(messages) -> tuple[str, list[tuple[str, str]]]:
    """The question (the last user message) and the (question, answer) pairs before it."""
    turns = []
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict) and message.get("role") in ("user", "assistant"):
            turns.append((message["role"], _text(message.get("content"))))
    if not turns or turns[-1][0] != "user":
        message = _("The last message must be the user's question.")
        raise _Refused(400, "invalid_request_error", "invalid_messages", message, "messages")
    try:
        question = check_question(turns[-1][1])
    except QuestionRefused as refusal:
        message = notices.message_for(refusal.code, refusal.params)
        raise _Refused(400, "invalid_request_error", refusal.code, message, "messages") from refusal
    history = [
        (asked, re.split(r"\n\n(?:Sources|来源)[:：]\n", answer)[0])
        for (asker, asked), (answerer, answer) in pairwise(turns)
        if asker == "user" and answerer == "assistant"
    ]
    return question, history[-HISTORY:]


def _text(content) -> str:
    """A message's text, given as a string or as OpenAI's list of parts."""
    if isinstance(content, str):
        return storable(content)
    parts = content if isinstance(content, list) else []
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return storable("\n".join(texts))


def _sources(result: AnswerResult) -> str:
    lines = []
    for found in result.citations:
        page = f", {_('page %d') % found.page}" if found.page is not None else ""
        lines.append(f"[{found.number}] {found.passage.chunk.document.name}{page}")
    return "\n\n" + _("Sources") + ":\n" + "\n".join(lines) if lines else ""


def _usage(question: str, answer: str) -> dict:
    asked, answered = estimate_tokens(question), estimate_tokens(answer)
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _user(authorization: str):
    scheme, _space, key = authorization.partition(" ")
    user = user_for_key(key.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        message = _("Send an API key as “Authorization: Bearer KEY”.")
        raise _Refused(401, "authentication_error", "invalid_api_key", message)
    return user


def _models(user) -> list[dict]:
    return [_model(one) for one in KnowledgeBase.objects.visible_to(user).filter(is_ephemeral=False)]


def _model(knowledge_base: KnowledgeBase) -> dict:
    return {
        "id": str(knowledge_base.pk),
        "object": "model",
        "created": int(knowledge_base.created_at.timestamp()),
        "owned_by": str(knowledge_base.team_id),
        "name": knowledge_base.name,
    }


def _knowledge_base(user, name) -> KnowledgeBase:
    """By id, else by name; where two teams use one name, the older knowledge base."""
    visible = KnowledgeBase.objects.visible_to(user).order_by("created_at")
    found = None
    if isinstance(name, str):
        name = storable(name)
        try:
            found = visible.filter(pk=uuid.UUID(name)).first()
        except ValueError:
            found = visible.filter(name=name).first()
    if found is None:
        message = _("There is no model “%s” that you may use: give a knowledge base's id or name.") % name
        raise _Refused(404, "invalid_request_error", "model_not_found", message, "model")
    return found


urlpatterns = [
    path("models", models),
    path("models/<str:name>", model),
    path("chat/completions", chat_completions),
]
