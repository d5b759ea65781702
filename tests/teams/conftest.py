"""Browsers in which one of the three people is logged in."""

import pytest
from django.test import Client


def browser_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_alice(alice):
    return browser_of(alice)


@pytest.fixture
def as_bob(bob):
    return browser_of(bob)


@pytest.fixture
def as_charlie(charlie):
    return browser_of(charlie)
