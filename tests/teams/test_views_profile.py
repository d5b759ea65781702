"""A person's name and API keys."""

from django.urls import reverse

from teams import services
from teams.models import ApiKey

KEYS = reverse("teams:api_keys")


def test_a_name_can_be_changed(as_alice, alice, client):
    url = reverse("teams:profile")
    assert "alice@example.com" in as_alice.get(url).text
    as_alice.post(url, {"name": "Alice L.", "email": "other@example.com", "is_staff": "1"})
    alice.refresh_from_db()
    assert (alice.name, alice.email, alice.is_staff) == ("Alice L.", "alice@example.com", False)
    assert as_alice.post(url, {"name": "x" * 151}).status_code == 422
    assert client.get(url).status_code == 302


def test_a_key_is_shown_once_and_works(as_alice, alice):
    response = as_alice.post(KEYS, {"name": "laptop"}, follow=True)
    key = response.context["fresh_key"]["key"]
    assert key in response.text
    assert services.user_for_key(key) == alice
    again = as_alice.get(KEYS)
    assert key not in again.text
    assert "laptop" in again.text
    assert again["Cache-Control"].startswith("max-age=0, no-cache, no-store")


def test_a_key_needs_a_name(as_alice):
    assert as_alice.post(KEYS, {"name": ""}).status_code == 422
    assert not ApiKey.objects.exists()


def test_each_sees_and_revokes_their_own(as_alice, as_bob, as_charlie, alice):
    row, key = services.create_api_key(user=alice, name="alices-own")
    url = reverse("teams:revoke_api_key", args=[row.pk])
    for other in (as_bob, as_charlie):
        assert "alices-own" not in other.get(KEYS).text
        assert other.post(url).status_code == 404
    assert "alices-own" in as_alice.get(KEYS).text
    assert as_alice.get(url).status_code == 405
    as_alice.post(url)
    assert services.user_for_key(key) is None
