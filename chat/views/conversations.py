"""The chat page, with or without a conversation, and what can be done to a conversation."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from chat import page, services
from chat.models import Conversation
from teams.requests import MemberRequest


def chat_context(
    request: MemberRequest, *, conversation: Conversation | None = None, question: str = ""
) -> dict:
    """What chat/chat.html needs; ``question`` is put back into the composer after a refusal."""
    user = request.user
    text = request.GET.get("q", "")
    choices = page.choices_for(
        user, conversation=conversation, asked_for=request.GET.get("knowledge_base", "")
    )
    readable = [choice.knowledge_base.pk for choice in choices]
    return {
        "conversation": conversation,
        "conversations": page.conversations_of(user, text=text),
        "listed": page.LISTED,
        "search": text,
        "thread": page.messages_of(user, conversation=conversation) if conversation else [],
        "choices": choices,
        "chosen": [choice.knowledge_base for choice in choices if choice.chosen],
        "examples": [] if conversation else page.examples(readable, chinese=get_language() == "zh-hans"),
        "measured": None if conversation else page.measured(readable),
        "can_ask": bool(conversation) or page.has_ready_document(readable),
        "question": question,
    }


def _page(request: MemberRequest, conversation: Conversation | None = None) -> HttpResponse:
    context = chat_context(request, conversation=conversation)
    searching = request.htmx and request.htmx.target == "conversations"
    return render(request, "chat/_conversations.html" if searching else "chat/chat.html", context)


@login_required
@require_GET
def home(request: MemberRequest) -> HttpResponse:
    return _page(request)


@login_required
@require_GET
def conversation(request: MemberRequest, pk: UUID) -> HttpResponse:
    return _page(request, _open(request, pk))


@login_required
@require_POST
def rename(request: MemberRequest, pk: UUID) -> HttpResponse:
    conversation = _open(request, pk)
    services.rename(conversation=conversation, title=request.POST.get("title", ""))
    return redirect("chat:conversation", conversation.pk)


@login_required
@require_POST
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    services.delete(conversation=_open(request, pk))
    messages.success(request, _("The conversation is deleted."))
    return redirect("chat:home")


def _open(request: MemberRequest, pk: UUID) -> Conversation:
    return get_object_or_404(Conversation.objects.visible_to(request.user), pk=pk)
