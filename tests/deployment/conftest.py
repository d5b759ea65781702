"""A whole installation in a folder of its own, run as the real processes."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.servers import free_port, stop, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 180
ADMIN = """
from teams.models import Membership, Role, Team, User
user = User.objects.create_user("alice@example.com", "correct horse battery staple")
Membership.objects.create(team=Team.objects.create(name="Research"), user=user, role=Role.OWNER)
"""


class Installation:
    """One data directory, and the environment that every process on it gets.

    Empty variables are said too, so that a developer's own `.env` has no part in it.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        server_mode = dict.fromkeys(("CELERY_BROKER_URL", "QDRANT_URL", "REDIS_URL"), "")
        settings = {"DATA_DIR": str(folder), "LOCAL_LLM": "0", "PORT": str(self.port), "TORCH_THREADS": "1"}
        database = {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"}
        self.environment = {**os.environ, **server_mode, **database, **settings, **environment}
        self.environment.pop("PYTEST_CURRENT_TEST", None)

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    @contextlib.contextmanager
    def process(self, *command: str, ready: Callable[[], bool]) -> Iterator[subprocess.Popen]:
        """Run ``command`` beside the test until the block ends; its output is in ``process.log``."""
        log = self.folder / f"{len(list(self.folder.glob('*.log')))}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=out, stderr=subprocess.STDOUT
            )
        process.log = log  # type: ignore[attr-defined]
        try:
            wait_until(ready, process=process, log=log, timeout_s=TIMEOUT_S)
            yield process
        finally:
            if process.poll() is None:
                stop(process)

    def serve(self):
        """`manage.py serve`, once it answers."""
        command = (sys.executable, "manage.py", "serve", "--port", str(self.port))
        return self.process(*command, ready=self.answers)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def client(self) -> httpx2.Client:
        """A client of the REST API, with a key of its own."""
        key = self.manage("create_api_key", "--user", "alice@example.com").stdout.strip().splitlines()[-1]
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )

    def documents(self) -> list[sqlite3.Row]:
        """The documents' rows, oldest first."""
        return self.select("SELECT * FROM ingestion_document ORDER BY created_at")

    def select(self, query: str, *values: str) -> list[sqlite3.Row]:
        """Read the database beside whatever writes it (SQLite alone)."""
        database = f"file:{self.folder / 'db.sqlite3'}?mode=ro"
        with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()


def eventually(ready: Callable[[], object], *, what: str = "", timeout_s: float = TIMEOUT_S) -> object:
    """What ``ready()`` returns once it is true; AssertionError with ``what`` after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not (result := ready()):
        assert time.monotonic() < deadline, what or f"{ready} never came true"
        time.sleep(0.05)
    return result


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """A migrated data directory with alice and her team, made once and copied for each test."""
    installation = Installation(tmp_path_factory.mktemp("template"))
    installation.manage("migrate", "--verbosity", "0")
    installation.manage("shell", "--verbosity", "0", "-c", ADMIN)
    return installation.folder


@pytest.fixture
def installation(template, tmp_path) -> Installation:
    """Embedded mode, with alice and her team."""
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    return Installation(folder)
