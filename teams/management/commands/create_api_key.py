from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from teams import services
from teams.models import User


class Command(BaseCommand):
    help = "Makes an API key for a person and prints it, once and alone, on standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, metavar="EMAIL", help="whose rights the key has")
        parser.add_argument("--name", default="", help="what the key is for, shown on the API keys page")

    def handle(self, *args, user: str, name: str, **options) -> None:
        person = User.objects.filter(email__iexact=user).first()
        if person is None:
            raise CommandError(f"Nobody has the e-mail address {user}.")
        _row, key = services.create_api_key(user=person, name=name or "create_api_key")
        self.stdout.write(key)
