"""Asking, reading an answer while it is made, and stopping it."""

import re
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_GET, require_POST

from chat import answer_stream, live, notices, page, services
from chat.forms import AskForm
from chat.models import Conversation, Message
from chat.views.conversations import chat_context
from teams.requests import MemberRequest


@login_required
@require_POST
def ask(request: MemberRequest) -> HttpResponse:
    """Saves the question and a pending answer; the answer is made when its stream is opened."""
    form = AskForm(request.POST, user=request.user)
    form.is_valid()
    if "conversation" in form.errors:
        raise Http404
    conversation = form.cleaned_data["conversation"]
    is_new = conversation is None
    chosen = form.cleaned_data.get("knowledge_bases", [])
    try:
        question = services.check_question(form.cleaned_data.get("question", ""))
        if is_new:
            conversation = services.start_conversation(user=request.user, knowledge_bases=chosen)
        elif "knowledge_bases" in request.POST:
            services.choose_knowledge_bases(conversation=conversation, knowledge_bases=chosen)
        answer = services.ask(conversation=conversation, question=question)
    except services.QuestionRefused as refusal:
        if is_new and conversation:
            services.delete(conversation=conversation)
        return _refused(request, refusal, None if is_new else conversation)
    if not request.htmx:
        return redirect("chat:message", answer.pk)
    return _asked(request, conversation, answer, is_new=is_new)


def _asked(
    request: MemberRequest, conversation: Conversation, answer: Message, *, is_new: bool
) -> HttpResponse:
    """The question and the pending answer, for the end of the thread; for a new one also its frame."""
    latest = page.messages_of(request.user, conversation=conversation).order_by("-created_at")[:2]
    context = {"conversation": conversation, "messages": reversed(latest), "is_new": is_new}
    if is_new:
        context["conversations"] = page.conversations_of(request.user)
    response = render(request, "chat/_asked.html", context)
    if is_new:
        response["HX-Push-Url"] = reverse("chat:conversation", args=[conversation.pk])
    return response


def _refused(
    request: MemberRequest, refusal: services.QuestionRefused, conversation: Conversation | None
) -> HttpResponse:
    """Says why, and keeps what was typed."""
    reason = notices.message_for(refusal.code, refusal.params)
    status = 429 if refusal.code == "too_many_questions" else 422
    if request.htmx:
        return HttpResponse(reason, content_type="text/plain; charset=utf-8", status=status)
    messages.error(request, reason)
    context = chat_context(request, conversation=conversation, question=request.POST.get("question", ""))
    return render(request, "chat/chat.html", context, status=status)


@require_GET
async def message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """For browsers without JavaScript: waits for the answer, then shows its conversation."""
    answer = await sync_to_async(own_answer)(await request.auser(), pk)
    async for _event in live.follow(answer.pk):
        pass
    return redirect(reverse("chat:conversation", args=[answer.conversation_id]) + f"#message-{answer.pk}")


@require_GET
async def stream(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """The answer as server-sent events; a reader that lost the line goes on where it was."""
    user = await request.auser()
    answer = await sync_to_async(own_answer)(user, pk)
    language = translation.get_language()
    after = _offset(request.headers.get("Last-Event-ID", ""))

    def markup(name: str, message: Message) -> str:
        with translation.override(language):
            shown = page.with_sources(Message.objects.filter(pk=answer.pk), user=user).first()
            if shown is None:  # deleted while it was read
                return ""
            return render_to_string(f"chat/_{name}.html", {"message": shown, "just_finished": True}, request)

    events = live.follow(answer.pk, after=after)
    return StreamingHttpResponse(
        answer_stream.page_events(events, after=after, render=markup),
        content_type=answer_stream.CONTENT_TYPE,
        headers=answer_stream.HEADERS,
    )


@login_required
@require_POST
def stop(request: MemberRequest, pk: UUID) -> HttpResponse:
    answer = own_answer(request.user, pk)
    services.stop(message=answer)
    if request.htmx:
        return HttpResponse(status=204)
    return redirect("chat:conversation", answer.conversation_id)


def own_answer(user, pk: UUID) -> Message:
    """404 for anybody's but ``user``'s own."""
    own = Message.objects.filter(conversation__in=Conversation.objects.visible_to(user))
    return get_object_or_404(own, pk=pk, role=Message.Role.ASSISTANT)


def _offset(last_event_id: str) -> int:
    """A position in the answer; whatever else a client sends is its start."""
    return int(last_event_id) if re.fullmatch(r"[0-9]{1,9}", last_event_id) else 0
