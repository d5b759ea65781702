"""The administration: every model is there, opens, and shows no secret."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from ingestion.models import Document
from teams import audit, services
from teams.models import ApiKey, Membership, ModelConnection, Role, User

OURS = [
    model
    for app in ("teams", "ingestion", "retrieval", "chat")
    for model in apps.get_app_config(app).get_models()
]
AS_INLINE = {Membership}


@pytest.fixture
def root(db):
    user = User.objects.create_superuser("root@example.com", "x", name="Root")
    client = Client()
    client.force_login(user)
    return client


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", [m for m in OURS if m not in AS_INLINE], ids=lambda m: m.__name__)
def test_every_model_lists_and_searches(root, model):
    assert admin.site.is_registered(model)
    assert root.get(url(model, "changelist")).status_code == 200
    assert root.get(url(model, "changelist"), {"q": "x' --"}).status_code == 200


def test_secrets_are_not_shown(root, alice, team):
    row, _key = services.create_api_key(user=alice)
    connection = ModelConnection.objects.create(
        team=team, kind="llm", protocol="openai", name="x", base_url="http://x", api_key="sk-very-secret"
    )
    invitation, _token = services.invite(team=team, email="n@example.com", role=Role.VIEWER, invited_by=alice)
    assert row.key_hash not in root.get(url(ApiKey, "change", row.pk)).text
    assert "sk-very" not in root.get(url(ModelConnection, "change", connection.pk)).text
    assert invitation.token_hash not in root.get(url(type(invitation), "change", invitation.pk)).text


def test_the_record_of_events_cannot_be_changed(root, alice, team):
    event = audit.record(team=team, actor=alice, action="team.created", target="x")
    assert root.get(url(type(event), "add")).status_code == 403
    assert root.post(url(type(event), "change", event.pk), {"action": "y"}).status_code == 403
    assert root.post(url(type(event), "delete", event.pk), {"post": "yes"}).status_code == 403


def test_people_are_made_by_address(root):
    body = {
        "email": "Made@Example.com",
        "name": "Made",
        "usable_password": "true",
        "password1": "a quiet sentence",
        "password2": "a quiet sentence",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    assert root.get(url(User, "add")).status_code == 200
    assert root.post(url(User, "add"), body).status_code == 302
    made = User.objects.get(email__iexact="made@example.com")
    assert made.check_password("a quiet sentence")
    assert root.get(url(User, "change", made.pk)).status_code == 200


def test_a_key_may_be_revoked(root, alice):
    row, key = services.create_api_key(user=alice)
    assert root.post(url(ApiKey, "delete", row.pk), {"post": "yes"}).status_code == 302
    assert services.user_for_key(key) is None


def test_failed_documents_are_retried(root, knowledge_base):
    document = Document.objects.create(
        knowledge_base=knowledge_base, name="x", sha256="0", size=1, mime="text/plain", status="failed"
    )
    body = {"action": "retry", "_selected_action": [str(document.pk)]}
    response = root.post(url(Document, "changelist"), body, follow=True)
    assert "1 document is tried again." in response.text
    document.refresh_from_db()
    assert document.status == Document.Status.QUEUED
    assert root.get(url(Document, "change", document.pk)).status_code == 200


def test_people_without_the_right_stay_out(client, as_alice, db):
    assert client.get("/admin/").status_code == 302
    assert as_alice.get("/admin/", follow=True).status_code == 403
    assert as_alice.get(url(User, "changelist"), follow=True).status_code == 403
