"""The record of who did what. Only ids and names are kept, never a secret."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from teams.models import AuditEvent, Role, Team, User

SENTENCES = {
    "team.created": _("%(actor)s created the team"),
    "team.renamed": _("%(actor)s renamed the team to “%(target)s”"),
    "member.invited": _("%(actor)s invited %(target)s as %(role)s"),
    "invitation.revoked": _("%(actor)s withdrew the invitation of %(target)s"),
    "member.joined": _("%(actor)s joined as %(role)s"),
    "member.role_changed": _("%(actor)s made %(target)s %(role)s"),
    "member.removed": _("%(actor)s removed %(target)s"),
    "member.left": _("%(actor)s left the team"),
    "connection.created": _("%(actor)s added the model connection “%(target)s”"),
    "connection.changed": _("%(actor)s changed the model connection “%(target)s”"),
    "connection.deleted": _("%(actor)s deleted the model connection “%(target)s”"),
    "knowledge_base.created": _("%(actor)s created the knowledge base “%(target)s”"),
    "knowledge_base.changed": _("%(actor)s changed the knowledge base “%(target)s”"),
    "knowledge_base.deleted": _("%(actor)s deleted the knowledge base “%(target)s”"),
    "document.created": _("%(actor)s uploaded “%(target)s”"),
    "document.deleted": _("%(actor)s deleted “%(target)s”"),
    "document.retried": _("%(actor)s retried “%(target)s”"),
}


def record(
    *, team: Team | None, actor: User | None, action: str, target: str = "", **data: Any
) -> AuditEvent:
    """Notes that ``actor`` did ``action`` to ``target``; ``data`` is kept as JSON."""
    return AuditEvent.objects.create(team=team, actor=actor, action=action, target=target[:200], data=data)


def sentence(event: AuditEvent) -> str:
    """The event in the reader's language; the bare code for an action without a sentence."""
    words = {
        "actor": str(event.actor) if event.actor else gettext("Someone"),
        "target": event.target,
        "role": dict(Role.choices).get(event.data.get("role"), ""),
    }
    template = SENTENCES.get(event.action)
    return template % words if template else f"{words['actor']}: {event.action} {event.target}".strip()
