"""What can be done with teams, people, invitations and API keys. Views and commands call these.

TeamsError
├── LastOwner          name another owner first
├── AlreadyMember      nothing to do: the person is in the team
├── InvitationClosed   ask for a new invitation: it was used, withdrawn or has expired
└── WrongPerson        log in as the person who was invited

None of them asks who may call it: that is the views' question, answered by the querysets' gates.
"""

from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from teams import audit
from teams.models import ApiKey, Invitation, Membership, Role, Team, User
from teams.secrets import new_token, token_hash

KEY_PREFIX = "qa_"
LAST_USED_PRECISION = timedelta(minutes=1)


class TeamsError(Exception):
    """Its text is a sentence for the person who tried."""


class LastOwner(TeamsError):
    pass


class AlreadyMember(TeamsError):
    pass


class InvitationClosed(TeamsError):
    pass


class WrongPerson(TeamsError):
    pass


@transaction.atomic
def create_team(*, name: str, owner: User) -> Team:
    """A new team with ``owner`` as its first owner. Raises ValidationError for an unfit name."""
    team = Team(name=name.strip())
    team.full_clean()
    team.save()
    Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    audit.record(team=team, actor=owner, action="team.created", target=team.name)
    return team


@transaction.atomic
def rename_team(*, team: Team, name: str, actor: User) -> None:
    """Gives the team another name. Raises ValidationError for an unfit one."""
    team.name = name.strip()
    team.full_clean()
    team.save(update_fields=["name"])
    audit.record(team=team, actor=actor, action="team.renamed", target=team.name)


@transaction.atomic
def invite(*, team: Team, email: str, role: str, invited_by: User) -> tuple[Invitation, str]:
    """An invitation and its token, which is shown now and never again.

    An open invitation to the same address is replaced. Raises AlreadyMember, or ValidationError
    for something that is no address.
    """
    email = email.strip().lower()
    if team.memberships.filter(user__email__iexact=email).exists():
        raise AlreadyMember(_("%(email)s is in the team already.") % {"email": email})
    token = new_token()
    invitation = Invitation(
        team=team, email=email, role=role, invited_by=invited_by, token_hash=token_hash(token)
    )
    invitation.full_clean()
    team.invitations.filter(email__iexact=email, accepted_at=None).delete()
    invitation.save()
    audit.record(team=team, actor=invited_by, action="member.invited", target=email, role=role)
    return invitation, token


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, actor: User) -> None:
    """Makes the invitation's link worthless."""
    audit.record(team=invitation.team, actor=actor, action="invitation.revoked", target=invitation.email)
    invitation.delete()


def find_invitation(token: str) -> Invitation | None:
    """The invitation that ``token`` opens, used or not."""
    return Invitation.objects.select_related("team").filter(token_hash=token_hash(token)).first()


def account_of(invitation: Invitation) -> User | None:
    """The account that the invited address has already."""
    return User.objects.filter(email__iexact=invitation.email).first()


@transaction.atomic
def accept_invitation(
    *, invitation: Invitation, user: User | None = None, name: str = "", password: str = ""
) -> User:
    """Brings the invited person into the team, once.

    ``user`` is the person who is logged in; None makes a new account with ``name`` and
    ``password``. Raises InvitationClosed, WrongPerson (also when the address has an account and
    nobody is logged in), or ValidationError for a weak password.
    """
    now = timezone.now()
    # The conditional UPDATE decides between two clicks at once.
    claimed = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=now)
    if not claimed.update(accepted_at=now):
        raise InvitationClosed(_("This invitation was used, withdrawn, or has expired."))
    if user is None:
        user = _create_account(invitation, name=name, password=password)
    elif user.email.lower() != invitation.email.lower():
        raise WrongPerson(_("This invitation is for %(email)s.") % {"email": invitation.email})
    membership, joined = Membership.objects.get_or_create(
        team=invitation.team, user=user, defaults={"role": invitation.role}
    )
    if joined:
        audit.record(team=invitation.team, actor=user, action="member.joined", role=membership.role)
    return user


def _create_account(invitation: Invitation, *, name: str, password: str) -> User:
    if account_of(invitation):
        raise WrongPerson(_("%(email)s has an account: log in first.") % {"email": invitation.email})
    user = User(email=invitation.email, name=name.strip())
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error
    user.set_password(password)
    user.full_clean()
    user.save()
    return user


@transaction.atomic
def change_role(*, membership: Membership, role: str, actor: User) -> None:
    """Gives a member another role. Raises LastOwner, or ValidationError for an unknown role."""
    if role == membership.role:
        return
    if role != Role.OWNER:
        _keep_an_owner(membership)
    membership.role = role
    membership.full_clean()
    membership.save(update_fields=["role"])
    audit.record(
        team=membership.team,
        actor=actor,
        action="member.role_changed",
        target=str(membership.user),
        role=role,
    )


@transaction.atomic
def remove_member(*, membership: Membership, actor: User) -> None:
    """Takes a member out of the team, or lets ``actor`` leave it. Raises LastOwner."""
    _keep_an_owner(membership)
    leaving = membership.user_id == actor.pk
    audit.record(
        team=membership.team,
        actor=actor,
        action="member.left" if leaving else "member.removed",
        target="" if leaving else str(membership.user),
    )
    membership.delete()


def _keep_an_owner(membership: Membership) -> None:
    """Raises LastOwner if ``membership`` is the one owner left."""
    # Two owners leaving at once must not both see the other: the team's row is the lock.
    Team.objects.select_for_update().get(pk=membership.team_id)
    others = Membership.objects.filter(team=membership.team_id, role=Role.OWNER).exclude(pk=membership.pk)
    if membership.role == Role.OWNER and not others.exists():
        raise LastOwner(_("A team needs an owner: make someone else owner first."))


@transaction.atomic
def create_api_key(*, user: User, name: str = "") -> tuple[ApiKey, str]:
    """A key row and the key itself, which is shown now and never again."""
    key = KEY_PREFIX + new_token()
    row = ApiKey(user=user, name=name.strip(), prefix=key[:10], key_hash=token_hash(key))
    row.full_clean()
    row.save()
    audit.record(team=None, actor=user, action="api_key.created", target=row.prefix)
    return row, key


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: User) -> None:
    """Ends the key at once."""
    audit.record(team=None, actor=actor, action="api_key.revoked", target=key.prefix)
    key.delete()


def user_for_key(key: str) -> User | None:
    """The active person whose API key this is; notes its use, at most once a minute."""
    row = ApiKey.objects.select_related("user").filter(key_hash=token_hash(key)).first()
    if row is None or not row.user.is_active:
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > LAST_USED_PRECISION:
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user
