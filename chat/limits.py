"""How often one person may ask."""

import time

from django.conf import settings
from django.core.cache import cache


def may_ask(user_id) -> bool:
    """Counts one question of ``user_id``; False once this minute's allowance is used up.

    Counted in the cache: exact across processes with Redis, per process without.
    """
    key = f"asked:{user_id}:{int(time.time() // 60)}"
    cache.add(key, 0, timeout=120)
    try:
        return cache.incr(key) <= settings.ASK_RATE_PER_MINUTE
    except ValueError:  # evicted between the two calls
        return True
