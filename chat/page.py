"""What the chat page shows: the person's conversations, one thread, and the knowledge bases to ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from chat.models import Citation, Conversation, Message
from chat.statements import is_chinese
from ingestion.models import Chunk, Document, KnowledgeBase
from retrieval.models import EvaluationRun, Question, RunPipeline
from retrieval.run_report import headline

LISTED = 100
"""Conversations in the side bar; the search box finds older ones."""
EXAMPLES = 4
MOST_PIPELINES = 50


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


def examples(knowledge_base_ids: Sequence[UUID], *, chinese: bool) -> list[str]:
    """A few questions to begin with: from question sets, in the page's language where there are any,
    else about headings of the documents."""
    written = Question.objects.filter(question_set__knowledge_base__in=knowledge_base_ids, is_accepted=True)
    texts = [text for text in written.values_list("text", flat=True)[: EXAMPLES * 5] if len(text) <= 120]
    own = [text for text in texts if is_chinese(text) == chinese]
    return (own or texts)[:EXAMPLES] or [
        _("What do the documents say about “%(topic)s”?") % {"topic": topic}
        for topic in example_topics(knowledge_base_ids)
    ]


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


@dataclass(frozen=True, slots=True)
class Measured:
    """What a knowledge base's last finished run says of the pipeline that answers questions now."""

    pipeline: RunPipeline
    questions: int

    @property
    def hit(self) -> float:
        return self.pipeline.metrics["hit@5"]["mean"]

    @property
    def mrr(self) -> float:
        return self.pipeline.metrics["mrr@10"]["mean"]


def measured(knowledge_base_ids: Sequence[UUID]) -> Measured | None:
    """The figures of the last finished run over these knowledge bases, which the caller may read; one query.

    Of its pipelines the one in use, else the best.
    """
    found = (
        RunPipeline.objects.filter(
            run__status=EvaluationRun.Status.DONE, run__question_set__knowledge_base__in=knowledge_base_ids
        )
        .exclude(metrics={})
        .select_related("run__question_set__knowledge_base")
        .annotate(asked=Count("results"))
        .order_by("-run__finished_at", "run_id")[:MOST_PIPELINES]
    )
    last = [pipeline for pipeline in found if pipeline.run_id == found[0].run_id]
    if not last:
        return None
    in_use = last[0].run.question_set.knowledge_base.reranker
    chosen = max(last, key=lambda one: (one.recall == "hybrid" and one.reranker == in_use, headline(one)))
    return Measured(chosen, chosen.asked)
