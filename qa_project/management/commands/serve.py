"""`manage.py serve`: the web server, and in embedded mode the whole product in one process."""

import atexit
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from retrieval import stores

GRACE_S = 5
"""How long open streams may go on once the process is told to end."""


class Command(BaseCommand):
    help = (
        "Serves the product. In embedded mode (the default) this one process also runs the tasks and holds "
        "the index; with CELERY_BROKER_URL set, Celery workers of their own do."
    )
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args, host: str, port: int, **options) -> None:
        with contextlib.ExitStack() as stack:
            if settings.EMBEDDED:
                stack.enter_context(only_one(settings.DATA_DIR))
            listener = stack.enter_context(listen(host, port))
            refuse_unmigrated()
            # uvicorn raises the signal that ended it once more; without this nothing would run after it.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: None)
            stack.callback(stores.close_all)
            if settings.EMBEDDED:
                from qa_project.worker import EmbeddedTasks

                tasks = EmbeddedTasks()
                stack.callback(tasks.stop)
                tasks.start()
            self.stdout.write(f"Serving on {address(host, port)} (Ctrl+C ends it)")
            self.stdout.flush()
            serve(listener)
        leave()


def serve(listener: socket.socket) -> None:
    """Run uvicorn on a bound socket until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        "qa_project.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=settings.SECURE_PROXY_SSL_HEADER is not None,
    )
    Server(config).run(sockets=[listener])


class Server(uvicorn.Server):
    """Uvicorn that lets answers in the making end, and be saved, before it closes its connections."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from chat import live

        await live.finish_all(GRACE_S)
        await super().shutdown(sockets)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the data directory; CommandError where another process does. A killed process holds nothing."""
    with (folder / "serve.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise CommandError(
                f"Another `serve` (process {file.read().strip() or 'unknown'}) uses {folder}. "
                "Stop it, or give this one a directory of its own with DATA_DIR."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; CommandError where the port is taken or the host is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CommandError(f"Cannot listen on {host}:{port}: {reason}. Try another --port.") from error
    with listener:
        listener.set_inheritable(True)
        yield listener


def refuse_unmigrated() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run `manage.py migrate` first.")
    connection.close()


def address(host: str, port: int) -> str:
    """Where a person on this machine finds it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def leave() -> None:
    """End now. A normal exit would wait for the tasks in the workers' threads, which the next start takes
    up again from the database."""
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
