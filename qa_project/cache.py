"""The shared cache of a deployment of several processes, which may lose its server."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import TimeoutError as RedisSilent

logger = logging.getLogger(__name__)


class RedisOrMemoryCache(RedisCache):
    """Redis; while it does not answer, this process's own memory.

    Login and its rate limit stand on the cache: without Redis people still log in, and guesses
    at passwords are still counted, by each process for itself.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._spare = LocMemCache("without-redis", {})

    def _either(self, method: str, *args: Any, **kwargs: Any) -> Any:
        shared: Callable[..., Any] = getattr(super(), method)
        try:
            return shared(*args, **kwargs)
        except (RedisUnreachable, RedisSilent) as error:
            logger.warning("Redis does not answer, this process's memory does: %s", error)
            return getattr(self._spare, method)(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return self._either("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._either("set", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return self._either("delete", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return self._either("incr", *args, **kwargs)
