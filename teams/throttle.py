"""A small fixed-window limiter on the cache, for what costs more than a page."""

import hashlib
import logging
import time

from django.core.cache import cache

logger = logging.getLogger(__name__)


def allow(key: str, limit: int, per_seconds: int) -> bool:
    """Whether ``key`` may act once more: at most ``limit`` times in each window of ``per_seconds``.

    A ``limit`` of 0 or less switches the limiter off. Counts live in the default cache: shared by
    all processes with Redis, per process without. A cache that does not answer lets everyone
    through, since a limiter must not take the product down with it.
    """
    if limit <= 0:
        return True
    window = int(time.time() // per_seconds)
    slot = "throttle:" + hashlib.sha256(f"{key}:{per_seconds}:{window}".encode()).hexdigest()
    try:
        cache.add(slot, 0, timeout=per_seconds + 1)
        return cache.incr(slot) <= limit
    except ValueError:  # the slot expired between the two calls: a new window, so the first of it
        return True
    except Exception:
        logger.warning("The cache does not answer; nothing is rate-limited", exc_info=True)
        return True


def seconds_left(per_seconds: int) -> int:
    """Seconds until the present window of ``per_seconds`` ends: what a Retry-After header says."""
    return max(1, per_seconds - int(time.time()) % per_seconds)
