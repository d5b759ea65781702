"""What the chat page shows: the person's conversations, one thread, and the knowledge bases to ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from chat.models import Citation, Conversation, Message
from ingestion.models import Chunk, Document, KnowledgeBase

LISTED = 100
"""Conversations in the side bar; the search box finds older ones."""
EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """A knowledge base that may be asked, and whether the next question goes to it."""

    knowledge_base: KnowledgeBase
    chosen: bool


def conversations_of(user, *, text: str = "") -> QuerySet[Conversation]:
    """The latest conversations, or those whose title or messages contain ``text``."""
    found = Conversation.objects.visible_to(user)
    if text := text.strip():
        in_messages = Message.objects.filter(text__icontains=text).values("conversation")
        found = found.filter(Q(title__icontains=text) | Q(pk__in=in_messages))
    return found[:LISTED]


def messages_of(user, *, conversation: Conversation) -> QuerySet[Message]:
    """The thread in order, each answer with the sources that ``user`` may still see."""
    return with_sources(conversation.messages.all(), user=user)


def with_sources(messages: QuerySet[Message], *, user) -> QuerySet[Message]:
    """``messages``, each with those of its sources that ``user`` may still see."""
    visible = Citation.objects.visible_to(user).select_related("document")
    return messages.select_related("conversation").prefetch_related(Prefetch("citations", queryset=visible))


def choices_for(user, *, conversation: Conversation | None, asked_for: str = "") -> list[Choice]:
    """The readable knowledge bases; chosen are the conversation's, else ``asked_for``, else the last used.

    Somebody who has asked nothing yet asks all of them.
    """
    readable = list(KnowledgeBase.objects.visible_to(user).filter(is_ephemeral=False))
    source = conversation or Conversation.objects.visible_to(user).first()
    chosen = {str(asked_for)} & {str(each.pk) for each in readable}
    if not chosen and source:
        chosen = {str(pk) for pk in source.knowledge_bases.values_list("pk", flat=True)}
    if not any(str(each.pk) in chosen for each in readable):
        chosen = {str(each.pk) for each in readable}
    return [Choice(each, str(each.pk) in chosen) for each in readable]


def example_topics(knowledge_base_ids: Sequence[UUID]) -> list[str]:
    """A few headings of the documents that can be asked, from as many documents as possible."""
    ready = Document.objects.alive().filter(
        knowledge_base__in=knowledge_base_ids, status=Document.Status.READY
    )[: EXAMPLES * 3]
    topics: list[str] = []
    for document in ready:
        headed = (
            Chunk.objects.filter(document=document, version=document.live_version)
            .exclude(heading_path=[])
            .values_list("heading_path", flat=True)
        )
        path = headed[len(topics) % 3 :].first() or headed.first()
        topic = path[-1].strip() if path else ""
        if 2 < len(topic) <= 60 and topic not in topics:
            topics.append(topic)
        if len(topics) == EXAMPLES:
            break
    return topics


def has_ready_document(knowledge_base_ids: Sequence[UUID]) -> bool:
    return Document.objects.alive().filter(knowledge_base__in=knowledge_base_ids, live_version__gt=0).exists()
