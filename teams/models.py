"""People, teams, and the keys and connections that a team owns.

Every object a person can open hangs off a team; each queryset has one gate, ``visible_to(user)``.
"""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from teams.secrets import EncryptedTextField


class EmailUserManager(UserManager):
    """Creates people by their e-mail address: there are no user names."""

    def _create_user_object(self, username, email, password, **extra):
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        return user

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)

    def create_user(self, email, password=None, **extra):  # type: ignore[override]
        return super().create_user("", email, password, **extra)

    def create_superuser(self, email, password=None, **extra):  # type: ignore[override]
        return super().create_superuser("", email, password, **extra)


class User(AbstractUser):
    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[EmailUserManager] = EmailUserManager()

    class Meta(AbstractUser.Meta):
        constraints = [models.UniqueConstraint(Lower("email"), name="one_account_per_address")]

    def __str__(self) -> str:
        return self.name or self.email


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    EDITOR = "editor", _("Editor")
    VIEWER = "viewer", _("Viewer")


EDITING_ROLES = (Role.OWNER, Role.EDITOR)


class TeamQuerySet(models.QuerySet):
    def visible_to(self, user) -> "TeamQuerySet":
        """Teams that ``user`` belongs to, in any role."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(pk__in=Membership.objects.filter(user=user).values("team"))

    def owned_by(self, user) -> "TeamQuerySet":
        """Teams whose people, keys and connections ``user`` may change."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(pk__in=Membership.objects.filter(user=user, role=Role.OWNER).values("team"))


class Team(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]
        indexes = [models.Index(fields=["user", "role"])]


def invitation_expiry():
    return timezone.now() + timedelta(days=14)


class Invitation(models.Model):
    """A link that lets one person into a team; single use, and only its hash is kept."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=invitation_expiry)
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None and self.expires_at > timezone.now()


class ApiKey(models.Model):
    """A person's key for the API: acts with that person's rights. Only a hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80, blank=True)
    prefix = models.CharField(max_length=12)
    key_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]


class ModelConnectionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ModelConnectionQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))

    def owned_by(self, user) -> "ModelConnectionQuerySet":
        return self.filter(team__in=Team.objects.owned_by(user))


class ModelConnection(models.Model):
    """A team's own model behind HTTP. A knowledge base names it by ``ref``."""

    class Kind(models.TextChoices):
        LLM = "llm", _("Language model")
        EMBEDDER = "embedder", _("Embedder")
        RERANKER = "reranker", _("Reranker")

    class Protocol(models.TextChoices):
        OPENAI = "openai", _("OpenAI-compatible")
        TEI = "tei", _("Text Embeddings Inference")
        JINA = "jina", _("Jina-style rerank (vLLM, Xinference, SiliconFlow)")
        COHERE = "cohere", _("Cohere")
        VOYAGE = "voyage", _("Voyage")
        INFINITY = "infinity", _("Infinity")
        VLLM_SCORE = "vllm-score", _("vLLM /score")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="model_connections")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    protocol = models.CharField(_("protocol"), max_length=10, choices=Protocol.choices)
    name = models.CharField(_("name"), max_length=80)
    base_url = models.CharField(_("base URL"), max_length=300)
    model = models.CharField(_("model"), max_length=120, blank=True)
    api_key = EncryptedTextField(_("API key"), blank=True, default="")
    last_test_at = models.DateTimeField(null=True, blank=True)
    last_test_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ModelConnectionQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(fields=["team", "kind", "name"], name="connection_name_once_per_team")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """What a knowledge base stores to name this connection."""
        return f"connection:{self.pk}"


class AuditEvent(models.Model):
    """Who did what to which object, and when."""

    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="audit_events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["team", "-at"])]
