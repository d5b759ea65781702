from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TeamsConfig(AppConfig):
    """Who works together and who may do what."""

    name = "teams"
    verbose_name = _("Teams")
