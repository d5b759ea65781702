"""Mail that the product sends by itself: the invitation, and only where a mail server is set."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext as _

from teams.models import Invitation

logger = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Whether the mail went out: it does not without EMAIL_HOST, or when the mail server refuses."""
    if not settings.EMAIL_HOST:
        return False
    words = {"inviter": invitation.invited_by, "team": invitation.team, "link": link}
    subject = " ".join((_("%(inviter)s invites you to %(team)s") % words).split())
    text = _(
        "%(inviter)s invites you to the team %(team)s.\n\nOpen this link to join; it works once, for 14 days:"
        "\n\n%(link)s\n"
    )
    try:
        send_mail(subject, text % words, None, [invitation.email])
    except (OSError, smtplib.SMTPException):
        logger.exception("The invitation of team %s could not be mailed", invitation.team_id)
        return False
    return True
