"""The team page and what its forms do."""

import pytest
from django.core import mail
from django.urls import reverse

from teams import audit, services
from teams.models import Invitation, Membership, Role, Team, User


def page_of(team):
    return f"{reverse('teams:team')}?team={team.pk}"


def member(team, user):
    return Membership.objects.get(team=team, user=user)


@pytest.fixture
def invitation(team, alice):
    made, _token = services.invite(team=team, email="new@example.com", role=Role.EDITOR, invited_by=alice)
    return made


class TestPage:
    def test_the_owner_manages(self, team, invitation, as_alice):
        page = as_alice.get(page_of(team)).text
        assert "bob@example.com" in page
        assert "new@example.com" in page
        assert "Alice invited new@example.com as Editor" in page
        assert reverse("teams:invite", args=[team.pk]) in page

    def test_a_viewer_sees_the_people_alone(self, team, invitation, as_bob):
        page = as_bob.get(page_of(team)).text
        assert "alice@example.com" in page
        assert "new@example.com" not in page
        assert "What happened" not in page
        assert reverse("teams:invite", args=[team.pk]) not in page

    def test_an_outsider_sees_nothing(self, team, as_charlie):
        assert as_charlie.get(page_of(team)).status_code == 404
        assert "Research" not in as_charlie.get(reverse("teams:team")).text

    @pytest.mark.parametrize("named", ["nonsense", "1", "00000000-0000-0000-0000-000000000000"])
    def test_a_team_that_is_none(self, team, as_alice, named):
        assert as_alice.get(reverse("teams:team"), {"team": named}).status_code == 404

    def test_nobody_goes_to_the_login(self, client, team):
        response = client.get(page_of(team))
        assert response.status_code == 302
        assert reverse("account_login") in response["Location"]

    def test_names_are_text(self, team, alice, as_alice):
        User.objects.filter(pk=alice.pk).update(name="<script>alert(1)</script>")
        services.rename_team(team=team, name="<b>Team</b>", actor=User.objects.get(pk=alice.pk))
        page = as_alice.get(page_of(team)).text
        assert "<script>alert" not in page
        assert "<b>Team" not in page

    def test_old_events_are_a_page_further(self, team, alice, as_alice):
        for number in range(25):
            audit.record(team=team, actor=alice, action="team.renamed", target=f"number-{number}-")
        first = as_alice.get(page_of(team))
        assert "number-24-" in first.text
        assert "number-4-" not in first.text
        second = as_alice.get(page_of(team), {"team": team.pk, "before": first.context["older"]})
        assert "number-4-" in second.text
        assert "number-24-" not in second.text
        assert as_alice.get(page_of(team), {"team": team.pk, "before": "x" * 50}).status_code == 200

    def test_many_people_cost_no_more_queries(self, team, as_alice, django_assert_max_num_queries):
        for number in range(30):
            person = User.objects.create(email=f"{number}@example.com")
            Membership.objects.create(team=team, user=person)
        with django_assert_max_num_queries(12):
            as_alice.get(page_of(team))


class TestCreateAndRename:
    def test_anyone_may_make_a_team(self, as_charlie, charlie):
        assert "Create team" in as_charlie.get(reverse("teams:team")).text
        response = as_charlie.post(reverse("teams:create_team"), {"name": "Own"}, follow=True)
        assert "<h1>Own</h1>" in response.text
        assert Team.objects.owned_by(charlie).get().name == "Own"

    def test_it_needs_a_name(self, as_charlie):
        assert as_charlie.post(reverse("teams:create_team"), {"name": " "}).status_code == 422
        assert as_charlie.post(reverse("teams:create_team"), {"new-name": ""}).status_code == 422
        assert not Team.objects.exists()

    def test_owners_rename(self, team, as_alice, as_bob, as_charlie):
        url = reverse("teams:rename_team", args=[team.pk])
        assert as_bob.post(url, {"name": "Mine"}).status_code == 403
        assert as_charlie.post(url, {"name": "Mine"}).status_code == 404
        as_alice.post(url, {"name": "Science"})
        team.refresh_from_db()
        assert team.name == "Science"
        response = as_alice.post(url, {"name": ""}, follow=True)
        assert "This field cannot be blank." in response.text


class TestInvite:
    def url(self, team):
        return reverse("teams:invite", args=[team.pk])

    def test_the_link_is_shown_once_and_works(self, team, as_alice):
        response = as_alice.post(self.url(team), {"email": "new@example.com", "role": "editor"}, follow=True)
        link = response.context["fresh_invitation"]["link"]
        assert link in response.text
        assert link not in as_alice.get(page_of(team)).text
        token = link.rstrip("/").rsplit("/", 1)[1]
        assert services.find_invitation(token).email == "new@example.com"
        assert mail.outbox == []

    def test_it_is_mailed_where_a_mail_server_is_set(self, team, as_alice, settings):
        settings.EMAIL_HOST = "mail.example.com"
        response = as_alice.post(self.url(team), {"email": "new@example.com", "role": "viewer"}, follow=True)
        assert "An invitation was mailed" in response.text
        (message,) = mail.outbox
        assert message.to == ["new@example.com"]
        assert response.context["fresh_invitation"]["link"] in message.body

    def test_a_mail_server_that_refuses_costs_nothing(self, team, as_alice, settings):
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = 1
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        response = as_alice.post(self.url(team), {"email": "new@example.com", "role": "viewer"}, follow=True)
        assert "Send them this link" in response.text

    def test_a_team_name_cannot_break_the_subject(self, team, as_alice, settings):
        settings.EMAIL_HOST = "mail.example.com"
        Team.objects.update(name="A\nBcc: all@example.com")
        as_alice.post(self.url(team), {"email": "new@example.com", "role": "viewer"})
        assert "\n" not in mail.outbox[0].subject

    @pytest.mark.parametrize(
        ("email", "role", "complaint"),
        [
            ("", "viewer", "This field is required."),
            ("nobody", "viewer", "Enter a valid email address."),
            ("new@example.com", "king", "Select a valid choice."),
            ("BOB@example.com", "owner", "is in the team already."),
        ],
    )
    def test_nonsense_is_explained(self, team, as_alice, email, role, complaint):
        response = as_alice.post(self.url(team), {"email": email, "role": role})
        assert response.status_code == 422
        assert complaint in response.text
        assert not Invitation.objects.exists()

    def test_only_owners(self, team, as_bob, as_charlie):
        body = {"email": "new@example.com", "role": "owner"}
        assert as_bob.post(self.url(team), body).status_code == 403
        assert as_charlie.post(self.url(team), body).status_code == 404
        assert not Invitation.objects.exists()

    def test_withdrawing(self, invitation, as_alice, as_bob, as_charlie):
        url = reverse("teams:revoke_invitation", args=[invitation.pk])
        assert as_bob.post(url).status_code == 403
        assert as_charlie.post(url).status_code == 404
        assert as_alice.get(url).status_code == 405
        assert as_alice.post(url).status_code == 302
        assert not Invitation.objects.exists()


class TestRoles:
    def test_owners_change_them(self, team, bob, as_alice, as_bob, as_charlie):
        url = reverse("teams:change_role", args=[member(team, bob).pk])
        assert as_bob.post(url, {"role": "owner"}).status_code == 403
        assert as_charlie.post(url, {"role": "owner"}).status_code == 404
        as_alice.post(url, {"role": "editor"})
        assert member(team, bob).role == Role.EDITOR

    def test_the_last_owner_is_told_why_not(self, team, alice, as_alice):
        url = reverse("teams:change_role", args=[member(team, alice).pk])
        response = as_alice.post(url, {"role": "viewer"}, follow=True)
        assert "A team needs an owner" in response.text
        assert member(team, alice).role == Role.OWNER

    def test_an_unknown_role_is_refused(self, team, bob, as_alice):
        url = reverse("teams:change_role", args=[member(team, bob).pk])
        assert "Select a valid choice" in as_alice.post(url, {"role": "king"}, follow=True).text
        assert member(team, bob).role == Role.VIEWER


class TestRemoveAndLeave:
    def test_owners_remove(self, team, bob, as_alice, as_bob, as_charlie):
        url = reverse("teams:remove", args=[member(team, bob).pk])
        assert as_bob.post(url).status_code == 403
        assert as_charlie.post(url).status_code == 404
        assert "no longer in the team" in as_alice.post(url, follow=True).text
        assert as_bob.get(page_of(team)).status_code == 404

    def test_anyone_leaves_but_the_last_owner(self, team, as_alice, as_bob, as_charlie):
        url = reverse("teams:leave", args=[team.pk])
        assert as_charlie.post(url).status_code == 404
        assert "You have left Research" in as_bob.post(url, follow=True).text
        assert "A team needs an owner" in as_alice.post(url, follow=True).text
        assert team.memberships.count() == 1
