"""A deployment whose Redis is away: the cache goes on in memory, and people log in."""

import socket

import pytest
from django.core.cache import cache

from teams.throttle import allow


@pytest.fixture
def without_redis(settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.CACHES = {
        "default": {
            "BACKEND": "qa_project.cache.RedisOrMemoryCache",
            "LOCATION": f"redis://127.0.0.1:{port}/0",
            "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
        }
    }
    yield
    cache._spare.clear()


def test_values_are_kept_in_memory(without_redis):
    assert cache.get("key", "nothing") == "nothing"
    cache.set("key", 1)
    assert not cache.add("key", 5)
    assert cache.incr("key") == 2
    assert cache.delete("key")
    with pytest.raises(ValueError, match="not found"):
        cache.incr("key")


def test_the_limiter_still_counts(without_redis):
    assert [allow("someone", 2, 3600) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
def test_people_log_in_and_guesses_are_counted(without_redis, client, alice):
    alice.set_password("a-long-password-7")
    alice.save()
    form = {"login": alice.email, "password": "wrong"}
    for _ in range(7):
        refused = client.post("/accounts/login/", form)
    assert "Too many failed login attempts" in refused.content.decode()
    cache._spare.clear()
    assert client.post("/accounts/login/", {**form, "password": "a-long-password-7"}).status_code == 302
