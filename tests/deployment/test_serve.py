"""`manage.py serve` in embedded mode: one process, one data directory, a clear word for each refusal."""

import shutil
import signal
import socket
import sqlite3
import time

import pytest

from tests.deployment.conftest import Installation
from tests.servers import free_port


def test_a_second_serve_is_refused_and_commands_work_beside_the_first(installation):
    with installation.serve() as first:
        second = installation.manage("serve", "--port", str(free_port()), check=False)
        assert second.returncode == 1
        assert f"Another `serve` (process {first.pid}) uses {installation.folder}" in second.stderr
        assert "Traceback" not in second.stderr

        assert installation.manage("migrate", "--check").returncode == 0
        assert installation.manage("create_api_key", "--user", "alice@example.com").stdout.strip()
        counted = installation.manage(
            "shell", "--verbosity", "0", "-c", "from teams.models import User; print(User.objects.count())"
        )
        assert counted.stdout.strip() == "1"
        assert installation.answers()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_next_serve_starts_however_the_last_one_ended(installation, ending):
    with installation.serve() as process:
        process.send_signal(ending)
        assert process.wait(20) == (0 if ending != signal.SIGKILL else -signal.SIGKILL)
        assert "Traceback" not in process.log.read_text()
    with installation.serve():
        assert installation.answers()


def test_the_address_is_said(installation):
    with installation.serve() as process:
        assert f"Serving on http://127.0.0.1:{installation.port} " in process.log.read_text()


def test_a_taken_port_is_a_clear_error(installation):
    with socket.create_server(("127.0.0.1", installation.port)):
        refused = installation.manage("serve", check=False)
    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{installation.port}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_without_tables_is_a_clear_error(tmp_path):
    refused = Installation(tmp_path / "empty").manage("serve", check=False)
    assert refused.returncode == 1
    assert "Run `manage.py migrate` first" in refused.stderr


def test_the_database_is_in_wal_mode(installation):
    with installation.serve():
        assert installation.answers()
    with sqlite3.connect(installation.folder / "db.sqlite3") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_upload_without_a_broker_is_taken_and_waits(template, tmp_path):
    """The broker is away: the row is the truth, the person gets an answer, and not after a minute."""
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    installation = Installation(folder, CELERY_BROKER_URL="redis://127.0.0.1:9/0")
    with installation.serve(), installation.client() as client:
        knowledge_base = client.post("knowledge-bases", json={"name": "Handbook"}).json()["id"]
        began = time.monotonic()
        files = {"files": ("note.txt", b"Annual leave is twenty-five days.", "text/plain")}
        answer = client.post(f"knowledge-bases/{knowledge_base}/documents", files=files)
        assert answer.status_code == 202, answer.text
        assert time.monotonic() - began < 20
        assert answer.json()[0]["status"] == "queued"
    assert [row["status"] for row in installation.documents()] == ["queued"]
