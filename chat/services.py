"""What a person can do in a chat. Views call these; the answer itself is made by `chat.live`."""

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat import live
from chat.models import Conversation, Message
from ingestion.models import KnowledgeBase
from teams.text import storable
from teams.throttle import allow

MAX_QUESTION_CHARACTERS = 4000
_TITLE_CHARACTERS = 80


class QuestionRefused(Exception):
    """The question cannot be asked as it is; `chat.notices.message_for(code, params)` says why."""

    def __init__(self, code: str, params: dict | None = None):
        super().__init__(code)
        self.code = code
        self.params = params or {}


def start_conversation(*, user, knowledge_bases: Iterable[KnowledgeBase], title: str = "") -> Conversation:
    """A new conversation of ``user`` over those of ``knowledge_bases`` that ``user`` may read.

    Raises QuestionRefused("no_knowledge_base") when there are none.
    """
    visible = _readable(user, knowledge_bases)
    with transaction.atomic():
        conversation = Conversation(user=user, title=title.strip()[:200])
        conversation.full_clean()
        conversation.save()
        conversation.knowledge_bases.set(visible)
    return conversation


def choose_knowledge_bases(*, conversation: Conversation, knowledge_bases: Iterable[KnowledgeBase]) -> None:
    """From now on asks those of ``knowledge_bases`` that the conversation's owner may read.

    Raises QuestionRefused("no_knowledge_base") when there are none.
    """
    conversation.knowledge_bases.set(_readable(conversation.user, knowledge_bases))


def _readable(user, knowledge_bases: Iterable[KnowledgeBase]) -> list[KnowledgeBase]:
    ids = [knowledge_base.pk for knowledge_base in knowledge_bases]
    readable = list(KnowledgeBase.objects.visible_to(user).filter(pk__in=ids))
    if not readable:
        raise QuestionRefused("no_knowledge_base")
    return readable


def check_question(question: str) -> str:
    """``question`` without surrounding space; raises QuestionRefused when it is empty or too long."""
    question = storable(question).strip()
    if not question:
        raise QuestionRefused("question_empty")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise QuestionRefused(
            "question_too_long", {"limit": MAX_QUESTION_CHARACTERS, "length": len(question)}
        )
    return question


def ask(*, conversation: Conversation, question: str) -> Message:
    """Saves the question and a PENDING answer after it, and returns the answer.

    An answer that is still being made in this conversation is stopped: who asks anew has moved on.
    Raises QuestionRefused: "question_empty", "question_too_long", "too_many_questions",
    "no_knowledge_base".
    """
    question = check_question(question)
    readable = KnowledgeBase.objects.visible_to(conversation.user)
    if not readable.filter(pk__in=conversation.knowledge_bases.values("pk")).exists():
        raise QuestionRefused("no_knowledge_base")
    if not allow(f"ask:{conversation.user_id}", settings.ASK_RATE_PER_MINUTE, 60):
        raise QuestionRefused("too_many_questions")
    for unfinished in conversation.messages.filter(
        status__in=[Message.Status.PENDING, Message.Status.STREAMING]
    ):
        stop(message=unfinished)
    with transaction.atomic():
        Message.objects.create(conversation=conversation, role=Message.Role.USER, text=question)
        answer = Message.objects.create(
            conversation=conversation, role=Message.Role.ASSISTANT, status=Message.Status.PENDING
        )
        if not conversation.title:
            conversation.title = " ".join(question.split())[:_TITLE_CHARACTERS]
        conversation.save()  # also moves it to the top of the list
    return answer


def stop(*, message: Message) -> None:
    """Asks the process that makes this answer to stop; what is written so far stays."""
    answers = Message.objects.filter(pk=message.pk)
    answers.filter(status=Message.Status.PENDING).update(
        status=Message.Status.STOPPED, notice="stopped", stop_requested=True, heartbeat_at=timezone.now()
    )
    answers.filter(status=Message.Status.STREAMING).update(stop_requested=True)
    live.request_stop(message.pk)
    message.refresh_from_db()


def rename(*, conversation: Conversation, title: str) -> None:
    """Gives the conversation another title; an empty one leaves it as it is."""
    if title := " ".join(title.split())[:200]:
        conversation.title = title
        conversation.save(update_fields=["title"])


def delete(*, conversation: Conversation) -> None:
    """Removes the conversation with its messages and citations."""
    for unfinished in conversation.messages.filter(status=Message.Status.STREAMING):
        live.request_stop(unfinished.pk)
    conversation.delete()
