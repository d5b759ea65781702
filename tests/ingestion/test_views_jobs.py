import pytest
from django.urls import reverse

from ingestion.models import Document, KnowledgeBase
from teams.models import Membership, Role, Team
from tests.ingestion.making import Status, make_document, make_many

JOBS = reverse("ingestion:jobs")
RETRY_ALL = reverse("ingestion:retry_all")


@pytest.fixture
def elsewhere(charlie):
    team = Team.objects.create(name="Elsewhere")
    Membership.objects.create(team=team, user=charlie, role=Role.OWNER)
    return KnowledgeBase.objects.create(team=team, name="Theirs")


def test_what_runs_waits_and_failed(client, alice, knowledge_base):
    make_document(knowledge_base, name="running.txt", status=Status.PARSING, pages_done=1, pages_total=2)
    make_document(knowledge_base, name="waiting.txt", status=Status.QUEUED)
    make_document(knowledge_base, name="broken.pdf", status=Status.FAILED, error_code="corrupt")
    make_document(knowledge_base, name="done.txt", status=Status.READY)
    client.force_login(alice)
    text = client.get(JOBS).content.decode()
    for words in ("running.txt", "waiting.txt", "broken.pdf", "damaged", "1 running", "1 queued", "1 failed"):
        assert words in text
    assert "done.txt" not in text


def test_filters_by_status(client, alice, knowledge_base):
    make_document(knowledge_base, name="waiting.txt", status=Status.QUEUED)
    make_document(knowledge_base, name="broken.pdf", status=Status.FAILED)
    client.force_login(alice)
    rows = client.get(JOBS, {"status": "failed"}).context["listing"].rows
    assert [row.name for row in rows] == ["broken.pdf"]


def test_cost_does_not_grow(client, alice, team, knowledge_base, django_assert_num_queries):
    for n in range(5):
        each = KnowledgeBase.objects.create(team=team, name=f"kb {n}")
        make_many(each, 30, status=Status.FAILED)
    client.force_login(alice)
    with django_assert_num_queries(4):  # session, user, rows, counts
        response = client.get(JOBS)
    assert len(response.context["listing"].rows) == 50


def test_retry_all_brings_back_ones_own_alone(client, alice, knowledge_base, elsewhere):
    make_many(knowledge_base, 3, status=Status.FAILED)
    theirs = make_document(elsewhere, status=Status.FAILED)
    client.force_login(alice)
    response = client.post(RETRY_ALL, follow=True)
    assert "3 documents are tried again." in response.content.decode()
    assert Document.objects.filter(status=Status.QUEUED).count() == 3
    theirs.refresh_from_db()
    assert theirs.status == Status.FAILED


def test_viewer_has_no_jobs_and_retries_nothing(client, bob, knowledge_base):
    make_document(knowledge_base, name="broken.pdf", status=Status.FAILED)
    client.force_login(bob)
    text = client.get(JOBS).content.decode()
    assert "broken.pdf" not in text
    assert "All work is done" in text
    client.post(RETRY_ALL)
    assert Document.objects.get().status == Status.FAILED


def test_outsider_sees_nothing(client, charlie, knowledge_base, elsewhere):
    make_document(knowledge_base, name="broken.pdf", status=Status.FAILED)
    client.force_login(charlie)
    assert "broken.pdf" not in client.get(JOBS).content.decode()


@pytest.mark.parametrize(("address", "method"), [(JOBS, "get"), (RETRY_ALL, "post")])
def test_anonymous_is_sent_to_log_in(client, db, address, method):
    assert "/accounts/login/" in getattr(client, method)(address).url
