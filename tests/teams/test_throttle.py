"""The fixed-window limiter."""

import pytest
from django.core.cache import cache

from teams import throttle


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def test_so_many_and_no_more_then_the_next_window(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr(throttle.time, "time", lambda: now)
    assert [throttle.allow("ask:1", 2, 60) for _ in range(3)] == [True, True, False]
    assert throttle.allow("ask:2", 2, 60)
    wait = throttle.seconds_left(60)
    assert 1 <= wait <= 60
    now += wait
    assert throttle.allow("ask:1", 2, 60)


def test_zero_is_no_limit():
    assert all(throttle.allow("k", 0, 60) for _ in range(100))


def test_a_dead_cache_lets_people_through(settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert throttle.allow("k", 1, 60)
    assert throttle.allow("k", 1, 60)
