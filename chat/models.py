"""Conversations, their messages, and citations that outlive the documents they came from."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from ingestion.models import Document, KnowledgeBase


class ConversationQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ConversationQuerySet":
        """A conversation belongs to one person and to nobody else."""
        return self.filter(user=user) if user.is_authenticated else self.none()


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    title = models.CharField(_("title"), max_length=200, blank=True)
    knowledge_bases = models.ManyToManyField(KnowledgeBase, related_name="+", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["user", "-updated_at"])]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """A question, or the answer that follows it."""

    class Role(models.TextChoices):
        USER = "user", _("Question")
        ASSISTANT = "assistant", _("Answer")

    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting")
        STREAMING = "streaming", _("Answering")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    class Feedback(models.TextChoices):
        UP = "up", _("Good answer")
        DOWN = "down", _("Bad answer")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=Role.choices)
    text = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DONE)
    refused = models.BooleanField(default=False)
    notice = models.CharField(max_length=40, blank=True)
    """A code the interface puts into words: why the answer is extractive, or why it failed."""
    unsupported = models.JSONField(default=list, blank=True)
    """[start, end] character ranges of ``text`` that their citations do not bear out."""
    query = models.TextField(blank=True)
    """What was searched for: the question, or a follow-up made to stand alone."""
    stop_requested = models.BooleanField(default=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    """Set every second by the process that makes the answer, so that its death is noticed."""
    timings_ms = models.JSONField(default=dict, blank=True)
    model = models.CharField(max_length=160, blank=True)
    feedback = models.CharField(max_length=4, choices=Feedback.choices, blank=True)
    feedback_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["conversation", "created_at"])]


class CitationQuerySet(models.QuerySet):
    def visible_to(self, user) -> "CitationQuerySet":
        """Of ``user``'s own conversations, while ``user`` may still read the knowledge base.

        Once the document's row is gone its knowledge base is no longer known; then every knowledge
        base of the conversation must be readable, so that a snapshot outlives its document but not
        the right to read it.
        """
        readable = KnowledgeBase.objects.visible_to(user)
        chosen = Conversation.knowledge_bases.through.objects.filter(
            conversation=OuterRef("message__conversation")
        )
        return self.filter(message__conversation__in=Conversation.objects.visible_to(user)).filter(
            Q(document__knowledge_base__in=readable)
            | Q(document=None) & Exists(chosen) & ~Exists(chosen.exclude(knowledgebase__in=readable))
        )


class Citation(models.Model):
    """A source offered to the model, as it read at that moment; ``cited`` if the answer uses it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="citations")
    number = models.PositiveSmallIntegerField()
    cited = models.BooleanField(default=False)
    document = models.ForeignKey(Document, models.SET_NULL, null=True, related_name="+")
    chunk_id = models.UUIDField()
    document_name = models.CharField(max_length=255)
    page = models.PositiveIntegerField(null=True)
    heading_path = models.JSONField(default=list)
    quote = models.TextField()
    regions = models.JSONField(default=list)
    start = models.PositiveIntegerField(default=0)
    end = models.PositiveIntegerField(default=0)
    recall_score = models.FloatField(null=True)
    rerank_score = models.FloatField(null=True)

    objects = CitationQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="citation_number_once")]
