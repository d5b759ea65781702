"""Question sets, and runs that measure pipelines on them."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.models import Document, KnowledgeBase

DRAFTING_LEASE = timedelta(minutes=10)


class QuestionSetQuerySet(models.QuerySet):
    def visible_to(self, user) -> "QuestionSetQuerySet":
        return self.filter(knowledge_base__in=KnowledgeBase.objects.visible_to(user))

    def editable_by(self, user) -> "QuestionSetQuerySet":
        return self.filter(knowledge_base__in=KnowledgeBase.objects.editable_by(user))


class QuestionSet(models.Model):
    """Questions about one knowledge base whose right passages are known."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    knowledge_base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="question_sets")
    name = models.CharField(_("name"), max_length=120)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    drafting_since = models.DateTimeField(null=True, blank=True, editable=False)
    """When the model last drafted a question, while it does; renewed with each passage."""
    drafting_error = models.CharField(max_length=20, blank=True, editable=False)
    """A code: why drafting ended early."""

    objects = QuestionSetQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["knowledge_base", "name"], name="question_set_name_once")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_drafting(self) -> bool:
        """False also where whoever drafted has died."""
        since = self.drafting_since
        return since is not None and timezone.now() - since < DRAFTING_LEASE


class Question(models.Model):
    """A question, and where its answer stands.

    A chunk is right when it is of ``document`` and holds ``quote``, white space aside; with no quote,
    any chunk of the document is. Said in the document's own words, this outlives a change of chunking.
    """

    class Origin(models.TextChoices):
        WRITTEN = "written", _("Written")
        IMPORTED = "imported", _("Imported")
        DRAFTED = "drafted", _("Drafted by the model")
        FEEDBACK = "feedback", _("From an answer")

    question_set = models.ForeignKey(QuestionSet, models.CASCADE, related_name="questions")
    text = models.TextField(_("question"))
    document = models.ForeignKey(
        Document, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("document")
    )
    quote = models.TextField(_("words of the passage that answers"), blank=True)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.WRITTEN)
    is_accepted = models.BooleanField(default=True)
    """False: a draft that nobody has looked at yet; runs leave it out."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text


class EvaluationRunQuerySet(models.QuerySet):
    def visible_to(self, user) -> "EvaluationRunQuerySet":
        return self.filter(question_set__in=QuestionSet.objects.visible_to(user))

    def editable_by(self, user) -> "EvaluationRunQuerySet":
        return self.filter(question_set__in=QuestionSet.objects.editable_by(user))


class EvaluationRun(models.Model):
    """Several pipelines measured on one question set; it goes on where it stood after a crash."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    question_set = models.ForeignKey(QuestionSet, models.CASCADE, related_name="runs")
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    error = models.TextField(blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = EvaluationRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["question_set", "-created_at"])]


class RunPipeline(models.Model):
    """One pipeline of a run: how it recalls, which reranker (empty: none), and what came out.

    ``metrics`` maps "hit@5" and the like to {"mean", "low", "high"} (bootstrap 95%), and "latency_ms"
    to {"p50", "p95"}, "stages_ms" each stage to the same.
    """

    run = models.ForeignKey(EvaluationRun, models.CASCADE, related_name="pipelines")
    ordinal = models.PositiveSmallIntegerField()
    recall = models.CharField(max_length=10, default="hybrid")
    reranker = models.CharField(max_length=200, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    notice = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["run", "ordinal"], name="pipeline_once_per_run")]

    @property
    def name(self) -> str:
        return f"{self.recall} + {self.reranker}" if self.reranker else self.recall


class QuestionResult(models.Model):
    """What one pipeline found for one question.

    ``ranking`` and ``relevant`` are chunk ids; ``hits`` describes the first ten, best first.
    Ranks count from 1; None: the right passage is not in that list.
    """

    pipeline = models.ForeignKey(RunPipeline, models.CASCADE, related_name="results")
    question = models.ForeignKey(Question, models.CASCADE, related_name="+")
    recall_rank = models.PositiveIntegerField(null=True)
    final_rank = models.PositiveIntegerField(null=True)
    ranking = models.JSONField(default=list)
    relevant = models.JSONField(default=list)
    hits = models.JSONField(default=list)
    raw_scores = models.JSONField(default=list)
    """The reranker's own scores, in the order of ``ranking``; None where there is none."""
    latency_ms = models.FloatField(default=0)
    timings_ms = models.JSONField(default=dict)
    """Stage ("embed", "recall", "rerank", "context") -> ms; the stages do not overlap."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "question"], name="result_once_per_question")
        ]


class ModelDownload(models.Model):
    """A reranker of the catalogue on its way to this machine.

    ``error`` is a code of `retrieval.downloads`; ``claimed_at`` tells the task at work from one that was
    cancelled and has not noticed yet.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    name = models.CharField(_("model"), max_length=200, unique=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    error = models.CharField(max_length=20, blank=True)
    done_bytes = models.PositiveBigIntegerField(default=0)
    total_bytes = models.PositiveBigIntegerField(default=0)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def fraction(self) -> float:
        """0..1 of its bytes that are here."""
        return min(self.done_bytes / self.total_bytes, 1.0) if self.total_bytes else 0.0
