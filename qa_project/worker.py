"""Celery inside the web process: the embedded mode's workers and beat, over the broker `memory://`.

One worker for each queue, so that a long scan that is being read never keeps a small document
from being indexed. What is running when the process ends is found again in the database at the
next start: no shutdown waits for it.
"""

import threading
import warnings
from collections.abc import Callable
from typing import Any

from celery import beat, signals
from celery.exceptions import SecurityWarning
from celery.worker import state

from qa_project.celery import app

POLL_S = 0.05
"""How often an idle worker looks into its queue, which is this process's own memory."""
CONCURRENCY = {"parse": 2, "index": 1}
"""Parsing is one child process for each document; the embedder is one model for all."""


class EmbeddedWorker(app.Worker):  # type: ignore[misc,name-defined]
    """A Celery worker that leaves its process's signals, title and output alone."""

    def on_start(self) -> None: ...


class EmbeddedTasks:
    """Workers and beat in daemon threads, from `start` to `stop`."""

    def __init__(self) -> None:
        self._ready = {queue: threading.Event() for queue in CONCURRENCY}
        self._beat = beat.Service(app, scheduler_cls=beat.Scheduler)

    def start(self, timeout_s: float = 20) -> None:
        """Start, then send what a former process left unfinished on its way.

        Raises RuntimeError where a worker is not ready in time.
        """
        app.conf.update(
            broker_url="memory://localhost/",
            broker_transport_options={"polling_interval": POLL_S},
            worker_enable_remote_control=False,
        )
        # As root a worker warns about messages that run code: these are JSON, and of this process.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        app.loader.import_default_modules()
        state.should_stop = None
        signals.worker_ready.connect(self._is_ready)
        for queue, ready in self._ready.items():
            _in_thread(self._work, queue)
            # One after the other: an app has one selection of queues, which a worker reads as it starts.
            if not ready.wait(timeout_s):
                raise RuntimeError(f"The worker for {queue!r} did not start")
        app.send_task("ingestion.tasks.recover_documents", kwargs={"boot": True})
        app.send_task("retrieval.tasks.repair_index")
        _in_thread(self._beat.start, "beat")

    def stop(self) -> None:
        """Take no more tasks. What runs is not waited for."""
        state.should_stop = 0
        self._beat.stop(wait=False)

    def _work(self) -> None:
        queue = threading.current_thread().name
        EmbeddedWorker(
            hostname=f"{queue}@embedded",
            queues=[queue],
            pool="threads",
            concurrency=CONCURRENCY[queue],
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            quiet=True,
        ).start()

    def _is_ready(self, sender: Any, **kwargs: Any) -> None:
        self._ready[sender.hostname.partition("@")[0]].set()


def _in_thread(target: Callable[[], None], name: str) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()
