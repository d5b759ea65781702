"""Clients that hold an API key, one per person."""

import pytest
from django.test import Client

from teams import services


def client_with_key(user) -> Client:
    _row, key = services.create_api_key(user=user)
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def alice_api(alice):
    return client_with_key(alice)


@pytest.fixture
def bob_api(bob):
    return client_with_key(bob)


@pytest.fixture
def charlie_api(charlie):
    return client_with_key(charlie)
