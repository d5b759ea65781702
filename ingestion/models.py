"""Knowledge bases, their documents, and the chunks that are searched and cited."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ingestion.errors import message_for
from teams.models import EDITING_ROLES, Membership, Role, Team


def default_embedder() -> str:
    return settings.EMBEDDER


def default_reranker() -> str:
    return settings.RERANKER


class KnowledgeBaseQuerySet(models.QuerySet):
    """The gate: what a person may read and change is decided here and nowhere else."""

    def alive(self) -> "KnowledgeBaseQuerySet":
        return self.filter(deleted_at=None)

    def visible_to(self, user) -> "KnowledgeBaseQuerySet":
        """Open to the team, or naming ``user``, or of a team that ``user`` owns."""
        if not user.is_authenticated:
            return self.none()
        memberships = Membership.objects.filter(user=user)
        return self.alive().filter(
            Q(team__in=memberships.filter(role=Role.OWNER).values("team"))
            | Q(team__in=memberships.values("team"))
            & (
                Q(access=KnowledgeBase.Access.TEAM)
                | Q(pk__in=KnowledgeBase.readers.through.objects.filter(user=user).values("knowledgebase"))
            )
        )

    def editable_by(self, user) -> "KnowledgeBaseQuerySet":
        """Visible, and of a team where ``user`` is owner or editor."""
        if not user.is_authenticated:
            return self.none()
        editing = Membership.objects.filter(user=user, role__in=EDITING_ROLES)
        return self.visible_to(user).filter(team__in=editing.values("team"))


class KnowledgeBase(models.Model):
    class Access(models.TextChoices):
        TEAM = "team", _("The whole team")
        MEMBERS = "members", _("Named members only")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="knowledge_bases")
    name = models.CharField(_("name"), max_length=120)
    description = models.TextField(_("description"), blank=True)
    access = models.CharField(_("open to"), max_length=10, choices=Access.choices, default=Access.TEAM)
    readers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name=_("named members")
    )
    embedder = models.CharField(_("embedder"), max_length=120, default=default_embedder)
    next_embedder = models.CharField(max_length=120, blank=True, editable=False)
    """Chosen, and answers once all documents are prepared for it: see `ingestion.preparation`."""
    preparation_error = models.TextField(blank=True, editable=False)
    preparation_heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    reranker = models.CharField(_("reranker"), max_length=200, default=default_reranker, blank=True)
    """Empty: no second stage, the order of recall stands."""
    llm = models.CharField(
        _("language model"), max_length=120, blank=True, help_text=_("Empty: the installation's own.")
    )
    chunk_tokens = models.PositiveIntegerField(_("chunk size in tokens"), default=256)
    recall_limit = models.PositiveIntegerField(_("passages recalled"), default=50)
    top_n = models.PositiveIntegerField(_("passages given to the model"), default=5)
    threshold = models.FloatField(
        _("score threshold"), null=True, blank=True, help_text=_("Empty: the reranker's own.")
    )
    calibrations = models.JSONField(default=dict, blank=True, editable=False)
    """Reranker -> {"slope", "intercept", "threshold"} fitted on a run: scores of that reranker only."""
    is_ephemeral = models.BooleanField(default=False, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Set while its documents leave the index; then the row goes too."""

    objects = KnowledgeBaseQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"],
                condition=Q(deleted_at=None),
                name="knowledge_base_name_once_per_team",
                violation_error_message=_("The team already has a knowledge base of this name."),
            ),
            models.CheckConstraint(condition=Q(chunk_tokens__range=(64, 2048)), name="chunk_tokens_sane"),
            models.CheckConstraint(condition=Q(recall_limit__range=(1, 500)), name="recall_limit_sane"),
            models.CheckConstraint(condition=Q(top_n__range=(1, 50)), name="top_n_sane"),
        ]

    def __str__(self) -> str:
        return self.name


class DocumentQuerySet(models.QuerySet):
    def alive(self) -> "DocumentQuerySet":
        return self.filter(deleted_at=None)

    def visible_to(self, user) -> "DocumentQuerySet":
        return self.alive().filter(knowledge_base__in=KnowledgeBase.objects.visible_to(user))

    def editable_by(self, user) -> "DocumentQuerySet":
        return self.alive().filter(knowledge_base__in=KnowledgeBase.objects.editable_by(user))


def file_path(document: "Document", filename: str) -> str:
    """Where a document's bytes live: made of ids alone, a file's name never becomes a path."""
    return f"{document.knowledge_base_id}/{document.pk}"


class Document(models.Model):
    """One uploaded file and the truth about its state.

    ``version`` counts parses. Chunks carry the version that made them; searches see those of
    ``live_version`` alone, so that a new parse answers only once it is indexed whole.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        PARSING = "parsing", _("Parsing")
        INDEXING = "indexing", _("Indexing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    knowledge_base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="documents")
    name = models.CharField(_("name"), max_length=255)
    file = models.FileField(upload_to=file_path, max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    mime = models.CharField(max_length=120)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    pages_total = models.PositiveIntegerField(default=0)
    pages_done = models.PositiveIntegerField(default=0)
    chunks_total = models.PositiveIntegerField(default=0)
    chunks_done = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    live_version = models.PositiveIntegerField(default=0)
    prepared_version = models.PositiveIntegerField(default=0)
    """The version that is whole in the collection of the knowledge base's next embedder."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["knowledge_base", "sha256"],
                condition=Q(deleted_at=None),
                name="same_file_once_per_knowledge_base",
            ),
        ]
        indexes = [
            models.Index(fields=["knowledge_base", "-created_at"]),
            models.Index(fields=["status", "heartbeat_at"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def error_message(self) -> str:
        """Why it failed, in the reader's language; "" where it did not."""
        return message_for(self.error_code, self.error_detail)

    @property
    def progress(self) -> float:
        """0..1: reading the pages is the first half, embedding the chunks the second."""
        if self.status == self.Status.READY:
            return 1.0
        read = self.pages_done / self.pages_total if self.pages_total else 0.0
        embedded = self.chunks_done / self.chunks_total if self.chunks_total else 0.0
        return round(min(read, 1.0) / 2 + min(embedded, 1.0) / 2, 3)


class DocumentPage(models.Model):
    """The text of one page, slide or sheet; ``start`` is its offset in the document's text."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="pages")
    version = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=200, blank=True)
    paged = models.BooleanField(default=True)
    start = models.PositiveIntegerField()
    text = models.TextField()
    width = models.FloatField(default=0)
    height = models.FloatField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "version", "number"], name="page_once_per_version")
        ]


class Chunk(models.Model):
    """A passage that is embedded, found, reranked and cited.

    The id is made of document, version and ordinal, so that doing the work twice writes the same
    rows and points. ``regions`` is a list of {"page", "x0", "y0", "x1", "y1"} in 0..1.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks")
    version = models.PositiveIntegerField()
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading_path = models.JSONField(default=list)
    page = models.PositiveIntegerField()
    regions = models.JSONField(default=list)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["document", "version", "ordinal"], name="chunk_once_per_version")
        ]

    @staticmethod
    def make_id(document_id: uuid.UUID, version: int, ordinal: int) -> uuid.UUID:
        return uuid.uuid5(document_id, f"{version}/{ordinal}")

    @property
    def embedded_text(self) -> str:
        """What is embedded and reranked: the document's title and headings, then the text."""
        return "\n".join([" > ".join([self.document.name, *self.heading_path]), self.text])
