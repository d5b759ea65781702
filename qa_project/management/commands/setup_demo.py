"""`manage.py setup_demo`: the first administrator and the sample knowledge base, once."""

import secrets

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.translation import gettext as _

from ingestion import services as ingestion
from ingestion.models import KnowledgeBase
from qa_project import sample
from retrieval import question_sets, runs
from retrieval.runs import Pipeline
from teams.models import Membership, Role, Team, User

ADMIN_EMAIL = "admin@example.com"


class Command(BaseCommand):
    help = (
        "Creates the first administrator, with a generated password that is printed once, "
        "and the sample knowledge base. Does nothing where somebody already has an account."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--email", default=ADMIN_EMAIL, help="the administrator's e-mail address")
        parser.add_argument("--no-sample", action="store_true", help="leave the sample knowledge base out")

    def handle(self, *args, email: str, no_sample: bool, **options) -> None:
        if User.objects.exists():
            return
        password = secrets.token_urlsafe(12)
        with transaction.atomic():
            user = User.objects.create_superuser(email, password, name=_("Administrator"))
            team = Team.objects.create(name=_("My team"))
            Membership.objects.create(team=team, user=user, role=Role.OWNER)
        if not no_sample:
            create_sample(team=team, user=user)
        rule = "─" * 62
        self.stdout.write(
            f"{rule}\n  {settings.PUBLIC_URL}\n  e-mail    {email}\n  password  {password}\n"
            f"  This password is shown only now. Change it after the first login.\n{rule}"
        )


def create_sample(*, team: Team, user: User) -> KnowledgeBase:
    """The sample knowledge base, its documents queued for the worker that starts next."""
    knowledge_base = ingestion.create_knowledge_base(
        team=team,
        user=user,
        name="Harbour Bikes · 海港单车",
        description=_("A sample in English and Chinese: a handbook, a manual, a price list, minutes."),
    )
    for name, content in sample.documents():
        ingestion.create_document(
            knowledge_base=knowledge_base, user=user, name=name, file=ContentFile(content, name=name)
        )
    measure(knowledge_base, user=user)
    return knowledge_base


def measure(knowledge_base: KnowledgeBase, *, user: User) -> None:
    """The golden questions, and a run that starts once the documents are indexed: the figures are
    there when the first visitor looks."""
    documents = {document.name: document for document in knowledge_base.documents.alive()}
    golden = question_sets.create_question_set(
        knowledge_base=knowledge_base, user=user, name=_("Golden questions")
    )
    for question in sample.golden_questions():
        question_sets.add_question(
            question_set=golden,
            text=question.question,
            document=documents[question.document],
            quote=question.quote,
        )
    runs.start_run(
        question_set=golden,
        user=user,
        pipelines=[Pipeline("bm25"), Pipeline("dense"), Pipeline(), Pipeline("hybrid", settings.RERANKER)],
    )
