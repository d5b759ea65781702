"""Blocking work of an answer, off the event loop, in a bounded pool that keeps no database connections."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

_pool = ThreadPoolExecutor(max_workers=max(4, os.cpu_count() or 1), thread_name_prefix="answer")


class Stopped(Exception):
    """Somebody asked for a stop."""


async def in_thread(work: Callable[[], T]) -> T:
    """The result of ``work``, run in the pool."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_pool, run)


async def unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T:
    """The result of ``work``, or Stopped as soon as ``stop`` is set; work in a thread runs on unread."""
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Stopped
    finally:
        waiter.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
