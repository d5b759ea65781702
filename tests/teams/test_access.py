"""Who may change a thing, also in the moment in which it goes."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from teams.access import changeable_or_refused
from teams.models import Membership, Role

pytestmark = pytest.mark.django_db


def test_owner_viewer_and_outsider(team, alice, bob):
    visible, owned = Membership.objects.filter(team=team), Membership.objects.filter(role=Role.OWNER)
    hers, his = Membership.objects.get(user=alice), Membership.objects.get(user=bob)
    assert changeable_or_refused(visible, owned, pk=hers.pk) == hers
    with pytest.raises(PermissionDenied):
        changeable_or_refused(visible, owned, pk=his.pk)
    with pytest.raises(Http404):
        changeable_or_refused(visible.none(), owned, pk=hers.pk)


def test_what_another_deletes_in_between_is_not_there(team, alice):
    """Not a matter of roles: the owner is not told that the role does not allow it."""
    hers = Membership.objects.get(user=alice)

    class Deleting:
        def filter(self, **lookup):
            hers.delete()
            return Membership.objects.filter(**lookup)

    with pytest.raises(Http404):
        changeable_or_refused(Membership.objects.filter(team=team), Deleting(), pk=hers.pk)
