"""Where an invitation's link leads."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from teams import services
from teams.models import Invitation, Membership, Role, User

from .conftest import browser_of

PASSWORD = "a quiet sentence to remember"


def link_for(team, alice, email):
    _invitation, token = services.invite(team=team, email=email, role=Role.EDITOR, invited_by=alice)
    return reverse("teams:accept", args=[token])


class TestNewPerson:
    @pytest.fixture
    def link(self, team, alice):
        return link_for(team, alice, "new@example.com")

    def test_makes_an_account_and_is_in(self, link, client, team):
        page = client.get(link).text
        assert "Join Research" in page
        assert "Alice invites new@example.com as Editor." in page
        response = client.post(link, {"name": "New", "password": PASSWORD})
        assert response.status_code == 302
        user = User.objects.get(email="new@example.com")
        assert client.session["_auth_user_id"] == str(user.pk)
        assert Membership.objects.get(team=team, user=user).role == Role.EDITOR
        client.logout()
        login = {"login": "NEW@example.com", "password": PASSWORD}
        assert client.post(reverse("account_login"), login).status_code == 302

    @pytest.mark.parametrize(
        ("name", "password", "complaint"),
        [
            ("", PASSWORD, "This field is required."),
            ("New", "", "This field is required."),
            ("New", "12345", "This password is too short."),
            ("New", "new@example.com", "too similar"),
        ],
    )
    def test_a_poor_answer_is_explained_and_the_link_stays(self, link, client, name, password, complaint):
        response = client.post(link, {"name": name, "password": password})
        assert response.status_code == 422
        assert complaint in response.text
        assert not User.objects.filter(email="new@example.com").exists()
        assert client.post(link, {"name": "New", "password": PASSWORD}).status_code == 302

    def test_the_link_works_once(self, link, client):
        client.post(link, {"name": "New", "password": PASSWORD})
        client.logout()
        response = client.get(link)
        assert response.status_code == 404
        assert "This invitation is not open" in response.text

    def test_the_address_is_the_invitations_whatever_is_sent(self, link, client):
        client.post(link, {"name": "New", "password": PASSWORD, "email": "evil@example.com", "role": "owner"})
        assert not User.objects.filter(email="evil@example.com").exists()
        assert Membership.objects.get(user__email="new@example.com").role == Role.EDITOR

    @pytest.mark.parametrize("accept", ["wrong", "0", "%00", "a" * 3000])
    def test_a_guessed_link_is_404(self, db, client, accept):
        assert client.get(f"/invitations/{accept}/").status_code == 404

    def test_an_expired_one_too(self, link, client):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
        assert client.get(link).status_code == 404
        assert client.post(link, {"name": "New", "password": PASSWORD}).status_code == 404
        assert not User.objects.filter(email="new@example.com").exists()


class TestPersonWithAccount:
    @pytest.fixture
    def link(self, team, alice, charlie):
        return link_for(team, alice, "Charlie@example.com")

    def test_logs_in_first_and_then_joins(self, link, client, charlie, team):
        page = client.get(link).text
        assert f"{reverse('account_login')}?next={link}" in page
        assert 'type="password"' not in page
        assert client.post(link, {"name": "X", "password": PASSWORD}).status_code == 200
        assert not charlie.check_password(PASSWORD)
        browser = browser_of(charlie)
        assert "Join the team" in browser.get(link).text
        assert not Membership.objects.filter(user=charlie).exists()
        assert browser.post(link).status_code == 302
        assert Membership.objects.get(user=charlie).team == team
        assert browser.post(link).status_code == 404

    def test_another_person_cannot(self, link, bob):
        browser = browser_of(bob)
        assert browser.get(link).status_code == 403
        assert "you are logged in as bob@example.com" in browser.post(link).text
        assert Invitation.objects.get().is_open
