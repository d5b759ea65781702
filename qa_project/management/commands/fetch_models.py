"""`manage.py fetch_models`: the bundled language model, once."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat import model_files


class Command(BaseCommand):
    help = "Fetch the bundled language model (1.1 GB), unless it is there; goes on where it broke off."
    requires_system_checks = ()

    def handle(self, *args, **options) -> None:
        if not settings.LOCAL_LLM:
            self.stdout.write("LOCAL_LLM=0: the bundled language model is not used, nothing to fetch.")
            return
        if settings.LLM_BASE_URL:
            self.stdout.write("LLM_BASE_URL is set: the bundled language model is not needed.")
            return
        if model_files.is_present():
            return
        try:
            path = model_files.fetch(report=self.report)
        except model_files.FetchFailed as error:
            raise CommandError(f"{error} Run the same command again to go on from here.") from error
        self.stdout.write(f"The language model is ready: {path}")

    def report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
