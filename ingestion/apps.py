from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IngestionConfig(AppConfig):
    """Files in, chunks with their places out."""

    name = "ingestion"
    verbose_name = _("Documents")
