"""Who gets in: keys, sessions, CSRF, and the limit."""

import pytest
from django.core.cache import cache
from django.test import Client

from teams import services

URL = "/api/v1/knowledge-bases"
BODY = {"name": "Contracts"}


def test_nobody_without_key_or_session(db):
    response = Client().get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic YTpi", "nonsense", "Bearer \x00"])
def test_a_wrong_key_is_401_also_beside_a_good_session(alice, team, header):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.get(URL).status_code == 200
    assert client.get(URL, headers={"Authorization": header}).status_code == 401
    response = client.post(URL, BODY, content_type="application/json", headers={"Authorization": header})
    assert response.status_code == 401


def test_a_key_needs_no_csrf_token(alice, team):
    _row, key = services.create_api_key(user=alice)
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"bearer {key}"})
    assert client.post(URL, BODY, content_type="application/json").status_code == 201


def test_a_session_needs_one(alice, team):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    refusal = client.post(URL, BODY, content_type="application/json")
    assert refusal.status_code == 403
    assert refusal.json()["error"]["code"] == "csrf_failed"
    client.get("/api/v1/docs")
    token = client.cookies["csrftoken"].value
    response = client.post(URL, BODY, content_type="application/json", headers={"X-CSRFToken": token})
    assert response.status_code == 201


def test_a_revoked_key_ends_at_once(alice):
    row, key = services.create_api_key(user=alice)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    assert client.get(URL).status_code == 200
    services.revoke_api_key(key=row, actor=alice)
    assert client.get(URL).status_code == 401


def test_too_many_calls_are_told_when_to_come_back(settings, alice_api, bob_api):
    cache.clear()
    settings.API_RATE_PER_MINUTE = 2
    answers = [alice_api.get(URL) for _ in range(4)]
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1].json()["error"]["code"] == "too_many_requests"
    assert bob_api.get(URL).status_code == 200
    cache.clear()


def test_an_unexpected_failure_is_json_without_a_trace(alice_api, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("ingestion.api.KnowledgeBase.objects", broken)
    alice_api.raise_request_exception = False
    response = alice_api.get(URL)
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "secret" not in response.text


def test_the_api_page_needs_nothing_from_elsewhere(db):
    response = Client().get("/api/v1/docs")
    assert response.status_code == 200
    assert "/static/ninja/swagger-ui-bundle.js" in response.text
    assert "https://" not in response.text
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    schema = Client().get("/api/v1/openapi.json").json()
    assert "/api/v1/documents/{id}" in schema["paths"]
