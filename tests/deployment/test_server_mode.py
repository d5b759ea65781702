"""The team deployment by hand: three servers, and web and workers as processes of their own."""

import contextlib
import sys
import time

import pytest

from tests.deployment.conftest import ADMIN, TIMEOUT_S, Installation, eventually

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
HANDBOOK = "\n\n".join(
    [
        "Annual leave is twenty-five days a year for everybody who works full time.",
        "The company bicycle is repaired by the workshop on the north quay, free of charge.",
        "年假为每年二十五天。公司自行车由北码头的车间免费修理。",
    ]
)


@pytest.fixture(scope="module")
def team_installation(redis_url, postgres_url, qdrant_url, tmp_path_factory) -> Installation:
    """Server mode on fresh servers, migrated, with alice and her team."""
    folder = tmp_path_factory.mktemp("team")
    installation = Installation(
        folder,
        CELERY_BROKER_URL=redis_url,
        REDIS_URL=redis_url.replace("/0", "/1"),
        DATABASE_URL=postgres_url,
        QDRANT_URL=qdrant_url,
        PYTHONWARNINGS="ignore::UserWarning:qdrant_client",  # the test server is older than the client likes
    )
    installation.manage("migrate", "--verbosity", "0")
    installation.manage("shell", "--verbosity", "0", "-c", ADMIN)
    return installation


@contextlib.contextmanager
def worker(installation: Installation, queue: str):
    """`celery worker` on one queue, once it is ready."""
    logs = set(installation.folder.glob("*.log"))

    def ready() -> bool:
        new = set(installation.folder.glob("*.log")) - logs
        return any("ready." in log.read_text(errors="replace") for log in new)

    command = (sys.executable, "-m", "celery", "-A", "qa_project", "worker", "--loglevel", "INFO")
    options = ("--queues", queue, "--hostname", f"{queue}@test", "--pool", "solo")
    with installation.process(*command, *options, ready=ready) as process:
        yield process


def test_upload_search_delete_across_processes(team_installation):
    with contextlib.ExitStack() as stack:
        stack.enter_context(team_installation.serve())
        for queue in ("parse", "index"):
            stack.enter_context(worker(team_installation, queue))
        client = stack.enter_context(team_installation.client())

        knowledge_base = client.post("knowledge-bases", json={"name": "Handbook"}).json()["id"]
        files = {"files": ("handbook.txt", HANDBOOK.encode(), "text/plain")}
        uploaded = client.post(f"knowledge-bases/{knowledge_base}/documents", files=files)
        assert uploaded.status_code == 202, uploaded.text
        document = uploaded.json()[0]["id"]

        def state() -> dict:
            return client.get(f"documents/{document}").json()

        eventually(lambda: state()["status"] in ("ready", "failed"), what="the document never ended")
        assert state()["status"] == "ready", state()
        assert state()["progress"] == 1.0

        def hits(query: str) -> list[dict]:
            body = {"knowledge_base_ids": [knowledge_base], "query": query}
            answer = client.post("search", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()["hits"]

        assert "north quay" in hits("Who repairs the company bicycle?")[0]["text"]
        assert "二十五天" in hits("年假有多少天？")[0]["text"]

        assert client.delete(f"documents/{document}").status_code == 204
        assert hits("Who repairs the company bicycle?") == []
        eventually(lambda: _points(team_installation) == 0, what="the points were not removed")


def test_an_upload_waits_for_a_worker(team_installation):
    """What was uploaded while no worker ran is done by the first that starts."""
    with team_installation.serve(), team_installation.client() as client:
        knowledge_base = client.post("knowledge-bases", json={"name": "Later"}).json()["id"]
        files = {"files": ("later.txt", HANDBOOK.encode(), "text/plain")}
        document = client.post(f"knowledge-bases/{knowledge_base}/documents", files=files).json()[0]["id"]
        time.sleep(1)
        assert client.get(f"documents/{document}").json()["status"] == "queued"
        with worker(team_installation, "parse,index"):
            eventually(
                lambda: client.get(f"documents/{document}").json()["status"] == "ready", timeout_s=TIMEOUT_S
            )


def _points(installation: Installation) -> int:
    script = "from retrieval.stores import all_stores; print('points', sum(s.count() for s in all_stores()))"
    printed = installation.manage("shell", "--verbosity", "0", "-c", script).stdout
    return int(printed.split("points")[-1])
