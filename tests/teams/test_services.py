"""Teams, people, invitations and keys, without a browser."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from teams import audit, services
from teams.models import ApiKey, AuditEvent, Invitation, Membership, Role, Team, User

PASSWORD = "correct horse battery staple"


def actions(team):
    return list(AuditEvent.objects.filter(team=team).order_by("at").values_list("action", flat=True))


def membership(team, user):
    return Membership.objects.get(team=team, user=user)


def test_whoever_creates_a_team_owns_it(alice):
    team = services.create_team(name="  Research ", owner=alice)
    assert team.name == "Research"
    assert Team.objects.owned_by(alice).get() == team
    assert actions(team) == ["team.created"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_team_needs_a_fit_name(alice, name):
    with pytest.raises(ValidationError):
        services.create_team(name=name, owner=alice)
    assert not Team.objects.exists()


class TestInvitations:
    def test_the_token_is_not_in_the_database(self, team, alice):
        invitation, token = services.invite(
            team=team, email="New@Example.com", role=Role.EDITOR, invited_by=alice
        )
        assert invitation.email == "new@example.com"
        assert token not in str(Invitation.objects.values().get())
        assert services.find_invitation(token) == invitation
        assert services.find_invitation("guess") is None

    def test_a_new_person_gets_an_account_and_the_role(self, team, alice):
        invitation, _ = services.invite(
            team=team, email="new@example.com", role=Role.EDITOR, invited_by=alice
        )
        user = services.accept_invitation(invitation=invitation, name="New", password=PASSWORD)
        assert user.check_password(PASSWORD)
        assert membership(team, user).role == Role.EDITOR
        assert actions(team) == ["member.invited", "member.joined"]

    def test_a_person_with_an_account_just_joins(self, team, alice, charlie):
        invitation, _ = services.invite(
            team=team, email=charlie.email.upper(), role=Role.VIEWER, invited_by=alice
        )
        assert services.accept_invitation(invitation=invitation, user=charlie) == charlie
        assert charlie.check_password(PASSWORD)

    def test_it_works_once(self, team, alice, charlie):
        invitation, _ = services.invite(team=team, email=charlie.email, role=Role.VIEWER, invited_by=alice)
        services.accept_invitation(invitation=invitation, user=charlie)
        services.remove_member(membership=membership(team, charlie), actor=alice)
        with pytest.raises(services.InvitationClosed):
            services.accept_invitation(invitation=invitation, user=charlie)

    def test_it_expires(self, team, alice, charlie):
        invitation, _ = services.invite(team=team, email=charlie.email, role=Role.VIEWER, invited_by=alice)
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(services.InvitationClosed):
            services.accept_invitation(invitation=invitation, user=charlie)

    def test_another_person_cannot_use_it_and_it_stays_open(self, team, alice, charlie):
        invitation, _ = services.invite(team=team, email="new@example.com", role=Role.OWNER, invited_by=alice)
        with pytest.raises(services.WrongPerson):
            services.accept_invitation(invitation=invitation, user=charlie)
        invitation.refresh_from_db()
        assert invitation.is_open
        assert not Team.objects.visible_to(charlie).exists()

    def test_nobody_takes_over_an_account_by_its_invitation(self, team, alice, charlie):
        invitation, _ = services.invite(team=team, email=charlie.email, role=Role.VIEWER, invited_by=alice)
        with pytest.raises(services.WrongPerson):
            services.accept_invitation(invitation=invitation, name="Me", password="another long password")
        charlie.refresh_from_db()
        assert charlie.check_password(PASSWORD)

    def test_a_weak_password_leaves_the_invitation_open(self, team, alice):
        invitation, _ = services.invite(
            team=team, email="new@example.com", role=Role.VIEWER, invited_by=alice
        )
        with pytest.raises(ValidationError) as refusal:
            services.accept_invitation(invitation=invitation, name="New", password="12345")
        assert "password" in refusal.value.message_dict
        invitation.refresh_from_db()
        assert invitation.is_open
        assert not User.objects.filter(email="new@example.com").exists()

    def test_a_member_is_not_invited_again(self, team, alice, bob):
        with pytest.raises(services.AlreadyMember):
            services.invite(team=team, email="BOB@example.com", role=Role.OWNER, invited_by=alice)

    def test_a_second_invitation_replaces_the_first(self, team, alice):
        _, first = services.invite(team=team, email="new@example.com", role=Role.VIEWER, invited_by=alice)
        services.invite(team=team, email="NEW@example.com", role=Role.EDITOR, invited_by=alice)
        assert services.find_invitation(first) is None
        assert team.invitations.get().role == Role.EDITOR

    def test_a_withdrawn_one_is_worthless(self, team, alice):
        invitation, token = services.invite(
            team=team, email="new@example.com", role=Role.VIEWER, invited_by=alice
        )
        services.revoke_invitation(invitation=invitation, actor=alice)
        assert services.find_invitation(token) is None
        with pytest.raises(services.InvitationClosed):
            services.accept_invitation(invitation=Invitation(pk=invitation.pk or 1, team=team))

    @pytest.mark.parametrize(("email", "role"), [("nobody", Role.VIEWER), ("new@example.com", "king")])
    def test_nonsense_is_refused(self, team, alice, email, role):
        with pytest.raises(ValidationError):
            services.invite(team=team, email=email, role=role, invited_by=alice)


class TestMembers:
    def test_roles_change(self, team, alice, bob):
        services.change_role(membership=membership(team, bob), role=Role.EDITOR, actor=alice)
        assert membership(team, bob).role == Role.EDITOR
        event = AuditEvent.objects.get(action="member.role_changed")
        assert audit.sentence(event) == "Alice made Bob Editor"

    def test_the_last_owner_stays_owner(self, team, alice):
        with pytest.raises(services.LastOwner):
            services.change_role(membership=membership(team, alice), role=Role.EDITOR, actor=alice)
        with pytest.raises(services.LastOwner):
            services.remove_member(membership=membership(team, alice), actor=alice)
        assert membership(team, alice).role == Role.OWNER

    def test_with_a_second_owner_the_first_may_go(self, team, alice, bob):
        services.change_role(membership=membership(team, bob), role=Role.OWNER, actor=alice)
        services.remove_member(membership=membership(team, alice), actor=alice)
        assert not Team.objects.visible_to(alice).exists()
        assert actions(team)[-1] == "member.left"

    def test_a_removed_member_sees_nothing_more(self, team, alice, bob, knowledge_base):
        services.remove_member(membership=membership(team, bob), actor=alice)
        assert not Team.objects.visible_to(bob).exists()
        assert not type(knowledge_base).objects.visible_to(bob).exists()

    def test_an_unknown_role_is_refused(self, team, alice, bob):
        with pytest.raises(ValidationError):
            services.change_role(membership=membership(team, bob), role="king", actor=alice)


class TestApiKeys:
    def test_only_a_hash_is_kept(self, alice):
        row, key = services.create_api_key(user=alice, name="laptop")
        assert key.startswith(row.prefix)
        assert key not in str(ApiKey.objects.values().get())
        assert services.user_for_key(key) == alice

    def test_a_revoked_or_guessed_key_opens_nothing(self, alice):
        row, key = services.create_api_key(user=alice)
        services.revoke_api_key(key=row, actor=alice)
        assert services.user_for_key(key) is None
        assert services.user_for_key("") is None

    def test_nor_does_the_key_of_someone_who_was_switched_off(self, alice):
        _, key = services.create_api_key(user=alice)
        User.objects.update(is_active=False)
        assert services.user_for_key(key) is None

    def test_use_is_noted_at_most_once_a_minute(self, alice, django_assert_num_queries):
        row, key = services.create_api_key(user=alice)
        services.user_for_key(key)
        row.refresh_from_db()
        assert row.last_used_at is not None
        with django_assert_num_queries(1):
            services.user_for_key(key)
        ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
        services.user_for_key(key)
        row.refresh_from_db()
        assert timezone.now() - row.last_used_at < timedelta(seconds=10)


def test_one_account_per_address_whatever_its_case(alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="ALICE@example.com")])
    assert User.objects.get_by_natural_key("Alice@Example.com") == alice


def test_an_event_without_a_sentence_or_an_actor_still_reads(team):
    event = audit.record(team=team, actor=None, action="some.thing", target="x")
    assert audit.sentence(event) == "Someone: some.thing x"
