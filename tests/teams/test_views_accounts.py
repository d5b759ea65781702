"""Log in, log out, change a password: allauth's views in the product's own pages."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from tests.conftest import PASSWORD

LOGIN = reverse("account_login")


@pytest.fixture(autouse=True)
def _no_memory_of_failures():
    cache.clear()
    yield
    cache.clear()


def log_in(client, email="alice@example.com", password=PASSWORD, **extra):
    return client.post(LOGIN, {"login": email, "password": password, **extra})


def test_log_in_and_out(client, alice):
    assert "Log in" in client.get(LOGIN).text
    assert log_in(client, next="/profile/")["Location"] == "/profile/"
    assert client.get("/profile/").status_code == 200
    assert client.get(reverse("account_logout")).status_code == 200
    assert client.get("/profile/").status_code == 200
    client.post(reverse("account_logout"))
    assert client.get("/profile/").status_code == 302


def test_a_wrong_password_and_an_unknown_person_read_the_same(client, alice):
    wrong = log_in(client, password="wrong").context["form"].errors
    unknown = log_in(client, email="nobody@example.com").context["form"].errors
    assert wrong
    assert wrong == unknown


def test_guessing_ends_after_a_few_tries(client, alice):
    for _ in range(6):
        log_in(client, password="wrong")
    assert "_auth_user_id" not in client.session
    response = log_in(client)
    assert "_auth_user_id" not in client.session
    assert "Too many" in response.text


def test_nobody_is_sent_elsewhere_after_logging_in(client, alice):
    assert log_in(client, next="https://evil.example/")["Location"] == "/"


def test_there_is_no_sign_up(client, db):
    response = client.get(reverse("account_signup"))
    assert "Accounts are by invitation" in response.text
    body = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    response = client.post(reverse("account_signup"), body)
    assert "Accounts are by invitation" in response.text
    assert client.get("/accounts/email/").status_code == 404


def test_a_password_is_changed(client, alice):
    log_in(client)
    url = reverse("account_change_password")
    new = "another quiet sentence"
    assert "12345" not in client.get(url).text
    poor = client.post(url, {"oldpassword": PASSWORD, "password1": "12345", "password2": "12345"})
    assert "too short" in poor.text
    client.post(url, {"oldpassword": PASSWORD, "password1": new, "password2": new})
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert client.get("/profile/").status_code == 200


def test_a_forgotten_password_without_a_mail_server(client, alice, settings):
    settings.EMAIL_HOST = ""
    response = client.get(reverse("account_reset_password"))
    assert "Ask an administrator" in response.text
    client.post(reverse("account_reset_password"), {"email": "alice@example.com"})
    assert mail.outbox == []


def test_and_with_one(client, alice, settings):
    settings.EMAIL_HOST = "mail.example.com"
    url = reverse("account_reset_password")
    assert client.post(url, {"email": "nobody@example.com"}).status_code == 302
    assert mail.outbox == []
    assert client.post(url, {"email": "alice@example.com"}).status_code == 302
    link = next(word for word in mail.outbox[0].body.split() if "/password/reset/key/" in word)
    page = client.get(link, follow=True)
    assert "Choose a new password" in page.text
    new = "another quiet sentence"
    response = client.post(page.wsgi_request.path, {"password1": new, "password2": new}, follow=True)
    assert "Password changed" in response.text
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert "This link no longer works" in client.get(link, follow=True).text


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_the_language_is_one_click_away(client, db, name):
    page = client.get(reverse(name)).text
    assert 'name="language" value="zh-hans"' in page
    response = client.post(reverse("set_language"), {"language": "zh-hans", "next": LOGIN})
    assert response["Location"] == LOGIN
    assert '<html lang="zh-hans">' in client.get(LOGIN).text


def test_the_administration_uses_the_same_login(client, alice):
    response = client.get("/admin/", follow=True)
    assert response.wsgi_request.path == LOGIN
    alice.is_staff = True
    alice.save()
    assert log_in(client, next="/admin/")["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
