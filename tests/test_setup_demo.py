"""The first start: an administrator, a sample that can be searched, and its figures."""

import re

import pytest
from django.core.management import call_command

from ingestion.models import Document, KnowledgeBase
from qa_project import sample
from retrieval import question_sets
from retrieval.models import EvaluationRun
from teams.models import Role, User

pytestmark = pytest.mark.django_db


def test_the_first_start_makes_an_administrator_once(capsys):
    call_command("setup_demo")
    printed = capsys.readouterr().out
    password = re.search(r"password\s+(\S+)", printed)[1]
    admin = User.objects.get()
    assert admin.check_password(password)
    assert admin.memberships.get().role == Role.OWNER
    assert Document.objects.filter(status=Document.Status.QUEUED).count() == len(list(sample.documents()))
    assert EvaluationRun.objects.get().pipelines.count() == 4
    call_command("setup_demo")
    assert capsys.readouterr().out == ""
    assert User.objects.count() == 1


def test_without_the_sample(capsys):
    call_command("setup_demo", "--no-sample", "--email", "root@example.org")
    assert "root@example.org" in capsys.readouterr().out
    assert not KnowledgeBase.objects.exists()


def test_every_golden_question_can_be_won():
    """Its document is there, and holds the quoted words."""
    import pymupdf

    texts = {}
    for name, content in sample.documents():
        if name.endswith(".pdf"):
            with pymupdf.open("pdf", content) as pdf:
                texts[name] = "".join(page.get_text() for page in pdf)
        else:
            texts[name] = content.decode()
    for question in sample.golden_questions():
        assert question_sets.normalised(question.quote) in question_sets.normalised(texts[question.document])
