"""Fixtures that every test may use: three people, one team, one knowledge base.

alice owns the team, bob only reads, charlie is outside.
"""

import pytest
from django.utils import translation

from ingestion.models import KnowledgeBase
from teams.models import Membership, Role, Team, User

pytest_plugins = ["tests.servers"]

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def own_data_directory(settings, tmp_path):
    """No test reads or writes the data of a product that is in use."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # 0.3 s saved per person


@pytest.fixture(autouse=True)
def own_language():
    """A test that speaks Chinese leaves the next one its English."""
    yield
    translation.deactivate()


@pytest.fixture
def alice(db):
    return User.objects.create_user("alice@example.com", PASSWORD, name="Alice")


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob@example.com", PASSWORD, name="Bob")


@pytest.fixture
def charlie(db):
    return User.objects.create_user("charlie@example.com", PASSWORD, name="Charlie")


@pytest.fixture
def team(alice, bob):
    team = Team.objects.create(name="Research")
    Membership.objects.create(team=team, user=alice, role=Role.OWNER)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return team


@pytest.fixture
def knowledge_base(team, alice):
    return KnowledgeBase.objects.create(team=team, name="Handbook", created_by=alice)
