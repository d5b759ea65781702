from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    """Ranked passages in, a cited answer out."""

    name = "chat"
    verbose_name = _("Chat")
