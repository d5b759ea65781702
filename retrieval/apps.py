from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RetrievalConfig(AppConfig):
    """Chunks in, ranked passages out."""

    name = "retrieval"
    verbose_name = _("Retrieval")

    def ready(self) -> None:
        from retrieval import receivers  # noqa: F401  listens to ingestion's signals
